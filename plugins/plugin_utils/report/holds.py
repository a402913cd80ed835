# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held back, as a table that a person can read at night: what was due, what holds it, until when.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table


def hold_table(holds: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of what :func:`..recovery.holds.current` returns, a paragraph for each below; empty for none."""
    known = list(holds)
    if not known:
        return ""
    rows = [
        (_subject(item), item["verb"] or "-", item["reason"], _time(item["since"]), _time(item["until"]))
        for item in known
    ]
    notes = [
        paragraph(f"{_subject(item)}: {_due(item)}{item['message'].rstrip('.')}. {_until(item)}") for item in known
    ]
    return "\n\n".join((table(("OF", "DUE", "HELD BY", "SINCE", "UNTIL"), rows), "\n".join(notes)))


def _subject(item: Mapping[str, Any]) -> str:
    return f"{item['node']} {item['instance'] or item['layer'] or ''}".rstrip()


def _due(item: Mapping[str, Any]) -> str:
    return f"{item['verb']} by {item['rule']}: " if item["verb"] else ""


def _until(item: Mapping[str, Any]) -> str:
    at = item["until"]
    when = "" if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%SZ}: "
    return f"Until {when}{item['ends']}."


def _time(at: float | None) -> str:
    """Return a time of at most the twelve columns that a table always leaves to its last cell."""
    return "-" if at is None else f"{datetime.fromtimestamp(at, UTC):%m-%d %H:%MZ}"


__all__ = ["hold_table"]
