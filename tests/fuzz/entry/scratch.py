# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the corpus is, and a directory for parsers that read files."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

CORPUS: Final = Path(__file__).resolve().parents[1] / ".corpus"  # hidden, or AWX would offer its files as inventories


@cache
def _directory() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="palantir-trust-fuzz-")


def scratch() -> Path:
    """Return a directory that goes with the process."""
    return Path(_directory().name)


def written(name: str, data: bytes) -> Path:
    """Return a file of the scratch directory with this content."""
    file = scratch() / name
    file.write_bytes(data)
    return file


__all__ = ["CORPUS", "scratch", "written"]
