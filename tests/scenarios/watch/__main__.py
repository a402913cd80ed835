# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make scenario-watch``: how soon a watch finds out and contains, and a soak. Exit status 0 only if all is so."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import mean
from typing import Final

from tests.scenarios.recovery.course import NODES, Course
from tests.scenarios.site import Site
from tests.scenarios.stage import guests, perform, say
from tests.scenarios.watch.quotes import Cost, cost
from tests.scenarios.watch.runs import RUNS, Run, require, run_all
from tests.scenarios.watch.soak import Tally, soak

SOAK_S: Final = 100.0


def _tell(text: str) -> None:
    print(text, flush=True)


def _guests(site: Site, count: int, costs: list[Cost]) -> list[Run]:
    with guests(NODES) as lab:
        course = Course(replace(site, log=site.directory / "playbooks.log"), lab)
        course.prepare()
        say("A cycle of a watch, a quote alone, and a round trip")
        for node in NODES:
            costs.append(cost(site, lab, Path(course.variables["palantir_trust_reference_values"]), node))
            _tell(_told(costs[-1]))
        say("Tamperings at times of chance, while the playbook watch goes on")
        runs = run_all(course, count, _tell)
        require(runs)
        return runs


def _soaked() -> Tally:
    say("Soak: light nodes are tampered with, rebooted, and switched off and on")
    # The path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="soak-") as directory:
        return soak(Path(directory), SOAK_S, _tell)


def _told(found: Cost) -> str:
    return (
        f"{found.node}: a cycle takes {found.cycle_s * 1e3:.0f} ms, {found.ratio:.2f} times a quote alone "
        f"({found.quote_s * 1e3:.0f} ms) and a round trip ({found.trip_s * 1e3:.0f} ms)"
    )


def _summary(runs: Sequence[Run], tally: Tally | None) -> str:
    told = []
    if runs:
        detected, contained = mean(run.detected_s for run in runs), mean(run.contained_s for run in runs)
        worst = max(run.contained_s for run in runs)
        told.append(
            f"{len(runs)} tamperings detected after {detected:.1f} s and contained after {contained:.1f} s on average "
            f"({worst:.1f} s at most)"
        )
    if tally is not None:
        told.append(
            f"soak of {tally.cycles:,} quotes with {tally.rebooted} reboots and {tally.dropped} plugs pulled: "
            f"{len(tally.found)} of {tally.tampered} tamperings found, {len(tally.false)} false alarms, "
            f"memory {tally.growth:.2f} times"
        )
    return "; ".join(told)


def main() -> int:
    """Run both parts, or one; lab processes are stopped on success, failure and Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios.watch", description=__doc__)
    parser.add_argument("--only", choices=("guests", "soak"), help="run one part alone")
    parser.add_argument("--runs", type=int, default=RUNS, help=f"tamperings of the guests; {RUNS} by default")
    options = parser.parse_args()
    begun, site = time.monotonic(), Site.fresh("scenarios/watch")
    runs: list[Run] = []
    costs: list[Cost] = []
    tallies: list[Tally] = []

    def play() -> bool:
        if options.only != "soak":
            runs.extend(_guests(site, options.runs, costs))
        if options.only != "guests":
            tallies.append(_soaked())
        return True

    status = perform("scenario-watch", play)
    tally = tallies[0] if tallies else None
    report = site.directory.parent / "watch.json"
    plain = {
        "runs": [asdict(run) for run in runs],
        "cycles": [{**asdict(found), "ratio": found.ratio} for found in costs],
        "soak": None if tally is None else asdict(tally),
        "ok": status == 0,
    }
    report.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    ended = _summary(runs, tally) or "nothing was shown"
    print(f"\nscenario-watch: {'' if status == 0 else 'FAILED: '}{ended}, {time.monotonic() - begun:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
