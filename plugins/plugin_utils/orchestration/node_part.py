# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb asks of a node, and what is kept of its answer: all that a node tells is bounded.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

DRIVERS: Final = dict.fromkeys(("nspawn", "podman", "systemd"), "sc_generation")
"""The module that runs a generation on a node, by the flavour's driver."""
PRESERVED_LIMIT: Final = 64 * MIB
_ID: Final = re.compile(r"[0-9a-f]{64}")
_PRESERVED: Final = ("inspect.json", "changes.json", "changed-files.tar", "log.txt")
_LONGEST_MS: Final = 86_400_000


def supported(instance: str, sc: Any) -> Mapping[str, Any]:
    """Return an SC as lookup ``palantir.trust.sc`` returns it, of a driver that is available.

    Raises:
        CatalogueError: it is none, or asks for another driver: better refused than run without it.
    """
    if not isinstance(sc, Mapping) or "image_id" not in sc:
        raise CatalogueError(instance, "sc must be what lookup palantir.trust.sc returns.")
    if sc["driver"] not in DRIVERS:
        raise CatalogueError(
            f"SC {sc['sc']}", f"asks for the driver {sc['driver']}, which is not available.", "leave it out."
        )
    return sc


def started(record: InstanceRecord, directory: str, sc: Mapping[str, Any], *, beside: bool) -> dict[str, Any]:
    """Return what makes a node run a generation, in the place of all others or beside them."""
    previous = "displace_previous" if beside else "replace_previous"
    return {**_whole(record, directory, sc), "state": "started", previous: True}


def configured(record: InstanceRecord, directory: str, sc: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a node give a running generation other content of its files."""
    return {**_whole(record, directory, sc), "state": "configured"}


def of_generation(state: str, record: InstanceRecord, directory: str, **more: Any) -> dict[str, Any]:
    """Return what makes a node bring a generation into a state that needs its number alone."""
    place = os.path.join(directory, record.instance)
    return {"state": state, "name": record.instance, "generation": record.generation, "directory": place, **more}


def digests(sc: Mapping[str, Any]) -> dict[str, str]:
    """Return ``sha256:…`` of each rendered file of an SC, by its path."""
    return {file["path"]: "sha256:" + hashlib.sha256(file["content"].encode()).hexdigest() for file in sc["files"]}


def to_replace(sc: Mapping[str, Any], before: Mapping[str, str]) -> list[str]:
    """Return the paths whose change a running instance cannot take: read once only, or another set of files."""
    now = digests(sc)
    fixed = [file["path"] for file in sc["files"] if file["reload"] == "replace"]
    changed = [path for path in fixed if path in before and before[path] != now[path]]
    return sorted({*changed, *(now.keys() ^ before.keys())})


def freezing(record: InstanceRecord) -> str:
    """Return the command that makes a generation's processes stand still.

    It goes by the generation's name: its container has another ID each time that the node's systemd starts it anew.
    """
    name = f"{record.instance}-g{record.generation}"
    if _ID.fullmatch(record.container or ""):
        return f"podman pause {shlex.quote(name)}"
    return f"systemctl freeze {shlex.quote(f'palantir-sc-{name}.service')}"


def container_id(told: object, name: str = "") -> str | None:
    """Return the ID of a container, or this name of a machine or service, as a node tells it; None for what is none.

    Without it the container is still told from others by its owners, and by the range that the node's facts show.
    """
    return told if isinstance(told, str) and (_ID.fullmatch(told) or (told and told == name)) else None


def gap(answer: Mapping[str, Any]) -> dict[str, int]:
    """Return how long nothing served, as a node tells it; empty where it tells nothing, or nothing possible."""
    told = answer.get("gap_ms")
    whole = isinstance(told, int) and not isinstance(told, bool)
    return {"gap_ms": told} if isinstance(told, int) and whole and 0 <= told < _LONGEST_MS else {}


def keep(directory: Path, kept: Mapping[str, str]) -> dict[str, str]:
    """Write preserved files under names that are ours, readable by their owner only; return their digests."""
    found: dict[str, str] = {}
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in _PRESERVED:
        if name in kept:
            data = binary(kept[name], f"preserved.{name}", PRESERVED_LIMIT)
            with os.fdopen(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(data)
            found[name] = "sha256:" + hashlib.sha256(data).hexdigest()
    return found


def _whole(record: InstanceRecord, directory: str, sc: Mapping[str, Any]) -> dict[str, Any]:
    same = ("driver", "capabilities", "command", "files", "ports", "network", "resources", "probe")
    return {
        "name": record.instance,
        "generation": record.generation,
        "directory": os.path.join(directory, record.instance),
        "image": str(sc["image_id"]).removeprefix("sha256:"),
        "uid_base": record.uid_base,
        "uid_count": record.uid_count,
        **{key: sc[key] for key in same},
    }


__all__ = [
    "DRIVERS",
    "PRESERVED_LIMIT",
    "configured",
    "container_id",
    "digests",
    "freezing",
    "gap",
    "keep",
    "of_generation",
    "started",
    "supported",
    "to_replace",
]
