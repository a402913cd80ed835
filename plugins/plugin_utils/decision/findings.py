# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static analysis of a decision table: exact, each finding with an input that shows it.

The first group of checks is about any DMN table (gap, overlap, masked, subsumed, never_matches); the second, in
:mod:`.ladders`, is about tables with an output ``verb``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations, islice
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision import ladders
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.axis import atoms
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.boxes import Box, TooComplexError
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import ERROR
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.report import (
    TableFinding,
    describe,
    make_finding,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.table import HitPolicy, Table, load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_GAPS: Final = 20
MAX_OF_A_CODE: Final = 200


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
            f"{errors[0].code}: {errors[0].message}{more}",
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
    if compiled.table.hit_policy is not HitPolicy.PRIORITY:
        return
    boxes = compiled.boxes
    for number, box in enumerate(boxes.boxes):
        maskers = boxes.overlapping(box, compiled.outranking(number))
        if not all(box) or not maskers or next(boxes.uncovered(box, maskers), None) is not None:
            continue
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


def _same(compiled: CompiledTable, number: int, other: int) -> bool:
    first, second = compiled.table.rules[number], compiled.table.rules[other]
    return first.then == second.then and first.guards == second.guards


def _meet(box: Box, other: Box) -> Box:
    return tuple(mask & second for mask, second in zip(box, other, strict=True))


_CHECKS: Final[tuple[tuple[Callable[[CompiledTable], Iterator[TableFinding]], int], ...]] = (
    (_never_matches, MAX_OF_A_CODE),
    (_overlaps, MAX_OF_A_CODE),
    (_masked, MAX_OF_A_CODE),
    (_subsumed, MAX_OF_A_CODE),
    *((look, MAX_OF_A_CODE) for look in ladders.CHECKS),
    (_gaps, MAX_GAPS),
)

__all__ = ["MAX_GAPS", "MAX_OF_A_CODE", "analyse", "check", "rule_findings"]
