# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Analysis of what a remediation table does: monotonicity, liveness, and verbs on unknown tiers.

Where several rules match, the most severe verb counts, by the order of the output's declared values. That is what
PRIORITY decides; UNIQUE and ANY allow no other case; and of a COLLECT table it is the worst that can happen.
A check is left out where the table lacks the inputs that it speaks of.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, combinations
from operator import or_
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.axis import LineAxis, NamedAxis, atoms
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.boxes import Box
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.report import TableFinding, make_finding
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import show
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    EXITS,
    QUIET_VERBS,
    TIERS_BY_GRAVITY,
    UNKNOWN_TIER,
    is_destructive,
)

_MAX_INVERSIONS: Final = 8
"""Milder rules that are told of one harder rule and pair of tiers; the next come once these are mended."""


@dataclass(frozen=True, slots=True)
class _Verbs:
    """The verbs of a table's rules.

    Attributes:
        names: the verb of each rule.
        places: its place in the order of severity; 0 is the most severe.
        above: for each place the set of rules whose verb is more severe.
        acting: the rules whose verb acts and ends nothing: the rungs of ladders.
    """

    names: tuple[str, ...]
    places: tuple[int, ...]
    above: tuple[int, ...]
    acting: int


def _verbs(compiled: CompiledTable) -> _Verbs | None:
    column = compiled.table.output_index("verb")
    order = None if column is None else compiled.table.outputs[column].values
    if column is None or order is None:
        return None
    names = tuple(str(rule.then[column]) for rule in compiled.table.rules)
    places = tuple(order.index(rule.then[column]) for rule in compiled.table.rules)
    at_place = [0] * len(order)
    for number, place in enumerate(places):
        at_place[place] |= 1 << number
    above = tuple(accumulate(at_place, or_, initial=0))
    acting = sum(1 << number for number, name in enumerate(names) if name not in QUIET_VERBS | EXITS)
    return _Verbs(names, places, above, acting)


def _tier_atom(compiled: CompiledTable, column: int, tier: str) -> int | None:
    axis = compiled.axes[column]
    if isinstance(axis, NamedAxis) and tier in axis.values:
        return axis.values.index(tier)
    return None


