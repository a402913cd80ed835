# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paired runs: the machine is shared, so a figure means little and the ratio of two neighbours much."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple


class Seconds(NamedTuple):
    """How long one run took: by the CPU's clock, which others do not disturb as much, and by the wall's."""

    cpu: float
    wall: float

    def per(self, count: int) -> Seconds:
        """Return the part of one of so many."""
        return Seconds(self.cpu / count, self.wall / count)


class Ratio(NamedTuple):
    """A ratio of times, by either clock."""

    cpu: float
    wall: float

    @property
    def inverse(self) -> Ratio:
        """The ratio the other way round."""
        return Ratio(1 / self.cpu, 1 / self.wall)


@dataclass(frozen=True)
class Pairs:
    """What alternating runs took, ours and the peer's."""

    ours: tuple[Seconds, ...]
    peer: tuple[Seconds, ...]

    @property
    def speed_up(self) -> Ratio:
        """How many times our time the peer takes: the median of the pairs."""
        pairs = list(zip(self.ours, self.peer, strict=True))
        return Ratio(
            median(peer.cpu / ours.cpu for ours, peer in pairs), median(peer.wall / ours.wall for ours, peer in pairs)
        )


def timed(run: Callable[[], object]) -> Seconds:
    """Return how long a run takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Seconds(time.process_time() - cpu, time.perf_counter() - wall)


def repeated(run: Callable[[], object], count: int) -> Seconds:
    """Return how long one of so many runs takes; for what is over too soon to be timed alone."""

    def runs() -> None:
        for _ in range(count):
            run()

    return timed(runs).per(count)


def paired(ours: Callable[[], Seconds], peer: Callable[[], Seconds], rounds: int) -> Pairs:
    """Run both in turn, after one round that does not count."""
    ours(), peer()
    runs = [(ours(), peer()) for _ in range(rounds)]
    return Pairs(tuple(first for first, _second in runs), tuple(second for _first, second in runs))


def typical(runs: tuple[Seconds, ...]) -> Seconds:
    """Return the median by either clock."""
    return Seconds(median(run.cpu for run in runs), median(run.wall for run in runs))


__all__ = ["Pairs", "Ratio", "Seconds", "paired", "repeated", "timed", "typical"]
