# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance is made of where it runs, and how much of it another place and another flavour would share.

An attack that worked once works again on the same kernel, the same library, the same program. A component is a text
``kind=value``; what is shared is told by its kind, and by its value where the kind is ``component``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Incident,
    Instance,
    Node,
    Situation,
    Tried,
)

_KINDS: Final[Mapping[str, re.Pattern[str]]] = {
    "kernel": re.compile(r"linux(-image)?-[0-9].*"),
    "libc": re.compile(r"(glibc|musl|uclibc|libc6)-.*"),
}


@dataclass(frozen=True, slots=True)
class Failed:
    """What failed: components, the nodes where, and which flavours of which SCs."""

    components: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    flavours: frozenset[tuple[str, str]] = frozenset()


NOTHING: Final = Failed()


def failed_instance(instance: Instance, incident: Incident | None, situation: Situation) -> Failed:
    """Return what failed with an instance, now and in the earlier attempts of its incident."""
    tried = {Tried(instance.sc, instance.flavour, instance.node), *(incident.tried if incident else ())}
    nodes = frozenset(item.node for item in tried)
    made = [
        situation.catalogue[item.sc].flavours.get(item.flavour, frozenset())
        for item in tried
        if item.sc in situation.catalogue
    ]
    return Failed(
        frozenset().union(*made, *(_of_node(node, situation) for node in nodes)),
        nodes,
        frozenset((item.sc, item.flavour) for item in tried),
    )


def failed_node(node: str, situation: Situation) -> Failed:
    """Return what failed with a node: what runs on it did not."""
    return Failed(_of_node(node, situation), frozenset({node}))


def of_flavour(plain: Mapping[str, Any]) -> frozenset[str]:
    """Return the components that a flavour of the catalogue names, in plain data.

    Its ``components`` may have a kind already (``libc=sha256:…``); others get theirs by their names.
    """
    named = {kind: plain[key] for key, kind in _NAMED.items() if isinstance(plain.get(key), str)}
    more = [str(item) for item in plain.get("components") or ()]
    return frozenset(f"{kind}={value}" for kind, value in named.items()) | {_kinded(item) for item in more}


_NAMED: Final = {"driver": "driver", "archive": "image", "implementation": "implementation"}


def labels(components: Iterable[str]) -> frozenset[str]:
    """Return what components are called where people read of them."""
    parts = (component.partition("=") for component in components)
    return frozenset(value if kind == "component" else kind for kind, _equals, value in parts)


def _kinded(name: str) -> str:
    if "=" in name:
        return name
    kind = next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(name)), "component")
    return f"{kind}={name}"


def _of_node(node: str, situation: Situation) -> frozenset[str]:
    return situation.nodes.get(node, Node()).components


__all__ = ["NOTHING", "Failed", "failed_instance", "failed_node", "labels", "of_flavour"]
