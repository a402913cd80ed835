# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/fuzzing.md; its text around the table is written by hand."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.fuzz.campaign import Run
from tests.fuzz.targets import TARGETS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "fuzzing.md"
BEGIN = "<!-- begin: written by make fuzz -->"
END = "<!-- end: written by make fuzz -->"
_HEAD = (
    "target",
    "what it reads",
    "seconds",
    "inputs tried",
    "edges",
    "seeds",
    "corpus",
    "slowest",
    "memory",
    "broken",
)


def update(runs: Sequence[Run]) -> None:
    """Put a campaign's runs into the page.

    Raises:
        ValueError: the page has lost the marks between which they stand.
    """
    page = PAGE.read_text(encoding="utf-8")
    if page.count(BEGIN) != 1 or page.index(BEGIN) > page.find(END):
        raise ValueError(f"{PAGE} has no place for the table: {BEGIN} … {END}.")
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text("\n".join([before + BEGIN, "", _all(runs), "", *table(runs), "", END + after]), encoding="utf-8")


def table(runs: Sequence[Run]) -> list[str]:
    """Return the lines of the table."""
    rows = [
        (
            run.target,
            TARGETS[run.target].reads,
            str(run.seconds),
            f"{run.executions:,}",
            f"{run.edges:,}",
            str(run.seeds),
            f"{run.corpus:,}",
            f"{run.slowest_s} s" if run.slowest_s else "< 1 s",
            f"{run.peak_rss_mb} MB",
            f"**{run.crash.partition(':')[0]}**" if run.crash else "no",
        )
        for run in runs
    ]
    return [f"| {' | '.join(cells)} |" for cells in (_HEAD, ("---",) * len(_HEAD), *rows)]


def _all(runs: Sequence[Run]) -> str:
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()} and atheris 3.0.0: "
        f"{len(runs)} targets, {sum(run.seconds for run in runs):,} seconds, "
        f"{sum(run.executions for run in runs):,} inputs, {sum(run.corpus for run in runs):,} of them kept, "
        f"{sum(run.crash is not None for run in runs)} targets broken."
    )


__all__ = ["PAGE", "table", "update"]
