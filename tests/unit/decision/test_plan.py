# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcripts: what is seen, by the shipped tables, and what is then done."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.decision.scenes import NOW, attested, incident, instance, plan, silent, state, transcript

DNS = ("dns-filter-1",)
SOUND = attested()
ATTACKED_SC = attested(instances=DNS, dns_filter_1="contraindicated")
ATTACKED_HOST = attested(instances=DNS, os="contraindicated", runtime="contraindicated", dns_filter_1="contraindicated")


def test_nothing_is_done_where_all_is_affirming() -> None:
    made = plan({"node1": attested(instances=DNS), "node2": SOUND})
    assert made == {
        "steps": [],
        "decisions": [],
        "held": [],
        "deferred": [],
        "waiting": [],
        "void": [],
        "recovered": [],
        "closed": [],
    }


def test_an_attacked_sc_is_replaced_where_it_is() -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND})
    assert transcript(made) == [
        "confirm dns-filter-1",
        "preserve dns-filter-1",
        "restart dns-filter-1",
        "attest dns-filter-1",
    ]
    assert made["steps"][2] == {
        "id": "s3",
        "action": "restart",
        "verb": "restart",
        "incident": {"id": None, "node": "node1", "layer": "sc", "instance": "dns-filter-1"},
        "attempt": 0,
        "node": "node1",
        "instance": "dns-filter-1",
        "target": None,
        "flavour": None,
        "sc": None,
        "rule": "sc-restart",
        "table": "sc-remediation",
        "rationale": "Foreign code ran in the container. A fresh one from the pinned image has none of it.",
        "success_within": None,
        "note": "fresh user-namespace range",
    }
    assert made["decisions"] == [
        {
            "subject": {"node": "node1", "layer": "sc", "instance": "dns-filter-1"},
            "inputs": {"layer": "sc", "tier": "contraindicated", "attempt": 0},
            "verb": "restart",
            "table": "sc-remediation",
            "fired": ["sc-restart"],
            "why_not": {
                "sc-not-contraindicated": "tier is contraindicated; the rule asks for: not(contraindicated)",
                "sc-move": "attempt is 0; the rule asks for: 2",
                "sc-person": "attempt is 0; the rule asks for: > 2",
            },
            "reason": None,
            "message": "",
        }
    ]


def test_an_attacked_host_is_emptied_rebooted_and_opened_again() -> None:
    made = plan({"node1": ATTACKED_HOST, "node2": SOUND})
    assert transcript(made) == [
        "confirm node1",
        "preserve node1",
        "cordon node1",
        "move dns-filter-1 > node2",
        "attest dns-filter-1",
        "reboot node1",
        "attest node1",
        "uncordon node1",
    ]
    assert made["steps"][4]["node"] == "node2"
    assert [(entry["incident"]["layer"], entry["message"]) for entry in made["void"]] == [
        ("runtime", "The layer os above it is contraindicated."),
        ("sc", "The layer os above it is contraindicated."),
    ]
    assert {step["incident"]["layer"] for step in made["steps"]} == {"os"}


@pytest.mark.parametrize(
    ("other", "cordoned", "placement"),
    [
        (silent(), (), []),
        (attested(runtime="warning"), (), []),
        (attested(os="none"), (), []),
        (SOUND, ("node2",), []),
        (SOUND, (), ["node1"]),
        (SOUND, (), {"labels": {"zone": "b"}}),
    ],
)
def test_without_a_fit_target_instances_stay_and_come_back_after_the_reboot(
    other: dict[str, Any], cordoned: tuple[str, ...], placement: Any
) -> None:
    made = plan(
        {"node1": ATTACKED_HOST, "node2": other},
        state(cordoned=cordoned),
        catalogue={"dns-filter": {"criticality": "high", "placement": placement}},
    )
    assert [line for line in transcript(made) if not line.startswith("observe")] == [
        "confirm node1",
        "preserve node1",
        "cordon node1",
        "reboot node1",
        "attest node1",
        "uncordon node1",
        "restart dns-filter-1",
        "attest dns-filter-1",
    ]
    assert made["steps"][2]["note"] == "no target for dns-filter-1: they stay"


@pytest.mark.parametrize("node_state", ["unreachable", "not_enrolled", "rebooting", "verifier_fault"])
def test_field_row_13_silence_is_observed_and_nothing_else(node_state: str) -> None:
    made = plan({"node1": silent(node_state, "told\x1b[2J"), "node2": SOUND})
    assert transcript(made) == ["observe node1"]
    assert made["decisions"][0]["message"] == f"{node_state}: told\\x1b[2J"
    assert made["decisions"][0]["reason"] == "node_state"


