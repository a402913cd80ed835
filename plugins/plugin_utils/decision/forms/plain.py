# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision table back as the plain data of which it was read, and as YAML text.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.report import plain_scalar
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Input, Output, Rule, Table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import write_interval


def plain_table(table: Table) -> dict[str, Any]:
    """Return the JSON-safe plain data that :func:`.table.load_table` reads as an equal table."""
    return {
        "decision_table": table.name,
        **_described(table.description),
        "hit_policy": str(table.hit_policy),
        "inputs": [_column(column) for column in table.inputs],
        "outputs": [_column(column) for column in table.outputs],
        "rules": [_rule(rule, table) for rule in table.rules],
    }


def write_yaml(table: Table) -> str:
    """Return a table as YAML text."""
    plain = plain_table(table)
    # PyYAML writes NEL as it is and reads it as another line end.
    readable = "\x85" not in json.dumps(plain, ensure_ascii=False)
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=readable, width=120))


def plain_guards(rule: Rule) -> dict[str, Any]:
    """Return a rule's guard rails as its further keys: durations in seconds, ``expires`` as an ISO 8601 time."""
    guards = rule.guards.plain()
    if "expires" in guards:
        guards["expires"] = datetime.fromtimestamp(guards["expires"], UTC).isoformat()
    return guards


def _column(column: Input | Output) -> dict[str, Any]:
    plain: dict[str, Any] = {"name": column.name, "type": column.type, **_described(column.description)}
    if column.values is not None:
        plain["values"] = [plain_scalar(value) for value in column.values]
    elif isinstance(column, Input) and column.range is not None:
        plain["range"] = _range(column)
    return plain


def _range(column: Input) -> str:
    interval = column.range
    if interval is None:
        return ""
    text = write_interval(interval)
    return f"[{text}..{text}]" if interval.low == interval.high else text


def _rule(rule: Rule, table: Table) -> dict[str, Any]:
    columns = zip(table.inputs, rule.when, strict=True)
    results = zip(table.outputs, rule.then, strict=True)
    return {
        "id": rule.id,
        "when": {column.name: test.text for column, test in columns if not test.is_any},
        "then": {column.name: plain_scalar(value) for column, value in results},
        **({"rationale": rule.rationale} if rule.rationale else {}),
        **plain_guards(rule),
    }


def _described(text: str) -> dict[str, str]:
    return {"description": text} if text else {}


__all__ = ["plain_guards", "plain_table", "write_yaml"]
