# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node says of itself, which no PCR holds: kernel, modules, containers, hardware, SSH host keys, and so on.

Self-reported and therefore never trusted alone: the quote only binds it to one challenge. Text is decoded with
``backslashreplace``, so that it is the same after a way through JSON.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Optional

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._hardware import firmware, hardware
from ansible_collections.palantir.trust.plugins.module_utils._processes import processes
from ansible_collections.palantir.trust.plugins.module_utils._ssh import ssh
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

_LOCKDOWN = os.path.join("kernel", "security", "lockdown")


def collect_facts(proc: str, sys: str, ssh_path: str) -> Dict[str, Any]:
    """Return the facts of one node as plain JSON data.

    Args:
        proc: where procfs is mounted.
        sys: where sysfs is mounted.
        ssh_path: directory of the SSH server's host keys.

    Raises:
        NodeError: ``facts_unreadable`` where ``proc`` is no procfs.
    """
    seen = processes(proc)
    cpuinfo = read_text(os.path.join(proc, "cpuinfo")) or ""
    return {
        "boot_id": _required(proc, "sys", "kernel", "random", "boot_id"),
        "kernel": {
            "release": _required(proc, "sys", "kernel", "osrelease"),
            "cmdline": _required(proc, "cmdline"),
            "lockdown": _lockdown(sys),
        },
        "modules": _modules(proc),
        "containers": seen.containers,
        "deleted_executables": seen.deleted_executables,
        "firmware": firmware(sys, cpuinfo),
        "hardware": hardware(proc, sys, cpuinfo),
        "ssh": ssh(ssh_path),
        "truncated": seen.truncated,
    }


def _required(proc: str, *names: str) -> str:
    path = os.path.join(proc, *names)
    text = read_text(path)
    if text is None:
        raise NodeError(
            "facts_unreadable",
            "The file %s cannot be read." % path,
            "check that procfs is mounted there, and the option proc_path.",
        )
    return text.strip()


def _lockdown(sys: str) -> Optional[str]:
    # "none [integrity] confidentiality": the mode in force is in brackets.
    text = read_text(os.path.join(sys, _LOCKDOWN)) or ""
    return text.partition("[")[2].partition("]")[0] or None


def _modules(proc: str) -> List[str]:
    text = read_text(os.path.join(proc, "modules")) or ""
    return sorted(line.split(" ", 1)[0] for line in text.splitlines() if line)


__all__ = ["collect_facts"]
