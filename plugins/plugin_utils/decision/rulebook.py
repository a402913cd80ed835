# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's remediation tables, loaded, checked and sorted by the layers that they decide.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.recipients import check_notify
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import check
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.source import check_size
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import (
    HitPolicy,
    Input,
    Table,
    load_table,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    BOOLEAN_INPUTS,
    INTEGER_INPUTS,
    LABEL,
    LAYERS,
    RECURRENCES,
    SUBJECT_INPUTS,
    VERBS,
    is_destructive,
    nearest,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_DOMAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "layer": LAYERS,
    "tier": tuple(Tier),
    "host_tier": tuple(Tier),
    "recurrence": RECURRENCES,
}
_INSTANCE_VERBS: Final = frozenset({"restart", "change_flavour"})
"""Verbs that only an SC instance can undergo."""


@dataclass(frozen=True)
class RuleBook:
    """Remediation tables by layer, each decided by at most one; and the table that says who is told, if any."""

    by_layer: Mapping[str, CompiledTable]
    notify: CompiledTable | None = None


def load_rulebook(tables: Any, available_verbs: Sequence[str]) -> RuleBook:
    """Return the tables of a site.

    Args:
        tables: a table, a list of tables, or a mapping of file name → table; each as plain data or YAML text.
        available_verbs: the verbs that can be carried out.

    Raises:
        RuleError: a table cannot be read, has errors by its static analysis, can yield a verb that is not available,
            or decides a layer that another table decides.
    """
    verbs = tuple(sorted({str(verb) for verb in available_verbs}))
    for verb in verbs:
        if verb not in VERBS:
            raise RuleError("available_verbs", f"{verb!r} is no verb.", nearest(verb, VERBS))
    by_layer: dict[str, CompiledTable] = {}
    notify: CompiledTable | None = None
    for source, data in _entries(tables):
        compiled = _load(_key(data, source), isinstance(data, str), source, verbs)
        if compiled.table.hit_policy is HitPolicy.COLLECT:
            if notify is not None:
                subject, other = f"table {compiled.table.name}", notify.table.name
                raise RuleError(subject, f"says who is told, as table {other} does.", "join the two.")
            notify = compiled
            continue
        for layer in _layers(compiled.table):
            if layer in by_layer:
                raise RuleError(
                    f"table {compiled.table.name}",
                    f"decides the layer {layer}, as table {by_layer[layer].table.name} does.",
                    "name the layers of each table in the values of its input layer.",
                )
            by_layer[layer] = compiled
    return RuleBook(by_layer, notify)


def _entries(tables: Any) -> list[tuple[str, Any]]:
    if isinstance(tables, str) or (isinstance(tables, Mapping) and "decision_table" in tables):
        return [("", tables)]
    if isinstance(tables, Mapping):
        return [(str(source), data) for source, data in sorted(tables.items())]
    if isinstance(tables, (list, tuple)):
        return [("", data) for data in tables]
    raise RuleError("tables", f"must be decision tables, not {type(tables).__name__}.")


def _key(data: Any, source: str) -> str:
    """Return a table as text, by which loaded tables are remembered."""
    if isinstance(data, str):
        return str(data)
    check_size(data, source or "decision table")
    try:
        return json.dumps(data, default=str)
    except (TypeError, ValueError, RecursionError):
        raise RuleError(source or "decision table", "is not plain data.") from None


@lru_cache(maxsize=64)
def _load(text: str, is_text: bool, source: str, verbs: tuple[str, ...]) -> CompiledTable:
    data = text if is_text else json.loads(text)
    table = load_table(data, source)
    subject = f"{source + ': ' if source else ''}table {table.name}"
    if tells := table.hit_policy is HitPolicy.COLLECT and [o.name for o in table.outputs] == ["notify"]:
        check_notify(table, subject)
    else:
        _check_shape(table, subject)
    compiled = CompiledTable(table)
    if not tells:
        _check_verbs(compiled, verbs, subject)
    check(compiled, source)
    return compiled


def _check_shape(table: Table, subject: str) -> None:
    if table.hit_policy is HitPolicy.COLLECT:
        raise RuleError(
            f"{subject}, hit_policy",
            "COLLECT yields many verbs where one is needed.",
            "use UNIQUE, ANY or PRIORITY; COLLECT is for notify.",
        )
    names = [output.name for output in table.outputs]
    if names != ["verb"] or table.outputs[0].type != "string" or table.outputs[0].values is None:
        raise RuleError(
            f"{subject}, outputs",
            "must be the one output verb, a string with its values from most to least severe.",
            "write {name: verb, type: string, values: [...]}.",
        )
    for verb in table.outputs[0].values:
        if verb not in VERBS:
            raise RuleError(f"{subject}, output verb", f"the value {str(verb)!r} is unknown.", nearest(verb, VERBS))
    for column in table.inputs:
        _check_input(column, subject)


def _check_input(column: Input, subject: str) -> None:
    if column.name not in SUBJECT_INPUTS and not column.name.startswith(LABEL):
        raise RuleError(subject, f"the input {column.name!r} is unknown.", nearest(column.name, SUBJECT_INPUTS))
    kind = "integer" if column.name in INTEGER_INPUTS else "boolean" if column.name in BOOLEAN_INPUTS else "string"
    if column.type != kind:
        raise RuleError(f"{subject}, input {column.name}", f"must have the type {kind}, not {column.type}.")
    known = _DOMAINS.get(column.name)
    for value in (column.values or ()) if known else ():
        if known and value not in known:
            raise RuleError(
                f"{subject}, input {column.name}", f"the value {str(value)!r} is unknown.", nearest(value, known)
            )


def _check_verbs(compiled: CompiledTable, available: tuple[str, ...], subject: str) -> None:
    table = compiled.table
    for rule, box in zip(table.rules, compiled.boxes.boxes, strict=True):
        verb = str(rule.then[0])
        where = f"{subject}, rule {rule.id}"
        if verb not in available:
            raise RuleError(where, f"the verb {verb} is not available here.", f"choose from: {', '.join(available)}.")
        if verb in _INSTANCE_VERBS and not _layers_of(compiled, box) <= {"sc"}:
            raise RuleError(where, f"the verb {verb} is only for the layer sc.", "add layer: sc to its when.")
        for needed in ("tier", "attempt"):
            if is_destructive(verb) and table.input_index(needed) is None:
                raise RuleError(
                    where,
                    f"the verb {verb} is destructive, but the table has no input {needed}.",
                    "declare it: no destructive verb on the tier none, and every ladder of attempts ends.",
                )


def _layers_of(compiled: CompiledTable, box: tuple[int, ...]) -> set[str]:
    column = compiled.table.input_index("layer")
    if column is None:
        return set(LAYERS)
    found = set()
    for layer in _layers(compiled.table):
        if box[column] >> compiled.axes[column].index(layer) & 1:
            found.add(layer)
    return found


def _layers(table: Table) -> tuple[str, ...]:
    column = table.input_index("layer")
    values = None if column is None else table.inputs[column].values
    return LAYERS if values is None else tuple(str(value) for value in values)


__all__ = ["RuleBook", "load_rulebook"]
