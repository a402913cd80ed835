# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Driver ``systemd``: a generation is a hardened service whose root directory belongs to its range.

All of it runs as one user, the first of the range: systemd maps no ranges. For as long as it lives that user has a
record below /run/userdb, which nss-systemd(8) reads: a unit's user must have a name. Without capabilities the service
also gets a user namespace, in which nobody but this user has a number.

The settings are all those that ``systemd-analyze security`` weighs and that a network service from a root tree bears;
docs/drivers.md says which are left out, and why.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import os
from typing import Dict

from ansible_collections.palantir.trust.plugins.module_utils import _tree_unit, _units
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._instance_files import mounts
from ansible_collections.palantir.trust.plugins.module_utils._private_network import connect
from ansible_collections.palantir.trust.plugins.module_utils._tree_unit import (
    freeze,
    halt,
    preserve,
    process,
    start,
    stop,
)

USERS = "/run/userdb"
"""Records of users and groups (nss-systemd(8), JSON user records); gone with the boot."""
_CALLS = ("@system-service", "~@privileged @resources")
_BEARABLE, _IN_PRIVATE = ("IPC_LOCK", "NET_BIND_SERVICE"), ("NET_RAW",)
"""Capabilities that a service may have. They count on the node, so no others: most lead out of the range.

NET_ADMIN does, whatever network namespace its holder is in. rtnetlink makes links in the namespace of any process that
is named, and on links there (IFLA_NET_NS_PID, IFLA_LINK_NETNSID), where the capability counts for its user namespace
as well; and the node's own network namespace is of the same one.
"""
_HARDENED = (
    *_units.HARDENED,
    ("PrivateIPC", "yes"),
    ("ProcSubset", "pid"),
    ("ProtectProc", "invisible"),
    ("RemoveIPC", "yes"),
)


def prepare(generation: Generation) -> None:
    """Make all ready to run a generation: a fresh root tree, its user, and its unit.

    Raises:
        NodeError: ``capability_refused``, ``no_command``, ``no_image``, ``bad_image``, ``not_writable``.
    """
    require_bearable(generation)
    _tree_unit.unpack(generation)
    _introduce(generation)
    if generation.private:
        connect(generation)
    _tree_unit.write(generation, unit(generation))


def reload(generation: Generation) -> None:
    """Tell a generation's program to read its configuration anew.

    Raises:
        NodeError: ``systemd_failed``.
    """
    _units.signal(generation.unit, "HUP")


def remove(generation: Generation) -> bool:
    """Remove a generation's service, running or not, its user and its root; return whether anything was there.

    Raises:
        NodeError: ``systemd_failed``, ``not_writable``.
    """
    there = _tree_unit.remove(generation)
    for name in _records(generation):
        path = os.path.join(USERS, name)
        if os.path.lexists(path):
            os.unlink(path)
    return there


def unit(generation: Generation) -> str:
    """Return the unit of a generation."""
    held = " ".join("CAP_" + name for name in generation.capabilities)
    service = [
        ("Type", "exec"),
        ("RootDirectory", _units.path_value(generation.root)),
        ("MountAPIVFS", "yes"),
        ("User", "%d" % generation.uid_base),
        ("Group", "%d" % generation.uid_base),
        ("ExecStart", _units.quoted(generation.command)),
        ("Restart", "no"),
        ("TimeoutStartSec", "%d" % _units.START_S),
        ("TimeoutStopSec", "%d" % _units.STOP_S),
        ("ReadWritePaths", "-/run -/var"),
        *(("BindReadOnlyPaths", "%s:%s" % pair) for pair in mounts(generation)),
        ("CapabilityBoundingSet", held),
        ("AmbientCapabilities", held),
        *_HARDENED,
        # In a user namespace a capability counts for nothing of the node's, and so neither for its network.
        ("PrivateUsers", "no" if held else "yes"),
        ("RestrictAddressFamilies", _families(generation)),
        *(("SystemCallFilter", calls) for calls in _CALLS),
        *_units.limits(generation.resources),
    ]
    if generation.private:
        service.append(("NetworkNamespacePath", "/run/netns/" + generation.tag))
    title = "SC instance %s, generation %d (systemd)" % (generation.name, generation.number)
    return _units.text([("Unit", [("Description", title)]), ("Service", service)])


def _families(generation: Generation) -> str:
    return "AF_INET AF_INET6 AF_NETLINK AF_UNIX" + (" AF_PACKET" if "NET_RAW" in generation.capabilities else "")


def require_bearable(generation: Generation) -> None:
    """Refuse capabilities that would count on the node, and lead out of the range.

    Raises:
        NodeError: ``capability_refused``.
    """
    bearable = _BEARABLE + (_IN_PRIVATE if generation.private else ())
    for name in generation.capabilities:
        if name not in bearable:
            raise NodeError(
                "capability_refused",
                "%s asks for %s, which counts on the node itself where the driver is systemd." % (generation.tag, name),
                "use the driver nspawn or podman%s." % (", or a private network" if name in _IN_PRIVATE else ""),
            )


def _user(generation: Generation) -> str:
    return "pt-%d" % generation.uid_base


def _records(generation: Generation) -> Dict[str, str]:
    """Return the files that make a user and its group known, by name; a link's target begins with no brace."""
    name, number = _user(generation), generation.uid_base
    user = {
        "userName": name,
        "uid": number,
        "gid": number,
        "realName": "SC instance %s, generation %d" % (generation.name, generation.number),
        "homeDirectory": "/",
        "shell": "/usr/sbin/nologin",
        "disposition": "container",
        "locked": True,
    }
    group = {"groupName": name, "gid": number, "disposition": "container"}
    return {
        name + ".user": json.dumps(user),
        "%d.user" % number: name + ".user",
        name + ".group": json.dumps(group),
        "%d.group" % number: name + ".group",
    }


def _introduce(generation: Generation) -> None:
    try:
        os.makedirs(USERS, mode=0o755, exist_ok=True)
        for name, content in _records(generation).items():
            path = os.path.join(USERS, name)
            if os.path.lexists(path):
                os.unlink(path)
            if content.startswith("{"):
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as stream:
                    stream.write(content)
            else:
                os.symlink(content, path)
    except OSError as error:
        raise NodeError("not_writable", "%s: %s." % (USERS, error.strerror), "check the node's /run.") from None


__all__ = [
    "USERS",
    "freeze",
    "halt",
    "prepare",
    "preserve",
    "process",
    "reload",
    "remove",
    "require_bearable",
    "start",
    "stop",
    "unit",
]
