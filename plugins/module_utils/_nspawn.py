# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver ``nspawn``: a generation is a machine of systemd-nspawn, with a range of its own and a root tree of its own.

Ownership of the tree is ``chown``, never ``map``: an ID-mapped mount leaves the owner 0 in IMA's list, and what the
machine runs could not be told from the host's. The tree is unpacked with the range's owners, so that nspawn finds its
work done.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import List

from ansible_collections.palantir.trust.plugins.module_utils import _tree_unit, _units
from ansible_collections.palantir.trust.plugins.module_utils._commands import Tool
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._instance_files import mounts
from ansible_collections.palantir.trust.plugins.module_utils._private_network import connect
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text
from ansible_collections.palantir.trust.plugins.module_utils._tree_unit import (
    freeze,
    halt,
    preserve,
    remove,
    stop,
)

NSPAWN = Tool("systemd-nspawn", "nspawn", "systemd-container")
_PAUSE_S = 0.1
_KEPT = (
    "AUDIT_CONTROL",
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_NICE",
    "SYS_PTRACE",
    "SYS_RESOURCE",
    "SYS_TTY_CONFIG",
)
"""What nspawn leaves a machine where it is not told otherwise (systemd-nspawn(1), --capability=)."""


def prepare(generation: Generation) -> None:
    """Make all ready to run a generation: a fresh root tree, and its unit.

    Raises:
        NodeError: ``no_nspawn``, ``no_command``, ``no_image``, ``bad_image``, ``not_writable``.
    """
    text = unit(generation, NSPAWN.path())
    _tree_unit.unpack(generation)
    _tree_unit.write(generation, text)
    if generation.private:
        with open(_frozen(generation), "w", encoding="ascii") as stream:
            stream.write("1")


def start(generation: Generation) -> str:
    """Run a generation that is prepared, or that was stopped, and return its name in the node's control groups.

    Its network namespace is made with it. It is connected while the machine's control group is frozen, before its
    program begins.

    Raises:
        NodeError: ``unit_failed``, ``systemd_failed``, ``no_program``, the codes of the network.
    """
    if not generation.private:
        return _tree_unit.start(generation)
    _units.begin(generation.unit)
    frozen = _awaited(generation)
    if frozen:
        connect(generation, frozen)
        with open(_freezer(generation), "w", encoding="ascii") as stream:
            stream.write("0")
    tag = _tree_unit.start(generation)
    if not frozen:
        # Where control groups are not unified nothing was frozen: its program may begin before it is connected.
        connect(generation, _program(generation))
    return tag


def reload(generation: Generation) -> None:
    """Tell a generation's program to read its configuration anew.

    Raises:
        NodeError: ``no_program``.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(_program(generation), signal.SIGHUP)


def process(generation: Generation) -> int:
    """Return the program's process on the node; 0 where it has ended."""
    try:
        return _program(generation)
    except NodeError:
        return 0


def _begun_frozen(generation: Generation) -> List[List[str]]:
    """Return what makes nspawn put its program into a control group that stands still (cgroups(7), cgroup.freeze)."""
    if not generation.private:
        return []
    freezer = _freezer(generation)
    return [["/bin/mkdir", "-p", os.path.dirname(freezer)], ["/bin/cp", _frozen(generation), freezer]]


def _freezer(generation: Generation) -> str:
    return "/sys/fs/cgroup/system.slice/%s/payload/cgroup.freeze" % generation.unit


def _awaited(generation: Generation) -> int:
    """Return the process that stands still in its namespaces; 0 where none does, or the service has ended."""
    for _try in range(round(_units.START_S / _PAUSE_S)):
        waiting = (read_text(os.path.join(os.path.dirname(_freezer(generation)), "cgroup.procs")) or "").split()
        if waiting:
            return int(waiting[0])
        if _units.state(generation.unit).get("ActiveState") != "activating":
            break
        time.sleep(_PAUSE_S)
    return 0


def _frozen(generation: Generation) -> str:
    return os.path.join(generation.place, "frozen")


def _program(generation: Generation) -> int:
    """Return the one process that nspawn started."""
    nspawn = _units.state(generation.unit).get("MainPID", "0")
    children = (read_text("/proc/%s/task/%s/children" % (nspawn, nspawn)) or "").split()
    if len(children) != 1:
        raise NodeError(
            "no_program", "The program of %s cannot be told, or has ended." % generation.tag, "see its service's log."
        )
    return int(children[0])


def unit(generation: Generation, nspawn: str) -> str:
    """Return the unit of a generation."""
    service = [
        ("Type", "notify"),
        # Its /tmp would be a file system in memory; like this it is a directory of the tree.
        ("Environment", "SYSTEMD_NSPAWN_TMPFS_TMP=0"),
        *(("ExecStartPre", "-" + _units.quoted(words)) for words in _begun_frozen(generation)),
        ("ExecStart", _units.quoted([nspawn, *_options(generation), "--", *generation.command])),
        ("Restart", "no"),
        ("KillMode", "mixed"),
        ("Slice", "system.slice"),
        ("Delegate", "yes"),
        ("DevicePolicy", "closed"),
        ("DeviceAllow", "char-pts rw"),
        ("TimeoutStartSec", "%d" % _units.START_S),
        ("TimeoutStopSec", "%d" % _units.STOP_S),
        *_units.limits(generation.resources),
    ]
    title = "SC instance %s, generation %d (nspawn)" % (generation.name, generation.number)
    return _units.text([("Unit", [("Description", title)]), ("Service", service)])


def _options(generation: Generation) -> List[str]:
    options = [
        "--quiet",
        "--settings=no",
        "--register=no",
        "--keep-unit",
        "--directory=" + generation.root,
        # A machine's name has 64 characters at most: less than a tag may have.
        "--machine=%s" % generation.tag[-64:].lstrip("-"),
        "--private-users=%d:%d" % (generation.uid_base, generation.uid_count),
        "--private-users-ownership=chown",
        "--no-new-privileges=yes",
        "--drop-capability=" + ",".join("CAP_" + name for name in _KEPT if name not in generation.capabilities),
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--console=pipe",
        "--kill-signal=SIGTERM",
    ]
    if generation.capabilities:
        options.append("--capability=" + ",".join("CAP_" + name for name in generation.capabilities))
    if generation.private:
        options.append("--private-network")
    return options + ["--bind-ro=%s:%s" % pair for pair in mounts(generation)]


__all__ = ["NSPAWN", "freeze", "halt", "prepare", "preserve", "process", "reload", "remove", "start", "stop", "unit"]
