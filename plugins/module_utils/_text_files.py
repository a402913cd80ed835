# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small text files of procfs and sysfs, read with a bound.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import Optional

LIMIT = 16 << 20
_STEP = 1 << 16


def read_text(path: str, limit: int = LIMIT) -> Optional[str]:
    """Return up to ``limit`` bytes of a file as text, or None where it cannot be read."""
    try:
        # By system calls: a look at all processes reads hundreds of these, and a file object costs a third more.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _read(descriptor, limit).decode("utf-8", "backslashreplace")
        finally:
            os.close(descriptor)
    except OSError:  # files of a process vanish with it, and sysfs lacks what the hardware lacks
        return None


def _read(descriptor: int, limit: int) -> bytes:
    # The kernel allocates as much as one read asks for, and refuses too much: read in steps.
    read = os.read(descriptor, _STEP)
    parts = [read]
    size = len(read)
    while read and size < limit:
        read = os.read(descriptor, _STEP)
        parts.append(read)
        size += len(read)
    return b"".join(parts)[:limit]


__all__ = ["LIMIT", "read_text"]
