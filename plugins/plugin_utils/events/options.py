# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of an event source.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import default_url

INTERVAL: Final = 5.0
INTERVALS: Final = (1.0, 3600.0)
"""Least and most seconds between two looks at the store."""
MAX_NODES: Final = 10_000
NAMES: Final = ("store", "interval", "nodes", "since", "cursor_file")
# What ansible-rulebook adds for sources that ask for feedback.
_OF_RULEBOOK: Final = ("eda_feedback_queue",)


@dataclass(frozen=True, slots=True)
class Options:
    """The arguments: ``interval`` in seconds, ``since`` in seconds since the epoch."""

    store: str
    interval: float
    nodes: frozenset[str]
    since: float | None
    cursor_file: Path | None


def read_options(plain: Mapping[str, Any]) -> Options:
    """Return the arguments of an event source.

    Raises:
        EventError: one is unknown, or not what it should be.
    """
    for key in plain:
        if key not in NAMES and key not in _OF_RULEBOOK:
            raise EventError(f"argument {printable(key, 40)}", "is unknown.", f"use {', '.join(NAMES)}.")
    file = plain.get("cursor_file")
    return Options(
        store=str(plain.get("store") or default_url()),
        interval=_interval(plain.get("interval", INTERVAL)),
        nodes=_nodes(plain.get("nodes") or ()),
        since=_since(plain.get("since")),
        cursor_file=Path(str(file)).expanduser() if file else None,
    )


def _interval(value: object) -> float:
    least, most = INTERVALS
    try:
        seconds = float(str(value))
    except ValueError:
        seconds = math.nan
    if not least <= seconds <= most:
        raise EventError("argument interval", f"must be {least:g} to {most:g} seconds, not {printable(value, 40)}.")
    return seconds


def _nodes(value: object) -> frozenset[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or len(names) > MAX_NODES or not all(isinstance(n, str) for n in names):
        raise EventError("argument nodes", f"must be a list of at most {MAX_NODES} names.")
    return frozenset(names)


def _since(value: object) -> float | None:
    if value is None or value == "":
        return None
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    try:
        seconds = float(text)
    except ValueError:
        try:
            at = datetime.fromisoformat(text)
            seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            seconds = math.nan
    if not math.isfinite(seconds):
        step = "give seconds since 1970, or 2026-05-01T12:00:00Z."
        raise EventError("argument since", f"is no time: {printable(text, 40)}.", step)
    return seconds


__all__ = ["INTERVAL", "INTERVALS", "MAX_NODES", "NAMES", "Options", "read_options"]
