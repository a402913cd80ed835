# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as a table that a person can read: what is done, to what, by which rule.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table


def plan_table(plan: Mapping[str, Any]) -> str:
    """Return the table of a plan of :func:`..decision.plan.decide`, and below it the rules that ask for it.

    What is held or deferred follows, with the reason. Empty where there is nothing of either.
    """
    steps = plan["steps"]
    rows = [
        (step["id"], step["action"], step["instance"] or step["node"], _where(step), step["rule"] or "")
        for step in steps
    ]
    why = dict.fromkeys(f"{step['rule']}: {step['rationale']}" for step in steps if step["rule"])
    waiting = [f"{kind}: {_subject(item)}: {item['message']}" for kind in ("held", "deferred") for item in plan[kind]]
    parts = [
        table(("STEP", "ACTION", "OF", "ON", "RULE"), rows) if rows else "",
        "\n".join(map(paragraph, why)),
        "\n".join(map(paragraph, waiting)),
    ]
    return "\n\n".join(filter(None, parts))


def _subject(item: Mapping[str, Any]) -> str:
    subject = item["incident"]
    return f"{subject['node']} {subject['instance'] or subject['layer'] or ''}".rstrip()


def _where(step: Mapping[str, Any]) -> str:
    return f"{step['node']} > {step['target']}" if step["target"] else str(step["node"])


__all__ = ["plan_table"]
