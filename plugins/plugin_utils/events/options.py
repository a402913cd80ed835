# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments of an event source, and the file that keeps its place in the ledger.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import Place
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import default_url
from ansible_collections.palantir.trust.plugins.plugin_utils.store.ledger import GENESIS

INTERVAL: Final = 5.0
INTERVALS: Final = (1.0, 3600.0)
"""Least and most seconds between two looks at the store."""
MAX_NODES: Final = 10_000
NAMES: Final = ("store", "interval", "nodes", "since", "cursor_file")
_CURSOR_LIMIT: Final = 4096
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


def load_place(file: Path) -> Place | None:
    """Return the place that a file keeps; None where there is no file yet.

    Raises:
        EventError: it cannot be read, or holds something else.
    """
    subject, step = f"cursor_file {file}", "remove it to begin with what is new from now on."
    try:
        with file.open("rb") as stream:
            plain = json.loads(stream.read(_CURSOR_LIMIT))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EventError(subject, f"{error.strerror}.", "check its path and its owner.") from None
    except (ValueError, RecursionError):
        raise EventError(subject, "holds no JSON.", step) from None
    if not isinstance(plain, Mapping) or set(plain) != {"sequence", "digest"}:
        raise EventError(subject, "holds no place in a ledger.", step)
    sequence, digest = plain["sequence"], plain["digest"]
    right = isinstance(sequence, int) and not isinstance(sequence, bool) and 0 <= sequence < 1 << 63
    if not right or not isinstance(digest, str) or len(digest) != len(GENESIS):
        raise EventError(subject, "holds no place in a ledger.", step)
    return Place(sequence, digest)


def save_place(file: Path, place: Place) -> None:
    """Keep a place in a file, which at any time holds the old one or the new one, whole.

    Raises:
        EventError: it cannot be written.
    """
    text = json.dumps({"sequence": place.sequence, "digest": place.digest}) + "\n"
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        raise EventError(f"cursor_file {file}", f"{error.strerror}.", "check its directory.") from None


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


__all__ = ["INTERVAL", "INTERVALS", "MAX_NODES", "NAMES", "Options", "load_place", "read_options", "save_place"]
