# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cycles write into a store, without the nodes: results, incidents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.events.changes import VOID
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, incidents
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

NOW = 1795400000.0


def finding(code: str, tier: str = "contraindicated", message: str = "") -> dict[str, Any]:
    return {"code": code, "tier": tier, "message": message, "path": message, "digest": None}


def ear(tiers: Mapping[str, str], *findings: dict[str, Any]) -> dict[str, Any]:
    """Return an EAR with these tiers; all its findings are in every layer."""
    submods = {}
    for layer, tier in tiers.items():
        void = tier == VOID
        submods[layer] = {
            "ear_status": "contraindicated" if void else tier,
            "palantir.void_by": "os" if void else None,
            "palantir.findings": list(findings),
        }
    return {"submods": submods}


def attest(store: Store, node: str, tiers: Mapping[str, str] | None, *findings: dict[str, Any], at: float = NOW) -> int:
    """Record a result; without tiers the node was unreachable."""
    with store.transaction() as connection:
        if tiers is None:
            return attestations.record(connection, node, at, "unreachable", f"{node}: {{{{ 7 * 7 }}}}")
        return attestations.record(connection, node, at, "attested", ear=ear(tiers, *findings))


def open_incident(store: Store, node: str, layer: str, at: float = NOW) -> int:
    with store.transaction() as connection:
        return incidents.open_incident(connection, node, layer, "unknown_executable", at).id


def hold(store: Store, number: int, at: float = NOW) -> None:
    with store.transaction() as connection:
        incidents.hold(connection, number, at, "{{ lookup('pipe', 'id') }}")


def contain(store: Store, number: int, at: float = NOW) -> None:
    with store.transaction() as connection:
        incidents.contained(connection, number, at)


def recover(store: Store, number: int, at: float = NOW) -> None:
    with store.transaction() as connection:
        incidents.recovered(connection, number, at)
