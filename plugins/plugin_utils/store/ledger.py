# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: an append-only, hash-chained record of evidence, results, decisions and actions.

Each entry's digest is SHA-256 over its fields and its predecessor's digest, so that an entry cannot be
changed, left out or moved without breaking every digest after it. The last digest is kept apart as the
ledger's head, so that its end cannot be cut off either. Its beginning can be removed (:func:`cut`): the digest that
the rest follows from is kept, and noted in an entry. Who can rewrite the whole store can make a new chain: against
that, keep copies of the head elsewhere.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import ledger, meta

GENESIS: Final = "0" * 64
CHECKPOINT: Final = "checkpoint"
"""Kind of the entries that say which entries were removed."""
_HEAD: Final = "ledger_head"
_BASE: Final = "ledger_base"
_BATCH: Final = 1000


@dataclass(frozen=True)
class LedgerEntry:
    """One entry: ``body`` is canonical JSON text, ``previous`` and ``digest`` are hex SHA-256."""

    sequence: int
    at: float
    kind: str
    subject: str
    body: str
    previous: str
    digest: str


def append(connection: Connection, at: float, kind: str, subject: str, body: Any) -> LedgerEntry:
    """Append an entry within the caller's transaction.

    Args:
        connection: an open transaction of :class:`~.database.Store`, which runs alone: the chain cannot fork.
        at: seconds since the epoch.
        kind: ``enrolment``, ``evidence``, ``attestation``, ``decision``, ``action``, ``incident``, ``certificate``,
            ``access``.
        subject: the node, instance or incident it is about.
        body: JSON-safe data.

    Raises:
        StoreError: the body has no canonical form, or the ledger was altered.
    """
    sequence, previous = head(connection)
    at = float(at)  # as it comes back from the database: 1 and 1.0 have different digests
    try:
        text = canonical_json(body).decode()
        digest = _digest(sequence + 1, at, kind, subject, text, previous)
    except (TypeError, ValueError) as error:
        raise StoreError(f"ledger, {kind} of {printable(subject)}", f"cannot be written: {error}.") from error
    entry = LedgerEntry(sequence + 1, at, kind, subject, text, previous, digest)
    connection.execute(insert(ledger).values(**asdict(entry)))
    _put(connection, _HEAD, f"{entry.sequence} {entry.digest}")
    return entry


def newest(connection: Connection, kind: str, subject: str) -> tuple[float, Any] | None:
    """Return time and body of the newest entry of a kind about a subject; None where there is none."""
    about = select(ledger.c.at, ledger.c.body).where(ledger.c.kind == kind, ledger.c.subject == subject)
    row = connection.execute(about.order_by(ledger.c.sequence.desc()).limit(1)).first()
    return None if row is None else (float(row.at), json.loads(row.body))


def head(connection: Connection) -> tuple[int, str]:
    """Return the sequence and digest of the last entry that was written.

    Raises:
        StoreError: the ledger was altered.
    """
    return _link(connection, _HEAD, "head")


def base(connection: Connection) -> tuple[int, str]:
    """Return the sequence and digest of the last entry that was removed; 0 and 64 zeros where none was.

    Raises:
        StoreError: the ledger was altered.
    """
    return _link(connection, _BASE, "base")


def cut(connection: Connection, at: float, most: int) -> int:
    """Remove entries from the beginning up to the first that is not from before a time; return how many.

    The digest of the last one removed is kept, and noted in an entry of kind ``checkpoint``: what is left is whole.

    Args:
        connection: an open transaction.
        at: seconds since the epoch.
        most: how many to remove at most.
    """
    first = select(ledger.c.sequence, ledger.c.at, ledger.c.digest).order_by(ledger.c.sequence).limit(most)
    going = list(takewhile(lambda row: row.at < at, connection.execute(first).all()))
    if not going:
        return 0
    last = going[-1]
    body = {"sequence": last.sequence, "digest": last.digest, "removed": len(going)}
    append(connection, time.time(), CHECKPOINT, "ledger", body)
    connection.execute(delete(ledger).where(ledger.c.sequence <= last.sequence))
    _put(connection, _BASE, f"{last.sequence} {last.digest}")
    return len(going)


