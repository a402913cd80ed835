# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision table as CSV (RFC 4180), for a spreadsheet.

The first cell of each row says what the row is::

    decision_table,sc-remediation,,,,
    hit_policy,UNIQUE,,,,
    role,id,input,input,output,rationale
    name,,tier,attempt,verb,
    type,,string,integer,string,
    domain,,"none, affirming, warning, contraindicated",[0..9],"restart, observe",
    rule,restart,contraindicated,-,restart,A fresh container has none of it.
    rule,observe,not(contraindicated),-,observe,

``description`` may stand before ``role``, ``note`` (descriptions of columns) before the rules. A column's role is
``id``, ``input``, ``output``, ``rationale`` or a guard rail. A test is as in YAML and never empty; a result is a
literal; a rationale or guard rail that is empty is left out. Rows of empty cells count for nothing.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.cells import domain, guard_rail, literal_of
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import TYPES, plain_value, show
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import GUARD_RAILS, nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_ROLES: Final = ("id", "input", "output", "rationale", *GUARD_RAILS)
_TABLE_ROWS: Final = ("decision_table", "description", "hit_policy")
_COLUMN_ROWS: Final = ("role", "name", "type", "domain", "note")
_ROWS: Final = (*_TABLE_ROWS, *_COLUMN_ROWS, "rule")
_NEEDED: Final = ("decision_table", "role", "name", "type")

_CELL = re.compile(r'"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>[^",\r\n]*)')


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: its number in the text, from 1, and its cells."""

    number: int
    cells: tuple[str, ...]


def read_sheet(text: str, source: str) -> dict[str, Any]:
    """Return the plain data of a decision table in CSV.

    Args:
        text: the text of a file, of bounded length.
        source: its name, for errors.

    Raises:
        RuleError: it is not CSV, or a row, role or cell is not of the form above.
    """
    source = source or "decision table"
    rows = [row for row in _rows(text, source) if any(row.cells)]
    heads = _heads(rows, source)
    name = _only(heads["decision_table"], f"{source}, decision_table")
    subject = f"{source}: table {printable(name, 80)}"
    table: dict[str, Any] = {"decision_table": name}
    for key in ("description", "hit_policy"):
        if key in heads:
            table[key] = _only(heads[key], f"{subject}, {key}")
    roles = _roles(heads["role"], subject)
    columns = [_column(role, number, heads, subject) for number, role in enumerate(roles, 1)]
    table["inputs"] = [column for role, column in zip(roles, columns, strict=True) if role == "input"]
    table["outputs"] = [column for role, column in zip(roles, columns, strict=True) if role == "output"]
    table["rules"] = [_rule(row, roles, columns, subject) for row in rows if row.cells[0] == "rule"]
    return table


def write_sheet(table: Mapping[str, Any]) -> str:
    """Return a table's plain data, as :func:`.plain.plain_table` gives it, as CSV with CRLF line ends."""
    keys = [key for key in ("rationale", *GUARD_RAILS) if any(key in rule for rule in table["rules"])]
    columns = [*table["inputs"], *table["outputs"]]
    roles = ["id", *["input"] * len(table["inputs"]), *["output"] * len(table["outputs"]), *keys]
    blank = [""] * len(keys)
    rows = [[key, table[key]] for key in _TABLE_ROWS if key in table]
    rows.append(["role", *roles])
    rows.append(["name", "", *[column["name"] for column in columns], *blank])
    rows.append(["type", "", *[column["type"] for column in columns], *blank])
    rows.append(["domain", "", *map(_domain_text, columns), *blank])
    if any("description" in column for column in columns):
        rows.append(["note", "", *[column.get("description", "") for column in columns], *blank])
    for rule in table["rules"]:
        tests = [rule.get("when", {}).get(column["name"], "-") for column in table["inputs"]]
        results = [_result_text(rule["then"][column["name"]], column["type"]) for column in table["outputs"]]
        rows.append(["rule", rule["id"], *tests, *results, *[_key_text(rule.get(key, "")) for key in keys]])
    width = len(roles) + 1
    return "".join(",".join(map(_quoted, row + [""] * (width - len(row)))) + "\r\n" for row in rows)


def _rows(text: str, source: str) -> list[_Row]:
    """Return the rows of a CSV text (RFC 4180 section 2; a bare LF ends a row too)."""
    rows: list[_Row] = []
    cells: list[str] = []
    position, line, begun = 0, 1, 1
    while position < len(text):
        match = _CELL.match(text, position)
        quoted = match["quoted"] if match else None
        cell = quoted.replace('""', '"') if quoted is not None else match["plain"] if match else ""
        cells.append(cell)
        line += cell.count("\n")
        position = match.end() if match else position
        if text.startswith(",", position):
            position += 1
            if position < len(text):
                continue
            cells.append("")
        end = re.compile(r"\r?\n|\Z").match(text, position)
        if end is None:
            hint = "put a cell that holds a comma, a quote or a line end in double quotes, and double its quotes."
            if ";" in text.partition("\n")[0]:
                hint = "export it with commas between the cells, not semicolons."
            raise RuleError(source, f"is not CSV (RFC 4180) at line {line}: {printable(text[position], 4)!r}.", hint)
        rows.append(_Row(begun, tuple(cells)))
        position, line, cells = end.end(), line + 1, []
        begun = line
    return rows


