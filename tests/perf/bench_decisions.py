# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A decision table of 1,000 rules over ten inputs: its analysis, and decisions by it."""

from __future__ import annotations

import random
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import ERROR
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import analyse
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from tests.perf.result import Result
from tests.perf.timing import timed, typical
from tests.unit.decision.large import random_inputs, sound_table

RULES: Final = 1000
POINTS: Final = 20_000
ROUNDS: Final = 7


def run() -> list[Result]:
    """Measure both, with another decision each time."""
    written = sound_table(RULES)
    count = len(written["rules"])
    analysed = typical(tuple(timed(lambda: _analyse(written)) for _ in range(ROUNDS)))
    compiled = CompiledTable(load_table(written))
    points = random_inputs(random.Random(1), POINTS)  # noqa: S311 - makes inputs, no secrets

    def decide() -> None:
        for point in points:
            compiled.evaluate(point)

    decided = typical(tuple(timed(decide) for _ in range(ROUNDS))).per(POINTS)
    size = f"{count:,} rules and {len(written['inputs'])} inputs"
    return [
        Result("rule_analysis", f"load and complete analysis of a table of {size}", "s", analysed.cpu, 5, "most"),
        Result("decisions", f"decisions by a table of {size}", "decisions/s", 1 / decided.cpu, 50_000, "least"),
    ]


def _analyse(written: dict[str, object]) -> None:
    if any(finding.severity == ERROR for finding in analyse(load_table(written))):
        raise RuntimeError("the analysis finds fault with a sound table")


__all__ = ["run"]
