# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a controller without warning: a process is killed with all that it started, as by a power cut.

Ansible's workers are sessions of their own, so killing the process group of ``ansible-playbook`` would leave them.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path


def kill_all(process: int) -> set[int]:
    """Kill a process and its descendants; all are stopped first, so that none starts another one meanwhile.

    What has left the tree by a double fork, as ssh's shared connections do, is not among them.

    Returns:
        The processes that were killed.
    """
    known: set[int] = set()
    while found := {process, *descendants(process)} - known:
        for one in found:
            _signal(one, signal.SIGSTOP)
        known |= found
    for one in known:
        _signal(one, signal.SIGKILL)
    return known


def descendants(process: int) -> set[int]:
    """Return the processes that descend from one (proc(5), /proc/PID/stat: the parent is the second after the name)."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            # It may have ended meanwhile.
            with contextlib.suppress(OSError):
                status = (entry / "stat").read_text(encoding="ascii", errors="replace")
                parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {process}


def _signal(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


__all__ = ["descendants", "kill_all"]