def test_field_row_13_unreachable_not_enrolled_rebooting_and_untrusted_are_four_different_states() -> None:
    results = {state: silent(state, "no answer") for state in ("unreachable", "not_enrolled", "rebooting")}
    told = [plan({"node1": result, "node2": SOUND})["decisions"][0]["message"] for result in results.values()]
    assert told == ["unreachable: no answer", "not_enrolled: no answer", "rebooting: no answer"]
    untrusted = plan({"node1": ATTACKED_HOST, "node2": SOUND})
    assert "reboot node1" in transcript(untrusted)
    assert {decision["reason"] for decision in untrusted["decisions"]}.isdisjoint({"node_state"})


def test_a_warning_is_observed() -> None:
    made = plan({"node1": attested(instances=DNS, firmware="warning"), "node2": SOUND})
    assert transcript(made) == ["observe node1"]
    assert made["steps"][0]["rule"] == "host-not-contraindicated"


@pytest.mark.parametrize(
    ("attempt", "lines"),
    [
        (1, ["confirm dns-filter-1", "preserve dns-filter-1", "restart dns-filter-1", "attest dns-filter-1"]),
        (2, ["confirm dns-filter-1", "preserve dns-filter-1", "move dns-filter-1 > node2", "attest dns-filter-1"]),
        (3, ["hold dns-filter-1"]),
    ],
)
def test_the_ladder_of_an_sc_is_restart_move_hold(attempt: int, lines: list[str]) -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, state(incident("sc:dns-filter-1", attempt)))
    assert transcript(made) == lines
    assert made["steps"][0]["incident"]["id"] == 1


def test_the_ladder_goes_on_where_the_instance_has_moved_to() -> None:
    made = plan(
        {"node1": SOUND, "node2": ATTACKED_SC},
        state(incident("sc", 3, instance="dns-filter-1"), instances=[instance(node="node2")]),
    )
    assert transcript(made) == ["hold dns-filter-1"]
    assert made["held"][0]["reason"] == "table_hold"
    # A younger incident of its new node does not begin the ladder anew.
    fresh = incident("sc:dns-filter-1", 1, "node2", id=2)
    older = incident("sc:dns-filter-1", 3)
    known = state(older, fresh, instances=[instance(node="node2")])
    assert transcript(plan({"node1": SOUND, "node2": ATTACKED_SC}, known)) == ["hold dns-filter-1"]


def test_firmware_is_not_repaired_by_a_reboot() -> None:
    ears = {"node1": attested(instances=DNS, firmware="contraindicated"), "node2": SOUND}
    assert transcript(plan(ears)) == [
        "confirm node1",
        "preserve node1",
        "cordon node1",
        "move dns-filter-1 > node2",
        "attest dns-filter-1",
    ]
    assert transcript(plan(ears, state(incident("firmware", 1)))) == ["hold node1"]


def test_a_held_incident_is_left_to_its_person() -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, state(incident("sc:dns-filter-1", 3, state="held")))
    assert made["steps"] == []
    assert made["held"][0]["reason"] == "held"


def test_an_incident_ends_with_a_new_affirming_result() -> None:
    made = plan({"node1": attested(instances=DNS), "node2": SOUND}, state(incident("sc:dns-filter-1", 1)))
    assert made["recovered"] == [
        {"incident": {"id": 1, "node": "node1", "layer": "sc", "instance": "dns-filter-1"}},
    ]
    assert made["steps"] == []


def test_an_older_result_ends_no_incident_and_starts_no_second_attempt() -> None:
    before = NOW - 61
    known = state(incident("sc:dns-filter-1", 1))
    made = plan({"node1": attested(before, DNS), "node2": SOUND}, known)
    assert (made["recovered"], made["steps"]) == ([], [])
    made = plan({"node1": attested(before, DNS, dns_filter_1="contraindicated"), "node2": SOUND}, known)
    assert made["steps"] == []
    assert made["deferred"][0]["reason"] == "stale"


@pytest.mark.parametrize(
    ("attempt", "challenged_at", "over"),
    [
        *((0, NOW - 100 + later, over) for later, over in ((-0.5, False), (0, False), (0.5, True))),
        *((1, NOW - 60 + later, over) for later, over in ((-0.5, False), (0, False), (0.5, True))),
    ],
)
def test_evidence_that_comes_late_tells_nothing_of_what_happened_since_it_was_asked_for(
    attempt: int, challenged_at: float, over: bool
) -> None:
    late = attested(NOW, DNS)
    late["ear"]["palantir.challenged_at"] = challenged_at
    made = plan({"node1": late, "node2": SOUND}, state(incident("sc:dns-filter-1", attempt)))
    assert bool(made["recovered"]) is over


def test_an_instance_that_is_deployed_no_more_closes_its_incident() -> None:
    made = plan({"node1": SOUND, "node2": SOUND}, state(incident("sc:dns-filter-1", 1), instances=[]))
    assert [entry["reason"] for entry in made["closed"]] == ["gone"]


