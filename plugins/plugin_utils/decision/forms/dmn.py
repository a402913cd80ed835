# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision table out of a DMN model in XML, as Camunda Modeler, Trisotech, Signavio, Kogito and dmn-js write it.

One model holds one decision, whose logic is a decision table over plain inputs in S-FEEL (DMN 1.3 sections 7.3, 8.3
and 9). What goes beyond is refused by name, with the rule's id and the column: FEEL's functions, arithmetic and
references, other expression languages, structures, aggregation. Namespaces of DMN 1.1 to 1.6 are accepted, since
decision tables are the same in all of them.

A rule's id is its label, else its ``id``; its description and annotations are its rationale, but for annotation
columns that are named as guard rails. A default output is passed over: where it would speak, the analysis finds a gap.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.xml_tree import Element, read_xml
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.cells import domain, guard_rail, literal_of
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import MAX_CELL, parse, write
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import GUARD_RAILS, INTEGER_INPUTS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

NAMESPACES: Final[Mapping[str, str]] = {
    "http://www.omg.org/spec/DMN/20151101/dmn.xsd": "1.1",
    "http://www.omg.org/spec/DMN/20180521/MODEL/": "1.2",
    "https://www.omg.org/spec/DMN/20191111/MODEL/": "1.3",
    "https://www.omg.org/spec/DMN/20211108/MODEL/": "1.4",
    "https://www.omg.org/spec/DMN/20230324/MODEL/": "1.5",
    "https://www.omg.org/spec/DMN/20240513/MODEL/": "1.6",
}
"""Namespaces of the model, and the versions of DMN that they are."""
EXTENSION: Final = "https://www.palantir-project.eu/palantir.trust"
"""Namespace of the one attribute that we add, ``type``: DMN's types have no integer."""

_TYPES: Final[Mapping[str, str]] = {
    "string": "string",
    "boolean": "boolean",
    "number": "number",
    "double": "number",
    "integer": "integer",
    "long": "integer",
}
_MAX_ALIASES: Final = 16
_NAME = re.compile(r"[^\W\d]\w*(?: \w+)*|label\.[\w./-]+")
# An open end is a string too, so that no text is searched twice.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\Z)', re.DOTALL)
_CALL = re.compile(r"\w\s*\(")
_LAST_WORDS = re.compile(r"[^\W\d][\w ]*\Z")
_BEYOND: Final = (
    (re.compile(r"@"), "a date or time"),
    (re.compile(r"\?"), "FEEL's ?"),
    (re.compile(r"\b(null|if|for|some|every|function|instance of|between|and|or|in)\b"), "FEEL's {}"),
    (re.compile(r"[{}]"), "a FEEL context"),
    (re.compile(r"\*|/|\+|(?<=[\w)])\s*-|!=|(?<![<>])="), "the FEEL operator {}"),
)


@dataclass(frozen=True, slots=True)
class _Type:
    """What a type reference stands for: one of our types, and the tests that bound it, if any."""

    name: str
    allowed: str = ""


def read_dmn(text: str, source: str) -> dict[str, Any]:
    """Return the plain data of the decision table in a DMN model.

    Args:
        text: the XML text, of bounded length.
        source: name of its file, for errors.

    Raises:
        RuleError: it is not XML, not a DMN model, holds not exactly one decision table, or has what S-FEEL has not.
    """
    source = source or "decision table"
    root = read_xml(text, source)
    if root.name != "definitions" or root.namespace not in NAMESPACES:
        known = ", ".join(NAMESPACES.values())
        found = printable(f"{{{root.namespace}}}{root.name}", 120)
        raise RuleError(source, f"is no DMN model: its root is {found}.", f"export it as DMN {known}.")
    decision, table = _only_table(root, source)
    name = decision.attributes.get("name") or decision.attributes.get("id", "")
    return _Model(root, decision, table, f"{source}: table {printable(name, 80)}").plain(name)


def _only_table(root: Element, source: str) -> tuple[Element, Element]:
    decisions = list(root.all("decision"))
    if len(decisions) != 1:
        names = ", ".join(printable(item.attributes.get("name"), 60) for item in decisions[:8])
        holds = f"{len(decisions)} decisions ({names})" if decisions else "no decision"
        raise RuleError(source, f"holds {holds}.", "export one decision table to a file.")
    (decision,) = decisions
    table = decision.first("decisionTable")
    if table is None:
        logic = ("literalExpression", "invocation", "context", "list", "relation", "functionDefinition", "conditional")
        found = next((word for word in logic if decision.first(word)), "nothing")
        name = printable(decision.attributes.get("name"), 60)
        raise RuleError(source, f"the decision {name} is {found}, and no decision table.", "write it as a table.")
    return decision, table


