# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attestation Results and the evidence that they rest on.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, delete, insert, select

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import equality, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store import runs as runs_of
from ansible_collections.palantir.trust.plugins.plugin_utils.store.runs import Run
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attestations, evidence, runs

STATES = ("attested", "unreachable", "not_enrolled", "no_evidence", "verifier_fault")
"""How far an attestation came. Only ``attested`` has an EAR; none of the others says anything of integrity."""

EVIDENCE_LIMIT: Final = 2 * sum(LIMITS.values())
"""Largest evidence that is kept or loaded, in bytes of canonical JSON: all kinds at their limits, in base64."""

MESSAGE_LIMIT: Final = 4000
"""Most characters of a message that is kept."""

_KEEP: Final = insert(evidence).returning(evidence.c.id)


@dataclass(frozen=True)
class Attestation:
    """One result, or the last of a run of equal ones.

    ``ear`` is None unless ``state`` is ``attested``; ``evidence`` is the id of the raw evidence, None where there is
    none. Of a run, ``at``, ``ear``, ``jwt`` and ``evidence`` are the last result's; the first one was at ``began_at``,
    and no two of its ``rounds`` results were further apart than ``longest_gap`` seconds.
    """

    id: int
    node: str
    at: float
    state: str
    message: str
    ear: Mapping[str, Any] | None
    jwt: str | None
    evidence: int | None
    began_at: float = 0.0
    rounds: int = 1
    longest_gap: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a round with a node ended, for :func:`record_all`; ``evidence`` is an id of :func:`keep_evidence`."""

    node: str
    at: float
    state: str
    message: str = ""
    ear: Mapping[str, Any] | None = None
    jwt: str | None = None
    evidence: int | None = None


class Recorded(NamedTuple):
    """Under which id a result is kept, and whether it is the first of its run."""

    id: int
    first: bool


@dataclass(frozen=True, slots=True)
class PackedEvidence:
    """Raw evidence as it is stored: its canonical JSON compressed, and that text's SHA-256."""

    sha256: str
    zlib: bytes


def pack_evidence(raw: Mapping[str, Any]) -> PackedEvidence:
    """Return raw evidence as it is stored; it may take a while, so it is done before the store is held.

    Args:
        raw: plain data.

    Raises:
        EvidenceError: it is larger than :data:`EVIDENCE_LIMIT`, or has no canonical JSON form.
    """
    try:
        data = canonical_json(raw)
    except (TypeError, ValueError) as error:
        raise EvidenceError("evidence", f"is not plain JSON data: {printable(error)}.") from error
    if len(data) > EVIDENCE_LIMIT:
        raise EvidenceError("evidence", f"is {len(data)} bytes, over the limit of {EVIDENCE_LIMIT}.")
    return PackedEvidence(hashlib.sha256(data).hexdigest(), zlib.compress(data, 1))


def keep_evidence(connection: Connection, node: str, at: float, packed: PackedEvidence, *, noted: bool = True) -> int:
    """Store raw evidence and return its id.

    Args:
        connection: an open transaction.
        node: whose it is.
        at: seconds since the epoch.
        packed: of :func:`pack_evidence`.
        noted: note its digest in the ledger at once; False where the result that rests on it, recorded next, does so.
    """
    row = connection.execute(_KEEP, {"node": node, "at": at, "sha256": packed.sha256, "zlib": packed.zlib})
    key = int(row.scalar_one())
    if noted:
        ledger.append(connection, at, "evidence", node, {"id": key, "sha256": packed.sha256})
    return key


def note_evidence(connection: Connection, node: str, at: float, key: int) -> None:
    """Note in the ledger the digest of evidence that no result rests on."""
    ledger.append(connection, at, "evidence", node, {"id": key, "sha256": _digest_of(connection, key)})


def load_evidence(connection: Connection, key: int) -> dict[str, Any]:
    """Return raw evidence by id.

    Raises:
        StoreError: there is none, or it no longer has the digest under which it was stored.
    """
    row = connection.execute(select(evidence).where(evidence.c.id == key)).first()
    if row is None:
        raise StoreError(f"evidence {key}", "is not in the store.")
    data = _decompress(row.zlib)
    if data is None or hashlib.sha256(data).hexdigest() != row.sha256:
        raise StoreError(f"evidence {key}", "does not have its recorded digest.", "restore the store from a backup.")
    return dict(json.loads(data))


def record(
    connection: Connection,
    node: str,
    at: float,
    state: str,
    message: str = "",
    ear: Mapping[str, Any] | None = None,
    jwt: str | None = None,
    evidence_id: int | None = None,
) -> int:
    """Store a result and return its id: :func:`record_all` for one."""
    return record_all(connection, [Outcome(node, at, state, message, ear, jwt, evidence_id)])[0].id


def record_all(connection: Connection, outcomes: Iterable[Outcome]) -> list[Recorded]:
    """Store results, in their order. Those that begin a run are noted in the ledger.

    A result that says what the node's newest one says is one more of that one's run (:mod:`.runs`). Of such a run the
    first evidence and the last are kept; what lies between is removed as the next comes.

    Raises:
        StoreError: a state is not one of :data:`STATES`, or it is ``attested`` without an EAR, or another with one.
    """
    everything = [(outcome, printable(outcome.message, MESSAGE_LIMIT)) for outcome in map(_checked, outcomes)]
    current = runs_of.newest(connection, {outcome.node for outcome, _message in everything})
    recorded, extended, gone = [], {}, []
    for outcome, message in everything:
        last = equality.kept(outcome.state, message, outcome.ear, outcome.jwt)
        run = current.get(outcome.node)
        first = run is None or not run.goes_on(last, outcome.at)
        if run is None or first:
            run = _begin(connection, outcome, message, last, run)
        else:
            gone += [run.evidence] if run.evidence and outcome.evidence else []
            run = run.extended(last, outcome.at, outcome.evidence)
            extended[run.attestation] = run
        current[outcome.node] = run
        recorded.append(Recorded(run.attestation, first))
    runs_of.save(connection, extended.values())
    for part in runs_of.parts(gone):
        connection.execute(delete(evidence).where(evidence.c.id.in_(part)))
    return recorded


