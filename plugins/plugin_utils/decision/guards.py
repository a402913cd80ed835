# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guard rails: what bounds the action of a rule, as further keys of the rule.

===================  ==========================================================================================
``budget``           at most so many nodes in repair when this rule acts (an integer from 1)
``cool_down``        seconds since the incident's last action before this rule acts (or ``30s``, ``5m``, ``2h``)
``confirmation``     ``fresh_quote``: attest once more first, and go on only if the layer is still not affirming
``approval``         ``person``: the incident is held until a person acts
``preserve``         ``true``: said for the reader; evidence is always preserved before anything is stopped
``success_within``   seconds within which the new affirming EAR must come
``expires``          date after which the rule no longer acts and its subjects are held
``owner``            who answers for the rule
===================  ==========================================================================================

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_DURATION = re.compile(r"([0-9]{1,9})\s*([smhd]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Guards:
    """The guard rails of one rule; None where it has none of a kind. Durations are in seconds, ``expires`` an epoch."""

    budget: int | None = None
    cool_down: int | None = None
    confirmation: str | None = None
    approval: str | None = None
    success_within: int | None = None
    expires: float | None = None
    owner: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return those that are set, JSON-safe."""
        return {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None}


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
        budget=_count(keys, "budget", subject),
        cool_down=_seconds(keys, "cool_down", subject),
        confirmation=_word(keys, "confirmation", "fresh_quote", subject),
        approval=_word(keys, "approval", "person", subject),
        success_within=_seconds(keys, "success_within", subject),
        expires=_end_of(keys, subject),
        owner=_text(keys, "owner", subject),
    )


def _count(keys: Mapping[str, Any], key: str, subject: str) -> int | None:
    value = keys.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise RuleError(f"{subject}, {key}", f"must be an integer from 1, not {printable(repr(value), 40)}.")
    return int(value)


def _seconds(keys: Mapping[str, Any], key: str, subject: str) -> int | None:
    value = keys.get(key)
    if value is None:
        return None
    match = _DURATION.fullmatch(str(value)) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
    if match is None:
        raise RuleError(
            f"{subject}, {key}",
            f"must be a duration, not {printable(repr(value), 40)}.",
            "write 90, 90s, 5m, 2h or 1d.",
        )
    return int(match.group(1)) * _UNITS[match.group(2)]


def _word(keys: Mapping[str, Any], key: str, word: str, subject: str) -> str | None:
    value = keys.get(key)
    if value is None:
        return None
    if value != word:
        raise RuleError(f"{subject}, {key}", f"must be {word}, not {printable(repr(value), 40)}.")
    return word


def _text(keys: Mapping[str, Any], key: str, subject: str) -> str | None:
    value = keys.get(key)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > 256:
        raise RuleError(f"{subject}, {key}", "must be a text of at most 256 characters.")
    return str(value)


def _end_of(keys: Mapping[str, Any], subject: str) -> float | None:
    value = keys.get("expires")
    if value is None:
        return None
    try:
        moment = _moment(value)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise RuleError(
            f"{subject}, expires",
            f"must be a date, not {printable(repr(value), 40)}.",
            "write 2027-01-31, or an ISO 8601 time.",
        )
    return moment


def _moment(value: Any) -> float | None:
    if isinstance(value, str):
        # A bare date means its whole day.
        value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time.max, UTC).timestamp()
    return None


__all__ = ["NO_GUARDS", "Guards", "read"]