class _Model:
    """Reads the one table of a model."""

    def __init__(self, root: Element, decision: Element, table: Element, subject: str) -> None:
        self._root = root
        self._decision = decision
        self._table = table
        self._subject = subject
        self._definitions = {item.attributes.get("name", ""): item for item in root.all("itemDefinition")}
        self._data = {item.attributes.get("name", "") for item in root.all("inputData")}

    def plain(self, name: str) -> dict[str, Any]:
        self._check_table()
        inputs = [self._input(item, number) for number, item in enumerate(self._table.all("input"), 1)]
        clauses = list(self._table.all("output"))
        outputs = [self._output(item, number, len(clauses)) for number, item in enumerate(clauses, 1)]
        notes = [item.attributes.get("name", "").strip() for item in self._table.all("annotation")]
        description = self._decision.words("description")
        rules = enumerate(self._table.all("rule"), 1)
        return {
            "decision_table": name,
            **({"description": description} if description else {}),
            "hit_policy": self._table.attributes.get("hitPolicy", "UNIQUE"),
            "inputs": inputs,
            "outputs": outputs,
            "rules": [self._rule(item, number, inputs, outputs, notes) for number, item in rules],
        }

    def _check_table(self) -> None:
        aggregation = self._table.attributes.get("aggregation")
        if aggregation:
            raise RuleError(
                f"{self._subject}, hitPolicy",
                f"the aggregation {printable(aggregation, 20)} is not accepted: it makes one value of many rules, and"
                " none of them is the decision.",
                "use COLLECT without aggregation.",
            )
        for requirement in self._decision.all("informationRequirement"):
            if requirement.first("requiredDecision"):
                raise RuleError(
                    self._subject, "depends on another decision.", "give the table all that it needs as inputs."
                )
        for item in (self._root, self._table):
            self._check_language(item, self._subject)

    def _input(self, item: Element, number: int) -> dict[str, Any]:
        expression = item.first("inputExpression")
        name = expression.words("text") if expression is not None else ""
        shown = printable(name or item.attributes.get("label", number), 80)
        subject = f"{self._subject}, input {shown}"
        if expression is None or not name:
            raise RuleError(subject, "has no expression.", "name the input in its expression.")
        self._check_language(expression, subject)
        if not _NAME.fullmatch(name) and name not in self._data:
            raise RuleError(
                subject, "is a FEEL expression; an input is a plain name.", "give it the value as an input."
            )
        kind = self._type(expression.attributes.get("typeRef", ""), subject)
        return self._column(name, kind, item, "inputValues", subject)

    def _output(self, item: Element, number: int, count: int) -> dict[str, Any]:
        name = item.attributes.get("name", "").strip()
        reference = item.attributes.get("typeRef", "")
        if count == 1:
            # A single output may leave both to the decision (DMN 1.3 section 8.3.3).
            variable = self._decision.first("variable")
            inherited = variable.attributes if variable is not None else {}
            name = name or inherited.get("name", "") or self._decision.attributes.get("name", "")
            reference = reference or self._table.attributes.get("typeRef", "") or inherited.get("typeRef", "")
        subject = f"{self._subject}, output {printable(name or number, 80)}"
        if not name:
            raise RuleError(subject, "has no name.", "name each of several outputs.")
        if item.first("defaultOutputEntry") and self._table.attributes.get("hitPolicy") == "COLLECT":
            raise RuleError(subject, "has a default, which no rule of a COLLECT table stands for.", "make it a rule.")
        return self._column(name, self._type(reference, subject), item, "outputValues", subject)

    def _column(self, name: str, kind: _Type, item: Element, values: str, subject: str) -> dict[str, Any]:
        own = item.attributes.get(f"{EXTENSION} type")
        integer = own == "integer" or name in INTEGER_INPUTS
        column: dict[str, Any] = {"name": name, "type": "integer" if kind.name == "number" and integer else kind.name}
        clause = item.first(values)
        allowed = (clause.words("text") if clause is not None else "") or kind.allowed
        if allowed and allowed != "-":
            self._refuse_feel(allowed, f"{subject}, {values}")
            column |= domain(allowed, column["type"], f"{subject}, {values}", feel=True)
        description = item.words("description")
        return column | ({"description": description} if description else {})

    def _rule(
        self,
        item: Element,
        number: int,
        inputs: Sequence[Mapping[str, Any]],
        outputs: Sequence[Mapping[str, Any]],
        notes: Sequence[str],
    ) -> dict[str, Any]:
        name = item.attributes.get("label", "").strip() or item.attributes.get("id", "") or f"rule-{number}"
        subject = f"{self._subject}, rule {printable(name, 80)}"
        tests, results = list(item.all("inputEntry")), list(item.all("outputEntry"))
        for found, wanted, what in ((tests, inputs, "input"), (results, outputs, "output")):
            if len(found) != len(wanted):
                raise RuleError(subject, f"has {len(found)} {what} entries for {len(wanted)} {what}s.")
        when = {}
        for entry, column in zip(tests, inputs, strict=True):
            test = self._test(entry, column, f"{subject}, input {printable(column['name'], 80)}")
            if test != "-":
                when[column["name"]] = test
        then = {
            column["name"]: self._result(entry, column, f"{subject}, output {printable(column['name'], 80)}")
            for entry, column in zip(results, outputs, strict=True)
        }
        return {"id": name, "when": when, "then": then, **_annotations(item, notes)}

    def _test(self, entry: Element, column: Mapping[str, Any], subject: str) -> str:
        self._check_language(entry, subject)
        # An entry that a modeller leaves empty is irrelevant, as "-" is.
        text = entry.words("text") or "-"
        self._refuse_feel(text, subject)
        return write(parse(text, column["type"], subject, feel=True))

    def _result(self, entry: Element, column: Mapping[str, Any], subject: str) -> Any:
        self._check_language(entry, subject)
        text = entry.words("text")
        self._refuse_feel(text, subject)
        return literal_of(text, column["type"], subject, feel=True)

    def _type(self, reference: str, subject: str) -> _Type:
        """Return what a type reference stands for, through the model's own definitions."""
        allowed = ""
        for _step in range(_MAX_ALIASES):
            local = reference.strip().rpartition(":")[2].strip()
            definition = self._definitions.get(local) or self._definitions.get(reference.strip())
            if definition is None:
                if local in ("", "Any"):
                    return _Type("string", allowed)
                if local not in _TYPES:
                    known = "string, number, boolean"
                    raise RuleError(
                        subject, f"has the type {printable(local, 60)!r}, which no test here knows.", f"use {known}."
                    )
                return _Type(_TYPES[local], allowed)
            if definition.first("itemComponent") or definition.attributes.get("isCollection") == "true":
                form = "a structure" if definition.first("itemComponent") else "a list"
                raise RuleError(
                    subject, f"has the type {printable(local, 60)!r}, which is {form}.", "use plain values."
                )
            for clause in ("allowedValues", "typeConstraint"):
                bound = definition.first(clause)
                allowed = allowed or (bound.words("text") if bound is not None else "")
            reference = definition.words("typeRef") or definition.attributes.get("typeRef", "")
        raise RuleError(subject, "has a type that is defined by itself.", "end its definition in string or number.")

    @staticmethod
    def _refuse_feel(text: str, subject: str) -> None:
        if len(text) > MAX_CELL:
            raise RuleError(subject, f"is longer than {MAX_CELL} characters.")
        what = _beyond(_STRING.sub('""', text))
        if what:
            raise RuleError(
                subject,
                f"{printable(text, 120)!r} has {what}, which S-FEEL has not.",
                "use -, literals, lists, not(...), <, <=, >, >= and [a..b].",
            )

    @staticmethod
    def _check_language(item: Element, subject: str) -> None:
        language = item.attributes.get("expressionLanguage", "")
        if language and "feel" not in language.lower():
            raise RuleError(subject, f"is written in {printable(language, 60)!r}.", "write it in S-FEEL.")


