# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attestation results as a table that a person can read: by node, one line a layer, the gravest finding in it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import table


def verdict_table(results: Iterable[Mapping[str, Any]]) -> str:
    """Return the table of attestation results.

    Args:
        results: each with ``node``, ``state``, ``message`` and, where ``state`` is ``attested``, ``ear``.
    """
    rows: list[tuple[str, str, str, str]] = []
    for result in sorted(results, key=lambda r: str(r["node"])):
        rows.extend(_rows(result))
    return table(("NODE", "LAYER", "TIER", "WHY"), rows)


def _rows(result: Mapping[str, Any]) -> Iterable[tuple[str, str, str, str]]:
    node, ear = str(result["node"]), result.get("ear")
    if not ear:
        yield node, "-", str(result["state"]), str(result.get("message", "")).removeprefix(f"{node}: ")
        return
    for layer, submod in ear["submods"].items():
        void = submod.get("palantir.void_by")
        tier = "void" if void else submod["ear_status"]
        yield node, layer, tier, f"{void} is contraindicated" if void else _reason(submod)


def _reason(submod: Mapping[str, Any]) -> str:
    findings = [f for f in submod.get("palantir.findings", ()) if f["tier"] != "affirming"]
    if not findings:
        limited = submod.get("palantir.limited_by")
        return f"{limited} is no better" if limited else ""
    worst = next((f for f in findings if f["tier"] == submod["ear_status"]), findings[0])
    more = f" (+{len(findings) - 1})" if len(findings) > 1 else ""
    return f"{worst['code']}{more}: {worst.get('path') or worst['message']}"


__all__ = ["verdict_table"]
