# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM emulator for tests that need a real TPM: a light node without an SSH server, in a directory of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.light.node import LightNode


@contextmanager
def emulated_node(name: str = "node") -> Iterator[LightNode]:
    """Give a booted light node; skip where the machine lacks what it needs."""
    for program in ("swtpm", "swtpm_setup", "swtpm_localca", "ssh-keygen"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    pytest.importorskip("tpm2_pytss", reason="tpm2-pytss is not installed")
    with tempfile.TemporaryDirectory(prefix="light-") as home:  # pytest's own are too long for a Unix socket
        node = LightNode(name, Path(home) / name)
        node.boot()
        try:
            yield node
        finally:
            node.stop()
