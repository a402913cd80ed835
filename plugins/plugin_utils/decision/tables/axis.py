# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One input's domain, cut into atoms: the smallest pieces that no cell of the table tells apart from within.

Every cell becomes a set of atoms, kept as the bits of an integer, and a rule becomes a box in the product of the
axes. Questions about infinitely many inputs thereby become exact questions about finitely many boxes.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from typing import Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import Interval, Scalar, Test, show

Cut = tuple[int | Decimal, int]
"""A place between numbers: just before (0) or just after (1) a value. For integers always before, and whole."""


class NotInDomainError(ValueError):
    """A value that the input's declaration does not admit."""


class Axis(Protocol):
    """One input's domain as atoms, numbered from 0."""

    size: int

    def index(self, value: object) -> int:
        """Return the atom of a plain value; raise :class:`NotInDomainError` outside the domain."""

    def mask(self, test: Test) -> int:
        """Return the atoms that a cell admits."""

    def sample(self, atom: int) -> Scalar:
        """Return a value of an atom."""

    def largest(self, atom: int) -> Scalar:
        """Return the largest value of an atom, any of its values where there is no largest."""

    def describe(self, mask: int) -> str:
        """Return a set of atoms in words."""


class NamedAxis:
    """A domain of single values: strings, booleans, and numbers from a list.

    Where the declaration lists no values, every string that a cell mentions is an atom, and one more stands for
    all others.
    """

    def __init__(self, kind: str, values: Sequence[Scalar] | None, tests: Iterable[Test]) -> None:
        self._kind = kind
        self._open = values is None and kind == "string"
        if values is None:
            values = (False, True) if kind == "boolean" else _mentioned(tests)
        self.values = tuple(values)
        self._atoms = {value: atom for atom, value in enumerate(self.values)}
        self.size = len(self.values) + self._open
        self._full = (1 << self.size) - 1

    def index(self, value: object) -> int:
        """Return the atom of a plain value."""
        atom = self._atoms.get(_of_kind(value, self._kind))
        if atom is None:
            if not self._open:
                raise NotInDomainError
            return self.size - 1
        return atom

    def mask(self, test: Test) -> int:
        """Return the atoms that a cell admits."""
        found = 0
        for part in test.parts:
            found |= self._part(part)
        return self._full ^ found if test.negated else found

    def _part(self, part: Interval) -> int:
        if part.low is not None and part.low == part.high:
            atom = self._atoms.get(part.low)
            return 0 if atom is None or not part.contains(part.low) else 1 << atom
        return sum(1 << atom for atom, value in enumerate(self.values) if part.contains(value))

    def sample(self, atom: int) -> Scalar:
        """Return a value of an atom."""
        if atom < len(self.values):
            return self.values[atom]
        name = "other"
        while name in self._atoms:
            name += "_"
        return name

    def largest(self, atom: int) -> Scalar:
        """Return the value of an atom."""
        return self.sample(atom)

    def describe(self, mask: int) -> str:
        """Return a set of atoms in words."""
        if self._open and mask >> (self.size - 1):
            rest = [show(self.values[atom]) for atom in atoms(self._full ^ mask)]
            return f"not({', '.join(rest)})" if rest else "-"
        return ", ".join(show(self.values[atom]) for atom in atoms(mask))


