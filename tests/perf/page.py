# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/performance.md; its text around the table is written by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.perf.result import Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN = "<!-- begin: written by make bench -->"
END = "<!-- end: written by make bench -->"


def update(results: Iterable[Result], machine: str) -> None:
    """Put a run's results into the page.

    Raises:
        ValueError: the page has lost the marks between which they stand.
    """
    page = PAGE.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.index(BEGIN) > page.find(END):
        raise ValueError(f"{PAGE} has no place for the table: {BEGIN} … {END}.")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text("\n".join([before + BEGIN, "", machine, "", *table(results), "", END + after]), encoding="utf-8")


def table(results: Iterable[Result]) -> list[str]:
    """Return the lines of the table."""
    head = ("what", "ours", "peer", "ratio (by wall clock)", "target", "met")
    rows = [_row(result) for result in results]
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *rows)]


def _row(result: Result) -> tuple[str, ...]:
    bound = "≥" if result.bound == "least" else "≤"
    unit = "" if result.ratio is not None else f" {result.unit}"
    return (
        result.what,
        f"{_number(result.ours)} {result.unit}",
        "" if result.peer is None else f"{_number(result.peer)} {result.unit} ({result.peer_name})",
        "" if result.ratio is None else f"{result.ratio.cpu:.2f} ({result.ratio.wall:.2f})",
        f"{bound} {_number(result.target)}{unit}",
        "yes" if result.met else "**no**",
    )


def _number(value: float) -> str:
    if value >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    return f"{value:.3g}"


__all__ = ["PAGE", "table", "update"]
