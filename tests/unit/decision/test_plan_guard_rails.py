# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against the verb that a table wants: guard rails of its rule, and safety rules."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.plan import Planner
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.reading import read_situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import RuleBook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from tests.unit.decision.scenes import CATALOGUE, attested, guarded, incident, plan, state, transcript

DNS = ("dns-filter-1",)
SOUND = attested()
ATTACKED_SC = attested(instances=DNS, dns_filter_1="contraindicated")
ATTACKED_HOST = attested(instances=DNS, os="contraindicated", runtime="contraindicated", dns_filter_1="contraindicated")


@pytest.mark.parametrize(
    ("guards", "where", "reason"),
    [
        ({"cool_down": "2m"}, "deferred", "cool_down"),
        ({"approval": "person"}, "waiting", "approval"),
        ({"failure_timeout": "90s"}, "held", "failure_timeout"),
        ({"expires": "2026-01-01"}, "held", "rule_expired"),
    ],
)
def test_a_guard_rail_stands_against_the_verb(guards: dict[str, Any], where: str, reason: str) -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, state(incident("sc:dns-filter-1", 1)), tables=guarded(**guards))
    assert [entry["reason"] for entry in made[where]] == [reason]
    assert not any(step["action"] == "restart" for step in made["steps"])
    assert made["decisions"][0]["reason"] == reason


@pytest.mark.parametrize("guards", [{}, {"cool_down": 59}, {"expires": "2099-01-01"}, {"owner": "noc"}])
def test_a_guard_rail_that_is_met_lets_the_verb_pass(guards: dict[str, Any]) -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, state(incident("sc:dns-filter-1", 1)), tables=guarded(**guards))
    assert transcript(made) == ["preserve dns-filter-1", "restart dns-filter-1", "attest dns-filter-1"]


def test_a_rule_says_how_soon_its_success_must_show() -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, tables=guarded(success_within="90s"))
    assert [step["success_within"] for step in made["steps"]] == [None, None, 90]


def test_a_layer_that_no_table_decides_is_held() -> None:
    made = plan({"node1": attested(instances=DNS, os="warning"), "node2": SOUND}, tables=guarded())
    assert made["held"][0]["message"] == ("layer os: no decision table decides it. Next: add a table for this layer.")


def test_nothing_destructive_is_done_without_a_verdict_even_by_a_table_that_was_never_checked() -> None:
    unchecked = guarded()
    unchecked["rules"] = [{"id": "always", "then": {"verb": "restart"}}]
    book = RuleBook({"sc": CompiledTable(load_table(unchecked))})
    ears = {"node1": attested(instances=DNS, dns_filter_1="none"), "node2": SOUND}
    made = Planner(read_situation(ears, CATALOGUE, state()), book).run().plain()
    assert transcript(made) == ["hold dns-filter-1"]
    assert made["held"][0]["reason"] == "unknown_tier"


def test_an_sc_waits_for_its_host_whose_own_action_waits() -> None:
    host = guarded(cool_down="2m")
    host["decision_table"] = "host"
    host["inputs"][0]["values"] = ["os", "hardware", "firmware", "runtime"]
    host["outputs"][0]["values"][0] = "reboot"
    for rule in host["rules"]:
        rule["when"]["tier"] = rule["when"]["tier"].replace("contraindicated", "warning, contraindicated")
    host["rules"][1]["then"] = {"verb": "reboot"}
    ears = {"node1": attested(instances=DNS, os="warning", dns_filter_1="contraindicated"), "node2": SOUND}
    made = plan(ears, state(incident("os", 1)), tables=[host, guarded()])
    assert made["steps"] == []
    assert [(entry["incident"]["layer"], entry["reason"]) for entry in made["deferred"]] == [
        ("os", "cool_down"),
        ("sc", "node_under_repair"),
    ]
