# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``remediate`` has a task file for every step of every verb."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.decision import steps
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Instance
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Action, Choice, Drain, Subject
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS

ACTIONS = Path(__file__).parents[3] / "roles" / "remediate" / "tasks" / "actions"
SC = Action(Subject("node1", "sc", "dns-1"), "", confirm=True)
HOST = Action(Subject("node1", "os"), "", confirm=True)
DRAINS = [
    Drain(Instance("dns-1", "dns", "podman", "node1", "live"), Choice("node2", "dns", "podman")),
    Drain(Instance("dns-2", "dns", "podman", "node1", "live"), None),
]


def test_every_step_of_an_available_verb_has_its_tasks() -> None:
    plans = {
        "fence": steps.fence(HOST, DRAINS),
        "reboot": steps.reboot(HOST, DRAINS),
        "move": (*steps.move(SC, DRAINS[0].instance, Choice("node2", "dns", "podman")), *steps.drain(HOST, DRAINS)),
        "change_flavour": steps.change_flavour(SC, DRAINS[0].instance, Choice("node1", "dns", "hardened")),
        "restart": steps.restart(SC),
        "isolate": (*steps.isolate(SC), *steps.isolate(HOST)),
        "hold": steps.single("hold", SC),
        "observe": steps.single("observe", SC),
    }
    assert tuple(plans) == AVAILABLE_VERBS
    wanted = {step.action for plan in plans.values() for step in plan} | {"ask", "release"}
    assert {path.stem for path in ACTIONS.glob("*.yml")} == wanted | {"preserve_host"}