def not_monotonic(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield pairs of rules by which a worse tier gets a milder verb than a better one."""
    verbs = _verbs(compiled)
    column = compiled.table.input_index("tier")
    if verbs is None or column is None:
        return
    known = [(tier, _tier_atom(compiled, column, tier)) for tier in TIERS_BY_GRAVITY]
    tiers = [(tier, atom) for tier, atom in known if atom is not None]
    reported: set[tuple[int, int]] = set()
    for (better, low), (worse, high) in combinations(tiers, 2):
        for milder, harder, place in _inversions(compiled, verbs, column, low, high):
            if (milder, harder) not in reported:
                reported.add((milder, harder))
                yield make_finding(
                    compiled,
                    "not_monotonic",
                    [milder, harder],
                    place,
                    f"the tier {worse} gets {verbs.names[milder]}, but {better} gets the more severe"
                    f" {verbs.names[harder]}",
                )


def _inversions(
    compiled: CompiledTable, verbs: _Verbs, column: int, low: int, high: int
) -> Iterator[tuple[int, int, Box]]:
    """Yield (milder rule, harder rule, box at the worse tier) for a better and a worse tier's atoms."""
    boxes = compiled.boxes
    at_better, at_worse = boxes.members[column][low], boxes.members[column][high]
    for harder in atoms(at_better):
        box = _replace(boxes.boxes[harder], {column: 1 << high})
        as_severe = at_worse & verbs.above[verbs.places[harder] + 1]
        milder_rules = at_worse & ~as_severe
        if not boxes.overlapping(box, milder_rules):
            continue
        shown = 0
        for piece in boxes.uncovered(box, as_severe):
            for milder in atoms(boxes.overlapping(piece, milder_rules)):
                yield milder, harder, _meet(piece, boxes.boxes[milder])
                shown += 1
            if shown >= _MAX_INVERSIONS:
                break


def no_exit(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield rules at which a ladder of attempts stops short of a fence or a person.

    A ladder is what a subject meets as ``attempt`` rises with its other inputs unchanged. One that never leaves
    the quiet verbs is none. At its last attempt every other must be at an exit.
    """
    verbs = _verbs(compiled)
    column = compiled.table.input_index("attempt")
    if verbs is None or column is None:
        return
    last = _last_atom(compiled, column)
    at_last = compiled.boxes.members[column][last]
    for final in atoms(at_last):
        if verbs.names[final] in EXITS:
            continue
        box = _replace(compiled.boxes.boxes[final], {column: 1 << last})
        pieces = compiled.boxes.uncovered(box, at_last & verbs.above[verbs.places[final]])
        found = _dead_end(compiled, verbs, column, final, pieces)
        if found is not None:
            ladder, place = found
            yield make_finding(
                compiled,
                "no_exit",
                [final] if ladder == final else [final, ladder],
                place,
                f"the ladder that does {verbs.names[ladder]} is still at {verbs.names[final]} at its last attempt;"
                " it must end in fence or hold",
                last="attempt",
            )


def _dead_end(
    compiled: CompiledTable, verbs: _Verbs, column: int, final: int, pieces: Iterator[Box]
) -> tuple[int, Box] | None:
    """Return a rule of a ladder that ends at ``final``, and where; None where no ladder does.

    Args:
        compiled: the table.
        verbs: its verbs.
        column: the column of ``attempt``.
        final: a rule that is no exit.
        pieces: where it decides at the last attempt.
    """
    if verbs.acting >> final & 1:
        place = next(pieces, None)
        return None if place is None else (final, place)
    boxes = compiled.boxes
    for piece in pieces:
        whole = _replace(piece, {column: boxes.full[column]})
        # The most severe first: what outranks a later one has then been found to be at an exit.
        for ladder in sorted(atoms(boxes.overlapping(whole, verbs.acting)), key=lambda number: verbs.places[number]):
            exits = verbs.above[verbs.places[ladder]] & ~verbs.acting
            shared = _meet(whole, boxes.boxes[ladder])
            for atom in atoms(shared[column]):
                place = next(boxes.uncovered(_replace(shared, {column: 1 << atom}), exits), None)
                if place is not None:
                    return ladder, _replace(place, {column: piece[column]})
    return None


def destructive_on_unknown(compiled: CompiledTable) -> Iterator[TableFinding]:
    """Yield rules with a destructive verb that decide for the tier ``none``."""
    column = compiled.table.input_index("tier")
    verb = compiled.table.output_index("verb")
    if column is None or verb is None:
        return
    boxes = compiled.boxes
    atom = _unknown_atom(compiled, column)
    if atom is None:
        return
    at_unknown = boxes.members[column][atom]
    verbs = _verbs(compiled)
    for number in atoms(at_unknown):
        name = compiled.table.rules[number].then[verb]
        if not is_destructive(name):
            continue
        heavier = at_unknown & verbs.above[verbs.places[number]] if verbs else 0
        box = _replace(boxes.boxes[number], {column: 1 << atom})
        place = next(boxes.uncovered(box, heavier), None)
        if place is not None:
            yield make_finding(
                compiled,
                "destructive_on_unknown",
                [number],
                place,
                f"the destructive verb {show(name)} is reached with the tier {UNKNOWN_TIER}",
            )


def _unknown_atom(compiled: CompiledTable, column: int) -> int | None:
    try:
        return compiled.axes[column].index(UNKNOWN_TIER)
    except ValueError:
        return None


def _last_atom(compiled: CompiledTable, column: int) -> int:
    axis = compiled.axes[column]
    if isinstance(axis, LineAxis) or compiled.table.inputs[column].type not in ("integer", "number"):
        return axis.size - 1
    return max(range(axis.size), key=axis.sample)


def _replace(box: Box, masks: dict[int, int]) -> Box:
    return tuple(masks.get(axis, mask) for axis, mask in enumerate(box))


def _meet(box: Box, other: Box) -> Box:
    return tuple(mask & second for mask, second in zip(box, other, strict=True))


CHECKS = (not_monotonic, no_exit, destructive_on_unknown)

__all__ = ["CHECKS", "destructive_on_unknown", "no_exit", "not_monotonic"]
