# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""When nodes are asked: at few moments of a period, several nodes at each.

An idle controller's processor has other things in its caches: to wake costs it more than the check of a quote.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import SystemRandom
from typing import Final

FEWEST: Final = 4
MOST: Final = 20
TOGETHER: Final = 8
"""So many nodes share a moment, where that makes neither fewer than ``FEWEST`` of a period nor more than ``MOST``."""

_OFFSETS: Final = 61
_APART: Final = 0.4
"""How far a moment may be from its place, in parts of the way to the next: they never change their order."""


@dataclass(frozen=True)
class Moments:
    """The moments of a watch, the same for all nodes; no two periods are equally long.

    Attributes:
        slot: seconds from a moment's place to the next.
        offsets: how far from its place each moment is, in seconds; they come again after the last.
    """

    slot: float
    offsets: tuple[float, ...]

    @classmethod
    def of(cls, nodes: int, period: float, jitter: float) -> Moments:
        """Return the moments for so many nodes.

        Args:
            nodes: how many.
            period: seconds from one quote of a node to the next.
            jitter: how much of a period, at most, it may be longer or shorter.
        """
        slot = period / min(max(nodes // TOGETHER, FEWEST), MOST)
        most = min(jitter * period / 2, slot * _APART)
        chance = SystemRandom()
        return cls(slot, tuple(chance.uniform(-most, most) for _offset in range(_OFFSETS)))

    def nearest(self, at: float) -> float:
        """Return the moment whose place is nearest to a time."""
        number = round(at / self.slot)
        return number * self.slot + self.offsets[number % _OFFSETS]


__all__ = ["Moments"]
