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
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attestations, evidence

STATES = ("attested", "unreachable", "not_enrolled", "no_evidence", "verifier_fault")
"""How far an attestation came. Only ``attested`` has an EAR; none of the others says anything of integrity."""

EVIDENCE_LIMIT: Final = 2 * sum(LIMITS.values())
"""Largest evidence that is kept or loaded, in bytes of canonical JSON: all kinds at their limits, in base64."""

MESSAGE_LIMIT: Final = 4000
"""Most characters of a message that is kept."""


@dataclass(frozen=True)
class Attestation:
    """One result: ``ear`` is None unless ``state`` is ``attested``; ``evidence`` is the id of the raw evidence."""

    id: int
    node: str
    at: float
    state: str
    message: str
    ear: Mapping[str, Any] | None
    jwt: str | None
    evidence: int | None


def keep_evidence(connection: Connection, node: str, at: float, raw: Mapping[str, Any]) -> int:
    """Store raw evidence compressed and return its id.

    Raises:
        EvidenceError: it is larger than :data:`EVIDENCE_LIMIT`, or has no canonical JSON form.
    """
    try:
        data = canonical_json(raw)
    except (TypeError, ValueError) as error:
        raise EvidenceError("evidence", f"is not plain JSON data: {printable(error)}.") from error
    if len(data) > EVIDENCE_LIMIT:
        raise EvidenceError("evidence", f"is {len(data)} bytes, over the limit of {EVIDENCE_LIMIT}.")
    digest = hashlib.sha256(data).hexdigest()
    row = connection.execute(
        insert(evidence).values(node=node, at=at, sha256=digest, zlib=zlib.compress(data, 1)).returning(evidence.c.id)
    )
    key = int(row.scalar_one())
    ledger.append(connection, at, "evidence", node, {"id": key, "sha256": digest})
    return key


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
    """Store a result, note it in the ledger, and return its id.

    Raises:
        StoreError: the state is not one of :data:`STATES`, or it is ``attested`` without an EAR, or another with one.
    """
    if state not in STATES or (state == "attested") != bool(ear):
        raise StoreError(
            f"attestation of {printable(node)}", f"state {printable(state, 40)} {'with' if ear else 'without'} an EAR."
        )
    message = printable(message, MESSAGE_LIMIT)
    row = connection.execute(
        insert(attestations)
        .values(
            node=node,
            at=at,
            state=state,
            message=message,
            ear=dict(ear) if ear else None,
            jwt=jwt,
            evidence=evidence_id,
        )
        .returning(attestations.c.id)
    )
    key = int(row.scalar_one())
    ledger.append(
        connection,
        at,
        "attestation",
        node,
        {"id": key, "state": state, "message": message, "ear": dict(ear) if ear else None, "evidence": evidence_id},
    )
    return key


def latest(connection: Connection, nodes: Iterable[str], not_before: float) -> dict[str, Attestation]:
    """Return the newest result of each of these nodes that has one since ``not_before``."""
    newest = (
        select(func.max(attestations.c.id))
        .where(attestations.c.node.in_(list(nodes)), attestations.c.at >= not_before)
        .group_by(attestations.c.node)
    )
    rows = connection.execute(select(attestations).where(attestations.c.id.in_(newest)))
    return {row.node: Attestation(**row._mapping) for row in rows}


def find(connection: Connection, key: int) -> Attestation | None:
    """Return a result by its id; None where there is none."""
    row = connection.execute(select(attestations).where(attestations.c.id == key)).first()
    return None if row is None else Attestation(**row._mapping)


def history(connection: Connection, since: float) -> list[Attestation]:
    """Return all results since a time, oldest first."""
    rows = connection.execute(select(attestations).where(attestations.c.at >= since).order_by(attestations.c.id))
    return [Attestation(**row._mapping) for row in rows]


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
    "find",
    "history",
    "keep_evidence",
    "latest",
    "load_evidence",
    "record",
]
