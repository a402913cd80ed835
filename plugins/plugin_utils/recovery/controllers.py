# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of controllers, under which they lease incidents; and whether the one of a name is gone.

A name is ``HOST/SPACE/PID/START``. A number of a process is given out again, but not with the same start; and it says
nothing outside of its own space: two containers may share the name of their host, and see different processes.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

_START: Final = 19
"""Place of the start time behind a process's name and state (proc(5), /proc/PID/stat, field 22)."""


def name_of(process: int) -> str:
    """Return the name of a process of this host."""
    return f"{socket.gethostname()}/{_space()}/{process}/{_started(process) or 0}"


def is_gone(name: str) -> bool:
    """Return whether a controller has surely ended; one of another host or space is never known to have."""
    host, space, process, start = parts if len(parts := name.split("/")) == 4 else ("", "-", "", "")
    if (host, space) != (socket.gethostname(), _space()) or space == "-":
        return False
    if not process.isdecimal() or not start.isdecimal():
        return False
    return _started(int(process)) != int(start) and not _is_hidden(int(process))


def _space() -> str:
    """Return what tells the processes that are seen from here from those of another container or boot; else ``-``."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}:{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return "-"


def _is_hidden(process: int) -> bool:
    """Return whether there is a process of that number about which /proc tells nothing (proc(5), ``hidepid``)."""
    if Path(f"/proc/{process}/stat").exists():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


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