def _heads(rows: Sequence[_Row], source: str) -> dict[str, _Row]:
    """Return the rows that are no rules, each kind once, in their order."""
    heads: dict[str, _Row] = {}
    last = 0
    for row in rows:
        kind = row.cells[0]
        where = f"{source}, line {row.number}"
        if kind not in _ROWS:
            raise RuleError(where, f"begins with {printable(kind, 40)!r}.", nearest(kind, _ROWS))
        if kind != "rule" and kind in heads:
            raise RuleError(where, f"is the second row {kind}.", "keep one of them.")
        if _ROWS.index(kind) < last:
            raise RuleError(where, f"has the row {kind} too late.", f"keep the order {', '.join(_ROWS)}.")
        last = _ROWS.index(kind)
        heads.setdefault(kind, row)
        if kind not in _TABLE_ROWS and "role" in heads and len(row.cells) != len(heads["role"].cells):
            raise RuleError(where, f"has {len(row.cells)} cells where the row role has {len(heads['role'].cells)}.")
    for kind in _NEEDED:
        if kind not in heads:
            begins = ", whose first cell begins the file" if kind == "decision_table" else ""
            raise RuleError(source, f"has no row {kind}.", f"add it{begins}; see docs/rules.md.")
    return heads


def _only(row: _Row, subject: str) -> str:
    value = row.cells[1] if len(row.cells) > 1 else ""
    if not value or any(row.cells[2:]):
        raise RuleError(subject, f"must have one value, at line {row.number}.")
    return value


def _roles(row: _Row, subject: str) -> tuple[str, ...]:
    roles = row.cells[1:]
    for role in roles:
        if role not in _ROLES:
            raise RuleError(f"{subject}, role", f"{printable(role, 40)!r} is unknown.", nearest(role, _ROLES))
        if role not in ("input", "output") and roles.count(role) > 1:
            raise RuleError(f"{subject}, role", f"{role} is there twice.", "keep one of the columns.")
    if "id" not in roles:
        raise RuleError(f"{subject}, role", "has no column id.", "name each rule.")
    return roles


def _column(role: str, number: int, heads: Mapping[str, _Row], subject: str) -> dict[str, Any]:
    cells = {kind: heads[kind].cells[number] for kind in _COLUMN_ROWS if kind in heads}
    if role not in ("input", "output"):
        for kind in _COLUMN_ROWS[1:]:
            if cells.get(kind):
                raise RuleError(f"{subject}, {kind}", f"is given for the column {role}.", "leave the cell empty.")
        return {}
    subject = f"{subject}, {role} {printable(cells['name'], 80)}"
    column: dict[str, Any] = {"name": cells["name"], "type": cells["type"]}
    if cells["type"] not in TYPES:
        raise RuleError(f"{subject}, type", f"{printable(cells['type'], 40)!r} is unknown.", nearest("", TYPES))
    if cells.get("note"):
        column["description"] = cells["note"]
    if cells.get("domain"):
        column |= domain(cells["domain"], cells["type"], f"{subject}, domain")
    return column


def _rule(row: _Row, roles: Sequence[str], columns: Sequence[Mapping[str, Any]], subject: str) -> dict[str, Any]:
    cells = row.cells[1:]
    name = cells[roles.index("id")]
    if not name:
        raise RuleError(f"{subject}, line {row.number}", "has no id.", "name each rule.")
    subject = f"{subject}, rule {printable(name, 80)}"
    rule: dict[str, Any] = {"id": name, "when": {}, "then": {}}
    for role, column, cell in zip(roles, columns, cells, strict=True):
        if role == "input":
            rule["when"][column["name"]] = cell
        elif role == "output":
            where = f"{subject}, output {printable(column['name'], 80)}"
            rule["then"][column["name"]] = literal_of(cell, column["type"], where)
        elif role != "id" and cell:
            rule[role] = guard_rail(role, cell)
    return rule


def _domain_text(column: Mapping[str, Any]) -> str:
    if "range" in column:
        return str(column["range"])
    return ", ".join(_result_text(value, column["type"]) for value in column.get("values", ()))


def _result_text(value: Any, kind: str) -> str:
    return show(plain_value(value, kind, "table"))


def _key_text(value: Any) -> str:
    return show(value) if isinstance(value, bool) else str(value)


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if re.search(r'[",\r\n]', cell) else cell


__all__ = ["read_sheet", "write_sheet"]
