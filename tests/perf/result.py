# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a benchmark found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.perf.timing import Ratio

BUILD = Path(__file__).resolve().parents[2] / "build" / "bench"


@dataclass(frozen=True)
class Result:
    """One figure beside its target.

    Attributes:
        name: of the benchmark, and of its file.
        what: what was measured, for people.
        unit: of ``ours`` and ``peer``.
        ours: median of our runs, by CPU time.
        target: what the ratio has to reach, or ``ours`` where there is no peer.
        bound: whether the target is the least or the most that is accepted.
        peer: median of the peer's runs, by CPU time.
        peer_name: who that is.
        ratio: median of the pairs' ratios: how many times faster we are than the peer for ``least``, and how many
            times slower for ``most``. Its CPU time is what counts.
    """

    name: str
    what: str
    unit: str
    ours: float
    target: float
    bound: Literal["least", "most"]
    peer: float | None = None
    peer_name: str = ""
    ratio: Ratio | None = None

    @property
    def met(self) -> bool:
        """Whether the target is reached."""
        figure = self.ours if self.ratio is None else self.ratio.cpu
        return figure >= self.target if self.bound == "least" else figure <= self.target

    def plain(self) -> dict[str, Any]:
        """Return what the benchmark's file holds."""
        return {
            "name": self.name,
            "unit": self.unit,
            "ours": rounded(self.ours),
            "peer": rounded(self.peer),
            "ratio": None if self.ratio is None else rounded(self.ratio.cpu),
            "target": self.target,
            "met": self.met,
        }

    def write(self) -> None:
        """Write the benchmark's file."""
        (BUILD / f"{self.name}.json").write_text(json.dumps(self.plain(), indent=1) + "\n", encoding="utf-8")


def rounded(value: float | None) -> float | None:
    """Return a figure without digits that mean nothing."""
    return None if value is None else float(f"{value:.4g}")


__all__ = ["BUILD", "Result", "rounded"]
