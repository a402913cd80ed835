# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision table as a DMN 1.3 model in XML, for a modeller to open: a decision, its inputs, and a diagram of them.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.dmn import EXTENSION, NAMESPACES
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.plain import plain_guards
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Input, Output, Rule, Table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import (
    Interval,
    literal,
    write,
    write_interval,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import GUARD_RAILS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_MODEL: Final = next(uri for uri, version in NAMESPACES.items() if version == "1.3")
_HEAD: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="{_MODEL}"
    xmlns:dmndi="https://www.omg.org/spec/DMN/20191111/DMNDI/"
    xmlns:dc="http://www.omg.org/spec/DMN/20180521/DC/"
    xmlns:di="http://www.omg.org/spec/DMN/20180521/DI/"
    xmlns:trust="{EXTENSION}"
    id="definitions" name=%s namespace="{EXTENSION}" exporter="palantir.trust">
"""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_WIDTH, _HEIGHT, _GAP, _COLUMNS = 180, 60, 40, 5


def write_dmn(table: Table) -> str:
    """Return a table as DMN 1.3 XML, its tests in S-FEEL.

    Raises:
        RuleError: it holds a character that XML cannot.
    """
    text = _HEAD % quoteattr(table.name) + "".join(f"{line}\n" for line in _lines(table)) + "</definitions>\n"
    found = _NOT_XML.search(text)
    if found:
        raise RuleError(f"table {table.name}", f"holds {found.group()!r}, which XML cannot.", "use CSV or YAML.")
    return text


def _lines(table: Table) -> Iterator[str]:
    yield f'  <decision id="decision" name={quoteattr(table.name)}>'
    yield from _text("description", table.description, 4)
    for number in range(len(table.inputs)):
        yield f'    <informationRequirement id="requirement_{number}">'
        yield f'      <requiredInput href="#data_{number}"/>'
        yield "    </informationRequirement>"
    yield f'    <decisionTable id="table" hitPolicy="{table.hit_policy}">'
    for number, column in enumerate(table.inputs):
        yield from _input(column, number)
    for number, output in enumerate(table.outputs):
        yield from _output(output, number)
    notes = _notes(table)
    yield from (f"      <annotation name={quoteattr(name)}/>" for name in notes)
    for number, rule in enumerate(table.rules):
        yield from _rule(rule, number, notes)
    yield "    </decisionTable>"
    yield "  </decision>"
    for number, column in enumerate(table.inputs):
        yield f'  <inputData id="data_{number}" name={quoteattr(column.name)}>'
        yield f'    <variable id="variable_{number}" name={quoteattr(column.name)} typeRef="{_type(column)}"/>'
        yield "  </inputData>"
    yield from _diagram(len(table.inputs))


def _input(column: Input, number: int) -> Iterator[str]:
    yield f'      <input id="input_{number}" label={quoteattr(column.name)}{_own_type(column)}>'
    yield from _text("description", column.description, 8)
    yield f'        <inputExpression id="expression_{number}" typeRef="{_type(column)}">'
    yield from _text("text", column.name, 10)
    yield "        </inputExpression>"
    yield from _domain("inputValues", f"input_values_{number}", _allowed(column))
    yield "      </input>"


def _output(column: Output, number: int) -> Iterator[str]:
    name = quoteattr(column.name)
    yield f'      <output id="output_{number}" label={name} name={name} typeRef="{_type(column)}"{_own_type(column)}>'
    yield from _text("description", column.description, 8)
    yield from _domain("outputValues", f"output_values_{number}", _allowed(column))
    yield "      </output>"


def _rule(rule: Rule, number: int, notes: Sequence[str]) -> Iterator[str]:
    yield f'      <rule id="rule_{number}" label={quoteattr(rule.id)}>'
    # Where Camunda Modeler shows it; the annotation below is where the others do.
    yield from _text("description", rule.rationale, 8)
    for column, test in enumerate(rule.when):
        yield from _entry("inputEntry", f"test_{number}_{column}", write(test, quoted=True))
    for column, value in enumerate(rule.then):
        yield from _entry("outputEntry", f"result_{number}_{column}", write_interval(literal(value), quoted=True))
    keys = {"rationale": rule.rationale, **plain_guards(rule)}
    for name in notes:
        yield "        <annotationEntry>"
        yield f"          <text>{_escaped(str(keys.get(name, '')))}</text>"
        yield "        </annotationEntry>"
    yield "      </rule>"


def _notes(table: Table) -> tuple[str, ...]:
    used = {name for rule in table.rules for name in plain_guards(rule)}
    return ("rationale", *(name for name in GUARD_RAILS if name in used))


def _allowed(column: Input | Output) -> str:
    interval: Interval | None = column.range if isinstance(column, Input) else None
    if interval is not None:
        text = write_interval(interval)
        return f"[{text}..{text}]" if interval.low == interval.high else text
    return ", ".join(write_interval(literal(value), quoted=True) for value in column.values or ())


def _domain(tag: str, name: str, text: str) -> Iterator[str]:
    if text:
        yield from _entry(tag, name, text)


def _entry(tag: str, name: str, text: str) -> Iterator[str]:
    yield f'        <{tag} id="{name}">'
    yield from _text("text", text, 10)
    yield f"        </{tag}>"


def _text(tag: str, text: str, indent: int) -> Iterator[str]:
    if text:
        yield f"{' ' * indent}<{tag}>{_escaped(text)}</{tag}>"


def _escaped(text: str) -> str:
    # Of line ends XML keeps LF only, unless the others are written as references.
    return escape(text, {"\r": "&#13;"})


def _type(column: Input | Output) -> str:
    return "number" if column.type == "integer" else column.type


def _own_type(column: Input | Output) -> str:
    return ' trust:type="integer"' if column.type == "integer" else ""


def _diagram(inputs: int) -> Iterator[str]:
    """Yield the requirements diagram: the decision above, its inputs below in rows; some modellers want one."""
    yield "  <dmndi:DMNDI>"
    yield '    <dmndi:DMNDiagram id="diagram">'
    yield from _shape("decision", 0, 0)
    for number in range(inputs):
        row, column = divmod(number, _COLUMNS)
        yield from _shape(f"data_{number}", column, row + 1)
        yield f'      <dmndi:DMNEdge id="edge_{number}" dmnElementRef="requirement_{number}">'
        yield f'        <di:waypoint x="{_x(column) + _WIDTH // 2}" y="{_y(row + 1)}"/>'
        yield f'        <di:waypoint x="{_x(0) + _WIDTH // 2}" y="{_y(0) + _HEIGHT}"/>'
        yield "      </dmndi:DMNEdge>"
    yield "    </dmndi:DMNDiagram>"
    yield "  </dmndi:DMNDI>"


def _shape(name: str, column: int, row: int) -> Iterator[str]:
    yield f'      <dmndi:DMNShape id="shape_{name}" dmnElementRef="{name}">'
    yield f'        <dc:Bounds x="{_x(column)}" y="{_y(row)}" width="{_WIDTH}" height="{_HEIGHT}"/>'
    yield "      </dmndi:DMNShape>"


def _x(column: int) -> int:
    return _GAP + column * (_WIDTH + _GAP)


def _y(row: int) -> int:
    return _GAP + row * (_HEIGHT + 2 * _GAP)


__all__ = ["write_dmn"]
