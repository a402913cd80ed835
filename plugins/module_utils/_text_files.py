# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small text files of procfs and sysfs, read with a bound.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Iterator, Optional

LIMIT = 16 << 20
_STEP = 1 << 16


def read_text(path: str, limit: int = LIMIT) -> Optional[str]:
    """Return up to ``limit`` bytes of a file as text, or None where it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            # The kernel allocates as much as one read asks for, and refuses too much: read in steps.
            steps = iter(lambda: file.read(_STEP), b"")
            return _join(steps, limit).decode("utf-8", "backslashreplace")
    except OSError:  # files of a process vanish with it, and sysfs lacks what the hardware lacks
        return None


def _join(steps: Iterator[bytes], limit: int) -> bytes:
    parts = []
    size = 0
    for step in steps:
        parts.append(step)
        size += len(step)
        if size >= limit:
            break
    return b"".join(parts)[:limit]


__all__ = ["LIMIT", "read_text"]
