# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make scenario-orchestrator``: every verb by every driver, with proof and rollback. Status 0 only if all hold."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table
from tests.lab.lab import Lab
from tests.scenarios.orchestrator import acts, guards
from tests.scenarios.orchestrator.course import DRIVERS, GUARDS, NODES, SC, Course, Load
from tests.scenarios.recovery.scene import Scene
from tests.scenarios.site import Site
from tests.scenarios.stage import guests, perform, say

_WIDTH: Final = 80
_PUBLISHED: Final = {"instantiate": 63.0, "re-instantiate": 118.0, "configure": 1.8}
"""Seconds that the PALANTIR project published for its Security Orchestrator."""
_OTHERS: Final = ("health", "start", "stop", "heal", "migrate", "terminate")
_COLUMNS: Final = {driver: {"sc": SC, "driver": driver} for driver in DRIVERS} | {
    sc: {"sc": sc, "driver": driver} for sc, driver in GUARDS.items()
}
"""Columns of the table: the first SC by its drivers, and the others by name."""

UNSIGNED: Final = Scene("package without a signature")
IN_PLACE: Final = Scene("configure, stop, start, heal, health")
CHANGED: Final = Scene("change of flavour under load")
INSTANTIATED: Final = Scene("scale, instantiate, terminate")
NOT_PROVED: Final = Scene("rollback: the new one does not prove itself")
NOT_ANSWERING: Final = Scene("rollback: the new one does not answer")
WAF: Final = Scene("web application firewall, and its agent")
FIREWALL: Final = Scene("firewall")
MIGRATED: Final = Scene("migrate")
ESCAPED: Final = Scene("migrate off a contraindicated node")
SCENES: Final = (
    UNSIGNED, IN_PLACE, CHANGED, FIREWALL, WAF, INSTANTIATED, NOT_PROVED, NOT_ANSWERING, MIGRATED, ESCAPED,
)  # fmt: skip


def _over(*scenes: Scene) -> None:
    for scene in scenes:
        scene.over = True
        print("\n".join([f"{scene.name}:", *(paragraph(f"  - {said}", _WIDTH) for said in scene.held)]), flush=True)


def _one(course: Course, loads: dict[str, Load]) -> None:
    """The lane of node1."""
    for driver in DRIVERS:
        acts.in_place(course, driver, IN_PLACE)
        loads[driver] = acts.changed(course, driver, CHANGED)
    _over(IN_PLACE, CHANGED)


def _other(course: Course) -> None:
    """The lane of node2."""
    for act, scene in (
        (guards.firewall, FIREWALL),
        (guards.waf, WAF),
        (acts.instantiated, INSTANTIATED),
        (acts.not_proved, NOT_PROVED),
        (acts.not_answering, NOT_ANSWERING),
    ):
        act(course, scene)
        _over(scene)


def _acts(course: Course, loads: dict[str, Load]) -> None:
    say("Two lanes: verbs in place and changes of flavour on node1; new instances, rollbacks and other SCs on node2")
    lanes: list[Callable[[], None]] = [
        lambda: _one(course.lane("node1"), loads),
        lambda: _other(course.lane("node2")),
    ]
    with ThreadPoolExecutor(len(lanes)) as pool:
        running = [pool.submit(lane) for lane in lanes]
    for lane in running:
        lane.result()
    say("Migrations")
    acts.migrated(course, MIGRATED)
    _over(MIGRATED)
    acts.escaped(course, ESCAPED)
    _over(ESCAPED)


def _report(course: Course, loads: dict[str, Load], seconds: float) -> None:
    say("Seconds of a verb, from the playbook's start to its end, with the proofs of integrity that it asks for")
    rows = [
        (verb, *(_shown(course.seconds.get((verb, column))) for column in _COLUMNS), _PUBLISHED.get(verb, "-"))
        for verb in (*_PUBLISHED, *_OTHERS)
    ]
    print(table(("VERB", *_COLUMNS, "PUBLISHED"), rows, _WIDTH))
    say("Queries while the flavour was changed")
    heads = ("FROM", "SENT", "LOST", "LONGEST GAP, MS")
    print(table(heads, [(driver, load.sent, load.lost, load.gap_ms) for driver, load in loads.items()], _WIDTH))
    for scene in SCENES:
        if not scene.over:
            print(paragraph(f"NOT AS IT MUST BE: {scene.name}: {scene.fault or 'was not carried out'}", _WIDTH))
    plain = {
        "seconds": round(seconds, 1),
        "verbs": [
            {"verb": verb, **_COLUMNS[column], "seconds": round(taken, 1)}
            for (verb, column), taken in sorted(course.seconds.items())
        ],
        "published_s": _PUBLISHED,
        "loads": {driver: vars(load) for driver, load in loads.items()},
        "scenarios": [
            {"name": scene.name, "ok": scene.over, "held": scene.held, "fault": scene.fault} for scene in SCENES
        ],
    }
    path = course.site.directory.parent / "orchestrator.json"
    path.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    print(f"\nReport: {path}")


def _shown(seconds: float | None) -> object:
    return "-" if seconds is None else f"{seconds:.1f}"


def main() -> int:
    """Carry out all of it; lab processes are stopped on success, failure and Ctrl-C."""
    begun = time.monotonic()
    site = Site.fresh("scenarios/orchestrator")
    course = Course(replace(site, log=site.directory / "playbooks.log"), Lab.default())
    loads: dict[str, Load] = {}

    def play() -> bool:
        with guests(NODES, "dns-filter-unbound", *GUARDS):
            course.write_catalogue()
            acts.unsigned(course, UNSIGNED)
            _over(UNSIGNED)
            course.prepare(beside=lambda: guards.laid(course.lane("laid")))
            print(f"({time.monotonic() - begun:.0f} s so far)", flush=True)
            _acts(course, loads)
        return True

    status = perform("scenario-orchestrator", play)
    seconds = time.monotonic() - begun
    _report(course, loads, seconds)
    good = sum(scene.over for scene in SCENES)
    print(f"\norchestrator: {good} of {len(SCENES)} scenarios as they must be, {seconds:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
