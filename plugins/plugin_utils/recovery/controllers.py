# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of controllers, under which they lease incidents; and whether the one of a name is gone.

A name is ``HOST/PID/START``: a number of a process is given out again, but not with the same start.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

_START: Final = 19
"""Place of the start time behind a process's name and state (proc(5), /proc/PID/stat, field 22)."""


def name_of(process: int) -> str:
    """Return the name of a process of this host."""
    return f"{socket.gethostname()}/{process}/{_started(process) or 0}"


def is_gone(name: str) -> bool:
    """Return whether a controller has surely ended; one of another host is never known to have."""
    host, _slash, rest = name.partition("/")
    process, _slash, start = rest.partition("/")
    if host != socket.gethostname() or not process.isdecimal() or not start.isdecimal():
        return False
    return _started(int(process)) != int(start)


def _started(process: int) -> int | None:
    """Return when a process began, in ticks since the boot; None where there is none of that number."""
    try:
        status = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = status.rpartition(")")[2].split()
    # What has ended and was not waited for holds nothing any more.
    return None if fields[0] in "ZX" else int(fields[_START])


__all__ = ["is_gone", "name_of"]