def _beyond(text: str) -> str:
    """Return what of FEEL a text without strings has and S-FEEL has not, empty where there is nothing."""
    for pattern, name in _BEYOND:
        match = pattern.search(text)
        if match:
            return name.format(printable(match.group().strip(), 40))
    for call in _CALL.finditer(text):
        words = _LAST_WORDS.search(text[max(0, call.start() - 40) : call.start() + 1])
        name = words.group() if words else ""
        if name != "not":
            return f"the FEEL function {printable(name, 40)}"
    return ""


def _annotations(item: Element, names: Sequence[str]) -> dict[str, Any]:
    """Return rationale and guard rails from a rule's description and annotations."""
    keys: dict[str, Any] = {}
    texts = [item.words("description")]
    entries = [entry.words("text") for entry in item.all("annotationEntry")]
    for number, text in enumerate(entries):
        name = names[number].lower().replace(" ", "_") if number < len(names) else ""
        if name in GUARD_RAILS and text:
            keys[name] = guard_rail(name, text)
        elif name not in GUARD_RAILS:
            texts.append(text)
    rationale = "\n".join(dict.fromkeys(filter(None, texts)))
    return ({"rationale": rationale} if rationale else {}) | keys


__all__ = ["EXTENSION", "NAMESPACES", "read_dmn"]
