# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tamperings at times of chance on guests that are watched: how soon each is found out, and contained."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean
from typing import Final, TypeVar

from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from tests.scenarios.recovery.course import DNS, GUEST, Course
from tests.scenarios.site import ROOT, ScenarioError
from tests.scenarios.watch.attack import intruder

RUNS: Final = 20
PERIOD_S: Final = 2.0
DETECTED_S: Final = 3.0
CONTAINED_S: Final = 8.0
"""What is asked for, on average."""

_PLACES: Final = (("node1", DNS), ("node2", GUEST))
_RESTORED_S: Final = 120.0
_PROBE_S: Final = 0.1
_Seen = TypeVar("_Seen")
_PLENTY: Final = {"max_in_repair": 2, "max_actions": {"count": 1000, "within": "1h"}}


@dataclass(frozen=True)
class Run:
    """One tampering: of which node, and seconds from it to detection, containment and restored trust."""

    node: str
    detected_s: float
    contained_s: float
    restored_s: float


def run_all(course: Course, count: int, say: Callable[[str], None]) -> list[Run]:
    """Watch the guests, and tamper with them in turn, so many times."""
    random, runs = Random(), list[Run]()  # noqa: S311 - when it happens is no secret
    variables = {
        **course.variables,
        "palantir_trust_watch_period": PERIOD_S,
        "palantir_trust_watch_for": 3600,
        "palantir_trust_limits": _PLENTY,
    }
    since = time.time()
    with course.site.running(ROOT / "playbooks" / "watch.yml", variables) as playbook:
        for number in range(count):
            node, instance = _PLACES[number % len(_PLACES)]
            with intruder(course.lab, node, instance) as intruding:
                _watched(course, playbook, since)
                time.sleep(random.uniform(0, 2 * PERIOD_S))
                tampered = intruding.run()
            incident = _restored(course, playbook, node, tampered)
            runs.append(_timed(incident, tampered))
            since = incident.restored_at or time.time()
            last = runs[-1]
            say(
                f"{number + 1:2}. {node}: detected {last.detected_s:.1f} s, contained {last.contained_s:.1f} s, "
                f"restored {last.restored_s:.1f} s"
            )
    return runs


def require(runs: Sequence[Run]) -> None:
    """Hold the averages against what is asked for.

    Raises:
        ScenarioError: they are larger.
    """
    for what, seconds, most in (
        ("detected", mean(run.detected_s for run in runs), DETECTED_S),
        ("contained", mean(run.contained_s for run in runs), CONTAINED_S),
    ):
        if seconds > most:
            raise ScenarioError(f"{what} after {seconds:.1f} s on average, {most:.0f} s at most are asked for")


def _watched(course: Course, playbook: subprocess.Popen[bytes], since: float) -> None:
    """Wait until both nodes have been attested by the watch after the last proof."""

    def seen() -> bool | None:
        attested = {result.node for result in course.site.history(since + 0.3) if result.state == "attested"}
        return attested >= {node for node, _instance in _PLACES} or None

    _until(course, playbook, seen, "both nodes are watched")


def _restored(course: Course, playbook: subprocess.Popen[bytes], node: str, tampered: float) -> Incident:
    """Wait until what was done is found out and repaired; nothing else may be found out meanwhile."""

    def over() -> Incident | None:
        found = course.site.incidents(tampered)
        wrong = [f"{i.node} {i.layer}: {i.finding}" for i in found if i.node != node or not i.layer.startswith("sc:")]
        if wrong or len(found) > 1:
            raise ScenarioError(f"a false alarm: {'; '.join(wrong) or found}")
        return found[0] if found and found[0].state == "recovered" else None

    return _until(course, playbook, over, f"{node} is restored")


def _until(course: Course, playbook: subprocess.Popen[bytes], seen: Callable[[], _Seen | None], what: str) -> _Seen:
    end = time.monotonic() + _RESTORED_S
    while time.monotonic() < end:
        if playbook.poll() is not None:
            raise ScenarioError(
                f"the watch ended with status {playbook.returncode}; its output is {course.site.shown_in}"
            )
        if (found := seen()) is not None:
            return found
        time.sleep(_PROBE_S)
    raise ScenarioError(f"it took over {_RESTORED_S:.0f} s until {what}; the output is {course.site.shown_in}")


def _timed(incident: Incident, tampered: float) -> Run:
    if incident.contained_at is None or incident.restored_at is None:
        raise ScenarioError(f"incident {incident.id} was not contained")
    return Run(
        incident.node,
        incident.detected_at - tampered,
        incident.contained_at - tampered,
        incident.restored_at - tampered,
    )


__all__ = ["CONTAINED_S", "DETECTED_S", "RUNS", "Run", "require", "run_all"]
