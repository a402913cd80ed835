# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the store knows of an instance on a node, and what it is told when a verb is carried out.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import HOST_LAYERS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.node_part import digests
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, incidents, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord


@dataclass(frozen=True, slots=True)
class Here:
    """The generations of an instance on one node that are not retired, each oldest first.

    Attributes:
        deployed: live, or stopped by an operator.
        allocated: begun beside them and not promoted yet, or broken off.
        boot: how often the node's TPM had been reset, by its last proven quote.
    """

    deployed: tuple[InstanceRecord, ...]
    allocated: tuple[InstanceRecord, ...]
    boot: int

    @property
    def all(self) -> tuple[InstanceRecord, ...]:
        """All of them."""
        return (*self.deployed, *self.allocated)

    @property
    def serving(self) -> InstanceRecord | None:
        """The newest that is live or stopped."""
        return self.deployed[-1] if self.deployed else None


def here(store: Store, node: str, instance: str) -> Here:
    """Return what the store knows of an instance on a node."""
    with store.transaction() as connection:
        known = identities.find(connection, node)
        found = [r for r in instances.of_node(connection, node) if r.instance == instance]
    return Here(
        tuple(record for record in found if record.state in ("live", "stopped")),
        tuple(record for record in found if record.state == "allocated"),
        known.reset_count if known else 0,
    )


def allocate(store: Store, node: str, instance: str, sc: Mapping[str, Any], now: float) -> InstanceRecord:
    """Register the next generation of an instance.

    Raises:
        StoreError: the node is not enrolled, or has no range left.
    """
    with store.transaction() as connection:
        known = identities.find(connection, node)
        if known is None:
            raise StoreError(f"node {node}", "is not enrolled.", "run palantir.trust.enrol for it first.")
        return instances.allocate(
            connection,
            instance=instance,
            sc=sc["sc"],
            flavour=sc["flavour"],
            node=node,
            files=digests(sc),
            reset_count=known.reset_count,
            at=now,
        )


def begun(store: Store, node: str, instance: str, generation: int) -> InstanceRecord | None:
    """Return a generation of an instance on a node, also one that is retired; None where there was none."""
    with store.transaction() as connection:
        found = instances.of_node(connection, node)
    return next((r for r in found if (r.instance, r.generation) == (instance, generation)), None)


def serve(
    store: Store, record: InstanceRecord, now: float, container: str | None, *, alone: bool = False
) -> dict[str, Any]:
    """Note that a generation serves; with ``alone``, that all older ones of the instance on its node are given up.

    Which those are is seen in the same transaction: others may have begun some meanwhile. A newer one is left to who
    began it, as it may not have been started yet.

    Returns:
        The generation's plain form.

    Raises:
        StoreError: it was given up meanwhile.
    """
    with store.transaction() as connection:
        for other in instances.of_node(connection, record.node) if alone else ():
            older = other.instance == record.instance and other.generation < record.generation
            if older and other.state != "retired":
                instances.set_state(connection, other.id, "retired", now)
        instances.set_state(connection, record.id, "live", now, container)
    return {**record.plain(), "state": "live", "container": container}


def take_back(store: Store, record: InstanceRecord, now: float) -> None:
    """Note that a generation does not serve yet after all, unless it was given up meanwhile."""
    with store.transaction() as connection:
        if instances.state(connection, record.id) == "live":
            instances.set_state(connection, record.id, "allocated", now)


def retire(store: Store, records: Iterable[InstanceRecord], now: float) -> None:
    """Note that generations are given up."""
    with store.transaction() as connection:
        for record in records:
            instances.set_state(connection, record.id, "retired", now)


def speaks_against(store: Store, record: InstanceRecord) -> str:
    """Return what contraindicates a generation, itself or its host; empty where nothing does.

    That is its node's last result, or an open incident that this result does not refute: one that says that the layer
    is affirming, by evidence from after all that the incident knows of.
    """
    with store.transaction() as connection:
        last = attestations.last_attested(connection, record.node)
        known = [incident for incident in incidents.still_open(connection) if incident.node == record.node]
    own, ear = f"sc:{record.instance}", (last.ear if last else None) or {}
    submods = ear.get("submods", {})
    tiers = {layer: submods.get(layer, {}).get("ear_status") for layer in HOST_LAYERS}
    tiers[own] = (submods.get(own, {}).get("palantir.generations") or {}).get(str(record.generation))
    for layer, tier in tiers.items():
        if tier == Tier.CONTRAINDICATED:
            return f"{layer} is contraindicated: {_gravest(submods[layer])}"
    for incident in known:
        refuted = tiers.get(incident.layer) == Tier.AFFIRMING
        refuted &= ear.get("palantir.challenged_at", 0) > max(incident.detected_at, incident.last_action_at or 0.0)
        # What was found before this generation was begun is what it replaced.
        concerned = incident.layer in HOST_LAYERS or incident.detected_at >= record.created_at
        if incident.layer in tiers and concerned and not refuted:
            return f"incident {incident.id} is {incident.state}: {incident.layer}: {printable(incident.finding, 200)}."
    return ""


def require_proof(store: Store, record: InstanceRecord, attestation: int) -> None:
    """Require that a result proves a generation by itself, on a host that proves its integrity.

    Args:
        store: where both are.
        record: the generation.
        attestation: id of the result.

    Raises:
        StoreError: it does not; the message says what it says instead.
    """
    what = f"{record.instance}, generation {record.generation}, on {record.node}"
    with store.transaction() as connection:
        result = attestations.find(connection, attestation)
    if result is None or result.node != record.node:
        raise StoreError(what, f"result {attestation} is not of this node.", "attest the node once it runs.")
    if result.ear is None:
        raise StoreError(what, f"proves nothing: {result.state}: {result.message}", "see docs/troubleshooting.md.")
    if result.ear.get("palantir.challenged_at", 0) <= record.created_at:
        raise StoreError(what, f"result {attestation} is from before it was begun.", "attest the node again.")
    layers = result.ear["submods"]
    for layer in HOST_LAYERS:
        status = layers.get(layer, {}).get("ear_status", str(Tier.NONE))
        if status != Tier.AFFIRMING:
            raise StoreError(what, f"its host's layer {layer} is {status}.", f"see result {attestation}.")
    own = layers.get(f"sc:{record.instance}", {})
    tier = (own.get("palantir.generations") or {}).get(str(record.generation), str(Tier.NONE))
    if tier != Tier.AFFIRMING:
        raise StoreError(what, f"is {tier}: {_gravest(own)}", f"see result {attestation}.")


def _gravest(submod: Mapping[str, Any]) -> str:
    found = submod.get("palantir.findings") or []
    worst = max(found, key=lambda f: Tier(f["tier"]).rank, default=None)
    return "nothing of it was measured." if worst is None else f"{worst['code']}: {printable(worst['message'], 500)}"


__all__ = ["Here", "allocate", "begun", "here", "require_proof", "retire", "serve", "speaks_against", "take_back"]
