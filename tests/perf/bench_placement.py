# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places for 50 SC instances that have failed, one of each SC, in fleets of the published size and of a large site."""

from __future__ import annotations

from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.diversity import failed_instance
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.placement import Placement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Situation
from tests.perf.result import Result
from tests.perf.timing import timed, typical
from tests.unit.decision.fleets import fleet

SCS: Final = 50
ROUNDS: Final = 7
FLEETS: Final = (("placement", 125, 0.05), ("placement_large", 10_000, 2.0))


def run() -> list[Result]:
    """Measure each fleet."""
    return [_measured(name, nodes, target) for name, nodes, target in FLEETS]


def _measured(name: str, nodes: int, target: float) -> Result:
    situation = fleet(nodes, SCS)
    taken = typical(tuple(timed(lambda: _place(situation)) for _ in range(ROUNDS)))
    what = f"places for {SCS} failed SCs among {nodes:,} nodes, with what each shares"
    return Result(name, what, "s", taken.cpu, target, "most")


def _place(situation: Situation) -> None:
    placement = Placement(situation)
    for instance in {item.sc: item for item in situation.instances}.values():
        if placement.choose(instance, instance.node, failed_instance(instance, None, situation)) is None:
            raise RuntimeError(f"there is no place for {instance.instance}")


__all__ = ["run"]
