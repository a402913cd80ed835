# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a table that a person can read: what is done, to what, by which rule.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import table


def plan_table(plan: Mapping[str, Any]) -> str:
    """Return the table of a plan of :func:`..decision.plan.decide`; empty where nothing is decided."""
    rows = [
        (
            step["id"],
            step["action"],
            step["instance"] or step["node"],
            _where(step),
            step["rule"] or "",
            step["rationale"],
        )
        for step in plan["steps"]
    ]
    return table(("STEP", "ACTION", "OF", "ON", "RULE", "WHY"), rows) if rows else ""


def _where(step: Mapping[str, Any]) -> str:
    return f"{step['node']} > {step['target']}" if step["target"] else str(step["node"])


__all__ = ["plan_table"]
