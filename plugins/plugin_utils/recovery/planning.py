# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the newest results to a plan whose incidents are open, counted and leased in the store.

The decision itself is pure (:mod:`..decision.plan`); here it gets its inputs from the store, and what follows
from it is written back in the same transaction, so that two controllers never plan the same incident.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.components import with_image_components
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import Descriptor
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.plan import decide
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.reading import read_situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS, HOST_LAYERS
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery import elsewhere, holds
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.size import bounded
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.taking import Taken, subject_key, submod, take_up
from ansible_collections.palantir.trust.plugins.plugin_utils.report.outcome import incident_counts, verdict_counts
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    approvals,
    attempts,
    attestations,
    identities,
    incidents,
    instances,
    ledger,
    runs,
    switch,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attempts import Attempt
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.store.identities import NodeRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.store.runs import Run

_LOOK_BACK = 31 * 86_400.0
"""How long ago an action may have begun that still counts for a limit, in seconds."""
_FRESH = 60.0
"""How old a proof may be that confirms the one before it, in seconds."""
NO_RESULT = {"state": "unreachable", "message": "no result in this cycle", "ear": None}


@dataclass(frozen=True)
class Site:
    """What a site brings to a decision.

    ``tables`` maps file names to texts; ``owner`` names the controller that leases incidents; ``limits`` is as
    :mod:`..decision.limits` reads it; ``labels`` and ``maintenance`` are by node; ``reference_values`` is the directory
    of the Reference Values, where what images are made of shall count.
    """

    nodes: Sequence[str]
    tables: Mapping[str, str]
    catalogue: Mapping[str, Descriptor]
    owner: str
    limits: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    maintenance: Mapping[str, bool] = field(default_factory=dict)
    reference_values: Path | None = None


@dataclass(frozen=True)
class _Findings:
    """What the store says when a plan is made."""

    results: Mapping[str, Attestation]
    living: Mapping[str, InstanceRecord]
    runs: Mapping[str, Run]


def plan(connection: Connection, site: Site, since: float, now: float, *, act: bool = True) -> dict[str, Any]:
    """Decide on the results since a time, and open, count, lease and close incidents accordingly.

    Without ``act`` nothing is opened, counted or leased, and no step is given: the plan only says how things stand.

    Returns:
        The plan of :func:`..decision.plan.decide`, its steps completed with ``incident_id``, ``counted`` (whether the
        step is of an attempt), ``last`` (of its incident), ``generation`` (the live record of the step's instance) and
        ``layers`` (those that a step's attestation must prove); with ``since`` of what is held, deferred, waiting or
        void; and with ``unresolved``, a line for each subject that is not over, ``verdicts``
        (:func:`..report.outcome.verdict_counts`) and ``incidents`` (:func:`..report.outcome.incident_counts`).

    Raises:
        RuleError: a decision table cannot be read or is refused.
        StoreError: the store fails.
    """
    found = _found(connection, site, since)
    wanted = decide(
        _results(connection, site, found, now),
        site.tables,
        {name: descriptor.plain() for name, descriptor in _catalogue(site, found).items()},
        _state(connection, site, found, now),
        available_verbs=AVAILABLE_VERBS,
        limits=site.limits,
    )
    decided = bounded(wanted)
    for item in decided["recovered"]:
        number = int(item["incident"]["id"])
        incidents.recovered(connection, number, _proved_at(item, found, now))
        attempts.end(connection, number, "recovered", now)
    for item in decided["closed"]:
        incidents.close(connection, int(item["incident"]["id"]), now, item["message"])
    taken = take_up(connection, site.owner, decided, found.results, now) if act else []
    decided["steps"] = [_complete(item, found) for item in taken]
    holds.note_since(connection, decided, now)
    ledger.append(connection, now, "decision", "plan", decided)
    if not decided["steps"]:
        incidents.release(connection, site.owner)
    still_open = incidents.still_open(connection)
    return {
        **decided,
        "unresolved": _unresolved(still_open, decided, found.results) + _withdrawn(site, found),
        "verdicts": verdict_counts(_told(node, found.results.get(node)) for node in site.nodes),
        "incidents": incident_counts(still_open),
    }


def _told(node: str, result: Attestation | None) -> dict[str, Any]:
    return {"node": node, "state": result.state if result else "no_result", "ear": result.ear if result else None}


