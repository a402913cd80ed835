# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attestation results as a table that a person can read: by node, one line a layer, the gravest findings below.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table


def verdict_table(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of attestation results, and below it what there is to say of each line that is not affirming.

    Args:
        results: each with ``node``, ``state``, ``message`` and, where ``state`` is ``attested``, ``ear``.
    """
    rows: list[tuple[str, str, str]] = []
    notes: list[str] = []
    for result in sorted(results, key=lambda r: str(r["node"])):
        for layer, tier, note in _lines(result):
            rows.append((str(result["node"]), layer, tier))
            if note:
                notes.append(paragraph(f"{result['node']} {layer}: {note}"))
    return "\n\n".join(filter(None, (table(("NODE", "LAYER", "TIER"), rows), "\n".join(notes))))


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
