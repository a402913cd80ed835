# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers and deleted executables, as procfs shows them: the same for every container engine.

A container is a set of processes in one container's cgroup, or in a user namespace of its own, with one pair of ID
maps (user_namespaces(7)). Its maps tell which owners in the IMA list are its own. A service of the driver ``systemd``
has no map of its own range; instead the users of its processes stand there, each as a map of one.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

MAX_CONTAINERS = 1024
MAX_DELETED = 1024

IdMap = Tuple[Tuple[int, int, int], ...]

_MAX_MAP_BYTES = 16 * 1024
_SUPERVISORS = re.compile(r"conmon|^supervisor$|^libpod-.*supervisor")
_SERVICE = re.compile(r"^palantir-sc-(?P<service>.+)\.service$")  # of the drivers nspawn and systemd
_SYSTEM_OWNERS = 1 << 16
"""No range of an instance begins below it."""
_CONTAINER = re.compile(
    r"(?:^|[-:/])(?P<digest>[0-9a-f]{64})(?:\.scope)?$"  # podman, docker, containerd, CRI-O
    r"|^machine-(?P<machine>.+)\.scope$"  # systemd-nspawn started by hand
    r"|^systemd-nspawn@(?P<service>.+)\.service$"
    r"|^lxc\.payload\.(?P<lxc>.+)$"
    r"|^palantir-sc-(?P<generation>.+)\.service$"
)


class Processes(NamedTuple):
    """What the processes of a node show; ``truncated`` names the lists that reached their bound."""

    containers: List[Dict[str, Any]]
    deleted_executables: List[Dict[str, Any]]
    truncated: List[str]


class _Key(NamedTuple):
    container: str
    cgroup: str
    uid_map: IdMap
    gid_map: IdMap


def processes(proc: str) -> Processes:
    """Look once at every process under ``proc``; one that ends meanwhile is left out."""
    look = _Look(proc)
    counts: Dict[_Key, int] = {}
    deleted: List[Dict[str, Any]] = []
    for pid in _pids(proc):
        directory = "%s/%d" % (proc, pid)
        key = look.container(directory)
        if key is not None:
            counts[key] = counts.get(key, 0) + 1
        executable = _deleted_executable(directory)
        if executable is not None:
            deleted.append(_deleted(pid, executable, key))
    containers = [_container(key, counts[key]) for key in sorted(counts)]
    truncated = []
    if len(containers) > MAX_CONTAINERS:
        truncated.append("containers")
    if len(deleted) > MAX_DELETED:
        truncated.append("deleted_executables")
    return Processes(containers[:MAX_CONTAINERS], deleted[:MAX_DELETED], truncated)


class _Look:
    """One look at all processes, which reads once what many of them share: a namespace's maps, a control group's name.

    Nothing is kept for the next look: a namespace's number is given again when it is gone.
    """

    def __init__(self, proc: str) -> None:
        self._own_map = _id_map(os.path.join(proc, "self", "uid_map")) or ((0, 0, 0xFFFFFFFF),)
        self._maps: Dict[str, Tuple[IdMap, IdMap]] = {}
        self._containers: Dict[str, Tuple[str, str]] = {}

    def container(self, directory: str) -> Optional[_Key]:
        """Return the container of a process; None for the host's own, and for a process that has ended."""
        maps = self._maps_of(directory)
        text = read_text(directory + "/cgroup")
        if maps is None or text is None:
            return None
        if text not in self._containers:
            self._containers[text] = container_of(_cgroup(text))
        container, cgroup = self._containers[text]
        uid_map, gid_map = maps
        if not container and uid_map == self._own_map:
            return None
        if _SERVICE.search(cgroup.rpartition("/")[2]) and any(row[1] < _SYSTEM_OWNERS for row in uid_map):
            uid_map, gid_map = _users(directory)
        return _Key(container, cgroup, uid_map, gid_map)

    def _maps_of(self, directory: str) -> Optional[Tuple[IdMap, IdMap]]:
        namespace = _namespace(directory)
        if namespace in self._maps:
            return self._maps[namespace]
        uid_map, gid_map = _id_map(directory + "/uid_map"), _id_map(directory + "/gid_map")
        if uid_map is None or gid_map is None:
            return None
        # A namespace's maps are empty until they are written, once; and a process may be another one by now.
        if namespace and uid_map and gid_map and _namespace(directory) == namespace:
            self._maps[namespace] = (uid_map, gid_map)
        return uid_map, gid_map


