# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan leaves in the store: incidents opened, counted, leased, closed; by the lab's own rules and catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, _Findings, _state, plan
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attempts,
    attestations,
    identities,
    incidents,
    instances,
    ledger,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

LAB = Path(__file__).parents[3] / "inventories" / "lab"
NODES = ("node1", "node2")
LAYERS = ("hardware", "firmware", "os", "runtime")
SC = "sc:dns-filter-1"


def site(owner: str = "controller-a") -> Site:
    tables = {path.name: path.read_text(encoding="utf-8") for path in (LAB / "rules").glob("*.yml")}
    return Site(NODES, tables, load_directory(LAB / "catalogue"), owner)


def ear(at: float, *instances: str, **bad: str) -> dict[str, Any]:
    """An EAR that is affirming but for the layers in ``bad`` (layer → code of its finding)."""
    codes = {layer.replace("dns_filter_1", SC): code for layer, code in bad.items()}
    return {
        "iat": int(at),
        "submods": {
            layer: {
                "ear_status": "contraindicated" if layer in codes else "affirming",
                "ear_trustworthiness_vector": {"executables": 96 if layer in codes else 2},
                "palantir.void_by": "os" if layer == SC and "os" in codes else None,
                "palantir.findings": [{"code": codes[layer], "tier": "contraindicated"}] if layer in codes else [],
            }
            for layer in (*LAYERS, *instances)
        },
    }


@pytest.fixture
def store(store: Store) -> Store:
    """Two enrolled nodes; dns-filter-1 is live on node1."""
    with store.transaction() as connection:
        for name in NODES:
            identities.save(connection, name, name[-1] * 64, {}, {"hardware": None, "events": None}, 1.0)
        live = instances.allocate(
            connection,
            instance="dns-filter-1",
            sc="dns-filter",
            flavour="podman",
            node="node1",
            files={},
            reset_count=1,
            at=1.0,
        )
        instances.set_state(connection, live.id, "live", 1.0)
    return store


def attested(store: Store, at: float, **results: dict[str, Any] | None) -> None:
    """Record an EAR for each node, or that it is unreachable."""
    with store.transaction() as connection:
        for node, result in results.items():
            state = "attested" if result else "unreachable"
            attestations.record(connection, node, at, state, ear=result)


def bad_twice(store: Store, *times: float) -> None:
    for at in times:
        attested(store, at, node1=ear(at, SC, dns_filter_1="unknown_executable"), node2=ear(at))


@pytest.mark.parametrize(
    ("times", "now", "first"),
    [
        ((100.0,), 101.0, "confirm"),
        ((100.0, 101.0), 102.0, "preserve"),
        ((100.0, 101.0), 161.0, "preserve"),
        ((100.0, 101.0), 161.1, "confirm"),
    ],
)
def test_two_proofs_in_a_row_are_a_confirmation(store: Store, times: tuple[float], now: float, first: str) -> None:
    bad_twice(store, *times)
    assert planned(store, 100.0, now)["steps"][0]["action"] == first


def test_an_affirming_result_between_two_others_confirms_nothing(store: Store) -> None:
    bad_twice(store, 100.0)
    attested(store, 101.0, node1=ear(101.0, SC))
    bad_twice(store, 102.0)
    assert planned(store, 100.0, 103.0)["steps"][0]["action"] == "confirm"


def test_what_an_attempt_did_not_repair_is_confirmed_anew(store: Store) -> None:
    bad_twice(store, 100.0, 101.0)
    first = planned(store, 100.0, 102.0)
    with store.transaction() as connection:
        attempts.end(connection, first["steps"][0]["incident_id"], "failed", 103.0)
        incidents.release(connection, "controller-a")
    bad_twice(store, 104.0, 105.0)
    again = planned(store, 104.0, 106.0)
    assert [step["action"] for step in again["steps"]][:2] == ["confirm", "preserve"]


def planned(store: Store, since: float, now: float, owner: str = "controller-a", *, act: bool = True) -> dict[str, Any]:
    with store.transaction() as connection:
        return plan(connection, site(owner), since, now, act=act)


def actions(made: dict[str, Any]) -> list[str]:
    return [f"{step['action']} {step['instance'] or step['node']}" for step in made["steps"]]


