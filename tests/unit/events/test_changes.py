# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.events.changes import ABSENT, VOID, Event, Known, name
from ansible_collections.palantir.trust.plugins.plugin_utils.store.ledger import LedgerEntry
from tests.unit.events.site import ear, finding

TIERS = ("none", "affirming", "warning", "contraindicated", VOID)
CHANGES = ("opened", "contained", "held", "reopened", "recovered", "closed")


def entry(sequence: int, kind: str, subject: str, body: Any) -> LedgerEntry:
    return LedgerEntry(sequence, 1795400000.5, kind, subject, json.dumps(body), "", "")


def result(sequence: int, node: str, ear: Any, state: str = "attested") -> LedgerEntry:
    return entry(sequence, "attestation", node, {"id": 70 + sequence, "state": state, "message": "", "ear": ear})


def incident(sequence: int, **body: Any) -> LedgerEntry:
    return entry(sequence, "incident", "edge1/sc:dns-filter-1", {"id": 7, **body})


def told(known: Known, *entries: LedgerEntry) -> list[Event]:
    return [event for item in entries for event in known.changes(item)]


def short(events: Sequence[Event]) -> list[str]:
    return [f"{e['node']} {e['layer']}: {e['previous_tier']} > {e['tier']}" for e in events if e["kind"] == "verdict"]


def test_a_verdict_that_changed_is_one_event() -> None:
    known = Known()
    told(known, result(1, "edge1", ear({"os": "affirming", "sc:dns-filter-1": "affirming"})))
    worse = ear({"os": "affirming", "sc:dns-filter-1": "contraindicated"}, finding("unknown_executable"))
    assert told(known, result(2, "edge1", worse)) == [
        {
            "id": "2.0",
            "sequence": 2,
            "at": 1795400000.5,
            "kind": "verdict",
            "node": "edge1",
            "attestation": 72,
            "layer": "sc:dns-filter-1",
            "instance": "dns-filter-1",
            "tier": "contraindicated",
            "previous_tier": "affirming",
            "lost": True,
            "restored": False,
            "void_by": "",
            "findings": ["unknown_executable"],
        }
    ]
    assert told(known, result(3, "edge1", worse)) == []


def test_a_node_seen_for_the_first_time_has_lost_nothing() -> None:
    events = told(Known(), result(1, "edge1", ear({"hardware": "affirming", "os": "warning"})))
    assert [(e["kind"], e.get("lost"), e.get("restored")) for e in events] == [
        ("state", None, None),
        ("verdict", False, False),
        ("verdict", False, False),
    ]
    assert short(events) == ["edge1 hardware: absent > affirming", "edge1 os: absent > warning"]


def test_a_first_result_that_is_contraindicated_is_a_loss() -> None:
    (_state, verdict) = told(Known(), result(1, "edge1", ear({"os": "contraindicated"})))
    assert verdict["lost"]


def test_what_lies_under_a_lost_layer_is_void_and_only_that_layer_is_lost() -> None:
    known = Known()
    told(known, result(1, "edge1", ear({"os": "affirming", "runtime": "affirming"})))
    events = told(known, result(2, "edge1", ear({"os": "contraindicated", "runtime": VOID})))
    assert short(events) == ["edge1 os: affirming > contraindicated", "edge1 runtime: affirming > void"]
    assert [(e["lost"], e["void_by"]) for e in events] == [(True, ""), (False, "os")]
    back = told(known, result(3, "edge1", ear({"os": "affirming", "runtime": "contraindicated"})))
    assert [(e["layer"], e["lost"], e["restored"]) for e in back] == [("os", False, True), ("runtime", True, False)]


def test_a_node_that_comes_back_as_it_was_has_changed_its_state_alone() -> None:
    known, sound = Known(), ear({"os": "affirming"})
    told(known, result(1, "edge1", sound))
    events = told(known, result(2, "edge1", None, "unreachable"), result(3, "edge1", sound))
    assert [(e["kind"], e["previous_state"], e["state"]) for e in events] == [
        ("state", "attested", "unreachable"),
        ("state", "unreachable", "attested"),
    ]


def test_a_node_that_comes_back_worse_has_changed_since_its_last_verdict() -> None:
    known = Known()
    told(known, result(1, "edge1", ear({"os": "affirming"})), result(2, "edge1", None, "unreachable"))
    events = told(known, result(3, "edge1", ear({"os": "contraindicated"})))
    assert [e["kind"] for e in events] == ["state", "verdict"]
    assert short(events) == ["edge1 os: affirming > contraindicated"]


def test_a_layer_that_is_gone_is_absent() -> None:
    known = Known()
    told(known, result(1, "edge1", ear({"os": "affirming", "sc:a": "contraindicated"})))
    events = told(known, result(2, "edge1", ear({"os": "affirming"})))
    assert short(events) == ["edge1 sc:a: contraindicated > absent"]
    assert not events[0]["lost"]
    assert not events[0]["restored"]


def test_an_incident_from_its_opening_to_its_end() -> None:
    events = told(
        Known(),
        incident(1, opened="unknown_executable"),
        incident(2, reason="", attempt=1, last_action_at=5.0),
        incident(3, reason="", contained_at=6.0),
        incident(4, reason="no rung is left", state="held"),
        incident(5, reason="once more", state="held"),
        incident(6, reason="alice", state="open", attempt=0),
        incident(7, resumed=2),
        incident(8, reason="", state="recovered", contained_at=6.0, restored_at=9.0),
    )
    assert [(e["sequence"], e["change"], e["finding"]) for e in events] == [
        (1, "opened", "unknown_executable"),
        (3, "contained", ""),
        (4, "held", ""),
        (6, "reopened", ""),
        (8, "recovered", ""),
    ]
    assert {(e["node"], e["layer"], e["instance"], e["incident"]) for e in events} == {
        ("edge1", "sc:dns-filter-1", "dns-filter-1", 7)
    }


