# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SC of the catalogue as a decision needs it, read from the plain form of its descriptor.

Every key may be left out: what decides alone by criticality and flavours needs no whole descriptor.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.words import PLATFORMS
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.diversity import of_flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Capability
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import NOT_APPLICABLE, nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError

PLACEMENT: Final = ("nodes", "labels", "affinity", "anti_affinity")
_PROTOCOLS: Final = {"dns": "udp", "http": "tcp", "tcp": "tcp"}


def read_capability(name: Any, item: Any) -> Capability:
    """Return what a decision needs of a catalogue's entry.

    Raises:
        CatalogueError: a part is of the wrong form; the message names it.
    """
    subject = f"SC {printable(str(name), 80)}"
    plain = _mapping(item, subject)
    placement = _placement(plain.get("placement") or {}, f"{subject}, placement")
    instances = _mapping(plain.get("instances") or {"min": plain.get("min_instances")}, f"{subject}, instances")
    resources = _mapping(plain.get("resources") or {}, f"{subject}, resources")
    return Capability(
        criticality=str(plain.get("criticality") or NOT_APPLICABLE),
        nodes=frozenset(map(str, placement["nodes"])) if placement.get("nodes") else None,
        labels={str(key): str(value) for key, value in (placement.get("labels") or {}).items()},
        min_instances=int(_number(instances.get("min"), f"{subject}, instances, min")),
        flavours={
            str(flavour["name"]): of_flavour(flavour)
            for flavour in (_mapping(part, f"{subject}, flavours") for part in _list(plain, "flavours", subject))
            # No place of a plan is on a platform: nobody attests what runs there, and a repair ends with proof.
            if "name" in flavour and flavour.get("driver") not in PLATFORMS
        },
        max_instances=int(_number(instances["max"], f"{subject}, instances, max")) if instances.get("max") else None,
        equivalent=tuple(map(str, _list(plain, "equivalent", subject))),
        affinity=frozenset(map(str, _list(placement, "affinity", f"{subject}, placement"))),
        anti_affinity=frozenset(map(str, _list(placement, "anti_affinity", f"{subject}, placement"))),
        ports=_ports(plain, subject),
        cpu=float(_number(resources.get("cpu"), f"{subject}, resources, cpu", whole=False)),
        memory=int(_number(resources.get("memory"), f"{subject}, resources, memory")),
        withdrawn=bool(_mapping(plain.get("package") or {}, f"{subject}, package").get("withdrawn")),
    )


def _placement(plain: Any, subject: str) -> Mapping[str, Any]:
    if isinstance(plain, Sequence) and not isinstance(plain, str):
        plain = {"nodes": plain}
    if not isinstance(plain, Mapping):
        raise CatalogueError(subject, "must be a list of nodes, or a mapping of nodes and labels.")
    for key in plain:
        if key not in PLACEMENT:
            raise CatalogueError(
                subject, f"has the unknown key {printable(str(key), 40)!r}.", nearest(str(key), PLACEMENT)
            )
    nodes, labels = plain.get("nodes"), plain.get("labels") or {}
    if isinstance(nodes, str) or not isinstance(nodes or [], Sequence) or not isinstance(labels, Mapping):
        raise CatalogueError(subject, "needs a list of nodes and a mapping of labels.")
    return plain


def _ports(plain: Mapping[str, Any], subject: str) -> frozenset[tuple[int, str]]:
    """Return the ports of the node that an instance takes; that of its probe is one of them."""
    probe = _mapping(plain.get("probe") or {}, f"{subject}, probe")
    asked = [{"port": probe["port"], "protocol": _PROTOCOLS.get(str(probe.get("type")))}] if "port" in probe else []
    ports = [_mapping(part, f"{subject}, ports") for part in (*_list(plain, "ports", subject), *asked)]
    return frozenset(
        (int(_number(port.get("port"), f"{subject}, ports")), str(port.get("protocol") or "udp")) for port in ports
    )


def _mapping(value: Any, subject: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CatalogueError(subject, f"must be a mapping, not {type(value).__name__}.")
    return value


def _list(plain: Mapping[str, Any], key: str, subject: str) -> Sequence[Any]:
    value = plain.get(key) or []
    if not isinstance(value, (list, tuple)):
        raise CatalogueError(f"{subject}, {key}", f"must be a list, not {type(value).__name__}.")
    return value


def _number(value: Any, subject: str, *, whole: bool = True) -> float:
    accepted = int if whole else (int, float)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, accepted) or not 0 <= value < 1 << 62:
        raise CatalogueError(subject, f"must be a number from 0, not {printable(repr(value), 40)}.")
    return value


__all__ = ["PLACEMENT", "read_capability"]