def test_a_node_left_cordoned_by_its_incident_is_opened_before_the_incident_ends() -> None:
    ears = {"node1": attested(instances=DNS), "node2": SOUND}
    made = plan(ears, state(incident("os", 1), cordoned=("node1",)))
    assert (transcript(made), made["recovered"]) == (["uncordon node1"], [])
    made = plan(ears, state(incident("os", 1)))
    assert (transcript(made), len(made["recovered"])) == ([], 1)


def test_a_node_that_an_operator_cordoned_stays_so() -> None:
    made = plan({"node1": attested(instances=DNS), "node2": SOUND}, state(cordoned=("node1",)))
    assert made["steps"] == []


def test_one_node_at_a_time_is_in_repair() -> None:
    ears = {"node1": ATTACKED_SC, "node2": attested(os="contraindicated"), "node3": SOUND}
    known = state(nodes=("node1", "node2", "node3"))
    made = plan(ears, known)
    assert {step["node"] for step in made["steps"]} == {"node2"}
    assert [(e["incident"]["node"], e["reason"], e["message"]) for e in made["deferred"]] == [
        ("node1", "budget", "As many nodes as allowed are in repair already: node2.")
    ]
    made = plan(ears, known, limits={"max_in_repair": 2})
    assert {step["incident"]["node"] for step in made["steps"]} == {"node1", "node2"}


def test_what_is_in_repair_goes_on_before_anything_new_begins() -> None:
    ears = {"node1": ATTACKED_SC, "node2": attested(os="contraindicated")}
    made = plan(ears, state(incident("sc:dns-filter-1", 1)))
    assert transcript(made)[2] == "restart dns-filter-1"
    assert made["deferred"][0]["incident"]["node"] == "node2"


def test_the_same_digest_on_many_nodes_is_held() -> None:
    names = ("node1", "node2", "node3", "node4")
    ears = {name: attested(os="contraindicated") for name in names[:3]} | {"node4": SOUND}
    made = plan(ears, state(instances=[], nodes=names), limits={"max_in_repair": 4})
    assert transcript(made) == ["hold node1", "hold node2", "hold node3"]
    assert {entry["reason"] for entry in made["held"]} == {"storm"}
    assert made["steps"][0]["rationale"].startswith("The same digest appeared on many nodes")
    # Three of seven are not more than half.
    more = ears | {f"node{number}": SOUND for number in range(5, 8)}
    made = plan(more, state(instances=[], nodes=tuple(more)), limits={"max_in_repair": 4})
    assert sum(step["action"] == "reboot" for step in made["steps"]) == 3


def test_an_sc_is_not_touched_while_its_host_is_without_a_verdict() -> None:
    made = plan({"node1": attested(instances=DNS, os="none", dns_filter_1="contraindicated"), "node2": SOUND})
    assert transcript(made) == ["observe node1", "hold dns-filter-1"]
    assert made["held"][0]["reason"] == "host_unknown"


def test_a_live_instance_that_the_result_does_not_speak_of_has_no_verdict() -> None:
    made = plan({"node1": SOUND, "node2": SOUND})
    assert transcript(made) == ["observe dns-filter-1"]
    assert made["decisions"][0]["inputs"]["tier"] == "none"


def test_an_instance_that_nobody_deployed_is_held() -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, state(instances=[]))
    assert transcript(made) == ["hold dns-filter-1"]
    assert made["held"][0]["message"] == (
        "The instance dns-filter-1 is measured on node1, but no deployment of it is known."
    )


def test_an_sc_that_the_catalogue_lacks_is_held_and_hinders_no_other() -> None:
    known = state(instances=[instance(), instance("ids-1", sc="ids")])
    ears = {
        "node1": attested(instances=("dns-filter-1", "ids-1"), dns_filter_1="contraindicated", ids_1="contraindicated"),
        "node2": SOUND,
    }
    made = plan(ears, known)
    assert transcript(made)[2:] == ["restart dns-filter-1", "attest dns-filter-1", "hold ids-1"]
    assert made["held"][0]["message"] == "The SC ids of ids-1 is not in the catalogue."


def test_moves_spread_over_the_nodes_with_the_fewest_instances() -> None:
    names = ("node1", "node2", "node3")
    many = [
        instance("dns-filter-1"),
        instance("dns-filter-2"),
        instance("dns-filter-3"),
        instance("dns-filter-4", "node3"),
    ]
    ears = {
        "node1": attested(os="contraindicated"),
        "node2": SOUND,
        "node3": attested(instances=("dns-filter-4",)),
    }
    made = plan(ears, state(instances=many, nodes=names))
    assert [line for line in transcript(made) if line.startswith("move")] == [
        "move dns-filter-1 > node2",
        "move dns-filter-2 > node2",
        "move dns-filter-3 > node3",
    ]
