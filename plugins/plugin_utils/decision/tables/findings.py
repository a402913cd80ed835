# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static analysis of a decision table: exact, each finding with an input that shows it.

The first group of checks is about any DMN table (gap, overlap, masked, misleading, subsumed, contraction,
never_matches); the second, in :mod:`.ladders`, is about tables with an output ``verb``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from itertools import combinations, islice
from operator import or_
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import ERROR
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables import ladders
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.axis import atoms
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.boxes import Box, TooComplexError
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.report import (
    TableFinding,
    describe,
    make_finding,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import HitPolicy, Table, load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import show
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_GAPS: Final = 20
MAX_OF_A_CODE: Final = 200
MAX_JOINED: Final = 256
"""Rules that one finding joins."""


def analyse(table: Table | CompiledTable) -> list[TableFinding]:
    """Return everything the analysis finds, at most :data:`MAX_OF_A_CODE` of a code and :data:`MAX_GAPS` gaps."""
    compiled = table if isinstance(table, CompiledTable) else CompiledTable(table)
    found: list[TableFinding] = []
    for look, limit in _CHECKS:
        compiled.boxes.begin()
        try:
            found.extend(islice(look(compiled), limit))
        except TooComplexError:
            what = look.__name__.lstrip("_").replace("_", " ")
            found.append(make_finding(compiled, "unsettled", [], None, f"the search for {what} was given up; split it"))
    return found


def rule_findings(data: Any, source: str = "") -> list[dict[str, Any]]:
    """Return the findings about a table as plain data.

    Args:
        data: a decision table as plain data or YAML text.
        source: name of its file, for errors.

    Returns:
        ``[{code, severity, rules, witness, message}]``; ``witness`` is an input that shows it, empty if none does.

    Raises:
        RuleError: the table cannot be read.
    """
    return [finding.plain() for finding in analyse(load_table(data, source))]


def check(compiled: CompiledTable, source: str = "") -> None:
    """Refuse a table that has errors.

    Raises:
        RuleError: with the first of the errors.
    """
    errors = [finding for finding in analyse(compiled) if finding.severity == ERROR]
    if errors:
        more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
        place = f"{source}: " if source else ""
        raise RuleError(
            f"{place}table {compiled.table.name}",
            f"{errors[0].code}: {errors[0].told}{more}",
            "see all findings with the filter palantir.trust.rule_findings.",
        )


def _never_matches(compiled: CompiledTable) -> Iterator[TableFinding]:
    for number, box in enumerate(compiled.boxes.boxes):
        for mask, test, item in zip(box, compiled.table.rules[number].when, compiled.table.inputs, strict=True):
            if not mask:
                yield make_finding(
                    compiled,
                    "never_matches",
                    [number],
                    None,
                    f"matches nothing: no declared value of {item.name} is {test.text}",
                )
                break


def _gaps(compiled: CompiledTable) -> Iterator[TableFinding]:
    boxes = compiled.boxes
    for box in _joined(list(islice(boxes.uncovered(boxes.full, boxes.all), MAX_GAPS))):
        yield make_finding(compiled, "gap", [], box, f"no rule matches {describe(compiled, box)}")


def _joined(boxes: list[Box]) -> list[Box]:
    """Return disjoint boxes with those joined that differ on one axis only."""
    for first, second in combinations(boxes, 2):
        different = [axis for axis, (mask, other) in enumerate(zip(first, second, strict=True)) if mask != other]
        if len(different) == 1:
            whole = tuple(mask | other for mask, other in zip(first, second, strict=True))
            return _joined([whole, *(box for box in boxes if box not in (first, second))])
    return boxes


def _overlaps(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield the pairs that the hit policy does not allow to match together.

    Under ANY and PRIORITY these are pairs between which only the order of the rules could choose: with different
    results (ANY), or with one result and different guard rails. Under PRIORITY only where both would decide.
    """
    policy = compiled.table.hit_policy
    if policy is HitPolicy.COLLECT:
        return
    boxes = compiled.boxes
    for number, box in enumerate(boxes.boxes):
        rivals = boxes.all & ~((2 << number) - 1)
        if policy is HitPolicy.PRIORITY:
            rivals &= compiled.ranking_with(number)
        for other in atoms(boxes.overlapping(box, rivals)):
            if policy is not HitPolicy.UNIQUE and _same(compiled, number, other):
                continue
            outranking = compiled.outranking(number) if policy is HitPolicy.PRIORITY else 0
            place = next(boxes.uncovered(_meet(box, boxes.boxes[other]), outranking), None)
            if place is not None:
                different = "" if policy is HitPolicy.UNIQUE else " with different results or guard rails"
                yield make_finding(
                    compiled,
                    "overlap",
                    [number, other],
                    place,
                    f"both match {describe(compiled, place)}, which the hit policy {policy} does not allow{different}",
                )


def _masked(compiled: CompiledTable) -> Iterator[TableFinding]:
    boxes = compiled.boxes
    for number, box in enumerate(boxes.boxes):
        if not all(box) or not is_masked(compiled, number):
            continue
        maskers = boxes.overlapping(box, compiled.outranking(number))
        single = boxes.containing(box, maskers)
        masking = [min(atoms(single))] if single else _needed(compiled, box, maskers)
        yield make_finding(
            compiled,
            "masked",
            [number, *masking],
            box,
            "the first never decides: the others have a higher priority and match wherever it does",
        )


def _needed(compiled: CompiledTable, box: Box, maskers: int) -> list[int]:
    """Return a set of maskers of which none can be left out."""
    for candidate in list(atoms(maskers)):
        rest = maskers & ~(1 << candidate)
        if next(compiled.boxes.uncovered(box, rest), None) is None:
            maskers = rest
    return list(atoms(maskers))


def _misleading(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield pairs of a PRIORITY table in which a general rule beats a more specific one.

    The first has a higher priority and admits anything where the second names values; where both match, a reader
    takes the second for the exception. (After "Decision Table Analysis in DMN" as Drools and Trisotech have it.) What
    never decides at all is masked, and told of there.
    """
    if compiled.table.hit_policy is not HitPolicy.PRIORITY:
        return
    boxes = compiled.boxes
    # For each input the rules that admit anything of it.
    broad = [sum(1 << n for n, box in enumerate(boxes.boxes) if box[axis] == full) for axis, full in _axes(compiled)]
    for number, box in enumerate(boxes.boxes):
        named = [axis for axis, full in _axes(compiled) if box[axis] != full]
        rivals = boxes.overlapping(box, compiled.outranking(number) & reduce(or_, (broad[axis] for axis in named), 0))
        if not rivals or is_masked(compiled, number):
            continue
        for other in atoms(rivals):
            names = [compiled.table.inputs[axis].name for axis in named if broad[axis] >> other & 1]
            yield make_finding(
                compiled,
                "misleading",
                [other, number],
                _meet(box, boxes.boxes[other]),
                "the first decides where both match, by its priority, although the second is the one that names"
                f" {', '.join(names)}",
            )


def _axes(compiled: CompiledTable) -> Iterator[tuple[int, int]]:
    """Yield each axis by its number, and the mask of all its atoms."""
    return iter(enumerate(compiled.boxes.full))


def _contraction(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield sets of rules with the same result, guard rails and rationale that differ in one input only.

    (Calvanese et al., "Semantics, Analysis and Simplification of DMN Decision Tables", Information Systems 78, 2018.)
    """
    boxes = compiled.boxes.boxes
    for axis, column in enumerate(compiled.table.inputs):
        alike: dict[Any, list[int]] = {}
        for number, (rule, box) in enumerate(zip(compiled.table.rules, boxes, strict=True)):
            if all(box):
                key = (rule.then, rule.guards, rule.rationale, box[:axis] + box[axis + 1 :])
                alike.setdefault(key, []).append(number)
        for numbers in alike.values():
            # What lies within another of them is subsumed, and told of there; of more than so many, these come first.
            masks = {boxes[number][axis]: number for number in reversed(numbers)}
            apart = [m for m in list(masks)[-MAX_JOINED:] if not any(m != o and not m & ~o for o in masks)]
            if len(apart) > 1:
                joined = sorted(masks[mask] for mask in apart)
                whole = compiled.axes[axis].describe(reduce(or_, apart)) or "-"
                yield make_finding(
                    compiled,
                    "contraction",
                    joined,
                    boxes[joined[0]],
                    f"they can be one rule, with {column.name} {whole}",
                )


def is_masked(compiled: CompiledTable, number: int) -> bool:
    """Return whether rules of higher priority match wherever a rule does, though it matches something."""
    if compiled.table.hit_policy is not HitPolicy.PRIORITY:
        return False
    if number not in compiled.masked:
        box = compiled.boxes.boxes[number]
        maskers = compiled.boxes.overlapping(box, compiled.outranking(number))
        compiled.masked[number] = bool(maskers) and next(compiled.boxes.uncovered(box, maskers), None) is None
    return compiled.masked[number]


def _subsumed(compiled: CompiledTable) -> Iterator[TableFinding]:
    boxes = compiled.boxes
    for number, box in enumerate(boxes.boxes):
        if not all(box):
            continue
        others = boxes.containing(box, boxes.all & ~(1 << number))
        other = next(_subsumers(compiled, number, atoms(others)), None)
        if other is not None:
            yield make_finding(
                compiled, "subsumed", [number, other], box, "the second has the same result wherever the first matches"
            )


def _subsumers(compiled: CompiledTable, number: int, others: Iterable[int]) -> Iterator[int]:
    for other in others:
        # Of two equal rules the later one is the redundant one.
        twin = compiled.boxes.boxes[other] == compiled.boxes.boxes[number]
        if _same(compiled, number, other) and not (twin and other > number):
            yield other


def _unreachable_verb(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield the declared verbs that are the decision for no input."""
    column = compiled.table.output_index("verb")
    declared = None if column is None else compiled.table.outputs[column].values
    if column is None or declared is None:
        return
    boxes = compiled.boxes.boxes
    for verb in declared:
        yielding = [number for number, rule in enumerate(compiled.table.rules) if rule.then[column] == verb]
        if any(all(boxes[number]) and not is_masked(compiled, number) for number in yielding):
            continue
        place = next((boxes[number] for number in yielding if all(boxes[number])), None)
        cause = "no rule yields it" if not yielding else "no such rule ever decides"
        yield make_finding(
            compiled, "unreachable_verb", yielding, place, f"the verb {show(verb)} is never reached: {cause}"
        )


def _same(compiled: CompiledTable, number: int, other: int) -> bool:
    first, second = compiled.table.rules[number], compiled.table.rules[other]
    return first.then == second.then and first.guards == second.guards


def _meet(box: Box, other: Box) -> Box:
    return tuple(mask & second for mask, second in zip(box, other, strict=True))


_CHECKS: Final[tuple[tuple[Callable[[CompiledTable], Iterator[TableFinding]], int], ...]] = (
    (_never_matches, MAX_OF_A_CODE),
    (_overlaps, MAX_OF_A_CODE),
    (_masked, MAX_OF_A_CODE),
    (_misleading, MAX_OF_A_CODE),
    (_subsumed, MAX_OF_A_CODE),
    (_contraction, MAX_OF_A_CODE),
    (_unreachable_verb, MAX_OF_A_CODE),
    *((look, MAX_OF_A_CODE) for look in ladders.CHECKS),
    (_gaps, MAX_GAPS),
)

__all__ = ["MAX_GAPS", "MAX_OF_A_CODE", "analyse", "check", "rule_findings"]