def latest(connection: Connection, nodes: Iterable[str], not_before: float) -> dict[str, Attestation]:
    """Return the newest result of each of these nodes that has one since ``not_before``."""
    found: dict[str, Attestation] = {}
    for part in runs_of.parts(nodes):
        query = _with_runs().where(runs.c.newest_of.in_(part), runs.c.last_at >= not_before)
        found |= {row.node: _attestation(row) for row in connection.execute(query)}
    return found


def find(connection: Connection, key: int) -> Attestation | None:
    """Return a result by its id; None where there is none."""
    row = connection.execute(_with_runs().where(attestations.c.id == key)).first()
    return None if row is None else _attestation(row)


def last_attested(connection: Connection, node: str) -> Attestation | None:
    """Return a node's newest result that has an EAR, however old; None where there is none."""
    query = _with_runs().where(attestations.c.node == node, attestations.c.state == "attested")
    row = connection.execute(query.order_by(attestations.c.id.desc()).limit(1)).first()
    return None if row is None else _attestation(row)


def history(connection: Connection, since: float) -> list[Attestation]:
    """Return all results since a time, oldest first; of equal ones without another between them, the last."""
    rows = connection.execute(_with_runs().where(runs.c.last_at >= since).order_by(attestations.c.id))
    return [_attestation(row) for row in rows]


def _checked(outcome: Outcome) -> Outcome:
    if outcome.state not in STATES or (outcome.state == "attested") != bool(outcome.ear):
        raise StoreError(
            f"attestation of {printable(outcome.node)}",
            f"state {printable(outcome.state, 40)} {'with' if outcome.ear else 'without'} an EAR.",
        )
    return outcome


def _begin(connection: Connection, outcome: Outcome, message: str, last: equality.Kept, before: Run | None) -> Run:
    """Store a result that says something new."""
    ear = dict(outcome.ear) if outcome.ear else None
    values = {"node": outcome.node, "at": outcome.at, "state": outcome.state, "message": message, "ear": ear}
    row = connection.execute(
        insert(attestations).values(**values, jwt=outcome.jwt, evidence=outcome.evidence).returning(attestations.c.id)
    )
    key = int(row.scalar_one())
    run = Run(key, outcome.at, outcome.at, 1, 0.0, last, None)
    runs_of.begin(connection, outcome.node, run, before)
    runs_of.note_changes(connection, outcome.node, key, outcome.state, ear)
    body = {"id": key, "state": outcome.state, "message": message, "ear": ear, "evidence": outcome.evidence}
    if outcome.evidence is not None:
        body["evidence_sha256"] = _digest_of(connection, outcome.evidence)
    if before is not None and before.rounds > 1:
        body["before"] = _ended(connection, before)
    ledger.append(connection, outcome.at, "attestation", outcome.node, body)
    return run


def _ended(connection: Connection, run: Run) -> dict[str, Any]:
    """Return what the ledger says of a run that is over: with the first EAR, this gives the last, and its JWT."""
    return {
        "id": run.attestation,
        "rounds": run.rounds,
        "last_at": run.last_at,
        "longest_gap": run.longest_gap,
        "claims": run.kept.claims,
        "signature": run.kept.signature,
        "evidence": run.evidence,
        "evidence_sha256": None if run.evidence is None else _digest_of(connection, run.evidence),
    }


def _with_runs() -> Any:
    last = (runs.c.last_at, runs.c.rounds, runs.c.longest_gap, runs.c.claims, runs.c.signature)
    both = select(attestations, *last, runs.c.evidence.label("last_evidence"))
    return both.join(runs, runs.c.attestation == attestations.c.id)


def _attestation(row: Row[Any]) -> Attestation:
    ear = None if row.ear is None else equality.with_claims(row.ear, row.claims)
    jwt = row.jwt if ear is None else equality.jwt_of(row.jwt, ear, row.signature)
    evidence_id = row.last_evidence or row.evidence
    whole = (row.id, row.node, row.last_at, row.state, row.message, ear, jwt, evidence_id)
    return Attestation(*whole, row.at, row.rounds, row.longest_gap)


def _digest_of(connection: Connection, key: int) -> str | None:
    return connection.execute(select(evidence.c.sha256).where(evidence.c.id == key)).scalar()


def _decompress(data: bytes) -> bytes | None:
    """Return what was compressed; None where that is damaged or over the limit."""
    stream = zlib.decompressobj()
    try:
        plain = stream.decompress(data, EVIDENCE_LIMIT)
    except zlib.error:
        return None
    return plain if stream.eof else None


__all__ = [
    "EVIDENCE_LIMIT",
    "MESSAGE_LIMIT",
    "STATES",
    "Attestation",
    "Outcome",
    "PackedEvidence",
    "Recorded",
    "find",
    "history",
    "keep_evidence",
    "last_attested",
    "latest",
    "load_evidence",
    "note_evidence",
    "pack_evidence",
    "record",
    "record_all",
]