def situation(connection: Connection, site: Site, since: float, now: float) -> Situation:
    """Return how things stand by the results since a time; nothing is decided, and nothing written.

    Raises:
        StoreError: the store fails.
        TrustError: what is known cannot be read.
    """
    found = _found(connection, site, since)
    catalogue = {name: descriptor.plain() for name, descriptor in site.catalogue.items()}
    results = _results(connection, site, found, now)
    return read_situation(results, catalogue, _state(connection, site, found, now), site.limits)


def _found(connection: Connection, site: Site, since: float) -> _Findings:
    results = attestations.latest(connection, site.nodes, since)
    living = {record.instance: record for record in instances.standing(connection)}
    return _Findings(results, living, runs.newest(connection, results.keys()))


def _results(connection: Connection, site: Site, found: _Findings, now: float) -> dict[str, Any]:
    rebooting = _rebooting(connection, now)
    return {
        node: _result(found.results.get(node), rebooting.get(node)) | {"confirmed": _is_confirmed(found, node, now)}
        for node in site.nodes
    }


def _is_confirmed(found: _Findings, node: str, now: float) -> bool:
    """Tell whether the newest result says what the one before it said, over a quote of its own, and just now."""
    run = found.runs.get(node)
    return run is not None and run.rounds > 1 and 0 <= now - run.last_at <= _FRESH


def _catalogue(site: Site, found: _Findings) -> Mapping[str, Descriptor]:
    """Return the catalogue; where something may have to go elsewhere, with what its images are made of.

    That takes a while, and matters where there is distrust alone.
    """
    if site.reference_values is None or not _is_distrusted(found):
        return site.catalogue
    live = {record.sc for record in found.living.values()}
    concerned = live | {other for name in live & site.catalogue.keys() for other in site.catalogue[name].equivalent}
    return {
        name: with_image_components(descriptor, site.reference_values) if name in concerned else descriptor
        for name, descriptor in site.catalogue.items()
    }


def _is_distrusted(found: _Findings) -> bool:
    return any(
        layer.get("ear_status") == "contraindicated"
        for result in found.results.values()
        for layer in (result.ear or {}).get("submods", {}).values()
    )


def _unresolved(
    still_open: Sequence[Incident], decided: Mapping[str, Any], results: Mapping[str, Attestation]
) -> list[str]:
    """Return, for people, what is not over.

    Open incidents; what is held or deferred before it became one; and nodes that answered but proved nothing, which
    is how a node under an intruder's hand would keep quiet. A node that is merely off is not among them.
    """
    lines = [f"{i.node} {i.layer}: incident {i.id} is {i.state}, attempt {i.attempt}" for i in still_open]
    for item in (*decided["held"], *decided["waiting"], *decided["deferred"]):
        subject = item["incident"]
        if subject["id"] is None:
            lines.append(f"{subject['node']} {subject['instance'] or subject['layer']}: {item['message']}")
    for node, result in sorted(results.items()):
        if result.state not in ("attested", "unreachable"):
            lines.append(f"{node}: {result.state}: {result.message.removeprefix(f'{node}: ')}")
    return lines


def _withdrawn(site: Site, found: _Findings) -> list[str]:
    """Return, for people, the instances of packages that count no more. Nothing is done to them by itself."""
    lines = []
    for record in sorted(found.living.values(), key=lambda record: record.instance):
        package = site.catalogue[record.sc].package if record.sc in site.catalogue else None
        if package is not None and package.withdrawn:
            lines.append(
                f"{record.node} {record.instance}: is deployed, and the package of {record.sc} is withdrawn: "
                f"{package.withdrawn}"
            )
    return lines


def _result(result: Attestation | None, rebooting: float | None) -> dict[str, Any]:
    if rebooting is not None and (result is None or result.state == "unreachable"):
        return {"state": "rebooting", "message": f"its reboot was asked for {rebooting:.0f} s ago", "ear": None}
    return dict(NO_RESULT) if result is None else {"state": result.state, "message": result.message, "ear": result.ear}


def _rebooting(connection: Connection, now: float) -> dict[str, float]:
    """Return the nodes whose incident's newest step is a reboot that was begun and has not ended, and since how long.

    Whoever began it may have been killed since. After the time of a lease the node is merely unreachable.
    """
    since: dict[str, float] = {}
    for incident in incidents.still_open(connection):
        at, body = ledger.newest(connection, "action", f"incident {incident.id}") or (0.0, {})
        step = body.get("step") or {}
        if body.get("outcome") == "started" and step.get("action") == "reboot" and now - at <= incidents.LEASE:
            since[str(step.get("node"))] = now - at
    return since


