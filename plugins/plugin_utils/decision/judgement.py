# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tables say of one subject, with the reasons; and what a node's silence says: nothing.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Incident,
    Instance,
    Node,
    NodeResult,
    Situation,
    Verdict,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Subject
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Rule
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    HOST_LAYERS,
    LABEL,
    NOT_APPLICABLE,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_WHY_NOT: Final = 200
"""Rules of a table whose silence a decision explains."""


@dataclass(frozen=True, slots=True)
class Case:
    """A subject that needs a decision, and what is known of it.

    Attributes:
        subject: what it is about.
        verdict: its layer's result.
        result: its node's.
        instance: the live generation, for an SC.
        incident: the incident that is open or held for it.
    """

    subject: Subject
    verdict: Verdict
    result: NodeResult
    instance: Instance | None
    incident: Incident | None

    @property
    def attempt(self) -> int:
        """Actions taken so far."""
        return self.incident.attempt if self.incident else 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a table decided.

    Attributes:
        rule: the rule that fired.
        verb: its verb.
        record: the decision as the plan tells it.
    """

    rule: Rule
    verb: str
    record: dict[str, Any]


def judge(case: Case, compiled: CompiledTable | None, situation: Situation) -> Judgement:
    """Return what the table of a case's layer decides.

    Raises:
        RuleError: no table decides the layer, an input is outside the table's domain, or no rule matches.
    """
    if compiled is None:
        raise RuleError(f"layer {case.subject.layer}", "no decision table decides it.", "add a table for this layer.")
    offered = subject_inputs(case, situation)
    labels = situation.nodes.get(case.subject.node, Node()).labels
    inputs: dict[str, str | int] = {
        item.name: labels.get(item.name.removeprefix(LABEL), NOT_APPLICABLE)
        if item.name.startswith(LABEL)
        else offered[item.name]
        for item in compiled.table.inputs
    }
    outcome = compiled.evaluate(inputs)
    if outcome.rule is None:
        raise RuleError(f"table {compiled.table.name}", f"no rule matches {inputs}.")
    verb = str(outcome.rule.then[0])
    why_not = dict(islice(compiled.why_not(inputs, outcome.fired).items(), MAX_WHY_NOT))
    record = make_record(case.subject, inputs, verb, compiled.table.name, outcome.fired, why_not)
    return Judgement(outcome.rule, verb, record)


def subject_inputs(case: Case, situation: Situation) -> dict[str, str | int]:
    """Return the value of every input that a table may declare, but for labels."""
    instance, node = case.instance, case.subject.node
    capability = situation.catalogue.get(instance.sc) if instance else None
    return {
        "layer": str(case.subject.layer),
        "tier": str(case.verdict.tier),
        "host_tier": str(case.result.host_tier),
        "claim": case.verdict.claim,
        "finding": case.verdict.finding,
        "sc": instance.sc if instance else NOT_APPLICABLE,
        "flavour": instance.flavour if instance else NOT_APPLICABLE,
        "criticality": capability.criticality if capability else NOT_APPLICABLE,
        "attempt": case.attempt,
        "recurrence": recurrence(case),
        "maintenance": situation.in_maintenance(node),
    }


def recurrence(case: Case) -> str:
    """Return whether what is found fault with was acted against before: on this node, or on another one.

    A fresh container of a pinned image has nothing of the old one. What comes back in it came from beside it.
    """
    before = case.incident.faults if case.incident else ()
    where = {fault.node for fault in before if fault.digests & case.verdict.digests}
    if not where:
        return "new"
    return "returned" if case.subject.node in where else "moved"


def make_record(
    subject: Subject,
    inputs: Mapping[str, Any],
    verb: str,
    table: str | None,
    fired: tuple[str, ...],
    why_not: Mapping[str, str],
) -> dict[str, Any]:
    """Return a decision as the plan tells it; ``reason`` and ``message`` say later what bounded it, if anything."""
    return {
        "subject": subject.plain(),
        "inputs": dict(inputs),
        "verb": verb,
        "table": table,
        "fired": list(fired),
        "why_not": dict(why_not),
        "reason": None,
        "message": "",
    }


def host_layers_above(layer: str | None) -> tuple[str, ...]:
    """Return the host layers with authority over a layer."""
    return HOST_LAYERS[: HOST_LAYERS.index(layer)] if layer in HOST_LAYERS else HOST_LAYERS


def is_stale(result: NodeResult, incident: Incident) -> bool:
    """Return whether a result may be from before the incident's last action; one of the same instant may be."""
    if result.issued_at is None or incident.last_action_at is None:
        return False
    return result.issued_at <= incident.last_action_at


def is_older(result: NodeResult, incident: Incident) -> bool:
    """Return whether a result cannot tell how an incident ended: it is from before it was detected, or acted on."""
    detected_later = result.issued_at is not None and result.issued_at <= incident.opened_at
    return detected_later or is_stale(result, incident)


def storm_digests(situation: Situation, threshold: int) -> frozenset[str]:
    """Return the digests found fault with on so many nodes that a common cause is likelier than an attack."""
    attested = [result for result in situation.results.values() if result.state == "attested"]
    seen: Counter[str] = Counter(situation.elsewhere.digests)
    for result in attested:
        seen.update(result.faulty_digests)
    total = len(attested) + situation.elsewhere.attested
    return frozenset(digest for digest, nodes in seen.items() if nodes >= threshold and nodes * 2 > total)


__all__ = [
    "Case",
    "Judgement",
    "host_layers_above",
    "is_older",
    "is_stale",
    "judge",
    "make_record",
    "recurrence",
    "storm_digests",
    "subject_inputs",
]
