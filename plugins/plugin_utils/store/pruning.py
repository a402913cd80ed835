# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing what a site does not keep any longer: in small transactions, so that nobody waits long for the store.

Never removed, whatever its age: each node's newest result and its newest EAR; the results that its verdicts last
changed with; the list of its present boot, with all evidence of that; and whatever is of an incident that is open, or
of its nodes since.

Results are looked at in the order of their numbers, some in each transaction, from where the last call came to.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, union, update
from sqlalchemy import delete as remove

from ansible_collections.palantir.trust.plugins.plugin_utils.store import challenges, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import OPEN_STATES
from ansible_collections.palantir.trust.plugins.plugin_utils.store.retention import Retention
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import (
    answers,
    approvals,
    attempts,
    attestations,
    boots,
    changes,
    evidence,
    incidents,
    list_parts,
    meta,
    runs,
)

BATCH: Final = 500
"""Most rows that one transaction looks at."""
_LEAST_PAUSE: Final = 0.005


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction removed, and whether its kind is done for now."""

    removed: int
    done: bool


@dataclass(frozen=True, slots=True)
class _Limits:
    """Before which time things of a node may go: the site's, or since when an incident of it is open."""

    site: float
    nodes: Mapping[str, float]

    def of(self, node: str) -> float:
        return min(self.site, self.nodes.get(node, math.inf))


_Step = Callable[[Connection, float], Batch]


def prune(
    store: Store, retention: Retention, now: float, seconds: float, pause: Callable[[float], None] = time.sleep
) -> dict[str, int]:
    """Remove what is older than a site keeps it, and return how many rows of each kind that were.

    Between two transactions it pauses for as long as the last one took. What is left when the time is up, the next call
    goes on with. What was removed is noted in the ledger.

    Args:
        store: an open store.
        retention: for how long what is kept.
        now: seconds since the epoch.
        seconds: begin no further transaction after this time.
        pause: waits so many seconds.

    Raises:
        StoreError: the store fails; what was removed before stays so.
    """
    steps: dict[str, tuple[float | None, _Step]] = {
        "challenges": (retention.challenges, _challenges),
        "evidence": (retention.evidence, _evidence),
        "attestations": (retention.attestations, _attestations),
        "incidents": (retention.incidents, _incidents),
        "ledger": (retention.ledger, _ledger),
    }
    removed = dict.fromkeys(steps, 0)
    until = time.monotonic() + seconds
    for kind, (age, step) in steps.items():
        done = age is None
        while not done and time.monotonic() < until:
            began = time.monotonic()
            with store.transaction() as connection:
                batch = step(connection, now - (age or 0.0))
            removed[kind] += batch.removed
            done = batch.done
            if not done:
                pause(max(time.monotonic() - began, _LEAST_PAUSE))
    gone = {kind: count for kind, count in removed.items() if count and kind != "challenges"}
    if gone:
        with store.transaction() as connection:
            ledger.append(connection, now, "action", "store", {"pruned": gone})
    return removed


def _challenges(connection: Connection, before: float) -> Batch:
    removed = challenges.drop(connection, before, BATCH)
    return Batch(removed, removed < BATCH)


def _evidence(connection: Connection, before: float) -> Batch:
    """Remove evidence of results, a whole list at a time, then evidence that no result rests on."""
    rows, done = _next_results(connection, "prune_evidence", before)
    limits = _limits(connection, before)
    old = [row for row in rows if row.last_at < limits.of(row.node) and (row.evidence or row.last_evidence)]
    going = _without_needed(connection, old, limits)
    ids = [row.id for row in going]
    gone = [key for row in going for key in (row.evidence, row.last_evidence) if key]
    if ids:
        connection.execute(update(attestations).where(attestations.c.id.in_(ids)).values(evidence=None))
        connection.execute(update(runs).where(runs.c.attestation.in_(ids)).values(evidence=None))
        connection.execute(remove(list_parts).where(list_parts.c.attestation.in_(ids)))
        connection.execute(remove(evidence).where(evidence.c.id.in_(gone)))
    left, done_too = _unreferenced(connection, limits)
    return Batch(len(gone) + left, done and done_too)


def _attestations(connection: Connection, before: float) -> Batch:
    """Remove results whose evidence is gone."""
    rows, done = _next_results(connection, "prune_attestations", before)
    limits = _limits(connection, before)
    old = [row for row in rows if row.last_at < limits.of(row.node) and not (row.evidence or row.last_evidence)]
    going = [row.id for row in _without_needed(connection, old, limits)]
    if going:
        named = select(list_parts.c.attestation).where(list_parts.c.attestation.in_(going))
        continued = select(list_parts.c.base).where(list_parts.c.base.in_(going))
        in_lists = set(connection.execute(union(named, continued)).scalars())
        going = [key for key in going if key not in in_lists]
        connection.execute(remove(runs).where(runs.c.attestation.in_(going)))
        connection.execute(remove(attestations).where(attestations.c.id.in_(going)))
    return Batch(len(going), done)


