# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attestation results as a table that a person can read: by node, one line a layer, the gravest findings below.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.report.shorter import shortened
from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table

LIMIT: Final = 400_000
"""Most characters of a table, as JSON: AWX keeps nothing of a task's result over 700,000."""


def verdict_table(results: Iterable[Mapping[str, Any]], limit: int = LIMIT) -> str:
    """Return the table of attestation results, and below it what there is to say of each line that is not affirming.

    One that would be too long counts the nodes that are affirming and shows the others, as far as there is room.

    Args:
        results: each with ``node``, ``state``, ``message`` and, where ``state`` is ``attested``, ``ear``.
        limit: most characters, as JSON.
    """
    known = sorted(results, key=lambda r: str(r["node"]))
    rows, notes = _parts(known)
    if len(json.dumps([rows, notes])) <= limit:
        return "\n\n".join(filter(None, (rows, notes)))
    wrong = [result for result in known if not _is_affirming(result)]
    rows, notes = (shortened(text, limit // 2 - 100) for text in _parts(wrong))
    count = f"{len(known) - len(wrong)} of {len(known)} nodes are affirming in every layer, and not shown."
    return "\n\n".join(filter(None, (count, rows if wrong else "", notes)))


def _is_affirming(result: Mapping[str, Any]) -> bool:
    submods = (result.get("ear") or {}).get("submods", {}).values()
    return bool(submods) and all(submod["ear_status"] == "affirming" for submod in submods)


def _parts(results: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Return the table's lines, and the notes."""
    rows: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for result in results:
        for layer, tier, note in _lines(result):
            rows.append((str(result["node"]), layer, tier))
            if note:
                notes.append(paragraph(f"{result['node']} {layer}: {note}"))
    return table(("NODE", "LAYER", "TIER"), rows), "\n".join(notes)


def _lines(result: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    ear = result.get("ear")
    if not ear:
        yield "-", str(result["state"]), str(result.get("message", "")).removeprefix(f"{result['node']}: ")
        return
    for layer, submod in ear["submods"].items():
        void = submod.get("palantir.void_by")
        if void:
            yield layer, "void", f"{void} is contraindicated, so its own verdict counts for nothing."
        else:
            yield layer, submod["ear_status"], _reason(submod)


def _reason(submod: Mapping[str, Any]) -> str:
    findings = [f for f in submod.get("palantir.findings", ()) if f["tier"] not in ("affirming", "none")]
    if not findings:
        limited = submod.get("palantir.limited_by")
        return f"{limited} is no better." if limited else ""
    worst = next((f for f in findings if f["tier"] == submod["ear_status"]), findings[0])
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    digest = f" {worst['digest'][:23]}…" if worst.get("digest") else ""
    return f"{worst['code']}: {worst['message']}{digest}{more}"


__all__ = ["verdict_table"]
