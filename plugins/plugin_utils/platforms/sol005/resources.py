# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a MANO says of NS instances and of operations on them: read field by field, and refused where it is malformed.

NsInstance is NFV-SOL 005 clause 6.5.2.10, NsLcmOpOcc 6.5.2.3, its states 6.5.4.4. OSM's NBI names some fields its own
way: what it calls ``_admin.nsState`` is ``nsState`` there, its VNFs are ``constituent-vnfr-ref``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import OWNER
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.hidden import HIDDEN
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.client import identifier

RUNNING: Final = frozenset({"STARTING", "PROCESSING", "ROLLING_BACK"})
OVER: Final = frozenset({"COMPLETED", "PARTIALLY_COMPLETED", "FAILED_TEMP", "FAILED", "ROLLED_BACK"})
CONFIGURATION: Final = "palantirTrustConfiguration"
FILES: Final = "palantirTrustFiles"
_ITEMS: Final = 256


@dataclass(frozen=True, slots=True)
class Vnf:
    """A VNF of an NS: its operational state, empty where it is not told, and the digest of its configuration."""

    id: str
    state: str
    configuration: str


@dataclass(frozen=True, slots=True)
class NsInstance:
    """An NS instance: ``description`` says whose it is, ``scale`` maps aspects to levels, or to steps at OSM."""

    id: str
    name: str
    description: str
    instantiated: bool
    scale: Mapping[str, str]
    vnfs: tuple[Vnf, ...]

    def plain(self) -> dict[str, Any]:
        """Return what people are shown of it."""
        return {
            "id": self.id,
            "state": "INSTANTIATED" if self.instantiated else "NOT_INSTANTIATED",
            "scale": dict(self.scale),
            "vnfs": {vnf.id: vnf.state for vnf in self.vnfs},
            "configuration": sorted({vnf.configuration for vnf in self.vnfs}),
        }


@dataclass(frozen=True, slots=True)
class Operation:
    """An occurrence of a lifecycle operation: ``error`` is what the MANO says of its failure."""

    id: str
    ns: str
    type: str
    state: str
    error: str


def description(sc: str, flavour: str) -> str:
    """Return the description that tells our NS instances from others'."""
    return f"{OWNER} sc={sc} flavour={flavour}"


def owned_by(ns: NsInstance) -> str:
    """Return the SC that an NS instance of ours is; empty where it is not ours."""
    owner, *labels = ns.description.split(" ")
    found = [label.removeprefix("sc=") for label in labels if label.startswith("sc=")]
    return found[0] if owner == OWNER and len(found) == 1 else ""


def bare(data: Any) -> Any:
    """Return data without the contents of configuration files, wherever a MANO repeats them."""
    if isinstance(data, Mapping):
        return {key: HIDDEN if key == FILES else bare(value) for key, value in data.items()}
    return [bare(item) for item in data] if isinstance(data, list) else data


def read_ns(data: Any, subject: str) -> NsInstance:
    """Return an NS instance.

    Raises:
        PlatformError: a field that is needed is missing or malformed.
    """
    entry = _mapping(data, subject)
    ours = "nsInstanceName" not in entry and "_id" in entry
    return _read_osm(entry, subject) if ours else _read_etsi(entry, subject)


def read_operation(data: Any, subject: str) -> Operation:
    """Return an operation occurrence.

    Raises:
        PlatformError: a field that is needed is missing or malformed, or its state is unknown.
    """
    entry = _mapping(data, subject)
    state = _text(entry, "operationState", subject)
    if state not in RUNNING | OVER:
        raise PlatformError(subject, f"names the unknown operation state {printable(state, 80)!r}.")
    error = entry.get("error")
    said = error.get("detail") or error.get("title") if isinstance(error, Mapping) else None
    return Operation(
        id=identifier(entry.get("id"), subject),
        ns=identifier(entry.get("nsInstanceId"), subject),
        type=_text(entry, "lcmOperationType", subject).upper(),
        state=state,
        error=printable(said or entry.get("detailed-status") or entry.get("errorMessage") or "", 500),
    )


def _read_etsi(entry: Mapping[str, Any], subject: str) -> NsInstance:
    state = _text(entry, "nsState", subject)
    if state not in {"INSTANTIATED", "NOT_INSTANTIATED"}:
        raise PlatformError(subject, f"names the unknown state {printable(state, 80)!r}.")
    return NsInstance(
        id=identifier(entry.get("id"), subject),
        name=_text(entry, "nsInstanceName", subject),
        description=_text(entry, "nsInstanceDescription", subject),
        instantiated=state == "INSTANTIATED",
        scale={
            _text(item, "nsScalingAspectId", subject): _text(item, "nsScaleLevelId", subject)
            for item in _mappings(entry.get("nsScaleStatus"), subject)
        },
        vnfs=tuple(_vnf(item, subject) for item in _mappings(entry.get("vnfInstance"), subject)),
    )


def _vnf(entry: Mapping[str, Any], subject: str) -> Vnf:
    info, properties = entry.get("instantiatedVnfInfo"), entry.get("vnfConfigurableProperties")
    state = info.get("vnfState") if isinstance(info, Mapping) else None
    digest = properties.get(CONFIGURATION) if isinstance(properties, Mapping) else None
    return Vnf(identifier(entry.get("id"), subject), printable(state or "", 40), printable(digest or "", 64))


def _read_osm(entry: Mapping[str, Any], subject: str) -> NsInstance:
    admin = _mapping(entry.get("_admin") or {}, subject)
    refs = entry.get("constituent-vnfr-ref") or []
    if not isinstance(refs, list) or len(refs) > _ITEMS:
        raise PlatformError(subject, "names its VNFs in what is no list, or too long.")
    return NsInstance(
        id=identifier(entry.get("_id"), subject),
        name=_text(entry, "name", subject),
        description=printable(entry.get("description") or "", 1024),
        # OSM has an NS in other states while it works on it, too: they are an operation's, which is waited for.
        instantiated=admin.get("nsState") == "INSTANTIATED",
        scale={
            _text(item, "name", subject): str(_number(item.get("nb-scale-op", 0), subject))
            for item in _mappings(admin.get("scaling-group"), subject)
        },
        vnfs=tuple(Vnf(identifier(ref, subject), "", "") for ref in refs),
    )


def _mapping(data: Any, subject: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise PlatformError(subject, "was answered with what is no object.")
    return data


def _mappings(data: Any, subject: str) -> list[Mapping[str, Any]]:
    if data is None:
        return []
    if not isinstance(data, list) or len(data) > _ITEMS:
        raise PlatformError(subject, f"was answered with what is no list of at most {_ITEMS} objects.")
    return [_mapping(item, subject) for item in data]


def _text(entry: Mapping[str, Any], key: str, subject: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or len(value) > 1024:
        raise PlatformError(subject, f"was answered without a sound {key}.", "check the platform's version.")
    return printable(value, 1024)


def _number(value: Any, subject: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 10_000:
        raise PlatformError(subject, "was answered with an unsound number.")
    return value


__all__ = [
    "CONFIGURATION",
    "FILES",
    "OVER",
    "RUNNING",
    "NsInstance",
    "Operation",
    "Vnf",
    "bare",
    "description",
    "owned_by",
    "read_ns",
    "read_operation",
]
