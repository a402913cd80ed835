# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform is asked to run: one instance of an SC, as ``lookup palantir.trust.sc`` describes it.

A platform is a Kubernetes cluster or an ETSI MANO. It chooses the host, and no host is attested for that.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import ITEMS_LIMIT, shown
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name

OWNER: Final = "palantir.trust"
CONTENT_LIMIT: Final = 1 << 20
"""Bytes of configuration in all: what a Kubernetes Secret holds, and far more than a MANO should be sent."""


@dataclass(frozen=True, slots=True)
class File:
    """A rendered configuration file: absolute ``path`` inside the instance, and its ``content``."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Port:
    """A port that clients reach as ``port``; the instance itself listens on ``internal``."""

    name: str
    port: int
    protocol: str
    internal: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """One instance; ``resources`` and ``probe`` are as the catalogue has them, ``capabilities`` without ``CAP_``."""

    instance: str
    sc: str
    flavour: str
    version: str
    image_id: str
    command: tuple[str, ...]
    capabilities: tuple[str, ...]
    files: tuple[File, ...]
    ports: tuple[Port, ...]
    resources: Mapping[str, Any]
    probe: Mapping[str, Any]

    @property
    def configuration(self) -> str:
        """Return the digest of all configuration files, 64 hex digits."""
        return hashlib.sha256(canonical_json([[f.path, f.content] for f in self.files])).hexdigest()


def read_deployment(instance: str, sc: Mapping[str, Any] | None, driver: str) -> Deployment:
    """Return what is to run.

    Args:
        instance: its name.
        sc: the mapping that ``lookup palantir.trust.sc`` returns.
        driver: of the platform, which the flavour must name.

    Raises:
        CatalogueError: a part of it is missing, or not what the lookup returns; the flavour is for another driver.
    """
    where = f"instance {instance}, sc"
    if not isinstance(sc, Mapping):
        raise CatalogueError(where, "must be what lookup palantir.trust.sc returns.")
    if sc.get("driver") != driver:
        # Where a host attests itself its flavours are run there, and not by accident where nobody does.
        found = shown(sc.get("driver"))
        raise CatalogueError(
            f"{where}, driver", f"is {found}, and the platform's is {driver}.", "name another flavour."
        )
    return Deployment(
        instance=instance,
        sc=_name(sc, "sc", where),
        flavour=_name(sc, "flavour", where),
        version=str(sc.get("version", "")),
        image_id=str(sc.get("image_id", "")),
        command=tuple(str(word) for word in _items(sc, "command", where)),
        capabilities=tuple(str(name).removeprefix("CAP_") for name in _items(sc, "capabilities", where)),
        files=_files(sc, where),
        ports=tuple(_port(item, f"{where}, ports") for item in _items(sc, "ports", where)),
        resources=_mapping(sc, "resources", where),
        probe=_mapping(sc, "probe", where),
    )


def _name(data: Mapping[str, Any], key: str, where: str) -> str:
    value = data.get(key)
    if not isinstance(value, str) or not is_name(value):
        raise CatalogueError(f"{where}, {key}", f"{shown(value)} is not a name.", RULE)
    return value


def _items(data: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = data.get(key) or []
    if not isinstance(value, (list, tuple)) or len(value) > ITEMS_LIMIT:
        raise CatalogueError(f"{where}, {key}", f"must be a list of at most {ITEMS_LIMIT} items.")
    return list(value)


def _mapping(data: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    value = data.get(key) or {}
    if not isinstance(value, Mapping):
        raise CatalogueError(f"{where}, {key}", f"must be a mapping, not {shown(value)}.")
    return value


def _files(sc: Mapping[str, Any], where: str) -> tuple[File, ...]:
    files = []
    for item in _items(sc, "files", where):
        path, content = (item.get("path"), item.get("content")) if isinstance(item, Mapping) else (None, None)
        if not isinstance(path, str) or not isinstance(content, str):
            raise CatalogueError(f"{where}, files", f"each needs path and content, not {shown(item)}.")
        if not posixpath.isabs(path) or posixpath.normpath(path) != path or path == "/":
            raise CatalogueError(f"{where}, files", f"{shown(path)} is not the absolute path of a file.")
        files.append(File(path, content))
    if sum(len(file.content.encode()) for file in files) > CONTENT_LIMIT:
        raise CatalogueError(f"{where}, files", f"are more than {CONTENT_LIMIT} bytes in all.")
    if len({file.path for file in files}) != len(files):
        raise CatalogueError(f"{where}, files", "names a path twice.")
    return tuple(sorted(files, key=lambda file: file.path))


def _port(item: Any, where: str) -> Port:
    if not isinstance(item, Mapping):
        raise CatalogueError(where, f"each must be a mapping, not {shown(item)}.")
    port = _number(item.get("port"), where)
    protocol = str(item.get("protocol", "tcp"))
    if protocol not in {"tcp", "udp"}:
        raise CatalogueError(where, f"{shown(protocol)} is neither tcp nor udp.")
    internal = item.get("internal")
    return Port(_name(item, "name", where), port, protocol, port if internal is None else _number(internal, where))


def _number(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 65535:
        raise CatalogueError(where, f"{shown(value)} is no port.")
    return value


__all__ = ["OWNER", "Deployment", "File", "Port", "read_deployment"]
