# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held back now, and by what: as the newest plan in the ledger has it.

Every plan is recorded whole. How long something has been held back, each takes from the one before.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import ENDS
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents, ledger

KINDS: Final = ("held", "waiting", "deferred", "void")
"""The lists of a plan that hold something back."""


def note_since(connection: Connection, decided: Mapping[str, Any], now: float) -> None:
    """Note on each entry of a plan since when it has been held back for this reason.

    Args:
        connection: an open transaction.
        decided: the plan, not recorded yet.
        now: seconds since the epoch.
    """
    _at, before = ledger.newest(connection, "decision", "plan") or (0.0, {})
    since = {_name(item): item.get("since") for _kind, item in _entries(before)}
    for _kind, item in _entries(decided):
        known = since.get(_name(item))
        item["since"] = now if known is None else known


def current(connection: Connection) -> list[dict[str, Any]]:
    """Return what the newest plan held back, in its order.

    Each has ``node``, ``layer``, ``instance``, ``incident`` (None where none is open), ``kind`` (of :data:`KINDS`, or
    ``silent``), ``reason``, ``message``, ``verb`` and ``rule`` that were due (None where nothing was decided),
    ``since``, ``until`` (None where no time ends it) and ``ends``.
    """
    at, plan = ledger.newest(connection, "decision", "plan") or (0.0, {})
    still_open = incidents.still_open(connection)
    numbers = {incident.open_key: incident.id for incident in still_open}
    why = incidents.why_held(connection, still_open)
    return [_told(kind, item, at, numbers, why) for kind, item in (*_entries(plan), *_silent(plan))]


def _entries(plan: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in KINDS:
        for item in plan.get(kind, ()):
            yield kind, item


def _silent(plan: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the nodes that gave no result: whatever is open there stands still."""
    for decision in plan.get("decisions", ()):
        if decision["reason"] == "node_state":
            subject = {"id": None, **decision["subject"]}
            yield "silent", {"incident": subject, "reason": "node_state", "message": decision["message"]}


def _name(item: Mapping[str, Any]) -> tuple[Any, ...]:
    subject = item["incident"]
    return (subject["node"], subject["layer"], subject["instance"], item["reason"], item["verb"], item["rule"])


def _told(
    kind: str,
    item: Mapping[str, Any],
    at: float,
    numbers: Mapping[str | None, int],
    why: Mapping[int, tuple[float, str]],
) -> dict[str, Any]:
    subject = item["incident"]
    layer = f"sc:{subject['instance']}" if subject["instance"] else subject["layer"]
    number = subject["id"] if subject["id"] is not None else numbers.get(f"{subject['node']}/{layer}")
    since, message = item.get("since", at), item["message"]
    if item["reason"] == "held" and number is not None and number in why:
        since, reason = why[number]
        message = reason or message
    return {
        "incident": number,
        "node": subject["node"],
        "layer": subject["layer"],
        "instance": subject["instance"],
        "kind": kind,
        "reason": item["reason"],
        "message": message,
        "verb": item.get("verb"),
        "rule": item.get("rule"),
        "since": since,
        "until": item.get("until"),
        # A plan of another version may know other reasons.
        "ends": ENDS.get(item["reason"], "a plan decides otherwise"),
    }


__all__ = ["KINDS", "current", "note_since"]
