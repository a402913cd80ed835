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
    own_map = _id_map(os.path.join(proc, "self", "uid_map")) or ((0, 0, 0xFFFFFFFF),)
    counts: Dict[_Key, int] = {}
    deleted: List[Dict[str, Any]] = []
    for pid in _pids(proc):
        directory = os.path.join(proc, str(pid))
        key = _container_key(directory, own_map)
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


def _container_key(directory: str, own_map: IdMap) -> Optional[_Key]:
    uid_map = _id_map(os.path.join(directory, "uid_map"))
    gid_map = _id_map(os.path.join(directory, "gid_map"))
    cgroup = _cgroup(directory)
    if uid_map is None or gid_map is None or cgroup is None:
        return None
    container, container_cgroup = container_of(cgroup)
    if not container and uid_map == own_map:
        return None
    if _SERVICE.search(container_cgroup.rpartition("/")[2]) and any(row[1] < _SYSTEM_OWNERS for row in uid_map):
        uid_map, gid_map = _users(directory)
    return _Key(container, container_cgroup, uid_map, gid_map)


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


def _cgroup(directory: str) -> Optional[str]:
    text = read_text(os.path.join(directory, "cgroup"))
    if text is None:
        return None
    paths = {line.split(":", 2)[1]: line.split(":", 2)[2] for line in text.splitlines() if line.count(":") >= 2}
    return paths.get("", paths.get("name=systemd", "/"))  # cgroup v2, or v1's named hierarchy


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
        path = os.readlink(os.fsencode(os.path.join(directory, "exe"))).decode("utf-8", "backslashreplace")
    except OSError:  # a kernel thread, or a process that has ended
        return None
    return path if path.endswith(" (deleted)") or path.startswith("/memfd:") else None


__all__ = ["MAX_CONTAINERS", "MAX_DELETED", "Processes", "container_named", "container_of", "processes"]