def test_an_attacked_sc_is_an_incident_until_a_new_result_affirms_it(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    made = planned(store, 100.0, 101.0)
    assert actions(made) == [
        "confirm dns-filter-1",
        "preserve dns-filter-1",
        "restart dns-filter-1",
        "attest dns-filter-1",
    ]
    assert {step["incident_id"] for step in made["steps"]} == {1}
    assert made["steps"][2]["generation"]["uid_base"] == instances.UID_FIRST
    assert made["steps"][3]["layers"] == [SC]
    assert made["unresolved"] == [f"node1 {SC}: incident 1 is open, attempt 1"]

    attested(store, 110.0, node1=ear(110, SC))
    made = planned(store, 100.0, 111.0)
    assert (made["steps"], made["unresolved"]) == ([], [])
    with store.transaction() as connection:
        incident = incidents.find(connection, 1)
    assert (incident.state, incident.finding, incident.attempt) == ("recovered", "unknown_executable", 1)
    assert (incident.detected_at, incident.restored_at, incident.lease_owner) == (100.0, 110.0, None)


def test_an_attacked_host_is_drained_and_rebooted_and_its_scs_verdict_is_void(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, os="unknown_executable"), node2=ear(100))
    made = planned(store, 100.0, 101.0)
    assert actions(made) == [
        "confirm node1",
        "preserve node1",
        "cordon node1",
        "move dns-filter-1",
        "attest dns-filter-1",
        "reboot node1",
        "attest node1",
        "uncordon node1",
    ]
    assert {(step["incident_id"], step["subject"]) for step in made["steps"]} == {(1, "os")}
    assert [step["layers"] for step in made["steps"] if step["action"] == "attest"] == [[SC], list(LAYERS)]


def test_a_second_attempt_is_counted_on_the_same_incident(store: Store) -> None:
    for attempt, at in enumerate((100.0, 200.0), 1):
        attested(store, at, node1=ear(at, SC, dns_filter_1="unknown_executable"), node2=ear(at))
        assert planned(store, at, at + 1)["unresolved"] == [f"node1 {SC}: incident 1 is open, attempt {attempt}"]
        with store.transaction() as connection:
            attempts.end(connection, 1, "failed", at + 2)


def test_field_row_13_a_node_that_is_silent_is_no_incident(store: Store) -> None:
    attested(store, 100.0, node1=None, node2=ear(100))
    made = planned(store, 100.0, 101.0)
    assert (made["steps"], made["unresolved"]) == ([], [])


def began(store: Store, at: float, action: str, outcome: str = "started") -> None:
    body = {"step": {"action": action, "node": "node1"}, "outcome": outcome, "reason": ""}
    with store.transaction() as connection:
        ledger.append(connection, at, "action", "incident 1", body)


def test_field_row_13_a_node_in_a_reboot_that_was_asked_for_is_not_merely_unreachable(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, os="unknown_executable"), node2=ear(100))
    planned(store, 100.0, 101.0)
    began(store, 110.0, "reboot")
    attested(store, 120.0, node1=None, node2=ear(120))
    messages = [decision["message"] for decision in planned(store, 120.0, 121.0)["decisions"]]
    assert "rebooting: its reboot was asked for 11 s ago" in messages
    for at, action, outcome in ((130.0, "reboot", "done"), (140.0, "preserve", "started")):
        began(store, at, action, outcome)
        messages = [decision["message"] for decision in planned(store, 120.0, at + 1)["decisions"]]
        assert not any(message.startswith("rebooting") for message in messages)
    began(store, 150.0, "reboot")
    messages = [decision["message"] for decision in planned(store, 120.0, 150.0 + incidents.LEASE + 1)["decisions"]]
    assert not any(message.startswith("rebooting") for message in messages), "it should have been back long ago"


def test_field_row_13_a_node_that_came_back_from_its_reboot_has_its_verdict(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, os="unknown_executable"), node2=ear(100))
    planned(store, 100.0, 101.0)
    began(store, 110.0, "reboot")
    attested(store, 120.0, node1=ear(120, SC), node2=ear(120))
    planned(store, 120.0, 121.0)
    with store.transaction() as connection:
        assert incidents.find(connection, 1).state == "recovered"


def test_field_row_13_a_node_that_answers_and_proves_nothing_is_left_for_a_person(store: Store) -> None:
    attested(store, 100.0, node2=ear(100))
    with store.transaction() as connection:
        attestations.record(connection, "node1", 100.0, "no_evidence", "node1: The TPM has no AK.")
    made = planned(store, 100.0, 101.0)
    assert (made["steps"], made["unresolved"]) == ([], ["node1: no_evidence: The TPM has no AK."])