def test_what_is_contained_while_held_stays_held() -> None:
    known = Known()
    told(known, incident(1, opened="x"), incident(2, reason="", state="held"), incident(3, reason="", contained_at=1.0))
    assert known.incidents == {7: "held"}
    told(known, incident(4, reason="", state="closed"))
    assert known.incidents == {}


def test_other_entries_of_the_ledger_are_no_events() -> None:
    assert told(Known(), entry(1, "evidence", "edge1", {"id": 1}), entry(2, "decision", "site", {})) == []


def test_an_entry_that_cannot_be_read_is_told_and_changes_nothing() -> None:
    known = Known()
    told(known, result(1, "edge1", ear({"os": "affirming"})))
    broken = [
        result(2, "edge1", ear({"os": "better than that"})),
        result(3, "edge1", {"submods": []}),
        entry(4, "attestation", "edge1", ["a list"]),
        LedgerEntry(5, 0.0, "incident", "edge1/os", "{", "", ""),
        LedgerEntry(6, 0.0, "attestation", "edge1", "[" * 100_000, "", ""),
        incident(7, state="unheard of"),
        entry(8, "attestation", "edge1", {"id": float("inf"), "state": "attested", "ear": None}),
    ]
    assert {(e["kind"], e["change"], e["node"]) for e in told(known, *broken)} == {("ledger", "unreadable", "")}
    assert known == Known({"edge1": "attested"}, {"edge1": {"os": "affirming"}})


def test_no_text_of_a_node_is_in_an_event() -> None:
    hostile = "{{ lookup('pipe', 'id') }}\x1b[31m\n"
    found = [finding("unknown_executable", message=hostile), finding(hostile)]
    events = told(Known(), result(1, hostile, ear({f"sc:{hostile}": "contraindicated"}, *found)))
    assert len(events) == 2
    text = json.dumps(events)
    assert "{{" not in text.removeprefix("[{")
    assert all(
        value.isprintable() and "{" not in value for e in events for value in e.values() if isinstance(value, str)
    )
    assert events[1]["findings"][0] == "unknown_executable"
    assert len(events[1]["findings"]) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("edge-1.example.org", "edge-1.example.org"),
        ("sc:dns_filter@2", "sc:dns_filter@2"),
        ("Bär", "Bär"),
        ("{{ x }}{% y %}{# z #}", "?? x ???? y ???? z ??"),
        ("#jinja2:variable_start_string:'[['", "?jinja2:variable_start_string:????"),
        ("${x} `id` $(id)", "??x? ?id? ??id?"),
    ],
)
def test_a_name_has_nothing_that_begins_a_template(text: str, shown: str) -> None:
    assert name(text) == shown


def test_an_event_is_bounded() -> None:
    found = [finding(f"code_{number}") for number in range(40)]
    tiers = {f"sc:{number:05}": "contraindicated" for number in range(2000)}
    events = told(Known(), result(1, "n" * 5000, ear(tiers, *found)))
    assert len(events) <= 1025
    assert max(len(json.dumps(event)) for event in events) < 1500


# No change is lost and none comes twice, however the entries are cut into reads

tier_maps = st.dictionaries(st.sampled_from(["hardware", "os", "sc:a", "sc:b"]), st.sampled_from(TIERS), max_size=4)
results = st.tuples(st.sampled_from(["edge1", "edge2"]), st.none() | tier_maps.filter(bool))


@given(history=st.lists(results, max_size=25))
@settings(max_examples=200, deadline=None)
def test_the_events_put_together_are_what_was_recorded(history: list[tuple[str, dict[str, str] | None]]) -> None:
    known, states, tiers = Known(), dict[str, str](), dict[str, dict[str, str]]()
    for number, (node, found) in enumerate(history):
        state = "attested" if found else "unreachable"
        for event in known.changes(result(number, node, ear(found) if found else None, state)):
            if event["kind"] == "state":
                assert states.get(event["node"], ABSENT) == event["previous_state"] != event["state"]
                states[event["node"]] = event["state"]
                continue
            of_node = tiers.setdefault(event["node"], {})
            assert of_node.pop(event["layer"], ABSENT) == event["previous_tier"] != event["tier"]
            if event["tier"] != ABSENT:
                of_node[event["layer"]] = event["tier"]
        assert states[node] == state
        assert not found or tiers[node] == found


@given(
    value=st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=8),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(
                    ["id", "state", "ear", "submods", "os", "ear_status", "palantir.findings", "opened", "tier"]
                ),
                v,
            )
        ),
        max_leaves=12,
    ),
    kind=st.sampled_from(["attestation", "incident"]),
)
@settings(max_examples=100, deadline=None)
def test_whatever_an_entry_holds_events_are_json(value: Any, kind: str) -> None:
    for event in Known().changes(entry(1, kind, "edge1/os", value)):
        assert json.loads(json.dumps(event)) == event
        assert {"id", "sequence", "at", "kind", "node"} <= event.keys()
