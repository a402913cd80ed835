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

    What is held or deferred follows, with the reason, and then for each of these the rules that fired and the inputs
    that they fired on; why other rules did not is in the plan itself. Empty where there is nothing of either.
    """
    steps = plan["steps"]
    rows = [
        (step["id"], step["action"], step["instance"] or step["node"], _where(step), step["rule"] or "")
        for step in steps
    ]
    why = dict.fromkeys(f"{step['rule']}: {step['rationale']}" for step in steps if step["rule"])
    kinds = ("held", "waiting", "deferred")
    waiting = [f"{kind}: {_subject(item)}: {item['message']}" for kind in kinds for item in plan[kind]]
    acting = {step["rule"] for step in steps}
    grounds = [
        _grounds(decision)
        for decision in plan.get("decisions", ())
        if decision["verb"] != "observe" and (decision["reason"] or acting.intersection(decision["fired"]))
    ]
    parts = [
        table(("STEP", "ACTION", "OF", "ON", "RULE"), rows) if rows else "",
        "\n".join(map(paragraph, why)),
        "\n".join(map(paragraph, waiting)),
        "\n".join(map(paragraph, grounds)),
    ]
    return "\n\n".join(filter(None, parts))


def _grounds(decision: Mapping[str, Any]) -> str:
    """Return a decision in a line: the verb, the rules that fired, their table, and the inputs."""
    inputs = ", ".join(f"{name} {value}" for name, value in decision["inputs"].items())
    fired = ", ".join(decision["fired"])
    return f"{_name(decision['subject'])}: {decision['verb']} by {fired} of {decision['table']}: {inputs}"


def _subject(item: Mapping[str, Any]) -> str:
    return _name(item["incident"])


def _name(subject: Mapping[str, Any]) -> str:
    return f"{subject['node']} {subject['instance'] or subject['layer'] or ''}".rstrip()


def _where(step: Mapping[str, Any]) -> str:
    return f"{step['node']} > {step['target']}" if step["target"] else str(step["node"])


__all__ = ["plan_table"]
