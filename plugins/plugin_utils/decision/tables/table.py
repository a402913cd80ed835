# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DMN decision tables (DMN 1.3 chapter 8): frozen types, and their reading from plain data or text.

Every mistake in a table is one RuleError that names the file or table, the rule, the wrong word and the nearest
right one. What a table means is not judged here but in :mod:`.findings`.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision import guards as guard_rails
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.guards import NO_GUARDS, Guards
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.axis import LineAxis
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.source import check_size, read_text
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import (
    ANY,
    TYPES,
    Interval,
    Scalar,
    Test,
    parse,
    plain_value,
    show,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import GUARD_RAILS, nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_RULES: Final = 10_000
MAX_COLUMNS: Final = 64
MAX_VALUES: Final = 4096
MAX_NAME: Final = 256
MAX_TEXT: Final = 4096

_TABLE_KEYS: Final = ("decision_table", "description", "hit_policy", "inputs", "outputs", "rules")
_RULE_KEYS: Final = ("id", "when", "then", "rationale", *GUARD_RAILS)


class HitPolicy(StrEnum):
    """The accepted hit policies (DMN 1.3 section 8.2.10). None of them depends on the order of the rules."""

    UNIQUE = "UNIQUE"
    ANY = "ANY"
    PRIORITY = "PRIORITY"
    COLLECT = "COLLECT"


_REFUSED_POLICIES: Final = {
    "FIRST": "makes the meaning of a rule depend on all rules above it, so that no rule can be read, reviewed or"
    " moved alone",
    "RULE ORDER": "makes the order of the rules part of the result",
    "OUTPUT ORDER": "yields a list where one decision is wanted",
}


@dataclass(frozen=True, slots=True)
class Input:
    """An input: its name, its type, and its domain as a list of values or a range; neither is any value."""

    name: str
    type: str
    values: tuple[Scalar, ...] | None = None
    range: Interval | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """An output; the order of its values is from most to least severe, and of priority."""

    name: str
    type: str
    values: tuple[Scalar, ...] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: one test for each input and one value for each output, in the order of the table's columns."""

    id: str
    when: tuple[Test, ...]
    then: tuple[Scalar, ...]
    rationale: str = ""
    guards: Guards = NO_GUARDS


@dataclass(frozen=True, slots=True)
class Table:
    """A decision table."""

    name: str
    hit_policy: HitPolicy
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rules: tuple[Rule, ...]
    description: str = ""

    def input_index(self, name: str) -> int | None:
        """Return the column of an input, None where the table has none of this name."""
        return next((column for column, item in enumerate(self.inputs) if item.name == name), None)

    def output_index(self, name: str) -> int | None:
        """Return the column of an output, None where the table has none of this name."""
        return next((column for column, item in enumerate(self.outputs) if item.name == name), None)


def load_table(data: Any, source: str = "") -> Table:
    """Return the decision table that plain data or a text describes.

    Args:
        data: mapping of the form in docs/rules.md, or a text of it: YAML, CSV or DMN XML (see :mod:`.source`).
        source: name of its file, for errors.

    Raises:
        RuleError: a key, input, type, value, hit policy or test is unknown, missing, twice there or malformed.
    """
    if isinstance(data, str):
        data = read_text(data, source or "decision table")
    check_size(data, source or "decision table")
    if not isinstance(data, Mapping):
        raise RuleError(source or "decision table", f"must be a mapping, not {type(data).__name__}.")
    name = _name(data.get("decision_table"), f"{source + ': ' if source else ''}decision_table")
    subject = f"{source}: table {name}" if source else f"table {name}"
    _check_keys(data, _TABLE_KEYS, subject)
    inputs = tuple(_input(item, number, subject) for number, item in enumerate(_list(data, "inputs", subject)))
    outputs = tuple(_output(item, number, subject) for number, item in enumerate(_list(data, "outputs", subject)))
    policy = _hit_policy(data.get("hit_policy", "UNIQUE"), subject)
    _check_columns(inputs, outputs, policy, subject)
    entries = _list(data, "rules", subject, MAX_RULES)
    rules = tuple(_rule(item, number, inputs, outputs, subject) for number, item in enumerate(entries))
    _check_unique([rule.id for rule in rules], f"{subject}, rules", "id")
    return Table(name, policy, inputs, outputs, rules, _text(data.get("description"), f"{subject}, description"))


def _hit_policy(value: Any, subject: str) -> HitPolicy:
    where = f"{subject}, hit_policy"
    if isinstance(value, str) and value in HitPolicy.__members__:
        return HitPolicy(value)
    word = printable(value, 40)
    reason = _REFUSED_POLICIES.get(word.upper().replace("_", " "))
    if reason:
        raise RuleError(where, f"{word} is not accepted: it {reason}.", "use UNIQUE, ANY, PRIORITY or COLLECT.")
    raise RuleError(where, f"{word!r} is unknown.", nearest(word.upper(), HitPolicy))


def _input(item: Any, number: int, table: str) -> Input:
    subject = _column_subject(item, f"{table}, inputs[{number}]", ("name", "type", "values", "range", "description"))
    name = _name(item.get("name"), f"{subject}, name")
    subject = f"{table}, input {name}"
    kind = _type(item.get("type", "string"), subject)
    values = _values(item.get("values"), kind, subject)
    description = _text(item.get("description"), f"{subject}, description")
    if "range" not in item:
        return Input(name, kind, values, None, description)
    if values is not None:
        raise RuleError(subject, "has both values and a range.", "keep one of them.")
    return Input(name, kind, None, _range(item["range"], kind, f"{subject}, range"), description)


def _output(item: Any, number: int, table: str) -> Output:
    subject = _column_subject(item, f"{table}, outputs[{number}]", ("name", "type", "values", "description"))
    name = _name(item.get("name"), f"{subject}, name")
    subject = f"{table}, output {name}"
    kind = _type(item.get("type", "string"), subject)
    description = _text(item.get("description"), f"{subject}, description")
    return Output(name, kind, _values(item.get("values"), kind, subject), description)


def _rule(item: Any, number: int, inputs: tuple[Input, ...], outputs: tuple[Output, ...], table: str) -> Rule:
    place = f"{table}, rules[{number}]"
    if not isinstance(item, Mapping):
        raise RuleError(place, f"must be a mapping, not {type(item).__name__}.")
    name = _name(item.get("id"), f"{place}, id")
    subject = f"{table}, rule {name}"
    _check_keys(item, _RULE_KEYS, subject)
    when = _mapping(item.get("when", {}), f"{subject}, when")
    then = _mapping(item.get("then"), f"{subject}, then")
    _check_keys(when, [column.name for column in inputs], f"{subject}, when", "input")
    _check_keys(then, [column.name for column in outputs], f"{subject}, then", "output")
    return Rule(
        name,
        tuple(_cell(when, column, subject) for column in inputs),
        tuple(_result(then, column, subject) for column in outputs),
        _text(item.get("rationale"), f"{subject}, rationale"),
        guard_rails.read(item, subject),
    )


def _text(value: Any, subject: str) -> str:
    """Return a text for people, empty where there is none."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise RuleError(subject, f"must be a text of at most {MAX_TEXT} characters.")
    return str(value)


def _cell(when: Mapping[str, Any], column: Input, rule: str) -> Test:
    if column.name not in when:
        return ANY
    subject = f"{rule}, input {column.name}"
    test = parse(when[column.name], column.type, subject)
    for part in test.parts:
        if part.low is not None and part.low == part.high:
            _check_literal(part.low, column, subject)
    return test


def _check_literal(value: Scalar, column: Input, subject: str) -> None:
    if column.values is not None and value not in column.values:
        raise RuleError(
            subject,
            f"{printable(show(value), 80)!r} is not among the declared values.",
            nearest(show(value), [show(known) for known in column.values]),
        )
    if column.range is not None and not column.range.contains(value):
        raise RuleError(subject, f"{show(value)} is outside the declared range.", "widen the range, or mend the test.")


def _result(then: Mapping[str, Any], column: Output, rule: str) -> Scalar:
    subject = f"{rule}, output {column.name}"
    if column.name not in then:
        raise RuleError(subject, "is missing.", "give every output a value.")
    value = plain_value(then[column.name], column.type, subject)
    if column.values is not None and value not in column.values:
        raise RuleError(
            subject,
            f"{printable(show(value), 80)!r} is not among the declared values.",
            nearest(show(value), [show(known) for known in column.values]),
        )
    return value


def _range(value: Any, kind: str, subject: str) -> Interval:
    if kind not in ("integer", "number"):
        raise RuleError(subject, f"is given for the type {kind}, which has no order.", "list its values.")
    test = parse(value, kind, subject) if isinstance(value, str) else ANY
    if len(test.parts) != 1 or test.negated:
        raise RuleError(
            subject, f"must be one interval, not {printable(repr(value), 80)}.", 'write "[a..b]", or ">= a".'
        )
    domain = test.parts[0]
    if LineAxis(kind, domain, ()).is_empty:
        raise RuleError(subject, f"{printable(test.text, 80)!r} holds no value.")
    return domain


def _values(value: Any, kind: str, subject: str) -> tuple[Scalar, ...] | None:
    if value is None:
        return None
    subject = f"{subject}, values"
    if not isinstance(value, (list, tuple)) or not value:
        raise RuleError(subject, "must be a list of at least one value.")
    if len(value) > MAX_VALUES:
        raise RuleError(subject, f"has more than {MAX_VALUES} entries.")
    values = tuple(plain_value(item, kind, subject) for item in value)
    _check_unique([show(item) for item in values], subject, "value")
    return values


def _check_columns(inputs: Sequence[Input], outputs: Sequence[Output], policy: HitPolicy, subject: str) -> None:
    if not inputs or not outputs:
        raise RuleError(subject, "needs at least one input and one output.")
    _check_unique([column.name for column in inputs], f"{subject}, inputs", "name")
    _check_unique([column.name for column in outputs], f"{subject}, outputs", "name")
    # An output without values has no say in the priority (DMN 1.3 section 8.2.10), but one has to.
    if policy is HitPolicy.PRIORITY and all(column.values is None for column in outputs):
        raise RuleError(
            f"{subject}, output {outputs[0].name}",
            "has no values, whose order is the priority.",
            "list them from the highest priority to the lowest.",
        )


def _column_subject(item: Any, subject: str, known: Sequence[str]) -> str:
    if not isinstance(item, Mapping):
        raise RuleError(subject, f"must be a mapping with a name and a type, not {type(item).__name__}.")
    _check_keys(item, known, subject)
    return subject


def _type(value: Any, subject: str) -> str:
    if value not in TYPES:
        raise RuleError(f"{subject}, type", f"{printable(str(value), 40)!r} is unknown.", nearest(value, TYPES))
    return str(value)


def _check_keys(data: Mapping[Any, Any], known: Sequence[str], subject: str, what: str = "key") -> None:
    for key in data:
        if key not in known:
            raise RuleError(subject, f"has the unknown {what} {printable(str(key), 80)!r}.", nearest(key, known))


def _check_unique(names: Sequence[str], subject: str, what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RuleError(subject, f"has the {what} {printable(name, 80)!r} twice.", f"give each its own {what}.")
        seen.add(name)


def _list(data: Mapping[str, Any], key: str, subject: str, limit: int = MAX_COLUMNS) -> Sequence[Any]:
    value = data.get(key)
    if not isinstance(value, (list, tuple)):
        cause = "is missing." if value is None else f"must be a list, not {type(value).__name__}."
        raise RuleError(f"{subject}, {key}", cause)
    if len(value) > limit:
        raise RuleError(f"{subject}, {key}", f"has more than {limit} entries.", "split the decision table.")
    return value


def _mapping(value: Any, subject: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        cause = "is missing." if value is None else f"must be a mapping, not {type(value).__name__}."
        raise RuleError(subject, cause)
    return value


def _name(value: Any, subject: str) -> str:
    """Return a name; text and integers are accepted, since YAML reads a bare 1 as a number."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        raise RuleError(subject, "is missing." if value is None else f"must be a text, not {type(value).__name__}.")
    text = str(value)
    if len(text) > MAX_NAME or not text.isprintable():
        raise RuleError(subject, f"must be printable and at most {MAX_NAME} characters.")
    return text


__all__ = ["HitPolicy", "Input", "Output", "Rule", "Table", "load_table"]
