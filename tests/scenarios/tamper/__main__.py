# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make scenario-tamper``: each tampering hits its own layer and no other. Exit status 0 only if every row is so."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table
from tests.lab.lab import Lab
from tests.scenarios.site import Site
from tests.scenarios.stage import guests, perform, say
from tests.scenarios.tamper.judge import HOST_LAYERS
from tests.scenarios.tamper.lane import Lane, Outcome, Row, own_values, play
from tests.scenarios.tamper.rows import SC, WITH_SC, WITHOUT_SC, enrol, enrol_and_deploy

_END_S: Final = 30.0
_WIDTH: Final = 80


@dataclass(frozen=True)
class Plan:
    """What happens on one node."""

    node: str
    layers: frozenset[str]
    prepare: Callable[[Lane], None]
    rows: Sequence[Row]


PLANS: Final = (
    Plan("node1", frozenset((*HOST_LAYERS, SC)), enrol_and_deploy, WITH_SC),
    Plan("node2", frozenset(HOST_LAYERS), enrol, WITHOUT_SC),
)


def _lane(plan: Plan, site: Site, lab: Lab, out: Connection) -> None:
    """Carry out a plan; each outcome is sent as soon as it is known. The lane's own process runs this."""

    def carry_out() -> bool:
        log = site.directory / f"{plan.node}.log"
        lane = Lane(replace(site, log=log), lab, plan.node, plan.layers, own_values(site, plan.node))
        begun = time.monotonic()
        plan.prepare(lane)
        print(f"{plan.node}: prepared in {time.monotonic() - begun:.0f} s", flush=True)
        for row in plan.rows:
            outcome = play(lane, row)
            out.send(outcome)
            _show(outcome)
        return True

    try:
        status = perform(plan.node, carry_out)
    finally:
        out.close()
    sys.exit(status)


def _show(outcome: Outcome) -> None:
    told = "; ".join(outcome.faults) or "as it must be"
    print(f"{outcome.node}: {outcome.what}: {_of(outcome)}: {told} ({outcome.seconds} s)", flush=True)


def _of(outcome: Outcome) -> str:
    accused = [f"{layer}: {', '.join(shown.codes)}" for layer, shown in outcome.seen.items() if shown.codes]
    return "; ".join(accused) or "nothing raised"


def _run(site: Site, lab: Lab) -> tuple[list[Outcome], list[str]]:
    """Run all lanes side by side; return the outcomes, and what of the plans was not carried out."""
    context = multiprocessing.get_context("fork")
    running: list[tuple[Plan, BaseProcess, Connection]] = []
    outcomes: list[Outcome] = []
    missing: list[str] = []
    try:
        for plan in PLANS:
            reader, writer = context.Pipe(duplex=False)
            process: BaseProcess = context.Process(target=_lane, args=(plan, site, lab, writer))
            process.start()
            writer.close()
            running.append((plan, process, reader))
        for plan, lane, reader in running:
            received = _received(reader)
            lane.join()
            outcomes += received
            missing += [f"{plan.node}: {row.what}: was not carried out" for row in plan.rows[len(received) :]]
    finally:
        for _plan, lane, _reader in running:
            _end(lane)
    return outcomes, missing


def _received(reader: Connection) -> list[Outcome]:
    outcomes = []
    while True:
        try:
            outcomes.append(reader.recv())
        except EOFError:
            return outcomes


def _end(process: BaseProcess) -> None:
    """End a lane; told to, it first stops the playbook and the guest that it was starting."""
    if process.is_alive():
        process.terminate()
        process.join(_END_S)
    if process.is_alive():
        process.kill()
        process.join(_END_S)


def _report(site: Site, outcomes: Sequence[Outcome], seconds: float, missing: Sequence[str]) -> None:
    say("What was done, and what was seen")
    head = ("NODE", "LAYER", "S", "DONE, AND WHAT WAS FOUND")
    cells: list[tuple[Any, ...]] = []
    for outcome in outcomes:
        cells.append((outcome.node, outcome.expected.layer or "-", outcome.seconds, outcome.what))
        for layer, shown in outcome.seen.items():
            cells += [("", layer, "", f"  {code}") for code in shown.codes]
    print(table(head, cells, _WIDTH))
    path = site.directory.parent / "tamper.json"
    plain = [
        {**asdict(o), "expected": {"layer": o.expected.layer, "codes": sorted(o.expected.codes)}, "ok": not o.faults}
        for o in outcomes
    ]
    path.write_text(
        json.dumps({"rows": plain, "missing": list(missing), "seconds": round(seconds, 1)}, indent=1) + "\n",
        encoding="utf-8",
    )
    for outcome in outcomes:
        for fault in outcome.faults:
            print(paragraph(f"NOT AS IT MUST BE: {outcome.node}: {outcome.what}: {fault}", _WIDTH))
    for gap in missing:
        print(paragraph(f"NOT AS IT MUST BE: {gap}", _WIDTH))
    print(f"\nReport: {path}")


def _play(site: Site, begun: float) -> bool:
    with guests([plan.node for plan in PLANS]) as lab:
        say("Reference Values, then each node's rows; playbooks write to build/scenarios/tamper/<node>.log")
        site.playbook("reference_values", 180, palantir_trust_reference_values=str(site.directory / "reference_values"))
        outcomes, missing = _run(site, lab)
        _report(site, outcomes, time.monotonic() - begun, missing)
    return not missing and not any(outcome.faults for outcome in outcomes)


def main() -> int:
    """Run the matrix; lab processes are stopped on success, failure and Ctrl-C."""
    begun = time.monotonic()
    status = perform("scenario-tamper", lambda: _play(Site.fresh("scenarios/tamper"), begun))
    ended = "every row is as it must be" if status == 0 else "FAILED"
    print(f"\nscenario-tamper: {ended}, {time.monotonic() - begun:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
