# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that guard rails and limits have: counts, durations, times, texts, names.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_NAMES: Final = 10_000
_DURATION = re.compile(r"([0-9]{1,9})\s*([smhd]?)")
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def mapping(value: Any, subject: str, known: Sequence[str]) -> Mapping[str, Any]:
    """Return a mapping whose keys are all known.

    Raises:
        RuleError: it is none, or a key is unknown; the message gives the nearest right one.
    """
    if not isinstance(value, Mapping):
        raise RuleError(subject, f"must be a mapping, not {type(value).__name__}.")
    for key in value:
        if key not in known:
            raise RuleError(subject, f"has the unknown key {printable(str(key), 40)!r}.", nearest(key, known))
    return value


def count(value: Any, subject: str) -> int:
    """Return an integer from 1.

    Raises:
        RuleError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise RuleError(subject, f"must be an integer from 1, not {printable(repr(value), 40)}.")
    return int(value)


def truth(value: Any, subject: str) -> bool:
    """Return a boolean.

    Raises:
        RuleError: it is none.
    """
    if not isinstance(value, bool):
        raise RuleError(subject, f"must be true or false, not {printable(repr(value), 40)}.")
    return value


def seconds(value: Any, subject: str) -> int:
    """Return a duration in seconds, from such or from a number with one of the units ``s``, ``m``, ``h``, ``d``.

    Raises:
        RuleError: it is none.
    """
    match = _DURATION.fullmatch(str(value)) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
    if match is None:
        raise RuleError(
            subject, f"must be a duration, not {printable(repr(value), 40)}.", "write 90, 90s, 5m, 2h or 1d."
        )
    return int(match.group(1)) * _UNITS[match.group(2)]


def text(value: Any, subject: str) -> str:
    """Return a text.

    Raises:
        RuleError: it is none, is empty, or has more than 256 characters.
    """
    if not isinstance(value, str) or not 0 < len(value) <= 256:
        raise RuleError(subject, "must be a text of at most 256 characters.")
    return str(value)


def names(value: Any, subject: str) -> frozenset[str]:
    """Return a list of names as a set.

    Raises:
        RuleError: it is no list of texts, or is empty.
    """
    listed = value if isinstance(value, (list, tuple)) else None
    if not listed or len(listed) > MAX_NAMES:
        raise RuleError(subject, f"must be a list of names, not {printable(repr(value), 40)}.")
    return frozenset(text(item, subject) for item in listed)


def moment(value: Any, subject: str, *, whole_day: bool = False) -> float:
    """Return a time as seconds since the epoch, from an ISO 8601 text or date; UTC where it names no zone.

    Args:
        value: the time.
        subject: what it is, for errors.
        whole_day: a bare date means the end of its day, not its beginning.

    Raises:
        RuleError: it is none.
    """
    try:
        found = _moment(value, time.max if whole_day else time.min)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise RuleError(
            subject,
            f"must be a date, not {printable(repr(value), 40)}.",
            "write 2027-01-31, or an ISO 8601 time.",
        )
    return found


def _moment(value: Any, at: time) -> float | None:
    if isinstance(value, str):
        value = date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime.combine(value, at, UTC).timestamp()
    return None


__all__ = ["MAX_NAMES", "count", "mapping", "moment", "names", "seconds", "text", "truth"]
