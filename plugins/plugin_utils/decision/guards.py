# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guard rails: what bounds the action of a rule, as further keys of the rule.

====================  =========================================================================================
``budget``            at most so many nodes in repair when this rule acts (an integer from 1)
``cool_down``         seconds since the incident's last action before this rule acts (or ``30s``, ``5m``, ``2h``)
``confirmation``      ``fresh_quote``: attest once more first, and go on only if the layer has the same tier again
``approval``          ``person``, or who must approve; see :mod:`.approval`
``preserve``          ``true``: said for the reader; evidence is always preserved before anything is stopped
``success_within``    seconds within which the new affirming EAR must come
``failure_timeout``   seconds since the incident was detected after which the rule no longer acts: a person has it
``expires``           date after which the rule no longer acts and its subjects are held
``owner``             who answers for the rule
====================  =========================================================================================

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision import values
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.approval import Approval, read_approval
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError


@dataclass(frozen=True, slots=True)
class Guards:
    """The guard rails of one rule; None where it has none of a kind. Durations are in seconds, ``expires`` an epoch."""

    budget: int | None = None
    cool_down: int | None = None
    confirmation: str | None = None
    approval: Approval | None = None
    success_within: int | None = None
    failure_timeout: int | None = None
    expires: float | None = None
    owner: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return those that are set, JSON-safe."""
        found = {name: value for f in fields(self) if (value := getattr(self, name := f.name)) is not None}
        return found | ({"approval": self.approval.plain()} if self.approval else {})


NO_GUARDS: Final = Guards()


def read(keys: Mapping[str, Any], subject: str) -> Guards:
    """Return the guard rails that a rule's further keys describe.

    Raises:
        RuleError: a value has another form than the table above gives.
    """
    if keys.get("preserve", True) is not True:
        raise RuleError(
            f"{subject}, preserve",
            "can only be true.",
            "evidence is preserved before anything is stopped; leave the key out.",
        )
    return Guards(
        **{key: reader(keys[key], f"{subject}, {key}") for key, reader in _READERS.items() if keys.get(key) is not None}
    )


def _fresh_quote(value: Any, subject: str) -> str:
    if value != "fresh_quote":
        raise RuleError(subject, f"must be fresh_quote, not {printable(repr(value), 40)}.")
    return "fresh_quote"


def _end_of(value: Any, subject: str) -> float:
    return values.moment(value, subject, whole_day=True)


_READERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "budget": values.count,
    "cool_down": values.seconds,
    "confirmation": _fresh_quote,
    "approval": read_approval,
    "success_within": values.seconds,
    "failure_timeout": values.seconds,
    "expires": _end_of,
    "owner": values.text,
}

__all__ = ["NO_GUARDS", "Guards", "read"]