def after(connection: Connection, sequence: int, kinds: Sequence[str], limit: int) -> list[LedgerEntry]:
    """Return the first entries of these kinds behind a sequence number, in order, at most ``limit``."""
    behind = select(ledger).where(ledger.c.sequence > sequence, ledger.c.kind.in_(kinds))
    rows = connection.execute(behind.order_by(ledger.c.sequence).limit(limit))
    return [LedgerEntry(**row._mapping) for row in rows]


def last_of_each(connection: Connection, kind: str) -> list[LedgerEntry]:
    """Return the newest entry of a kind about each subject, in order."""
    newest = select(func.max(ledger.c.sequence)).where(ledger.c.kind == kind).group_by(ledger.c.subject)
    rows = connection.execute(select(ledger).where(ledger.c.sequence.in_(newest)).order_by(ledger.c.sequence))
    return [LedgerEntry(**row._mapping) for row in rows]


def before(connection: Connection, at: float) -> int:
    """Return the sequence number behind which everything lies that was recorded since a time."""
    first = connection.execute(select(func.min(ledger.c.sequence)).where(ledger.c.at >= at)).scalar()
    return head(connection)[0] if first is None else int(first) - 1


def digest_of(connection: Connection, sequence: int) -> str | None:
    """Return the digest of an entry; that of the chain's beginning for 0, and None where there is no such entry."""
    if sequence == 0:
        return GENESIS
    removed, digest = base(connection)
    if sequence == removed:
        return digest
    return connection.execute(select(ledger.c.digest).where(ledger.c.sequence == sequence)).scalar()


def every(connection: Connection, kind: str, since: float) -> Iterator[tuple[float, str, Any]]:
    """Yield time, subject and body of the entries of a kind since a time, oldest first."""
    about = select(ledger.c.at, ledger.c.subject, ledger.c.body).where(ledger.c.kind == kind, ledger.c.at >= since)
    for row in connection.execute(about.order_by(ledger.c.sequence)):
        yield float(row.at), str(row.subject), json.loads(row.body)


def verify(connection: Connection) -> int:
    """Return the number of entries after checking the whole chain, from what was removed up to its head.

    Raises:
        StoreError: an entry is missing, moved or altered; the message names the first one.
    """
    removed, previous = base(connection)
    count = removed
    rows = connection.execute(select(ledger).order_by(ledger.c.sequence), execution_options={"yield_per": _BATCH})
    for row in rows:
        count += 1
        if not _follows(row, count, previous):
            raise _altered(f"ledger entry {count}", "is missing, or does not follow from the entry before it.")
        previous = str(row.digest)
    if head(connection) != (count, previous):
        raise _altered("ledger", f"its end after entry {count} is missing.")
    _at, noted = newest(connection, CHECKPOINT, "ledger") or (0.0, {"sequence": 0, "digest": GENESIS})
    if (noted.get("sequence"), noted.get("digest")) != base(connection):
        raise _altered("ledger", f"nobody noted that its entries up to {removed} were removed.")
    return count - removed


def _link(connection: Connection, key: str, what: str) -> tuple[int, str]:
    value = connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    if value is None:
        return 0, GENESIS
    sequence, _space, digest = str(value).partition(" ")
    if not sequence.isdecimal() or len(digest) != len(GENESIS):
        raise _altered("ledger", f"its {what} is not one.")
    return int(sequence), digest


def _put(connection: Connection, key: str, value: str) -> None:
    if not connection.execute(update(meta).where(meta.c.key == key).values(value=value)).rowcount:
        connection.execute(insert(meta).values(key=key, value=value))


def _follows(row: Row[Any], sequence: int, previous: str) -> bool:
    try:
        expected = _digest(row.sequence, row.at, row.kind, row.subject, row.body, previous)
    except (TypeError, ValueError):  # a value that append() never writes
        return False
    found = str(row.digest).encode("utf-8", "replace")
    return bool(row.sequence == sequence and row.previous == previous and hmac.compare_digest(found, expected.encode()))


def _altered(subject: str, cause: str) -> StoreError:
    return StoreError(subject, cause, "the ledger was altered: compare with a backup before you trust its history.")


def _digest(sequence: int, at: float, kind: str, subject: str, body: str, previous: str) -> str:
    return hashlib.sha256(canonical_json([sequence, at, kind, subject, body, previous])).hexdigest()


__all__ = [
    "CHECKPOINT",
    "GENESIS",
    "LedgerEntry",
    "after",
    "append",
    "base",
    "before",
    "cut",
    "digest_of",
    "every",
    "head",
    "last_of_each",
    "newest",
    "verify",
]