def _incidents(connection: Connection, before: float) -> Batch:
    """Remove incidents that are over, with all that hangs on them."""
    row = incidents.c
    ended = func.coalesce(row.restored_at, row.last_action_at, row.contained_at, row.detected_at)
    # The newest one stays: its number would be given again.
    old = select(row.id).where(
        row.state.not_in(OPEN_STATES), ended < before, row.id < select(func.max(row.id)).scalar_subquery()
    )
    going = connection.execute(old.order_by(row.id).limit(BATCH // 10)).scalars().all()
    if going:
        asked = select(approvals.c.id).where(approvals.c.incident.in_(going))
        connection.execute(remove(answers).where(answers.c.approval.in_(asked)))
        for table in (approvals, attempts):
            connection.execute(remove(table).where(table.c.incident.in_(going)))
        connection.execute(remove(incidents).where(row.id.in_(going)))
    return Batch(len(going), len(going) < BATCH // 10)


def _ledger(connection: Connection, before: float) -> Batch:
    """Remove the ledger's beginning: never what was written since the oldest open incident, or since the last plan."""
    since = _limits(connection, before)
    plan, _body = ledger.newest(connection, "decision", "plan") or (before, None)
    removed = ledger.cut(connection, min(before, plan, *since.nodes.values()), BATCH)
    return Batch(removed, removed < BATCH)


def _next_results(connection: Connection, cursor: str, before: float) -> tuple[list[Any], bool]:
    """Return the results that come next, and whether they are the last that may be old enough."""
    row = attestations.c
    query = (
        select(
            row.id,
            row.node,
            row.at,
            row.evidence,
            runs.c.last_at,
            runs.c.evidence.label("last_evidence"),
            list_parts.c.root,
        )
        .join(runs, runs.c.attestation == row.id)
        .join(list_parts, list_parts.c.attestation == row.id, isouter=True)
        .where(row.id > _place(connection, cursor))
        .order_by(row.id)
        .limit(BATCH)
    )
    found = list(connection.execute(query))
    done = len(found) < BATCH or bool(found[0].at >= before)
    _go_on(connection, cursor, 0 if done else int(found[-1].id))
    return found, done


def _unreferenced(connection: Connection, limits: _Limits) -> tuple[int, bool]:
    """Remove old evidence that no result rests on: its round was broken off, or was held again with the whole list."""
    query = select(evidence.c.id, evidence.c.node, evidence.c.at).where(
        evidence.c.id > _place(connection, "prune_rest")
    )
    found = connection.execute(query.order_by(evidence.c.id).limit(BATCH)).all()
    done = len(found) < BATCH or found[0].at >= limits.site
    _go_on(connection, "prune_rest", 0 if done else int(found[-1].id))
    old = [row.id for row in found if row.at < limits.of(row.node)]
    if not old:
        return 0, done
    first = select(attestations.c.evidence).where(attestations.c.evidence.in_(old))
    last = select(runs.c.evidence).where(runs.c.evidence.in_(old))
    # The newest one stays: its number would be given again.
    kept = {
        *connection.execute(union(first, last)).scalars(),
        connection.execute(select(func.max(evidence.c.id))).scalar(),
    }
    going = [key for key in old if key not in kept]
    if going:
        connection.execute(remove(evidence).where(evidence.c.id.in_(going)))
    return len(going), done


def _limits(connection: Connection, before: float) -> _Limits:
    """Return before which time things may go: nothing of a node since it had an incident that is open."""
    still = incidents.c.state.in_(OPEN_STATES)
    own = select(incidents.c.node, incidents.c.detected_at).where(still)
    moved = select(attempts.c.node, incidents.c.detected_at).join(incidents, incidents.c.id == attempts.c.incident)
    since: dict[str, float] = {}
    for node, at in connection.execute(union(own, moved.where(still))):
        since[node] = min(at, since.get(node, math.inf))
    return _Limits(before, since)


def _without_needed(connection: Connection, old: Sequence[Row[Any]], limits: _Limits) -> list[Row[Any]]:
    """Return of these results those that nothing needs, themselves or as part of a list."""
    if not old:
        return []
    nodes = {row.node for row in old}
    needed = _needed(connection, nodes)
    changed = set(connection.execute(select(changes.c.attestation).where(changes.c.node.in_(nodes))).scalars())
    kept = needed | changed
    parts = select(list_parts.c.root).where(list_parts.c.attestation.in_(needed))
    lists = set(connection.execute(parts).scalars())
    ends = select(list_parts.c.root, func.max(runs.c.last_at).label("last_at")).join(
        runs, runs.c.attestation == list_parts.c.attestation
    )
    of_old = list_parts.c.root.in_({row.root for row in old if row.root is not None})
    ended = {row.root: row.last_at for row in connection.execute(ends.where(of_old).group_by(list_parts.c.root))}
    return [
        row
        for row in old
        if row.id not in kept
        and (row.root is None or (row.root not in lists and ended[row.root] < limits.of(row.node)))
    ]


def _needed(connection: Connection, nodes: Collection[str]) -> set[int]:
    """Return the results that are kept for these nodes whatever their age, with their whole lists."""
    newest = runs.c.newest_of.in_(nodes)
    attested = (
        select(func.max(attestations.c.id))
        .where(attestations.c.node == runs.c.newest_of, attestations.c.state == "attested")
        .scalar_subquery()
    )
    queries = (
        select(runs.c.attestation).where(newest),
        select(attested).select_from(runs).where(newest),
        select(boots.c.attestation).where(boots.c.node.in_(nodes)),
    )
    return {key for query in queries for key in connection.execute(query).scalars() if key is not None}


def _place(connection: Connection, key: str) -> int:
    return int(connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar() or 0)


def _go_on(connection: Connection, key: str, place: int) -> None:
    if not connection.execute(update(meta).where(meta.c.key == key).values(value=str(place))).rowcount:
        connection.execute(insert(meta).values(key=key, value=str(place)))


__all__ = ["BATCH", "Batch", "prune"]
