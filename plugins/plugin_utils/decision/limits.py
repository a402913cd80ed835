# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits: what bounds all remediation of a site, whatever a single rule allows.

====================  ============================================================================================
``preset``            ``palantir``: one remediation at a time, a notice every 10 s while it lasts. Other keys go first
``max_in_repair``     nodes in repair at once; 1 by default
``one_at_a_time``     one incident is acted on at once on the whole site; false by default
``max_unhealthy``     a number of nodes, or a share (``40%``): while more are unhealthy, nothing destructive begins
``max_actions``       ``{count: 6, within: 1h}``: so many actions in that time; then nothing more begins
``storm_nodes``       on so many nodes, and more than half of those attested, one digest makes a storm; 3 by default
``maintenance``       windows, each ``{name, nodes, from, to}`` or ``{name, nodes, days, at, for}``; times are in UTC
``notify_every``      seconds between notices while a remediation lasts; none by default
``remind_every``      seconds between notices while an incident waits for a person; none by default
====================  ============================================================================================

A node is unhealthy whose result is not wholly free of contraindicated layers, or that gave none.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision import values
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "palantir": {"max_in_repair": 1, "one_at_a_time": True, "notify_every": 10}
}
_SHARE = re.compile(r"(100|[1-9]?[0-9])%")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DAY: Final = 86_400
_MAX_WINDOWS: Final = 1000
_LONGEST: Final = 31 * _DAY


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window: once, or every week on some days.

    Attributes:
        name: for people.
        nodes: whose it is; None for all.
        begins: of one that is once, seconds since the epoch; of a weekly one, seconds since midnight.
        lasts: seconds.
        days: numbers of the days on which a weekly one begins, Monday 0; None for one that is once.
    """

    name: str
    nodes: frozenset[str] | None
    begins: float
    lasts: float
    days: frozenset[int] | None = None

    def is_open(self, node: str, now: float) -> bool:
        """Return whether it is open for a node."""
        if self.nodes is not None and node not in self.nodes:
            return False
        if self.days is None:
            return self.begins <= now < self.begins + self.lasts
        # Of the days that it may have begun on, as far back as it lasts.
        today = int(now // _DAY)
        return any(
            datetime.fromtimestamp(day * _DAY, UTC).weekday() in self.days
            and day * _DAY + self.begins <= now < day * _DAY + self.begins + self.lasts
            for day in range(today - math.ceil(self.lasts / _DAY), today + 1)
        )


@dataclass(frozen=True, slots=True)
class Unhealthy:
    """How many nodes may be unhealthy: a number, or a share of the site's."""

    number: int | None = None
    percent: int | None = None

    def of(self, nodes: int) -> int:
        """Return the number among so many nodes; a share is rounded down."""
        return self.number if self.number is not None else nodes * (self.percent or 0) // 100


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a site; None where there is none of a kind. ``max_actions`` is a count and seconds."""

    max_in_repair: int = 1
    one_at_a_time: bool = False
    max_unhealthy: Unhealthy | None = None
    max_actions: tuple[int, int] | None = None
    storm_nodes: int = 3
    maintenance: tuple[Window, ...] = ()
    notify_every: int | None = None
    remind_every: int | None = None

    def in_maintenance(self, node: str, now: float) -> bool:
        """Return whether a maintenance window of a node is open."""
        return any(window.is_open(node, now) for window in self.maintenance)


NO_LIMITS: Final = Limits()
"""The defaults."""


def read_limits(plain: Any, subject: str = "limits") -> Limits:
    """Read limits from plain data (YAML); what is not named keeps its default.

    Raises:
        RuleError: a key is unknown (the nearest right one is named), or its value is of the wrong form.
    """
    if isinstance(plain, Limits):
        return plain
    given = dict(values.mapping(plain or {}, subject, ("preset", *_READERS)))
    preset = given.pop("preset", None)
    if preset is not None and preset not in PRESETS:
        raise RuleError(f"{subject}, preset", f"{printable(str(preset), 40)!r} is unknown.", nearest(preset, PRESETS))
    merged = {**PRESETS.get(preset or "", {}), **given}
    return Limits(**{key: _READERS[key](value, f"{subject}, {key}") for key, value in merged.items()})


def _unhealthy(value: Any, subject: str) -> Unhealthy:
    if isinstance(value, str):
        share = _SHARE.fullmatch(value)
        if share is None:
            raise RuleError(subject, f"{printable(value, 40)!r} is no share.", "write a number of nodes, or 40%.")
        return Unhealthy(percent=int(share.group(1)))
    return Unhealthy(number=values.count(value, subject))


def _actions(value: Any, subject: str) -> tuple[int, int]:
    plain = values.mapping(value, subject, ("count", "within"))
    within = values.seconds(plain.get("within"), f"{subject}, within")
    if not 0 < within <= _LONGEST:
        raise RuleError(f"{subject}, within", "must be from one second to 31 days.")
    return values.count(plain.get("count"), f"{subject}, count"), within


def _windows(value: Any, subject: str) -> tuple[Window, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > _MAX_WINDOWS:
        raise RuleError(subject, f"must be a list of at most {_MAX_WINDOWS} windows.")
    return tuple(_window(item, f"{subject}[{number}]") for number, item in enumerate(value))


def _window(value: Any, subject: str) -> Window:
    plain = values.mapping(value, subject, ("name", "nodes", "from", "to", "days", "at", "for"))
    name = values.text(plain.get("name"), f"{subject}, name")
    nodes = values.names(plain["nodes"], f"{subject}, nodes") if "nodes" in plain else None
    if "days" in plain or "at" in plain:
        begins, lasts, days = _weekly(plain, subject)
        return Window(name, nodes, begins, lasts, days)
    begins = values.moment(plain.get("from"), f"{subject}, from")
    lasts = values.moment(plain.get("to"), f"{subject}, to") - begins
    if lasts <= 0:
        raise RuleError(f"{subject}, to", "is not after from.")
    return Window(name, nodes, begins, lasts)


def _weekly(plain: Mapping[str, Any], subject: str) -> tuple[float, float, frozenset[int]]:
    for key in ("from", "to"):
        if key in plain:
            raise RuleError(subject, f"has {key} beside days and at.", "a window is once (from, to) or weekly.")
    days = values.names(plain.get("days"), f"{subject}, days")
    for day in days:
        if day not in DAYS:
            raise RuleError(f"{subject}, days", f"{printable(day, 40)!r} is no day.", nearest(day, DAYS))
    clock = _CLOCK.fullmatch(str(plain.get("at", "")))
    if clock is None:
        raise RuleError(f"{subject}, at", "must be a time of day.", 'write "02:30", in quotes.')
    lasts = values.seconds(plain.get("for"), f"{subject}, for")
    if not 0 < lasts <= 7 * _DAY:
        raise RuleError(f"{subject}, for", "must be from one second to seven days.")
    return int(clock.group(1)) * 3600 + int(clock.group(2)) * 60, lasts, frozenset(map(DAYS.index, days))


_READERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "max_in_repair": values.count,
    "one_at_a_time": values.truth,
    "max_unhealthy": _unhealthy,
    "max_actions": _actions,
    "storm_nodes": values.count,
    "maintenance": _windows,
    "notify_every": values.seconds,
    "remind_every": values.seconds,
}

__all__ = ["DAYS", "NO_LIMITS", "PRESETS", "Limits", "Unhealthy", "Window", "read_limits"]
