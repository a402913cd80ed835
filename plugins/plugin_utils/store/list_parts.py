# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA list of a boot as it came, part by part, and put together again for whoever verifies it later.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attestations as results
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import list_parts

NEXT_STEP = "restore the store from a backup."


@dataclass(frozen=True)
class ListPart:
    """The part of a list that one round brought.

    Attributes:
        attestation: the round's result.
        base: the result that this part continues; None where the list begins with it.
        offset: where it begins in the list that the node had then, in bytes.
        verified: how far that list was verified then, in bytes.
    """

    attestation: int
    base: int | None
    offset: int
    verified: int


def note(connection: Connection, part: ListPart) -> None:
    """Store which part of a list a round brought, and with which result all the parts before it began."""
    root = None
    if part.base is not None:
        root = connection.execute(select(list_parts.c.root).where(list_parts.c.attestation == part.base)).scalar()
    connection.execute(insert(list_parts).values(**asdict(part), root=root or part.base or part.attestation))


def find(connection: Connection, attestation: int) -> ListPart | None:
    """Return the part that a result's round brought; None where it verified no list."""
    own = select(*(list_parts.c[field.name] for field in fields(ListPart)))
    row = connection.execute(own.where(list_parts.c.attestation == attestation)).first()
    return None if row is None else ListPart(**row._mapping)


def before_present_list(connection: Connection, attestation: int) -> int | None:
    """Return the result that the list of a result's node continues from its offset 0 on; None where it is whole."""
    return next((part.base for part in _back(connection, attestation) if part.offset == 0), None)


def whole_evidence(connection: Connection, attestation: int) -> dict[str, Any]:
    """Return the evidence of a result as if the node had sent its list whole, with the nonce.

    A list that continued one which was gone has the latter's entries in front.

    Raises:
        StoreError: the result has no evidence; or a part is missing, altered, or larger than any list may be.
    """
    evidence = _evidence(connection, attestation)
    parts = list(_back(connection, attestation))
    if not parts or parts[0].base is None:
        return evidence
    pieces = [_data(evidence, attestation)]
    event_log = evidence.get("event_log")
    size = len(pieces[0])
    for part in parts[1:]:
        earlier = _evidence(connection, part.attestation)
        piece = _data(earlier, part.attestation)[: part.verified - part.offset]
        size += len(piece)
        if len(piece) != part.verified - part.offset or size > LIMITS["ima_log"]:
            raise _broken(part.attestation)
        pieces.append(piece)
        event_log = event_log or earlier.get("event_log")
    data = base64.b64encode(b"".join(reversed(pieces))).decode("ascii")
    return {**evidence, "event_log": event_log, "ima_log": {"offset": 0, "data": data}}


def _back(connection: Connection, attestation: int) -> Iterator[ListPart]:
    """Yield the parts of a list from the last to the first."""
    at: int | None = attestation
    while at is not None:
        part = find(connection, at)
        if part is None:
            if at != attestation:
                step = "see palantir_trust_retention; an older backup may have it."
                raise StoreError(f"list of attestation {at}", "is not in the store any more.", step)
            return
        yield part
        if part.base is not None and part.base >= at:
            raise _broken(at)
        at = part.base


def _evidence(connection: Connection, attestation: int) -> dict[str, Any]:
    key = connection.execute(select(results.c.evidence).where(results.c.id == attestation)).scalar()
    if key is None:
        raise StoreError(f"attestation {attestation}", "has no evidence in the store.")
    return attestations.load_evidence(connection, int(key))


def _data(evidence: dict[str, Any], attestation: int) -> bytes:
    part = evidence.get("ima_log")
    if not isinstance(part, dict):
        raise _broken(attestation)
    return binary(part.get("data"), "ima_log", LIMITS["ima_log"])


def _broken(attestation: int) -> StoreError:
    return StoreError(f"list of attestation {attestation}", "is not what was noted.", NEXT_STEP)


__all__ = ["ListPart", "before_present_list", "find", "note", "whole_evidence"]
