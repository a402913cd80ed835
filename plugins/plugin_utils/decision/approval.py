# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Approvals: a rule may ask persons before it acts, m of n, within a time, and with something milder to do instead.

In a rule, ``approval: person`` asks for anybody, or in full::

    approval: {need: 2, of: [alice, bob, carol], timeout: 30m, fallback: hold}

One refusal by a person who is asked is enough to refuse. An approval is of one action: of one incident, attempt, rule
and verb.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision import values
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

FALLBACKS: Final = ("hold", "observe", "isolate")
"""What may be done where nobody answers: nothing that takes more away than a person could give back at once."""


class Standing(StrEnum):
    """How an approval stands."""

    UNASKED = "unasked"
    PENDING = "pending"
    GRANTED = "granted"
    REFUSED = "refused"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who must approve.

    Attributes:
        need: how many persons.
        of: who may; empty for anybody.
        timeout: seconds after which nobody is waited for; None for ever.
        fallback: the verb that is done instead once the time is over.
    """

    need: int = 1
    of: tuple[str, ...] = ()
    timeout: int | None = None
    fallback: str = "hold"

    def plain(self) -> str | dict[str, Any]:
        """Return the form that :func:`read_approval` reads."""
        if self == Approval():
            return "person"
        full = {"need": self.need, "of": list(self.of), "timeout": self.timeout, "fallback": self.fallback}
        return {name: value for name, value in full.items() if value not in (None, [])}

    def told(self) -> str:
        """Return for people whose approval is asked for."""
        whose = ", ".join(self.of) if self.of else "anybody"
        return f"{self.need} of {whose}"


@dataclass(frozen=True, slots=True)
class Request:
    """An approval that was asked for: of which action, when, and who has answered what."""

    incident: int | str
    attempt: int
    rule: str
    verb: str
    asked_at: float
    approved: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()


def read_approval(value: Any, subject: str) -> Approval:
    """Return what a rule's ``approval`` says.

    Raises:
        RuleError: it has another form, or could never be given.
    """
    if value == "person":
        return Approval()
    if not isinstance(value, dict):
        raise RuleError(
            subject,
            f"must be person or a mapping, not {printable(repr(value), 40)}.",
            "write person, or {need: 2, of: [alice, bob], timeout: 30m, fallback: hold}.",
        )
    plain = values.mapping(value, subject, ("need", "of", "timeout", "fallback"))
    of = tuple(sorted(values.names(plain["of"], f"{subject}, of"))) if "of" in plain else ()
    need = values.count(plain.get("need", 1), f"{subject}, need")
    if of and need > len(of):
        raise RuleError(f"{subject}, need", f"is {need}, but of names {len(of)}.", "name more persons, or need fewer.")
    timeout = values.seconds(plain["timeout"], f"{subject}, timeout") if "timeout" in plain else None
    fallback = plain.get("fallback", "hold")
    if fallback not in FALLBACKS:
        raise RuleError(
            f"{subject}, fallback",
            f"{printable(str(fallback), 40)!r} is not for the time when nobody answers.",
            nearest(fallback, FALLBACKS),
        )
    if fallback != "hold" and timeout is None:
        raise RuleError(f"{subject}, fallback", "can never be reached.", "say after which timeout.")
    return Approval(need, of, timeout, str(fallback))


def standing(asked: Approval, request: Request | None, now: float) -> Standing:
    """Return how an approval stands.

    Args:
        asked: what the rule asks for.
        request: what was asked and answered; None where nobody has been asked.
        now: seconds since the epoch.
    """
    if request is None:
        return Standing.UNASKED
    if _those(asked, request.refused):
        return Standing.REFUSED
    if _persons(asked, request.approved) >= asked.need:
        return Standing.GRANTED
    if asked.timeout is not None and now >= request.asked_at + asked.timeout:
        return Standing.LAPSED
    return Standing.PENDING


def _persons(asked: Approval, names: Iterable[str]) -> int:
    """Return how many persons these are: where nobody is named, Alice and alice may be one who answered twice."""
    those = _those(asked, names)
    return len(those) if asked.of else len({name.casefold() for name in those})


def _those(asked: Approval, persons: Iterable[str]) -> frozenset[str]:
    return frozenset(person for person in persons if not asked.of or person in asked.of)


__all__ = ["FALLBACKS", "Approval", "Request", "Standing", "read_approval", "standing"]
