# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose process made a measurement: the control group inside the TPM-anchored entry, on kernels that log it.

The fields ``cg-path`` (whole path, ``/machine.slice/libpod-<ID>.scope/container``) and ``cgn`` (its last part alone)
are those of two linux-integrity patches of December 2022 ("ima: created new ima template ima-dep-cgn", "ima-cgpath").
Both tell of the process's group in controller 1, ``cpu``: its own, or the nearest above in which that is enabled.

Which container is whose comes from the record of what was started, and from the facts: a container whose user-namespace
range is an instance's is that instance's. The way down a path is followed from its root to the first container: below
its own group a container may make groups of any name, above it none. So may a user below systemd's service of his own,
where a container is found by its range alone. Of a name alone that cannot be told, so it never is certain. The other
field of these patches, ``dep`` (programs of all parent processes), is not used: a container chooses names in it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ansible_collections.palantir.trust.plugins.module_utils._processes import container_named
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

MAX_DEPTH: Final = 64
"""Most parts of a path that are looked at, from its root; no container engine nests as deep."""
_SUPERVISOR: Final = "supervisor"
"""Group beside a container's own in which systemd-nspawn keeps itself: that is the host's."""
_SERVICES: Final = "palantir-sc-"
_MACHINES: Final = ("machine-", "systemd-nspawn@", _SERVICES)
_MONITOR: Final = "conmon"
_MAX_SEEN: Final = 4096
"""Most paths whose owner is remembered: a list has many entries of few groups, and a hostile one of many."""
_USERS_OWN: Final = re.compile(r"user@\d+\.service")
"""Group that is handed over to a user (systemd's user@.service(5))."""
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")  # systemd.unit(5), "String escaping for inclusion in unit names"


class CgroupMap:
    """The control groups of all containers that can be told to be an instance's."""

    def __init__(self, instances: Iterable[Instance], containers: object, owners: OwnerMap) -> None:
        """Build the map.

        Args:
            instances: all generations on record; those whose container is known count.
            containers: what the node's facts say of its containers; hostile.
            owners: ranges of the generations.
        """
        self._by_container: dict[str, list[Instance]] = {}
        self._by_path: dict[str, list[Instance]] = {}
        self._by_name: dict[str, list[Instance]] = {}
        self._seen: dict[str, tuple[Instance, ...]] = {}
        for instance in instances:
            if instance.container:
                _add(self._by_container, instance.container, instance)
        for path, uid_map in _told(containers):
            its = owners.of_map(uid_map)
            if its is not None:
                _add(self._by_path, _outermost(path), its)
                _add(self._by_name, path.rpartition("/")[2], its)

    def of_entry(self, entry: Entry) -> tuple[tuple[Instance, ...], bool]:
        """Return whose process made an entry, and whether that is sure; nobody where its group is no instance's."""
        path = entry.others.get("cg-path")
        if isinstance(path, str) and path.startswith("/"):
            found = self._seen.get(path)
            if found is None:
                found = self._of_path(path)
                if len(self._seen) < _MAX_SEEN:
                    self._seen[path] = found
            return found, len(found) == 1
        name = entry.others.get("cgn", path)
        return (self._of_name(name) if isinstance(name, str) else ()), False

    def of_container(self, container: str) -> tuple[Instance, ...]:
        """Return whose a container is, by its ID or name."""
        return tuple(self._by_container.get(container, ()))

    def _of_path(self, path: str) -> tuple[Instance, ...]:
        parts = path.split("/", MAX_DEPTH)[:MAX_DEPTH]
        group, of_user = "", False
        for part, below in zip(parts[1:], [*parts[2:], ""], strict=True):
            group += "/" + part
            named = () if of_user else self._by_container.get(_container(part), ())
            found = _united(self._by_path.get(group, ()), named)
            if found:
                return () if below == _SUPERVISOR and part.startswith(_MACHINES) else found
            if _container(part):
                return ()
            of_user = of_user or _USERS_OWN.fullmatch(part) is not None
        return ()

    def _of_name(self, name: str) -> tuple[Instance, ...]:
        return _united(self._by_name.get(name, ()), self._by_container.get(_container(name), ()))


def _add(found: dict[str, list[Instance]], key: str, instance: Instance) -> None:
    its = found.setdefault(key, [])
    if not any(instance is known for known in its):
        its.append(instance)


def _united(some: Iterable[Instance], more: Iterable[Instance]) -> tuple[Instance, ...]:
    united = list(some)
    united += [instance for instance in more if not any(instance is known for known in united)]
    return tuple(united)


def _container(part: str) -> str:
    """Return the container that a group is named after, without the escapes of a unit's name; empty for none."""
    if _MONITOR in part and not part.startswith(_SERVICES):
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found.group(1), 16)), container_named(part))


def _outermost(path: str) -> str:
    """Return the first group on the way down that is a container's: those below it are groups that it made."""
    parts = path.split("/")
    depths = (depth for depth, part in enumerate(parts, 1) if _container(part))
    return "/".join(parts[: next(depths, len(parts))])


def _told(containers: object) -> Iterator[tuple[str, list[object]]]:
    """Yield path and ID map of each container that the facts tell of in the form that they should have.

    A user namespace without a container's group is left out: its group may be a whole session of the host's.
    """
    for item in containers if isinstance(containers, list) else ():
        if not isinstance(item, Mapping):
            continue
        path, uid_map = item.get("cgroup"), item.get("uid_map")
        if isinstance(path, str) and isinstance(uid_map, list) and _container(path.rpartition("/")[2]):
            # As the kernel writes it into the list (ima_write_template_field_data() in ima_template_lib.c).
            yield path.replace(" ", "_"), uid_map


__all__ = ["MAX_DEPTH", "CgroupMap"]