def test_a_result_of_an_earlier_cycle_does_not_count(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    assert planned(store, 150.0, 151.0)["steps"] == []


def test_what_another_controller_holds_is_left_to_it(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    assert planned(store, 100.0, 101.0, "controller-a")["steps"]
    attested(store, 102.0, node1=ear(102, SC, dns_filter_1="unknown_executable"))
    made = planned(store, 100.0, 103.0, "controller-b")
    assert made["steps"] == []
    assert made["unresolved"] == [f"node1 {SC}: incident 1 is open, attempt 1"]


def test_without_act_nothing_is_opened(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    assert planned(store, 100.0, 101.0, act=False)["steps"] == []
    with store.transaction() as connection:
        assert incidents.still_open(connection) == []


def test_an_incident_is_not_over_because_its_instance_could_not_be_started_on_another_node(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    planned(store, 100.0, 101.0)
    with store.transaction() as connection:
        for record in instances.live(connection):
            instances.set_state(connection, record.id, "retired", 102.0)
        instances.allocate(
            connection,
            instance="dns-filter-1",
            sc="dns-filter",
            flavour="podman",
            node="node2",
            files={},
            reset_count=1,
            at=103.0,
        )
    attested(store, 110.0, node1=ear(110), node2=ear(110))
    assert planned(store, 100.0, 111.0)["unresolved"] == [f"node1 {SC}: incident 1 is open, attempt 1"]


def test_an_incident_of_an_instance_that_is_deployed_no_more_is_closed_not_recovered(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    planned(store, 100.0, 101.0)
    with store.transaction() as connection:
        for record in instances.live(connection):
            instances.set_state(connection, record.id, "retired", 102.0)
    attested(store, 110.0, node1=ear(110))
    assert planned(store, 100.0, 111.0)["unresolved"] == []
    with store.transaction() as connection:
        incident = incidents.find(connection, 1)
    assert (incident.state, incident.restored_at) == ("closed", None)


def test_a_decision_knows_what_nodes_have_and_what_was_tried_already(store: Store) -> None:
    sound = {"cpu": {"count": 4}, "memory_bytes": 8 << 30}
    hostile = {"cpu": "many", "memory_bytes": -1}
    with store.transaction() as connection:
        identities.save(connection, "node1", "1" * 64, {}, {"hardware": sound}, 1.0)
        identities.save(connection, "node2", "2" * 64, {}, {"hardware": hostile}, 1.0)
    told = ear(100, SC, dns_filter_1="unknown_executable") | {"palantir.boot": {"kernel_release": "6.12.48"}}
    attested(store, 100.0, node1=told, node2=ear(100))
    planned(store, 100.0, 101.0)
    with store.transaction() as connection:
        (record,) = instances.of_node(connection, "node1")
        instances.set_state(connection, record.id, "retired", 102.0)
        found = _Findings(attestations.latest(connection, NODES, 0.0), {}, {})
        state = _state(connection, site(), found, 103.0)
    ours, other = (state["nodes"][name] for name in NODES)
    assert (ours["components"], ours["cpu"], ours["memory"]) == (["kernel=6.12.48"], 4, 8 << 30)
    assert (other["components"], other["cpu"], other["memory"]) == ([], None, 0)
    assert state["incidents"][0]["tried"] == [{"sc": "dns-filter", "flavour": "podman", "node": "node1"}]


def test_what_an_operator_stopped_is_no_incident_and_is_not_started(store: Store) -> None:
    with store.transaction() as connection:
        [record] = instances.live(connection)
        instances.set_state(connection, record.id, "stopped", 90.0)
    # Its node was booted since, so that nothing of it was measured.
    silent = ear(100, SC) | {"iat": 100}
    silent["submods"][SC]["ear_status"] = "none"
    attested(store, 100.0, node1=silent, node2=ear(100))
    made = planned(store, 100.0, 101.0)
    assert (made["steps"], made["held"], made["unresolved"]) == ([], [], [])
    attested(store, 200.0, node1=ear(200, SC, dns_filter_1="unknown_executable"), node2=ear(200))
    made = planned(store, 200.0, 201.0)
    assert actions(made) == ["hold dns-filter-1"], "what speaks against it is for a person"
    assert [item["reason"] for item in made["held"]] == ["stopped_instance"]


def test_what_an_operator_stopped_stays_where_it_is_when_its_node_is_drained(store: Store) -> None:
    with store.transaction() as connection:
        [record] = instances.live(connection)
        instances.set_state(connection, record.id, "stopped", 90.0)
    attested(store, 100.0, node1=ear(100, SC, os="unknown_executable"), node2=ear(100))
    made = actions(planned(store, 100.0, 101.0))
    assert "reboot node1" in made
    assert [step for step in made if "dns-filter-1" in step] == []
