# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recovery scenario counts only if all that must hold held; a controller that is killed is gone whole."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS, HOST_LAYERS
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from tests.scenarios import attacks
from tests.scenarios.kill import descendants, kill_all
from tests.scenarios.recovery.__main__ import ACTS
from tests.scenarios.recovery.course import DNS, Turn
from tests.scenarios.recovery.scene import Deed, Scene, Times, repeated
from tests.scenarios.site import ROOT, ScenarioError

RULES = Path(attacks.__file__).with_name("recovery") / "rules"
SHIPPED = ROOT / "roles" / "remediate" / "files" / "rules"
T0 = 1_000.0


def deeds(*lines: str) -> list[Deed]:
    """Return deeds of one incident from lines such as ``preserve done``."""
    return [Deed(1, line.split()[0], "node1", DNS, line.split()[1]) for line in lines]


def test_a_step_that_was_done_and_begins_again_is_repeated() -> None:
    first = ("preserve started", "preserve done", "restart started")
    assert repeated(deeds(*first, "restart started", "restart done")) == []
    assert repeated(deeds(*first, "preserve started")) == deeds("preserve started")


def test_proofs_may_be_asked_for_again_and_another_node_is_another_step() -> None:
    assert repeated(deeds("confirm started", "confirm done", "confirm started", "attest done", "attest started")) == []
    here, there = Deed(1, "reboot", "node1", None, "done"), Deed(1, "reboot", "node2", None, "started")
    assert repeated([here, there]) == []


def test_what_does_not_hold_is_told_with_what_was_seen() -> None:
    scene = Scene("storm")
    scene.must(True, "the cycle fails")
    with pytest.raises(ScenarioError, match="storm: does not hold: nothing is done"):
        scene.must(False, "nothing is done", {"reboot"})
    assert (scene.held, scene.over) == (["the cycle fails"], False)


@pytest.mark.parametrize(
    ("contained", "restored", "met"),
    [(15.0, 30.0, [True, True]), (15.1, 30.1, [False, False]), (15.0, None, [True, False])],
)
def test_times_are_held_against_one_cycle_and_so_much_more(
    contained: float, restored: float | None, met: list[bool]
) -> None:
    times = Times("node1", f"sc:{DNS}", 4.0, contained, restored, ("contained", "restored"))
    assert list(times.within(10.0).values()) == met


def test_what_waited_for_a_person_has_no_aim() -> None:
    scene = Scene("held")
    record = Incident(1, "node1", "os", None, "held", 3, "", T0 + 5, T0 + 9, None, None, None, None)
    scene.timed(record, T0, "contained")
    assert scene.times == [Times("node1", "os", 5.0, 9.0, None, ("contained",))]
    assert scene.times[0].within(1.0) == {"contained": False}
    assert scene.plain(60.0)["incidents"][0]["met"] == {"contained": True}


def test_a_turn_tells_what_was_put_off_and_what_was_done() -> None:
    entry = {"incident": {"id": 1, "node": "node1", "layer": "os", "instance": None}, "reason": "storm"}
    plans = ({"held": [entry], "decisions": []},)
    turn = Turn(2, 9.0, "", plans, tuple(deeds("hold started", "hold done")), ())
    assert turn.put_off("held") == {("node1/os", "storm")}
    assert turn.did == {"hold"}


def test_every_scenario_is_over_with_exactly_one_act_that_it_is_part_of() -> None:
    over = [scene.name for act in ACTS for scene in act.over]
    assert len(over) == len(set(over))
    assert set(over) == {scene.name for act in ACTS for scene in act.scenes}
    assert all(scene in act.scenes for act in ACTS for scene in act.over)


@pytest.mark.parametrize(
    ("name", "table", "layers"),
    [
        ("approvals", "sc-remediation", {"sc"}),
        ("cut-off", "sc-remediation", {"sc"}),
        ("fence", "host-remediation", set(HOST_LAYERS)),
        ("flapping", "sc-remediation", {"sc"}),
    ],
)
def test_the_tables_of_the_scenarios_are_sound(name: str, table: str, layers: set[str]) -> None:
    text = (RULES / f"{name}.yml").read_text(encoding="utf-8")
    assert set(load_rulebook({name: text}, AVAILABLE_VERBS).by_layer) == layers
    assert yaml.safe_load(text)["decision_table"] == table, "it stands in for the shipped one of this name"
    assert (SHIPPED / f"{table}.yml").is_file()


def test_a_controller_is_killed_with_workers_that_are_sessions_of_their_own() -> None:
    worker = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(60)"
    controller = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    process = subprocess.Popen([sys.executable, "-c", controller], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    number = int(process.stdout.readline())
    assert number in descendants(process.pid)
    assert kill_all(process.pid) == {process.pid, number}
    assert process.wait(10) == -9
    end = time.monotonic() + 10
    while Path(f"/proc/{number}/stat").exists() and time.monotonic() < end:
        if Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.01)
    else:
        assert not Path(f"/proc/{number}/stat").exists()
    process.stdout.close()
