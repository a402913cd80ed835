# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make scenarios``: demo and scenarios on real guests, side by side. Status 0 only if each went as it must."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table
from tests.lab.lab import Lab
from tests.lab.paths import DEFAULT_PORT_BASE, Paths
from tests.scenarios.lanes import Ended, Lanes, Scenario
from tests.scenarios.site import ROOT
from tests.scenarios.stage import perform

# Orchestrator and tamper keep two guests busy, the others one: never four at once. The lanes are equally long.
_LANES: Final = (("orchestrator", "tamper", "demo"), ("recovery", "watch"))
_PORTS_APART: Final = 20
_RUNS: Final = 6


def _scenario(name: str, runs: int) -> Scenario:
    module = "tests.demo" if name == "demo" else f"tests.scenarios.{name}"
    options = ("--runs", str(runs)) if name == "watch" else ()
    return Scenario(name, (sys.executable, "-m", module, *options))


def _environment(number: int) -> dict[str, str]:
    port = Paths.default().port_base or DEFAULT_PORT_BASE
    return {
        "PALANTIR_TRUST_LAB": f"lab-{number + 1}" if number else "lab",
        "PALANTIR_TRUST_LAB_PORT": str(port + number * _PORTS_APART),
        "PYTHONUNBUFFERED": "1",
    }


def main() -> int:
    """Run them all; guests are stopped on success, failure and Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description=__doc__)
    parser.add_argument("--runs", type=int, default=_RUNS, help=f"tamperings of the watch; {_RUNS} by default")
    options = parser.parse_args()
    begun = time.monotonic()
    ended: list[Ended] = []

    def tell(text: str) -> None:
        print(f"[scenarios {time.monotonic() - begun:5.0f} s] {text}", flush=True)

    def play() -> bool:
        # Both lanes want the image: it is built once, before.
        Lab.default().image()
        lanes = [
            (_environment(number), [_scenario(name, options.runs) for name in names])
            for number, names in enumerate(_LANES)
        ]
        ended.extend(Lanes(ROOT / "build" / "scenarios", tell).run(lanes))
        return all(scenario.status == 0 for scenario in ended)

    status = perform("scenarios", play)
    if ended:
        print()
        print(table(("SCENARIO", "STATUS", "S"), [(one.name, one.status, f"{one.seconds:.0f}") for one in ended], 80))
        for one in ended:
            print(paragraph(one.said, 80))
    good = sum(one.status == 0 for one in ended)
    print(f"\nscenarios: {good} of {sum(map(len, _LANES))} went as they must, {time.monotonic() - begun:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