class LineAxis:
    """A domain of ordered numbers, within limits or without, cut wherever a cell begins or ends."""

    def __init__(self, kind: str, domain: Interval | None, tests: Iterable[Test]) -> None:
        self._integer = kind == "integer"
        self._kind = kind
        whole = domain or Interval(None, False, None, False)
        self._low, self._high = self._ends(whole)
        inner = {cut for test in tests for part in test.parts for cut in self._ends(part) if cut is not None}
        self._cuts = sorted(cut for cut in inner if self._within(cut))
        self.size = len(self._cuts) + 1
        self._full = (1 << self.size) - 1

    @property
    def is_empty(self) -> bool:
        """Whether the domain holds no value."""
        return self._low is not None and self._high is not None and self._low >= self._high

    def _within(self, cut: Cut) -> bool:
        return (self._low is None or cut > self._low) and (self._high is None or cut < self._high)

    def _ends(self, part: Interval) -> tuple[Cut | None, Cut | None]:
        return self._cut(part.low, not part.low_closed), self._cut(part.high, part.high_closed)

    def _cut(self, value: Scalar | None, after: bool) -> Cut | None:
        if value is None:
            return None
        return (int(value) + after, 0) if self._integer else (Decimal(value), int(after))

    def index(self, value: object) -> int:
        """Return the atom of a plain value."""
        number = _of_kind(value, self._kind)
        place = (number, 0)
        if (self._low is not None and place < self._low) or (self._high is not None and place >= self._high):
            raise NotInDomainError
        return bisect_right(self._cuts, place)

    def mask(self, test: Test) -> int:
        """Return the atoms that a cell admits."""
        found = 0
        for part in test.parts:
            low, high = self._ends(part)
            start = 0 if low is None else self._atom_from(low)
            end = self.size if high is None else self._atom_from(high)
            if start < end:
                found |= (1 << end) - (1 << start)
        return self._full ^ found if test.negated else found

    def _atom_from(self, cut: Cut) -> int:
        if self._low is not None and cut <= self._low:
            return 0
        if self._high is not None and cut >= self._high:
            return self.size
        return bisect_left(self._cuts, cut) + 1

    def _span(self, atom: int) -> tuple[Cut | None, Cut | None]:
        low = self._cuts[atom - 1] if atom else self._low
        high = self._cuts[atom] if atom < len(self._cuts) else self._high
        return low, high

    def sample(self, atom: int) -> Scalar:
        """Return a value of an atom: its smallest where there is one."""
        low, high = self._span(atom)
        return _between(low, high)

    def largest(self, atom: int) -> Scalar:
        """Return the largest value of an atom, any of its values where there is no largest."""
        high = self._span(atom)[1]
        if high is None or (not self._integer and high[1] == 0):
            return self.sample(atom)
        return high[0] - 1 if self._integer else high[0]

    def describe(self, mask: int) -> str:
        """Return a set of atoms in words."""
        return ", ".join(self._describe_run(first, last) for first, last in runs(mask))

    def _describe_run(self, first: int, last: int) -> str:
        low, high = self._span(first)[0], self._span(last)[1]
        if self._integer:
            return _describe_integers(low, high)
        if low is not None and high is not None and low[0] == high[0]:
            return show(low[0])
        left = "-" if low is None else f"{'(' if low[1] else '['}{show(low[0])}"
        right = "-" if high is None else f"{show(high[0])}{']' if high[1] else ')'}"
        if low is None and high is None:
            return "-"
        if high is None:
            return f"{'>' if left[0] == '(' else '>='} {left[1:]}"
        if low is None:
            return f"{'<=' if right[-1] == ']' else '<'} {right[:-1]}"
        return f"{left}..{right}"


def make_axis(kind: str, values: Sequence[Scalar] | None, domain: Interval | None, tests: Iterable[Test]) -> Axis:
    """Return the axis of an input of a type, with the cells of its column."""
    if kind in ("integer", "number") and values is None:
        return LineAxis(kind, domain, tests)
    return NamedAxis(kind, values, tests)


def atoms(mask: int) -> Iterator[int]:
    """Yield the numbers of a mask's bits, smallest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def runs(mask: int) -> Iterator[tuple[int, int]]:
    """Yield first and last of each run of neighbouring bits of a mask."""
    start = 0
    while mask:
        skip = (mask & -mask).bit_length() - 1
        mask >>= skip
        length = (~mask & (mask + 1)).bit_length() - 1
        yield start + skip, start + skip + length - 1
        mask >>= length
        start += skip + length


def _mentioned(tests: Iterable[Test]) -> tuple[Scalar, ...]:
    return tuple(dict.fromkeys(part.low for test in tests for part in test.parts if part.low is not None))


def _of_kind(value: object, kind: str) -> Scalar:
    if kind == "string":
        if isinstance(value, str):
            return value
    elif kind == "boolean":
        if isinstance(value, bool):
            return value
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    elif kind == "number" and isinstance(value, (float, Decimal)):
        return _exact(value)
    raise NotInDomainError


def _exact(value: float | Decimal) -> Decimal:
    try:
        exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    except InvalidOperation as error:
        raise NotInDomainError from error
    if not exact.is_finite():
        raise NotInDomainError
    return exact


def _between(low: Cut | None, high: Cut | None) -> int | Decimal:
    if low is None:
        return 0 if high is None else high[0] - 1
    if low[1] == 0:
        return low[0]
    if high is None:
        return low[0] + 1
    return high[0] if high[1] else (Decimal(low[0]) + Decimal(high[0])) / 2


def _describe_integers(low: Cut | None, high: Cut | None) -> str:
    if low is None:
        return "-" if high is None else f"< {high[0]}"
    if high is None:
        return f">= {low[0]}"
    last = high[0] - 1
    return str(low[0]) if last == low[0] else f"[{low[0]}..{last}]"


__all__ = ["Axis", "LineAxis", "NamedAxis", "NotInDomainError", "atoms", "make_axis", "runs"]
