# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Boxes in a product of finite axes, and exact questions about many of them at once.

A box is one mask of atoms for each axis. Sets of boxes are the bits of an integer, so that a question put to a
thousand rules costs a few operations on integers of a thousand bits (after Calvanese et al., "Semantics and
Analysis of DMN Decision Tables", BPM 2016, whose sweep finds overlaps and missing rules column by column).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from operator import and_, or_

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.axis import atoms, runs

Box = tuple[int, ...]

MAX_STEPS = 500_000
"""Steps after which a search gives up. Coverage by boxes is NP-complete: no bound holds for every table."""


class TooComplexError(Exception):
    """A table whose coverage cannot be settled within :data:`MAX_STEPS`."""


class Boxes:
    """A list of boxes over axes of given sizes.

    Attributes:
        all: the set of all boxes.
        members: for each axis and atom, the set of boxes that hold the atom.
    """

    def __init__(self, sizes: Sequence[int], boxes: Sequence[Box]) -> None:
        self.sizes = tuple(sizes)
        self.boxes = tuple(boxes)
        self.all = (1 << len(boxes)) - 1
        self.full: Box = tuple((1 << size) - 1 for size in sizes)
        self.members = [_members([box[axis] for box in boxes], size) for axis, size in enumerate(sizes)]
        self._either = [_RangeTable(column, or_) for column in self.members]
        self._every = [_RangeTable(column, and_) for column in self.members]
        self._meeting: list[dict[int, int]] = [{} for _size in sizes]
        self._holding: list[dict[int, int]] = [{} for _size in sizes]
        self._holders: list[int] | None = None
        self._rivals: list[int] | None = None
        self._steps = 0

    def meeting(self, axis: int, mask: int) -> int:
        """Return the boxes that share an atom with a mask on one axis."""
        known = self._meeting[axis]
        if mask not in known:
            found = 0
            for first, last in runs(mask):
                found |= self._either[axis].over(first, last)
            known[mask] = found
        return known[mask]

    def holding(self, axis: int, mask: int) -> int:
        """Return the boxes that hold every atom of a mask on one axis."""
        known = self._holding[axis]
        if mask not in known:
            found = self.all
            for first, last in runs(mask):
                found &= self._every[axis].over(first, last)
            known[mask] = found
        return known[mask]

    def overlapping(self, box: Box, among: int) -> int:
        """Return those of some boxes that share a point with a box."""
        for axis, mask in enumerate(box):
            among &= self.meeting(axis, mask)
            if not among:
                break
        return among

    def containing(self, box: Box, among: int) -> int:
        """Return those of some boxes that hold the whole of a box."""
        for axis, mask in enumerate(box):
            among &= self.holding(axis, mask)
            if not among:
                break
        return among

    def uncovered(self, box: Box, covers: int) -> Iterator[Box]:
        """Yield disjoint boxes that together are the part of ``box`` that no cover reaches.

        Args:
            box: where to look.
            covers: the set of covering boxes.

        Raises:
            TooComplexError: the search takes over :data:`MAX_STEPS` steps.
        """
        if not all(box):
            return
        active = self._largest(self.overlapping(box, covers))
        axes = tuple(range(len(box)))
        search = (_DisjointSearch if self._are_disjoint(active) else _Search)(self, box)
        yield from search.run(active, axes, {})

    def _are_disjoint(self, active: int) -> bool:
        if self._rivals is None:
            self._rivals = [self.overlapping(box, self.all & ~(1 << number)) for number, box in enumerate(self.boxes)]
        return not any(self._rivals[number] & active for number in atoms(active))

    def _largest(self, covers: int) -> int:
        """Return the covers without those that lie within another."""
        if self._holders is None:
            self._holders = [
                self.containing(box, self.all & ~(1 << number)) & ~self._later_twins(number)
                for number, box in enumerate(self.boxes)
            ]
        kept = covers
        for number in atoms(covers):
            if self._holders[number] & covers:
                kept ^= 1 << number
        return kept

    def _later_twins(self, number: int) -> int:
        later = self.all & ~((2 << number) - 1)
        same = self.containing(self.boxes[number], later)
        return sum(1 << other for other in atoms(same) if self.boxes[other] == self.boxes[number])

    def begin(self) -> None:
        """Give the next search, or row of searches, all its steps."""
        self._steps = 0

    def step(self, count: int = 1) -> None:
        """Count steps of a search.

        Raises:
            TooComplexError: the count is over :data:`MAX_STEPS`.
        """
        self._steps += count
        if self._steps > MAX_STEPS:
            raise TooComplexError


class _Search:
    """Splits a box along the axis that parts most covers, until each part is covered by one cover or by none."""

    def __init__(self, boxes: Boxes, box: Box) -> None:
        self._boxes = boxes
        self._box = box
        self._holding = [boxes.holding(axis, mask) for axis, mask in enumerate(box)]
        self._widths = [math.log2(1 + mask.bit_count()) for mask in box]
        self._covered: set[tuple[int, tuple[int, ...]]] = set()

    def run(self, active: int, axes: tuple[int, ...], chosen: dict[int, int]) -> Iterator[Box]:
        self._boxes.step(1 + len(axes))
        if not active:
            yield tuple(chosen.get(axis, mask) for axis, mask in enumerate(self._box))
            return
        partial = {axis: active & ~self._holding[axis] for axis in axes}
        axes = tuple(axis for axis in axes if partial[axis])
        if self._is_covered(active, axes, partial):
            return
        axis = max(axes, key=lambda item: partial[item].bit_count() / self._widths[item])
        rest = tuple(item for item in axes if item != axis)
        reached = False
        for inside, mask in sorted(self._groups(axis, active).items(), key=lambda item: item[0].bit_count()):
            for found in self.run(inside, rest, {**chosen, axis: mask}):
                reached = True
                yield found
        if not reached:
            self._covered.add((active, axes))

    def _is_covered(self, active: int, axes: tuple[int, ...], partial: dict[int, int]) -> bool:
        if (active, axes) in self._covered:
            return True
        somewhere_partial = 0
        for axis in axes:
            somewhere_partial |= partial[axis]
        return somewhere_partial != active

    def _groups(self, axis: int, active: int) -> dict[int, int]:
        """Return, for each set of covers that holds some atoms of the axis, the mask of those atoms."""
        groups: dict[int, int] = {}
        column = self._boxes.members[axis]
        for atom in atoms(self._box[axis]):
            self._boxes.step()
            inside = active & column[atom]
            groups[inside] = groups.get(inside, 0) | (1 << atom)
        return groups


class _DisjointSearch(_Search):
    """The same for covers of which no two overlap: they cover a box just when their volumes add up to its own."""

    def __init__(self, boxes: Boxes, box: Box) -> None:
        super().__init__(boxes, box)
        self._inner: dict[int, list[int]] = {}

    def _is_covered(self, active: int, axes: tuple[int, ...], partial: dict[int, int]) -> bool:
        whole = math.prod(self._box[axis].bit_count() for axis in axes)
        return whole == sum(self._volume(number, axes) for number in atoms(active))

    def _volume(self, number: int, axes: tuple[int, ...]) -> int:
        self._boxes.step()
        if number not in self._inner:
            mine = self._boxes.boxes[number]
            self._inner[number] = [(mask & room).bit_count() for mask, room in zip(mine, self._box, strict=True)]
        inner = self._inner[number]
        return math.prod(inner[axis] for axis in axes)


class _RangeTable:
    """An idempotent operation over any range of a column in constant time (a sparse table, built when first used)."""

    def __init__(self, column: Sequence[int], operation: Callable[[int, int], int]) -> None:
        self._levels = [list(column)]
        self._operation = operation

    def over(self, first: int, last: int) -> int:
        level = (last - first + 1).bit_length() - 1
        while len(self._levels) <= level:
            half = 1 << (len(self._levels) - 1)
            below = self._levels[-1]
            self._levels.append([self._operation(a, b) for a, b in zip(below, below[half:], strict=False)])
        row = self._levels[level]
        return self._operation(row[first], row[last - (1 << level) + 1])


def _members(masks: Sequence[int], size: int) -> list[int]:
    """Return for each atom the set of masks that hold it, by one sweep over where the masks begin and end."""
    toggles = [0] * (size + 1)
    for number, mask in enumerate(masks):
        for first, last in runs(mask):
            toggles[first] ^= 1 << number
            toggles[last + 1] ^= 1 << number
    found = []
    inside = 0
    for atom in range(size):
        inside ^= toggles[atom]
        found.append(inside)
    return found


__all__ = ["MAX_STEPS", "Box", "Boxes", "TooComplexError"]
