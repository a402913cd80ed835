# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals that were asked for, and what each person answered.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import answers, approvals

_PERSON = 128


@dataclass(frozen=True)
class Request:
    """An approval of one action: of an incident, an attempt, a rule and its verb; who has answered what."""

    id: int
    incident: int
    attempt: int
    rule: str
    verb: str
    need: int
    of: list[str]
    asked_at: float
    approved: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the form of it that a decision reads."""
        return {
            "incident": self.incident,
            "attempt": self.attempt,
            "rule": self.rule,
            "verb": self.verb,
            "asked_at": self.asked_at,
            "approved": list(self.approved),
            "refused": list(self.refused),
        }


def ask(
    connection: Connection,
    incident: int,
    attempt: int,
    action: tuple[str, str],
    whom: tuple[int, Iterable[str]],
    at: float,
) -> None:
    """Record that an approval is asked for; nothing where it was asked for already.

    Args:
        connection: an open transaction.
        incident: the incident.
        attempt: the number of actions before this one.
        action: rule and verb.
        whom: how many persons must approve, and which may; none for anybody.
        at: seconds since the epoch.
    """
    rule, verb = action
    need, of = whom
    known = (approvals.c.incident == incident, approvals.c.attempt == attempt)
    if connection.execute(
        select(approvals.c.id).where(*known, approvals.c.rule == rule, approvals.c.verb == verb)
    ).first():
        return
    values = {"incident": incident, "attempt": attempt, "rule": rule, "verb": verb, "need": need, "of": sorted(of)}
    connection.execute(insert(approvals).values(**values, asked_at=at))
    ledger.append(connection, at, "approval", f"incident {incident}", {"asked": values})


def answer(
    connection: Connection, incident: int, person: str, at: float, *, approve: bool, reason: str = ""
) -> Request:
    """Record what a person answers to the newest request of an incident; a later answer replaces an earlier one.

    Raises:
        StoreError: nothing was asked, or the person is not one of those asked.
    """
    asked = of_incidents(connection, [incident])
    if not asked:
        raise StoreError(f"incident {incident}", "asks for no approval.", "see what is open: palantir.trust.report.")
    newest = asked[-1]
    if not _is_name(person) or (newest.of and person not in newest.of):
        raise StoreError(
            f"incident {incident}",
            f"{printable(person, 40)!r} is not one of those whose approval is asked for.",
            f"they are {', '.join(newest.of)}." if newest.of else "say who you are.",
        )
    connection.execute(delete(answers).where(answers.c.approval == newest.id, answers.c.person == person))
    connection.execute(
        insert(answers).values(approval=newest.id, person=person, approve=approve, reason=printable(reason, 500), at=at)
    )
    body = {"verb": newest.verb, "rule": newest.rule, "attempt": newest.attempt, "person": person, "approve": approve}
    ledger.append(connection, at, "approval", f"incident {incident}", {**body, "reason": printable(reason, 500)})
    return of_incidents(connection, [incident])[-1]


def _is_name(person: str) -> bool:
    """Return whether a name has one way to write it: no other one that looks like it is to count as a second person."""
    plain = unicodedata.normalize("NFKC", person).strip()
    return bool(person) and len(person) <= _PERSON and person.isprintable() and person == plain


def forget(connection: Connection, incident: int) -> None:
    """Forget what was asked for an incident, and what was answered; the ledger remembers."""
    asked = select(approvals.c.id).where(approvals.c.incident == incident)
    connection.execute(delete(answers).where(answers.c.approval.in_(asked)))
    connection.execute(delete(approvals).where(approvals.c.incident == incident))


def of_incidents(connection: Connection, numbers: Iterable[int]) -> list[Request]:
    """Return the requests of these incidents, oldest first."""
    rows = connection.execute(
        select(approvals).where(approvals.c.incident.in_(list(numbers))).order_by(approvals.c.id)
    ).all()
    given = connection.execute(
        select(answers).where(answers.c.approval.in_([row.id for row in rows])).order_by(answers.c.person)
    ).all()
    return [_request(dict(row._mapping), [item for item in given if item.approval == row.id]) for row in rows]


def _request(row: Mapping[str, Any], given: Iterable[Any]) -> Request:
    everybody = list(given)
    return Request(
        **row,
        approved=tuple(item.person for item in everybody if item.approve),
        refused=tuple(item.person for item in everybody if not item.approve),
    )


__all__ = ["Request", "answer", "ask", "forget", "of_incidents"]