def _state(connection: Connection, site: Site, found: _Findings, now: float) -> dict[str, Any]:
    known = identities.every(connection, site.nodes)
    still_open = incidents.still_open(connection)
    numbers = [incident.id for incident in still_open]
    tried = attempts.of_incidents(connection, numbers)
    return {
        "now": now,
        "nodes": {
            name: {
                "cordoned": record.cordoned,
                "isolated": record.isolated,
                "labels": site.labels.get(name, {}),
                "maintenance": site.maintenance.get(name, False),
                **_abilities(record, found.results.get(name)),
            }
            for name, record in known.items()
        },
        # A start that was broken off ends nothing: the instance should run there, and counts until it is terminated.
        "instances": [
            record.plain() | {"state": "stopped" if record.state == "stopped" else "live"}
            for record in found.living.values()
        ],
        "incidents": [
            _incident(i, [attempt for attempt in tried if attempt.incident == i.id]) | {"tried": _ended(connection, i)}
            for i in still_open
        ],
        "approvals": [request.plain() for request in approvals.of_incidents(connection, numbers)],
        "actions": attempts.began_since(connection, now - _LOOK_BACK),
        "stopped": switch.told(connection),
        # It takes a while to count, and matters where there is distrust alone.
        "elsewhere": elsewhere.seen(connection, frozenset(site.nodes), now) if _is_distrusted(found) else {},
    }


def _abilities(record: NodeRecord, result: Attestation | None) -> dict[str, Any]:
    """Return what a node runs on and what it has, as far as it has proved or a person has vouched for it."""
    boot = (result.ear or {}).get("palantir.boot") if result else None
    release = (boot or {}).get("kernel_release")
    hardware = record.recorded.get("hardware")
    hardware = hardware if isinstance(hardware, Mapping) else {}
    cpu = hardware.get("cpu")
    return {
        "components": [f"kernel={release}"] if release else [],
        "cpu": _known(cpu.get("count") if isinstance(cpu, Mapping) else None),
        "memory": _known(hardware.get("memory_bytes")) or 0,
    }


def _known(told: Any) -> int | None:
    """Return a number as a node told it at enrolment; None for what is none."""
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 < told < 1 << 62 else None


def _ended(connection: Connection, incident: Incident) -> list[dict[str, str]]:
    """Return the generations that were given up since an instance's incident was detected."""
    kind, _colon, name = incident.layer.partition(":")
    ended = instances.ended_since(connection, name, incident.detected_at) if kind == "sc" and name else []
    return [{"sc": record.sc, "flavour": record.flavour, "node": record.node} for record in ended]


def _incident(incident: Incident, tried: Sequence[Attempt]) -> dict[str, Any]:
    """Return an incident as a decision reads it: an attempt that was broken off is decided on again."""
    broken_off = any(attempt.ended_at is None and attempt.resumed < attempts.MAX_RESUMED for attempt in tried)
    return incident.plain() | {
        "attempt": incident.attempt - broken_off,
        "unfinished": broken_off,
        "faults": [
            {"node": a.node, "digests": a.digests}
            for a in tried
            if a.ended_at is not None and a.outcome != attempts.UNCONFIRMED
        ],
    }


def _proved_at(closed: Mapping[str, Any], found: _Findings, now: float) -> float:
    """Return the time of the result that proves a recovery: of the instance's node now, or of the incident's."""
    subject = closed["incident"]
    record = found.living.get(subject["instance"] or "")
    result = found.results.get(record.node if record else subject["node"])
    return result.at if result else now


def _complete(item: Taken, found: _Findings) -> dict[str, Any]:
    step = item.step
    record = found.living.get(step["instance"] or "")
    node, layer = subject_key(step)
    return {
        **step,
        "incident_id": item.incident,
        "counted": item.counted,
        "last": item.last,
        "subject": layer,
        "tier": submod(found.results.get(node), layer).get("ear_status", "none"),
        "generation": record.plain() if record else None,
        "layers": [f"sc:{step['instance']}"] if step["instance"] else list(HOST_LAYERS),
    }


__all__ = ["Site", "plan", "situation"]
