# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which incidents of a plan this controller takes up: opened, leased, and with an attempt that begins or goes on.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.controllers import is_gone
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.resume import remaining
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    approvals,
    attempts,
    identities,
    incidents,
    ledger,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident

_NO_ATTEMPT = ("hold", "ask", "release", "uncordon")
"""First steps of plans that take nothing away, and so count as no attempt."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that a controller may do: of which incident, whether of an attempt, and whether that ends with it."""

    step: Mapping[str, Any]
    incident: int
    counted: bool
    last: bool


def take_up(
    connection: Connection, owner: str, decided: Mapping[str, Any], results: Mapping[str, Attestation], now: float
) -> list[Taken]:
    """Return the steps that this controller may do.

    Of an incident whose attempt was broken off these are the steps that are left of it. What another controller has is
    added to what the plan defers.

    Args:
        connection: an open transaction.
        owner: name of the controller.
        decided: the plan.
        results: node → the result that the plan rests on.
        now: seconds since the epoch.
    """
    by_subject: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for step in decided["steps"]:
        if step["verb"] != "observe":
            by_subject.setdefault(subject_key(step), []).append(step)
    taken: list[Taken] = []
    for key, steps in by_subject.items():
        incident = _incident_of(connection, key, steps[0], results, now)
        if not incidents.lease(connection, incident.id, owner, now, is_gone):
            decided["deferred"].append(_leased(incident, steps[0]))
            continue
        if steps[0]["action"] == "ask":
            _ask(connection, incident, steps[0], decided["waiting"], now)
        counted = steps[0]["action"] not in _NO_ATTEMPT
        left = _begin(connection, incident, steps, results, now) if counted else [*steps]
        taken += [Taken(step, incident.id, counted, step is left[-1]) for step in left]
    return taken


def _incident_of(
    connection: Connection,
    key: tuple[str, str],
    first: Mapping[str, Any],
    results: Mapping[str, Attestation],
    now: float,
) -> Incident:
    """Return the incident of a subject, opened where it is new."""
    node, layer = key
    result, known = results.get(node), first["incident"]["id"]
    if known is not None:
        return incidents.find(connection, int(known))
    return incidents.open_incident(connection, node, layer, _finding(result, layer), result.at if result else now)


def _leased(incident: Incident, step: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of a plan that tells which other controller has an incident."""
    return {
        "incident": {**step["incident"], "id": incident.id},
        "reason": "leased",
        "message": f"The controller {incident.lease_owner} is acting on it.",
        "verb": step["verb"],
        "rule": step["rule"],
        "until": incident.lease_until,
    }


def _begin(
    connection: Connection,
    incident: Incident,
    steps: Sequence[Mapping[str, Any]],
    results: Mapping[str, Attestation],
    now: float,
) -> list[Mapping[str, Any]]:
    """Return the steps of a new attempt, or those that are left of the one that was broken off."""
    broken_off = attempts.unfinished(connection, incident.id)
    if broken_off is not None and broken_off.resumed >= attempts.MAX_RESUMED:
        attempts.end(connection, incident.id, "failed", now)
    elif broken_off is not None:
        attempts.resume(connection, broken_off)
        nodes = identities.every(connection, {str(step["node"]) for step in steps})
        left = remaining(steps, broken_off, {name: record.reset_count for name, record in nodes.items()})
        ledger.append(
            connection, now, "incident", f"{incident.node}/{incident.layer}", {"id": incident.id, "resumed": len(left)}
        )
        return left
    counted = incidents.begin_attempt(connection, incident.id, now)
    # Where the subject is now, not where the incident was opened: an instance may have moved.
    digests = _digests(results.get(subject_key(steps[0])[0]), incident.layer)
    attempts.begin(connection, incident.id, counted.attempt, steps[0], digests, now)
    return [*steps]


def _ask(
    connection: Connection,
    incident: Incident,
    step: Mapping[str, Any],
    waiting: Sequence[Mapping[str, Any]],
    now: float,
) -> None:
    asked = next(item for item in waiting if subject_key(item) == subject_key(step))
    approval = asked["approval"]
    whom = (int(approval["need"]), approval["of"])
    approvals.ask(connection, incident.id, approval["attempt"], (asked["rule"], asked["verb"]), whom, now)


def subject_key(step: Mapping[str, Any]) -> tuple[str, str]:
    """Return node and layer of what a step, or an entry of a plan, is about."""
    subject = step["incident"]
    layer = f"sc:{subject['instance']}" if subject["instance"] else str(subject["layer"] or "node")
    return str(subject["node"]), layer


def _finding(result: Attestation | None, layer: str) -> str:
    found = submod(result, layer).get("palantir.findings", ())
    return next((str(f["code"]) for f in found if f["tier"] == "contraindicated"), "")


def _digests(result: Attestation | None, layer: str) -> set[str]:
    """Return the digests that a layer was found fault with."""
    found = submod(result, layer).get("palantir.findings", ())
    return {str(f["digest"]) for f in found if f.get("digest") and f["tier"] in ("warning", "contraindicated")}


def submod(result: Attestation | None, layer: str) -> Mapping[str, Any]:
    """Return the appraisal of a layer in a result; empty where there is none."""
    return (result.ear or {}).get("submods", {}).get(layer, {}) if result else {}


__all__ = ["Taken", "subject_key", "submod", "take_up"]
