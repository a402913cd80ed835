# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make scenario-recovery``: what is done about attacks. Exit status 0 only if every scenario is as it must be."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table
from tests.scenarios.recovery import nodes, persons, platform
from tests.scenarios.recovery.course import NODES, Course
from tests.scenarios.recovery.scene import CONTAINED_S, RESTORED_S, Scene
from tests.scenarios.site import Site
from tests.scenarios.stage import guests, perform, say

_WIDTH: Final = 80
_ELSEWHERE: Final = (
    "Shown by make demo: a new program in the SC, and an unknown program on the host, each through to restored service;"
    " a node that is switched off, and nothing else. Shown by make scenario-tamper: that each tampering is found in its"
    " own layer."
)

STORM: Final = Scene("storm: the same new program in the SCs of both nodes")
REFUSED: Final = Scene("approval refused")
LAPSED: Final = Scene("approval timed out")
GIVEN: Final = Scene("approval given by two persons")
STOPPED: Final = Scene("stop switch set, and released")
KILLED: Final = Scene("controller killed once the evidence was kept")
BUDGET: Final = Scene("budget exhausted")
BOTH: Final = Scene("new program on the host and in its SC at once")
MODULE: Final = Scene("kernel module that nothing names")
REBOOTING: Final = Scene("controller killed while its node reboots")
FLAPPING: Final = Scene("program of the SC modified, again in each new container")
CONFIGURATION: Final = Scene("configuration of the SC changed")
CUT_OFF: Final = Scene("new program in the SC: cut off, then another flavour")
UNREACHABLE: Final = Scene("node switched off")
FENCED: Final = Scene("Secure Boot off: node fenced, and repaired by a person")
EMPTIED: Final = Scene("recorded hardware changed: node emptied, and repaired")


@dataclass(frozen=True)
class Act:
    """What is done in one go, and the scenarios that are over with it; others are in the making."""

    play: Callable[..., None]
    scenes: Sequence[Scene]
    over: Sequence[Scene]


ACTS: Final = (
    Act(persons.storm, (STORM,), (STORM,)),
    Act(persons.approvals, (REFUSED, LAPSED, GIVEN, STOPPED), (REFUSED, LAPSED)),
    Act(persons.killed_after_evidence, (GIVEN, STOPPED, KILLED, BUDGET), (GIVEN, STOPPED, KILLED, BUDGET)),
    Act(nodes.host_and_container, (BOTH,), (BOTH,)),
    Act(nodes.killed_in_reboot, (MODULE, REBOOTING), (MODULE, REBOOTING)),
    Act(nodes.flapping, (FLAPPING,), ()),
    Act(nodes.configuration, (CONFIGURATION,), (CONFIGURATION,)),
    Act(nodes.cut_off, (CUT_OFF,), (CUT_OFF,)),
    Act(nodes.unreachable, (FLAPPING, UNREACHABLE), (FLAPPING, UNREACHABLE)),
    Act(platform.fenced, (FENCED,), (FENCED,)),
    Act(platform.emptied, (EMPTIED,), (EMPTIED,)),
)


def _acts(course: Course) -> None:
    """Carry out all acts, up to the first that does not go as it must: the next ones build on it."""
    for act in ACTS:
        say((act.play.__doc__ or "").strip())
        begun = time.monotonic()
        act.play(course, *act.scenes)
        for scene in act.over:
            scene.over = True
            print(f"{scene.name}:")
            for statement in dict.fromkeys(scene.held):
                print(paragraph(f"  - {statement}", _WIDTH))
        print(f"({time.monotonic() - begun:.0f} s)", flush=True)


def _scenes() -> list[Scene]:
    return list({id(scene): scene for act in ACTS for scene in act.scenes}.values())


def _report(site: Site, cycle_s: float, seconds: float) -> None:
    say("Seconds from the tampering on")
    head = ("SCENARIO", "OF", "DET.", "CONT.", "REST.")
    cells: list[tuple[Any, ...]] = []
    for scene in _scenes():
        rows = [(f"{t.node} {t.layer}", t.detected_s, _shown(t.contained_s), _shown(t.restored_s)) for t in scene.times]
        for number, row in enumerate(rows or [("-", "-", "-", "-")]):
            cells.append(("" if number else scene.name, *row))
    print(table(head, cells, _WIDTH))
    print()
    for line in _aims(cycle_s):
        print(paragraph(line, _WIDTH))
    print(paragraph(_ELSEWHERE, _WIDTH))
    for scene in _scenes():
        if not scene.over:
            print(paragraph(f"NOT AS IT MUST BE: {scene.name}: {scene.fault or 'was not carried out'}", _WIDTH))
    path = site.directory.parent / "recovery.json"
    plain = {
        "cycle_s": round(cycle_s, 1),
        "seconds": round(seconds, 1),
        "scenarios": [scene.plain(cycle_s) for scene in _scenes()],
    }
    path.write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")
    print(f"\nReport: {path}")


def _shown(seconds: float | None) -> object:
    return "-" if seconds is None else seconds


def _aims(cycle_s: float) -> list[str]:
    contained, restored = f"{cycle_s + CONTAINED_S:.1f} s", f"{cycle_s + RESTORED_S:.1f} s"
    lines = [f"One cycle that finds nothing: {cycle_s:.1f} s."]
    lines.append(
        f"Where neither a reboot nor a person is waited for: contained within {contained}, restored within {restored}:"
    )
    for scene in _scenes():
        for times in scene.times:
            for aim, met in times.within(cycle_s).items():
                taken = times.contained_s if aim == "contained" else times.restored_s
                lines.append(f"{scene.name}: {aim} in {_shown(taken)} s: {'met' if met else 'NOT MET'}")
    return lines


def main() -> int:
    """Run all scenarios; lab processes are stopped on success, failure and Ctrl-C."""
    begun, cycle_s = time.monotonic(), 0.0
    site = Site.fresh("scenarios/recovery")

    def play() -> bool:
        nonlocal cycle_s
        with guests(NODES) as lab:
            course = Course(replace(site, log=site.directory / "playbooks.log"), lab)
            cycle_s = course.prepare()
            _acts(course)
        return True

    status = perform("scenario-recovery", play)
    seconds = time.monotonic() - begun
    _report(site, cycle_s, seconds)
    good = sum(scene.over for scene in _scenes())
    print(f"\nrecovery: {good} of {len(_scenes())} scenarios as they must be, {seconds:.0f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
