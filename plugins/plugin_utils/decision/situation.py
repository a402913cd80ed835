# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a decision rests on, as frozen types: attestation results, state, catalogue. :mod:`.reading` reads them.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier, worst_tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.approval import Request
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.limits import NO_LIMITS, Limits
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    NOT_APPLICABLE,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One layer's result: its tier, the claim and the finding that weigh most, and the digests found fault with."""

    tier: Tier
    claim: str = NOT_APPLICABLE
    finding: str = NOT_APPLICABLE
    digests: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NodeResult:
    """What attesting a node came to.

    Attributes:
        node: its name.
        state: one of :data:`.reading.NODE_STATES`.
        message: for people.
        issued_at: when the EAR's evidence was asked for, else its ``iat``, seconds since the epoch; None where unknown.
        host: layer → verdict, for every host layer where the node is attested.
        instances: SC instance → verdict.
        confirmed: whether the proof before it, over another fresh quote, said the same.
    """

    node: str
    state: str
    message: str = ""
    issued_at: float | None = None
    host: Mapping[str, Verdict] = field(default_factory=dict)
    instances: Mapping[str, Verdict] = field(default_factory=dict)
    confirmed: bool = False

    @property
    def host_tier(self) -> Tier:
        """The worst tier of the host's layers."""
        return worst_tier(verdict.tier for verdict in self.host.values())

    @property
    def affirms_host(self) -> bool:
        """Whether every layer of the host is affirming."""
        return self.state == "attested" and all(v.tier is Tier.AFFIRMING for v in self.host.values())

    @property
    def is_healthy(self) -> bool:
        """Whether it was attested, and no layer or instance is contraindicated."""
        return self.state == "attested" and not any(v.tier is Tier.CONTRAINDICATED for v in self._verdicts)

    @property
    def faulty_digests(self) -> frozenset[str]:
        """All digests that were found fault with."""
        return frozenset().union(*(verdict.digests for verdict in self._verdicts))

    @property
    def _verdicts(self) -> tuple[Verdict, ...]:
        return (*self.host.values(), *self.instances.values())


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What other runs saw lately on nodes that this plan is not about: numbers of nodes, and digest → on how many."""

    nodes: int = 0
    attested: int = 0
    unhealthy: int = 0
    digests: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Node:
    """A node's state beside its attestation.

    Attributes:
        cordoned: whether it is closed to new instances.
        labels: of the site.
        maintenance: whether its operators are at work on it.
        isolated: whether it is cut off.
        components: what it runs on, as :mod:`.diversity` compares it.
        cpu: cores; None where they are not known.
        memory: bytes; None where they are not known.
    """

    cordoned: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    maintenance: bool = False
    isolated: bool = False
    components: frozenset[str] = frozenset()
    cpu: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """A generation of an SC instance; ``state`` is ``live`` for one that runs, ``stopped`` for one that shall not."""

    instance: str
    sc: str
    flavour: str
    node: str
    state: str

    @property
    def is_deployed(self) -> bool:
        """Whether it is live, or was stopped by an operator."""
        return self.state in ("live", "stopped")


@dataclass(frozen=True, slots=True)
class Fault:
    """What an earlier action of an incident was taken against: where, and content with which digests."""

    node: str
    digests: frozenset[str]


@dataclass(frozen=True, slots=True)
class Tried:
    """A generation of an incident's instance that has ended since: as what, in which flavour, and where it ran."""

    sc: str
    flavour: str
    node: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An open or held incident; ``attempt`` counts the actions taken. Times in seconds since the epoch."""

    id: int | str
    node: str
    layer: str
    instance: str | None
    attempt: int
    state: str
    opened_at: float
    last_action_at: float | None
    faults: tuple[Fault, ...] = ()
    unfinished: bool = False
    tried: tuple[Tried, ...] = ()

    @property
    def begun(self) -> bool:
        """Whether anything was done about it: an action that was broken off counts, and is not among the attempts."""
        return self.attempt > 0 or self.unfinished


@dataclass(frozen=True, slots=True)
class Capability:
    """Of the catalogue's entry of an SC.

    Attributes:
        criticality: how much it matters.
        nodes: where it may run; None for anywhere.
        labels: what a node must have to run it.
        min_instances: how many sound ones remediation must leave alone.
        flavours: its flavours, the preferred one first, each with what it is made of (:mod:`.diversity`).
        max_instances: how many there may be; None for any number.
        equivalent: SCs that can stand in for it, the preferred one first.
        affinity: SCs of which an instance must run on the node.
        anti_affinity: SCs of which none may.
        ports: ports of the node that an instance takes: ``(port, protocol)``.
        cpu: cores that an instance may use; 0 where that is not bounded.
        memory: bytes that it may use; 0 where that is not bounded.
        withdrawn: whether no new instance of it may be made, as its package counts no more.
    """

    criticality: str
    nodes: frozenset[str] | None
    labels: Mapping[str, str]
    min_instances: int = 0
    flavours: Mapping[str, frozenset[str]] = field(default_factory=dict)
    max_instances: int | None = None
    equivalent: tuple[str, ...] = ()
    affinity: frozenset[str] = frozenset()
    anti_affinity: frozenset[str] = frozenset()
    ports: frozenset[tuple[int, str]] = frozenset()
    cpu: float = 0.0
    memory: int = 0
    withdrawn: bool = False

    def permits(self, name: str, node: Node) -> bool:
        """Return whether an instance may run on a node."""
        return (self.nodes is None or name in self.nodes) and self.labels.items() <= node.labels.items()


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a plan rests on. Mappings are by name.

    Attributes:
        now: the time of the plan.
        results: of attesting each node.
        nodes: their state beside that.
        instances: generations of SC instances.
        incidents: those that are open or held.
        catalogue: the SCs.
        requests: approvals that were asked for.
        actions: when actions began lately.
        stopped: why all remediation is stopped; None where it is not.
        limits: those of the site.
        elsewhere: what is known of its other nodes.
    """

    now: float
    results: Mapping[str, NodeResult]
    nodes: Mapping[str, Node]
    instances: tuple[Instance, ...]
    incidents: tuple[Incident, ...]
    catalogue: Mapping[str, Capability]
    requests: tuple[Request, ...] = ()
    actions: tuple[float, ...] = ()
    stopped: str | None = None
    limits: Limits = NO_LIMITS
    elsewhere: Elsewhere = Elsewhere()

    def in_maintenance(self, node: str) -> bool:
        """Return whether a node's operators are at work on it, or a maintenance window of it is open."""
        return self.nodes.get(node, Node()).maintenance or self.limits.in_maintenance(node, self.now)

    def live(self, node: str) -> list[Instance]:
        """Return the live instances of a node, by name."""
        return sorted((i for i in self.instances if i.node == node and i.state == "live"), key=lambda i: i.instance)

    def is_withdrawn(self, sc: str) -> bool:
        """Return whether no new instance of an SC may be made."""
        return sc in self.catalogue and self.catalogue[sc].withdrawn

    def whereabouts(self, instance: str) -> Instance | None:
        """Return the generation of an instance that is live, or was stopped by an operator."""
        return next((i for i in self.instances if i.instance == instance and i.is_deployed), None)


__all__ = [
    "Capability",
    "Elsewhere",
    "Fault",
    "Incident",
    "Instance",
    "Node",
    "NodeResult",
    "Situation",
    "Tried",
    "Verdict",
]
