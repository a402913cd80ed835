# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed from one entry of the ledger to the next, as events for programs that wait for changes.

An event becomes a variable of a playbook or a job, and there a template that is evaluated on the controller. So it
holds codes, numbers and names, and no text that a node could choose; a name has nothing that begins a template. The
texts are in the store, under the numbers that the event gives.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.store.ledger import LedgerEntry

Event = dict[str, Any]

KINDS: Final = ("attestation", "incident")
"""The kinds of entries of the ledger that events are made of."""
ABSENT: Final = "absent"
"""Stands for the tier of a layer, or the state of a node, of which there was no result."""
VOID: Final = "void"
"""Stands for the tier of a layer under a contraindicated one, whose own verdict counts for nothing."""
MAX_CODES: Final = 16
MAX_LAYERS: Final = 1024
NAME_LIMIT: Final = 255
UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
"""What reading raises where the store holds what no release writes."""
_PUNCTUATION: Final = frozenset("._:/@+-=~ ")
_OVER: Final = ("recovered", "closed")


@dataclass(frozen=True, slots=True)
class Known:
    """What was last told: node → state; node → layer → tier; incident → state, while it is not over."""

    states: dict[str, str] = field(default_factory=dict)
    tiers: dict[str, dict[str, str]] = field(default_factory=dict)
    incidents: dict[int, str] = field(default_factory=dict)

    def changes(self, entry: LedgerEntry) -> list[Event]:
        """Take an entry in, and return what it changed.

        Entries come in the ledger's order, each once. One that cannot be read is an event of its own, and changes
        nothing else.
        """
        make = {"attestation": self._attestation, "incident": self._incident}.get(entry.kind)
        if make is None:
            return []
        try:
            found = list(make(entry, json.loads(entry.body)))
        except UNREADABLE:
            found = [{"kind": "ledger", "node": "", "change": "unreadable"}]
        common = {"sequence": entry.sequence, "at": entry.at}
        return [{"id": f"{entry.sequence}.{at}", **common, **event} for at, event in enumerate(found)]

    def told(self, node: str, state: str, ear: Mapping[str, Any] | None) -> None:
        """Take in a result that is told already."""
        self.states[node] = state
        if ear:
            self.tiers[node] = {layer: tier_of(submod) for layer, submod in _layers(ear)}

    def _attestation(self, entry: LedgerEntry, body: Mapping[str, Any]) -> Iterator[Event]:
        node, state, number = entry.subject, str(body["state"]), int(body["id"])
        layers = dict(_layers(body["ear"])) if body["ear"] else {}
        # Read it whole before any of it counts as told.
        verdicts = [*self._verdicts(node, layers)] if layers else []
        past = self.states.get(node, ABSENT)
        self.told(node, state, body["ear"])
        common = {"node": name(node), "attestation": number}
        if state != past:
            yield {"kind": "state", **common, "state": name(state), "previous_state": name(past)}
        for verdict in verdicts:
            yield {"kind": "verdict", **common, **verdict}

    def _verdicts(self, node: str, layers: Mapping[str, Mapping[str, Any]]) -> Iterator[Event]:
        past = self.tiers.get(node, {})
        for layer, submod in layers.items():
            tier, before = tier_of(submod), past.get(layer, ABSENT)
            if tier != before:
                yield verdict(layer, before, tier) | {
                    "void_by": name(submod.get("palantir.void_by") or ""),
                    "findings": codes(submod),
                }
        for layer, before in past.items():
            if layer not in layers:
                yield verdict(layer, before, ABSENT) | {"void_by": "", "findings": []}

    def _incident(self, entry: LedgerEntry, body: Mapping[str, Any]) -> Iterator[Event]:
        number = int(body["id"])
        change = _change_of_incident(body, self.incidents.get(number, ""))
        if not change:
            return
        state = {"opened": "open", "reopened": "open", "contained": self.incidents.get(number, "open")}
        if change in _OVER:
            self.incidents.pop(number, None)
        else:
            self.incidents[number] = state.get(change, change)
        node, _slash, layer = entry.subject.rpartition("/")
        yield {
            "kind": "incident",
            "node": name(node),
            **_layer(layer),
            "incident": number,
            "change": change,
            "finding": name(body.get("opened") or ""),
        }


def replaced(sequence: int, at: float) -> Event:
    """Return the event that tells that the ledger, which ends here now, is not the one that was read before."""
    event = {"id": f"{sequence}.replaced", "sequence": sequence, "at": at}
    return {**event, "kind": "ledger", "node": "", "change": "replaced"}


def verdict(layer: str, before: str, tier: str) -> Event:
    """Return the part of an event that tells how a layer's verdict changed."""
    return {
        **_layer(layer),
        "tier": tier,
        "previous_tier": before,
        "lost": tier == Tier.CONTRAINDICATED,
        "restored": tier == Tier.AFFIRMING and before != ABSENT,
    }


def tier_of(submod: Mapping[str, Any]) -> str:
    """Return a layer's tier, or :data:`VOID`."""
    return VOID if submod.get("palantir.void_by") else str(Tier(submod["ear_status"]))


def codes(submod: Mapping[str, Any]) -> list[str]:
    """Return the codes of the findings that weigh as much as the layer's tier, each once, at most :data:`MAX_CODES`."""
    found = submod.get("palantir.findings", ())
    grave = dict.fromkeys(name(f["code"]) for f in found if f["tier"] == submod["ear_status"])
    return [*grave][:MAX_CODES]


def name(value: object) -> str:
    """Return a name as text that is short and no template: letters, digits, a few marks, and ``?`` for all else.

    Not only braces are left out: to Ansible, a text that begins with ``#jinja2:`` brings delimiters of its own.
    """
    return "".join(c if c.isalnum() or c in _PUNCTUATION else "?" for c in printable(value, NAME_LIMIT))


def _layers(ear: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    return [*ear["submods"].items()][:MAX_LAYERS]


def _layer(layer: str) -> dict[str, str]:
    plain = name(layer)
    return {"layer": plain, "instance": plain.removeprefix("sc:") if plain.startswith("sc:") else ""}


def _change_of_incident(body: Mapping[str, Any], past: str) -> str:
    """Return what an entry says of an incident; empty where it is no change that is told of."""
    if "opened" in body:
        return "opened"
    state = body.get("state")
    if state is None:
        return "contained" if body.get("contained_at") is not None else ""
    if state == past:
        return ""
    return {"open": "reopened", "held": "held", "recovered": "recovered", "closed": "closed"}[state]


__all__ = ["ABSENT", "KINDS", "UNREADABLE", "VOID", "Event", "Known", "codes", "name", "replaced", "tier_of", "verdict"]