def _namespace(directory: str) -> str:
    """Return the name of a process's user namespace (namespaces(7)); empty where it cannot be told."""
    try:
        return os.readlink(directory + "/ns/user")
    except OSError:
        return ""


def _pids(proc: str) -> List[int]:
    try:
        return sorted(int(name) for name in os.listdir(proc) if name.isdigit())
    except OSError:
        return []


def _container(key: _Key, pids: int) -> Dict[str, Any]:
    return {
        "id": key.container,
        "cgroup": key.cgroup,
        "pids": pids,
        "uid_map": [list(part) for part in key.uid_map],
        "gid_map": [list(part) for part in key.gid_map],
    }


def _deleted(pid: int, path: str, key: Optional[_Key]) -> Dict[str, Any]:
    """Return a deleted executable; that of a container with its map, which tells whose it is."""
    found: Dict[str, Any] = {"pid": pid, "path": path}
    return found if key is None else {**found, "uid_map": [list(part) for part in key.uid_map]}


def container_of(cgroup: str) -> Tuple[str, str]:
    """Return a container's ID and the path of its own cgroup; no ID and the path itself for other processes.

    The processes that an engine runs beside a container (conmon, nspawn's supervisor) are not of the container.
    """
    parts = cgroup.split("/")
    if any(_SUPERVISORS.search(part) and not _SERVICE.search(part) for part in parts):
        return "", cgroup
    for depth in range(len(parts), 0, -1):
        container = container_named(parts[depth - 1])
        if container:
            return container, "/".join(parts[:depth])
    return "", cgroup


def container_named(part: str) -> str:
    """Return the ID of the container after which an engine named a control group; empty for any other name."""
    found = _CONTAINER.search(part)
    return next(group for group in found.groups() if group) if found else ""


def _cgroup(text: str) -> str:
    """Return the control group that a process's file ``cgroup`` names: of cgroup v2, or of v1's named hierarchy."""
    paths = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in text.splitlines() if line.count(":") >= 2}
    return paths.get("", paths.get("name=systemd", "/"))


def _id_map(path: str) -> Optional[IdMap]:
    text = read_text(path, _MAX_MAP_BYTES)
    if text is None:
        return None
    rows = [line.split() for line in text.splitlines()]
    return tuple((int(row[0]), int(row[1]), int(row[2])) for row in rows if len(row) == 3)


def _users(directory: str) -> Tuple[IdMap, IdMap]:
    """Return the user and the group of a process, each as a map of one; nobody's where it has just ended."""
    lines = (read_text(os.path.join(directory, "status"), _MAX_MAP_BYTES) or "").splitlines()
    told = {line.split(":", 1)[0]: line.split()[1:] for line in lines if line.startswith(("Uid:", "Gid:"))}
    uid, gid = (int(told[key][1]) if len(told.get(key, ())) > 1 else 0 for key in ("Uid", "Gid"))
    return ((uid, uid, 1),), ((gid, gid, 1),)


def _deleted_executable(directory: str) -> Optional[str]:
    try:
        path = os.readlink(os.fsencode(directory + "/exe")).decode("utf-8", "backslashreplace")
    except OSError:  # a kernel thread, or a process that has ended
        return None
    return path if path.endswith(" (deleted)") or path.startswith("/memfd:") else None


__all__ = ["MAX_CONTAINERS", "MAX_DELETED", "Processes", "container_named", "container_of", "processes"]
