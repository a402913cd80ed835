# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Following the ledger of a store: what changed since the last look, in parts that are bounded.

The place in the ledger is a sequence number with the digest of its entry. Entries are written one after the other and
never changed, so nothing before the place can come up later, and a store that was replaced by another is noticed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection, func, select

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.changes import (
    KINDS,
    UNREADABLE,
    Event,
    Known,
    name,
    replaced,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attestations

BATCH: Final = 32
"""Most entries of one read: an entry holds a whole EAR."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far the ledger is told: the sequence number and digest of the last entry that is told whole.

    ``told`` is the last event behind it that is told already, where a part was handed over in part: the sequence number
    of its entry, and its number among the events of that.
    """

    sequence: int
    digest: str
    told: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Part:
    """What one read found between two places; ``more`` says that there is more to read at once."""

    events: list[Event]
    begin: Place
    end: Place
    more: bool

    def up_to(self, event: Event) -> Place:
        """Return the place where this event was the last that was told."""
        # That the ledger was replaced is told before anything of the new one is read.
        return self.begin if event.get("change") == "replaced" else replace(self.begin, told=_number(event))


@dataclass(slots=True)
class Follower:
    """Reads a store's changes, each once.

    Args:
        url: SQLAlchemy URL of the store.
        nodes: whose changes are told; all where it is empty.
        since: tell what was recorded since this time, in seconds since the epoch; None for from now on.
        place: go on from here; takes precedence over ``since``.
    """

    url: str
    nodes: frozenset[str] = frozenset()
    since: float | None = None
    place: Place | None = None
    _known: Known | None = None

    def read(self) -> Part:
        """Return what changed since the last read. Blocks while it reads.

        Raises:
            StoreError: the store cannot be read now; the next read begins where this one did.
        """
        store = Store(self.url, read_only=True)
        try:
            with store.transaction() as connection:
                place, known, events = self._begin(connection)
                entries = ledger.after(connection, place.sequence, KINDS, BATCH)
                more = len(entries) == BATCH
                end = Place(entries[-1].sequence, entries[-1].digest) if more else Place(*ledger.head(connection))
        except UNREADABLE as error:
            cause = f"holds what this release does not write: {printable(repr(error))}."
            raise StoreError(f"store {store.name}", cause, "compare it with a backup.") from None
        finally:
            store.close()
        # From here on nothing fails: what counts as told is told.
        for entry in entries:
            events += [event for event in known.changes(entry) if self._asked_for(event, place)]
        self.place, self._known = end, known
        return Part(events, place, end, more)

    def _begin(self, connection: Connection) -> tuple[Place, Known, list[Event]]:
        """Return where to read on, what is told so far, and an event where the ledger is not the one that was read."""
        head = ledger.head(connection)
        if self.place is None:
            sequence = head[0] if self.since is None else ledger.before(connection, self.since)
            return Place(sequence, ledger.digest_of(connection, sequence) or ""), known_at(connection, sequence), []
        if ledger.digest_of(connection, self.place.sequence) == self.place.digest:
            return self.place, self._known or known_at(connection, self.place.sequence), []
        # What was told stays so: what this ledger says last of each node is compared with that.
        known, events, end = (
            self._known or known_at(connection, head[0]),
            [replaced(head[0], time.time())],
            Place(*head),
        )
        for entry in ledger.last_of_each(connection, "attestation"):
            events += [event for event in known.changes(entry) if self._asked_for(event, end)]
        return end, known, events

    def _asked_for(self, event: Event, place: Place) -> bool:
        ours = not self.nodes or event["kind"] == "ledger" or event["node"] in map(name, self.nodes)
        return ours and _number(event) > place.told


def known_at(connection: Connection, sequence: int) -> Known:
    """Return what had been recorded when the ledger ended at a sequence number."""
    known = Known()
    row = attestations.c
    upto = row.id <= _last_attestation(connection, sequence)
    newest = select(func.max(row.id)).where(upto).group_by(row.node)
    for node, state in connection.execute(select(row.node, row.state).where(row.id.in_(newest))):
        known.told(node, state, None)
    attested = select(func.max(row.id)).where(upto, row.state == "attested").group_by(row.node)
    ears = select(row.node, row.ear).where(row.id.in_(attested))
    for node, ear in connection.execute(ears, execution_options={"yield_per": BATCH}):
        known.told(node, known.states[node], ear)
    at = 0
    while entries := [e for e in ledger.after(connection, at, ("incident",), BATCH) if e.sequence <= sequence]:
        for entry in entries:
            known.changes(entry)
        at = entries[-1].sequence
    return known


def _last_attestation(connection: Connection, sequence: int) -> int:
    """Return the number of the last result that an entry up to this one records; 0 where there is none."""
    entries = select(schema.ledger.c.body).where(
        schema.ledger.c.kind == "attestation", schema.ledger.c.sequence <= sequence
    )
    newest_first = entries.order_by(schema.ledger.c.sequence.desc())
    for body in connection.execute(newest_first, execution_options={"yield_per": 1}).scalars():
        # One that cannot be read was an event of its own, and is no reason to stand still.
        with contextlib.suppress(*UNREADABLE):
            return int(json.loads(body)["id"])
    return 0


def _number(event: Event) -> tuple[int, int]:
    sequence, _dot, at = event["id"].partition(".")
    return int(sequence), int(at)


__all__ = ["BATCH", "Follower", "Part", "Place", "known_at"]
