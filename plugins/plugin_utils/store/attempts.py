# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attempts at an incident: what each was taken against, and how far its steps came.

An attempt that has no end was broken off: its controller died, or lost its lease. Whoever goes on with the incident
goes on with that attempt, and does not count another.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attempts

UNCONFIRMED = "unconfirmed"
"""End of an attempt of which nothing was done, as a second proof did not confirm the first."""
ENDS = ("done", "failed", "recovered", UNCONFIRMED)
MAX_RESUMED = 3
"""How often one attempt may be gone on with: what breaks every controller off is not cured by another."""


@dataclass(frozen=True)
class Attempt:
    """One attempt.

    ``progress`` has one item for each step that began: ``{"action", "node", "instance", "state", "at",
    "reset_count"}``, its ``state`` being ``started`` or ``done``. Times are seconds since the epoch.
    """

    id: int
    incident: int
    number: int
    rule: str
    verb: str
    node: str
    digests: list[str]
    began_at: float
    ended_at: float | None
    outcome: str | None
    progress: list[dict[str, Any]]
    resumed: int = 0

    @property
    def is_unconfirmed(self) -> bool:
        """Whether no step of it has begun but the one that asks for a second proof."""
        return all(item["action"] == "confirm" for item in self.progress)


def begin(
    connection: Connection, incident: int, number: int, step: Mapping[str, Any], digests: Iterable[str], at: float
) -> int:
    """Record an attempt that begins with a step of a plan, and return its id."""
    row = connection.execute(
        insert(attempts)
        .values(
            incident=incident,
            number=number,
            rule=step.get("rule") or "",
            verb=step["verb"],
            node=step["incident"]["node"],
            digests=sorted(digests),
            began_at=at,
            progress=[],
            resumed=0,
        )
        .returning(attempts.c.id)
    )
    return int(row.scalar_one())


def unfinished(connection: Connection, incident: int) -> Attempt | None:
    """Return the attempt of an incident that has no end, if there is one."""
    found = _attempts(connection, attempts.c.incident == incident, attempts.c.ended_at.is_(None))
    return found[-1] if found else None


def of_incidents(connection: Connection, numbers: Iterable[int]) -> list[Attempt]:
    """Return all attempts at these incidents, oldest first."""
    return _attempts(connection, attempts.c.incident.in_(list(numbers)))


def began_since(connection: Connection, at: float) -> list[float]:
    """Return when the attempts since a time began, without those of which nothing was done."""
    found = _attempts(connection, attempts.c.began_at >= at)
    return [attempt.began_at for attempt in found if attempt.outcome != UNCONFIRMED]


def note(connection: Connection, known: Attempt, step: Mapping[str, Any], state: str, at: float, boot: int) -> None:
    """Note that a step of an attempt began or is done.

    Args:
        connection: an open transaction.
        known: the attempt, as :func:`unfinished` gave it in this transaction.
        step: the step, as the plan has it.
        state: ``started`` or ``done``.
        at: seconds since the epoch.
        boot: reset count of the step's node, as far as it is known: a later one tells that it has rebooted since.
    """
    entry = {name: step.get(name) for name in ("action", "node", "instance")}
    others = [item for item in known.progress if {name: item[name] for name in entry} != entry]
    before = next((item for item in known.progress if item not in others), None)
    boot = before["reset_count"] if before and before["state"] == "started" else boot
    progress = [*others, {**entry, "state": state, "at": at, "reset_count": boot}]
    connection.execute(update(attempts).where(attempts.c.id == known.id).values(progress=progress))


def resume(connection: Connection, known: Attempt) -> None:
    """Count that an attempt is gone on with."""
    connection.execute(update(attempts).where(attempts.c.id == known.id).values(resumed=known.resumed + 1))


def end(connection: Connection, incident: int, outcome: str, at: float) -> None:
    """End the attempt of an incident that has no end yet; nothing where there is none."""
    connection.execute(
        update(attempts)
        .where(attempts.c.incident == incident, attempts.c.ended_at.is_(None))
        .values(ended_at=at, outcome=outcome)
    )


def _attempts(connection: Connection, *conditions: Any) -> list[Attempt]:
    rows = connection.execute(select(attempts).where(*conditions).order_by(attempts.c.id))
    return [Attempt(**row._mapping) for row in rows]


__all__ = [
    "ENDS",
    "MAX_RESUMED",
    "UNCONFIRMED",
    "Attempt",
    "began_since",
    "begin",
    "end",
    "note",
    "of_incidents",
    "resume",
    "unfinished",
]
