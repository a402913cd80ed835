# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster tells of an instance's Deployment and pods, read with bounds; it is the cluster's word, not evidence.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import OWNER
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.kubernetes.manifests import (
    CONFIGURATION,
    FLAVOUR,
    GENERATION,
    MANAGED_BY,
    REPLICAS,
    SC,
)

_ITEMS: Final = 1000
_SHOWN: Final = 256
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_NAME_LIMIT: Final = 253
_LARGE: Final = 1_000_000_000


class Progress(Enum):
    """How far a Deployment has rolled out."""

    DONE = "done"
    GOING_ON = "going on"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Running:
    """An instance's Deployment: ``generation`` is ours, ``replicas`` what it should have, ``kept`` while stopped."""

    sc: str
    flavour: str
    generation: int
    configuration: str
    replicas: int
    kept: int
    ready: int

    def plain(self) -> dict[str, Any]:
        """Return what people are shown of it."""
        return {
            "sc": self.sc,
            "flavour": self.flavour,
            "generation": self.generation,
            "configuration": self.configuration,
            "replicas": self.replicas,
            "ready": self.ready,
        }


def resources(result: Mapping[str, Any], subject: str) -> list[dict[str, Any]]:
    """Return the objects of a result of ``kubernetes.core.k8s_info``.

    Raises:
        PlatformError: there are too many, or they are none.
    """
    found = result.get("resources")
    if not isinstance(found, list) or len(found) > _ITEMS or not all(isinstance(item, dict) for item in found):
        raise PlatformError(subject, f"was answered with what is no list of at most {_ITEMS} objects.")
    return found


def read_running(data: Mapping[str, Any], subject: str) -> Running:
    """Return the Deployment of an instance.

    Raises:
        PlatformError: it is not ours, or malformed.
    """
    metadata, spec, status = (_mapping(data.get(key)) for key in ("metadata", "spec", "status"))
    named, noted = _mapping(metadata.get("labels")), _mapping(metadata.get("annotations"))
    if named.get(MANAGED_BY) != OWNER or not named.get(SC):
        raise PlatformError(
            subject, "is the name of a Deployment that is not ours.", "name the instance otherwise, or remove that one."
        )
    replicas = _number(spec.get("replicas", 1), subject)
    return Running(
        sc=printable(named[SC], 63),
        flavour=printable(named.get(FLAVOUR, ""), 63),
        generation=_number(noted.get(GENERATION, "0"), subject),
        configuration=printable(noted.get(CONFIGURATION, ""), 64),
        replicas=replicas,
        kept=_number(noted.get(REPLICAS, "0"), subject),
        ready=_number(status.get("readyReplicas") or 0, subject),
    )


def is_ours(data: Mapping[str, Any]) -> bool:
    """Tell whether an object carries our label."""
    return _mapping(_mapping(data.get("metadata")).get("labels")).get(MANAGED_BY) == OWNER


def progress(data: Mapping[str, Any], subject: str) -> tuple[Progress, str]:
    """Tell whether the pods that a Deployment's newest template asks for are all there is and available, and why not.

    Unlike a comparison of available with wanted pods alone, this waits for the controller to have seen the newest
    template: until then the former pods would pass for the new ones.

    Raises:
        PlatformError: it is malformed.
    """
    metadata, spec, status = (_mapping(data.get(key)) for key in ("metadata", "spec", "status"))
    seen = _number(status.get("observedGeneration") or 0, subject) >= _number(metadata.get("generation"), subject)
    # Before that, conditions are those of the former template as well.
    for condition in _list(status.get("conditions")) if seen else []:
        stuck = _mapping(condition)
        if stuck.get("type") == "Progressing" and stuck.get("status") == "False":
            return Progress.FAILED, printable(stuck.get("message") or stuck.get("reason") or "", 500)
    wanted = _number(spec.get("replicas", 1), subject)
    counts = {
        key: _number(status.get(key) or 0, subject) for key in ("replicas", "updatedReplicas", "availableReplicas")
    }
    done = seen and all(count == wanted for count in counts.values())
    return (Progress.DONE, "") if done else (Progress.GOING_ON, ", ".join(f"{k} {v}" for k, v in counts.items()))


def restorable(data: Mapping[str, Any], version: str, kind: str, place: Mapping[str, str]) -> dict[str, Any]:
    """Return an object as it can be put back, without what the cluster itself writes.

    Args:
        data: the object as the cluster told it.
        version: its API version, and
        kind: its kind, whatever the cluster calls it.
        place: its name and namespace.
    """
    metadata = _mapping(data.get("metadata"))
    ours = {k: v for k, v in _mapping(metadata.get("annotations")).items() if str(k).startswith(f"{OWNER}/")}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {**place, "labels": dict(_mapping(metadata.get("labels"))), "annotations": ours},
        "spec": data.get("spec"),
    }


def secrets_of(data: Mapping[str, Any]) -> set[str]:
    """Return the names of the Secrets that a Deployment's pods mount."""
    spec = _mapping(_mapping(_mapping(data.get("spec")).get("template")).get("spec"))
    return {
        str(_mapping(_mapping(volume).get("secret")).get("secretName"))
        for volume in _list(spec.get("volumes"))
        if _mapping(volume).get("secret")
    }


def name_of(data: Mapping[str, Any], subject: str) -> str:
    """Return an object's name, which becomes part of a path: a DNS subdomain (RFC 1123).

    Raises:
        PlatformError: it has none.
    """
    name = _mapping(data.get("metadata")).get("name")
    if not isinstance(name, str) or len(name) > _NAME_LIMIT or not _NAME.fullmatch(name):
        raise PlatformError(subject, f"was answered with an object whose name is none: {printable(name, 80)}.")
    return name


def pods(found: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return where pods run, and as which image, as the cluster tells it: of 256 at most, since it becomes a result."""
    told = []
    for pod in found[:_SHOWN]:
        spec, status = _mapping(pod.get("spec")), _mapping(pod.get("status"))
        states = _list(status.get("containerStatuses"))
        image = _mapping(states[0]).get("imageID") or "" if states else ""
        told.append(
            {
                "name": printable(_mapping(pod.get("metadata")).get("name") or "", 253),
                "node": printable(spec.get("nodeName") or "", 253),
                "phase": printable(status.get("phase") or "", 40),
                "image": printable(image, 400),
            }
        )
    return told


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value[:_ITEMS] if isinstance(value, list) else []


def _number(value: Any, subject: str) -> int:
    text = printable(value, 40)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()) or len(text) > len(str(_LARGE)):
        raise PlatformError(subject, f"was answered with an unsound number: {text}.")
    return int(text)


__all__ = [
    "Progress",
    "Running",
    "is_ours",
    "name_of",
    "pods",
    "progress",
    "read_running",
    "resources",
    "restorable",
    "secrets_of",
]
