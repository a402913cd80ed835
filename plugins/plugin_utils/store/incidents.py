# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents: one open at a time for a node and layer, each held by at most one controller.

An incident is opened by the first contraindicated result and closed by a new affirming one. Between the
two, whoever holds its lease may act; a lease that runs out may be taken over.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, or_, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import incidents

LEASE = 900.0
OPEN_STATES = ("open", "held")


@dataclass(frozen=True)
class Incident:
    """One incident.

    ``state`` is ``open``, ``held`` (for a person) or ``recovered``; times are seconds since the epoch.
    """

    id: int
    node: str
    layer: str
    open_key: str | None
    state: str
    attempt: int
    finding: str
    detected_at: float
    contained_at: float | None
    restored_at: float | None
    last_action_at: float | None
    lease_owner: str | None
    lease_until: float | None

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return asdict(self)


def still_open(connection: Connection) -> list[Incident]:
    """Return the incidents that no affirming result has closed, oldest first."""
    return _incidents(connection, incidents.c.state.in_(OPEN_STATES))


def since(connection: Connection, at: float) -> list[Incident]:
    """Return the incidents detected since a time, oldest first."""
    return _incidents(connection, incidents.c.detected_at >= at)


def restored_since(connection: Connection, at: float) -> list[Incident]:
    """Return the incidents that recovered since a time, oldest first."""
    return _incidents(connection, incidents.c.restored_at >= at)


def find(connection: Connection, number: int) -> Incident:
    """Return an incident.

    Raises:
        StoreError: there is none with this number.
    """
    found = _incidents(connection, incidents.c.id == number)
    if not found:
        raise StoreError(f"incident {number}", "is not in the store.", "list them with palantir.trust.report.")
    return found[0]


def open_incident(connection: Connection, node: str, layer: str, finding: str, detected_at: float) -> Incident:
    """Return the open incident of this node and layer; open one where there is none."""
    key = f"{node}/{layer}"
    known = _incidents(connection, incidents.c.open_key == key)
    if known:
        return known[0]
    number = connection.execute(
        insert(incidents)
        .values(node=node, layer=layer, open_key=key, state="open", attempt=0, finding=finding, detected_at=detected_at)
        .returning(incidents.c.id)
    ).scalar_one()
    ledger.append(connection, detected_at, "incident", key, {"id": number, "opened": finding})
    return find(connection, number)


def lease(
    connection: Connection, number: int, owner: str, now: float, is_gone: Callable[[str], bool] = lambda _owner: False
) -> bool:
    """Take or renew the lease of an incident; False where another controller holds it, or it is over.

    Args:
        connection: an open transaction.
        number: the incident.
        owner: who wants it.
        now: seconds since the epoch.
        is_gone: tells of the one who holds it whether it has ended without giving it up.
    """
    holder = connection.execute(select(incidents.c.lease_owner).where(incidents.c.id == number)).scalar()
    if holder is not None and holder != owner and is_gone(holder):
        release(connection, holder)
    free = or_(incidents.c.lease_owner.is_(None), incidents.c.lease_owner == owner, incidents.c.lease_until < now)
    taken = connection.execute(
        update(incidents)
        .where(incidents.c.id == number, incidents.c.state.in_(OPEN_STATES), free)
        .values(lease_owner=owner, lease_until=now + LEASE)
    )
    return taken.rowcount == 1


def begin_attempt(connection: Connection, number: int, now: float) -> Incident:
    """Count one more attempt at an incident.

    Raises:
        StoreError: there is none with this number, or it is over.
    """
    known = _not_over(connection, number)
    return _change(connection, known, now, attempt=known.attempt + 1, last_action_at=now)


def uncount(connection: Connection, number: int, now: float) -> Incident:
    """Take back that an attempt was counted of which nothing was done.

    Raises:
        StoreError: there is none with this number.
    """
    known = find(connection, number)
    return _change(connection, known, now, "a second proof did not confirm it", attempt=max(known.attempt - 1, 0))


