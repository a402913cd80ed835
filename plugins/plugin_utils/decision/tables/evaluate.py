# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of decision tables (DMN 1.3 section 8.2.10), compiled once, with the reasons.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.axis import (
    Axis,
    NotInDomainError,
    atoms,
    make_axis,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.boxes import Box, Boxes
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import HitPolicy, Rule, Table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import Scalar
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a table says of an input.

    Attributes:
        fired: ids of the rules whose result counts, in the order of the table: one (UNIQUE), those that agree
            (ANY), the one of highest priority (PRIORITY), all that match (COLLECT).
        rule: the first of them, None where no rule matches.
        results: the distinct results, output by output; empty where no rule matches, several only for COLLECT.
    """

    fired: tuple[str, ...]
    rule: Rule | None
    results: tuple[tuple[Scalar, ...], ...]


class CompiledTable:
    """A table with its inputs cut into atoms: made once, asked often.

    Attributes:
        table: the table.
        axes: one for each input.
        boxes: one for each rule.
        priorities: place of each rule's result in the declared order of output values, lower is higher priority.
        masked: what the analysis has found of rules, by number: whether rules of higher priority leave them nothing.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.axes: tuple[Axis, ...] = tuple(
            make_axis(item.type, item.values, item.range, [rule.when[column] for rule in table.rules])
            for column, item in enumerate(table.inputs)
        )
        self.boxes = Boxes(
            [axis.size for axis in self.axes],
            [tuple(axis.mask(test) for axis, test in zip(self.axes, rule.when, strict=True)) for rule in table.rules],
        )
        self.priorities = tuple(_priority(table, rule) for rule in table.rules)
        self.masked: dict[int, bool] = {}
        self._ranks = _ranks(self.priorities)
        self._probes = tuple(zip((item.name for item in table.inputs), self.axes, self.boxes.members, strict=True))
        # What a set of matching rules says is the same every time; tables yield few distinct sets.
        self._outcomes: dict[int, Outcome] = {}

    def outranking(self, number: int) -> int:
        """Return the set of rules whose results have a higher priority than a rule's."""
        return self._ranks[self.priorities[number]][0]

    def ranking_with(self, number: int) -> int:
        """Return the set of rules whose results have the same priority as a rule's, with the rule itself."""
        return self._ranks[self.priorities[number]][1]

    def matching(self, inputs: Mapping[str, Any]) -> int:
        """Return the set of rules that match, as the bits of an integer.

        Raises:
            RuleError: an input is missing, unknown, or outside its declared domain.
        """
        active = self.boxes.all
        try:
            for name, axis, column in self._probes:
                active &= column[axis.index(inputs[name])]
        except (KeyError, NotInDomainError):
            raise self._bad_input(inputs) from None
        if len(inputs) != len(self._probes):
            raise self._bad_input(inputs)
        return active

    def evaluate(self, inputs: Mapping[str, Any]) -> Outcome:
        """Return what the table says of an input.

        Args:
            inputs: a value for every input of the table.

        Raises:
            RuleError: an input is missing, unknown or outside its domain, or rules match together that the hit
                policy does not allow to.
        """
        active = self.matching(inputs)
        known = self._outcomes.get(active)
        if known is None:
            known = self._outcome(active)
            if len(self._outcomes) < 65536:
                self._outcomes[active] = known
        return known

    def why_not(self, inputs: Mapping[str, Any], fired: tuple[str, ...]) -> dict[str, str]:
        """Return for each rule that did not fire the first input and test that failed, or what outranked it."""
        self.matching(inputs)
        found = {}
        for rule, box in zip(self.table.rules, self.boxes.boxes, strict=True):
            if rule.id not in fired:
                found[rule.id] = self._why_not(rule, box, inputs)
        return found

    def _why_not(self, rule: Rule, box: Box, inputs: Mapping[str, Any]) -> str:
        for (name, axis, _column), mask, test in zip(self._probes, box, rule.when, strict=True):
            if not mask >> axis.index(inputs[name]) & 1:
                return f"{name} is {printable(str(inputs[name]), 80)}; the rule asks for: {test.text}"
        return "matches, but a rule of higher priority decides"

    def _outcome(self, active: int) -> Outcome:
        numbers = list(atoms(active))
        if not numbers:
            return Outcome((), None, ())
        rules = self.table.rules
        policy = self.table.hit_policy
        if policy is HitPolicy.PRIORITY:
            best = min(self.priorities[number] for number in numbers)
            numbers = [number for number in numbers if self.priorities[number] == best]
        results = tuple(dict.fromkeys(rules[number].then for number in numbers))
        ids = tuple(rules[number].id for number in numbers)
        if (policy is HitPolicy.UNIQUE and len(numbers) > 1) or (policy is HitPolicy.ANY and len(results) > 1):
            raise RuleError(
                f"table {self.table.name}",
                f"rules {', '.join(ids[:8])} match together, which the hit policy {policy} does not allow.",
                "check the table with palantir.trust.rule_findings.",
            )
        return Outcome(ids, rules[numbers[0]], results)

    def _bad_input(self, inputs: Mapping[str, Any]) -> RuleError:
        subject = f"table {self.table.name}"
        names = [item.name for item in self.table.inputs]
        for name in names:
            if name not in inputs:
                return RuleError(subject, f"the input {name!r} is missing.", "give every input of the table a value.")
        for item, axis in zip(self.table.inputs, self.axes, strict=True):
            try:
                axis.index(inputs[item.name])
            except NotInDomainError:
                value = printable(repr(inputs[item.name]), 80)
                return RuleError(
                    f"{subject}, input {item.name}",
                    f"the value {value} is outside the declared domain.",
                    "declare the value in the table, and say what it means there.",
                )
        unknown = next(name for name in inputs if name not in names)
        return RuleError(subject, f"has no input {printable(str(unknown), 80)!r}.", nearest(unknown, names))


def evaluate(table: Table, inputs: Mapping[str, Any]) -> Outcome:
    """Return what a table says of one input; to ask often, keep a :class:`CompiledTable`.

    Raises:
        RuleError: as :meth:`CompiledTable.evaluate`.
    """
    return CompiledTable(table).evaluate(inputs)


def _priority(table: Table, rule: Rule) -> tuple[int, ...]:
    """Return the places of a rule's values in the outputs' declared order; the first output weighs most."""
    return tuple(
        output.values.index(value) if output.values is not None else 0
        for output, value in zip(table.outputs, rule.then, strict=True)
    )


def _ranks(priorities: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], tuple[int, int]]:
    """Return for each priority the set of rules, by number, that have a higher one, and of those that have it."""
    by_priority: dict[tuple[int, ...], int] = {}
    for number, priority in enumerate(priorities):
        by_priority[priority] = by_priority.get(priority, 0) | 1 << number
    found = {}
    higher = 0
    for priority in sorted(by_priority):
        found[priority] = (higher, by_priority[priority])
        higher |= by_priority[priority]
    return found


__all__ = ["CompiledTable", "Outcome", "evaluate"]
