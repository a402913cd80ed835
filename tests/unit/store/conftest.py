# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that may not be written."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """A directory that may not be written, by whom the test then runs as: root may write everywhere."""
    tmp_path.chmod(0o500)
    if os.geteuid() != 0:
        yield tmp_path
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield tmp_path
    finally:
        os.seteuid(0)