def contained(connection: Connection, number: int, now: float, at: float | None = None) -> Incident:
    """Note the first time at which an incident could do no more harm.

    Args:
        connection: of the store.
        number: of the incident.
        now: the time, in seconds since the epoch.
        at: when it was so, if that was before; no earlier than it was detected.

    Raises:
        StoreError: there is none with this number.
    """
    known = find(connection, number)
    if known.contained_at is not None:
        return known
    at = now if at is None else min(max(at, known.detected_at), now)
    return _change(connection, known, now, contained_at=at)


def hold(connection: Connection, number: int, now: float, reason: str) -> Incident:
    """Hand an incident to a person.

    Raises:
        StoreError: there is none with this number, or it is over.
    """
    return _change(connection, _not_over(connection, number), now, reason, state="held")


def why_held(connection: Connection, among: Iterable[Incident]) -> dict[int, tuple[float, str]]:
    """Return for those of these incidents that are held when and why they were last handed to a person."""
    held = {incident.id: incident.detected_at for incident in among if incident.state == "held"}
    if not held:
        return {}
    entries = ledger.every(connection, "incident", min(held.values()))
    return {
        int(body["id"]): (at, str(body["reason"]))
        for at, _subject, body in entries
        if body.get("state") == "held" and body["id"] in held
    }


def reopen(connection: Connection, number: int, now: float, person: str, reason: str) -> Incident:
    """Give an incident that a person holds back to the tables, which begin anew with its first attempt.

    Raises:
        StoreError: there is none with this number, or it is not held.
    """
    known = find(connection, number)
    if known.state != "held":
        raise StoreError(f"incident {number}", f"is {known.state}, not held.", "only what is held can be given back.")
    return _change(connection, known, now, f"{person}: {reason}".rstrip(": "), state="open", attempt=0)


def recovered(connection: Connection, number: int, now: float) -> Incident:
    """Close an incident on a new affirming result; one that ended by itself counts as contained then.

    Raises:
        StoreError: there is none with this number.
    """
    known = find(connection, number)
    if known.state not in OPEN_STATES:
        return known
    return _change(
        connection,
        known,
        now,
        state="recovered",
        open_key=None,
        restored_at=now,
        contained_at=now if known.contained_at is None else known.contained_at,
        lease_owner=None,
        lease_until=None,
    )


def close(connection: Connection, number: int, now: float, reason: str) -> Incident:
    """End an incident whose subject is there no more: neither recovered nor open."""
    known = find(connection, number)
    return _change(connection, known, now, reason, state="closed", open_key=None, lease_owner=None, lease_until=None)


def release(connection: Connection, owner: str) -> None:
    """Give up every lease of a controller."""
    connection.execute(
        update(incidents).where(incidents.c.lease_owner == owner).values(lease_owner=None, lease_until=None)
    )


def _not_over(connection: Connection, number: int) -> Incident:
    known = find(connection, number)
    if known.state not in OPEN_STATES:
        raise StoreError(
            f"incident {number}", f"is {known.state} already.", "attest again: what is still wrong opens a new one."
        )
    return known


def _change(connection: Connection, known: Incident, now: float, reason: str = "", **values: Any) -> Incident:
    connection.execute(update(incidents).where(incidents.c.id == known.id).values(**values))
    ledger.append(
        connection, now, "incident", f"{known.node}/{known.layer}", {"id": known.id, "reason": reason, **values}
    )
    return find(connection, known.id)


def _incidents(connection: Connection, *conditions: Any) -> list[Incident]:
    rows = connection.execute(select(incidents).where(*conditions).order_by(incidents.c.id))
    return [Incident(**row._mapping) for row in rows]


__all__ = [
    "LEASE",
    "OPEN_STATES",
    "Incident",
    "begin_attempt",
    "close",
    "contained",
    "find",
    "hold",
    "lease",
    "open_incident",
    "recovered",
    "release",
    "reopen",
    "restored_since",
    "since",
    "still_open",
    "uncount",
    "why_held",
]
