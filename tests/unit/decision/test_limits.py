# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transcripts of what bounds a plan beside its tables: limits of the site, approvals, the stop switch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.limits import PRESETS, Window, read_limits
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.scenes import CATALOGUE, NOW, attested, incident, instance, plan, silent, state, transcript

DNS = ("dns-filter-1",)
SOUND = attested()
ATTACKED_SC = attested(instances=DNS, dns_filter_1="contraindicated")
DAY = 86_400


def table(verb: str, layer: str = "sc", tier: str = "contraindicated", **rule: Any) -> dict[str, Any]:
    """Return a table that does one thing about a tier, with guard rails, and leaves the rest."""
    milder = ["hold", "observe"]
    return {
        "decision_table": f"{layer}-table",
        "inputs": [
            {"name": "layer", "values": [layer]},
            {"name": "tier", "values": ["none", "affirming", "warning", "contraindicated"]},
            {"name": "attempt", "type": "integer", "range": "[0..9]"},
        ],
        "outputs": [{"name": "verb", "values": [*([] if verb in milder else [verb]), *milder]}],
        "rules": [
            {"id": "act", "when": {"tier": tier, "attempt": "< 9"}, "then": {"verb": verb}, **rule},
            {"id": "end", "when": {"tier": tier, "attempt": 9}, "then": {"verb": "hold"}},
            {"id": "rest", "when": {"tier": f"not({tier})"}, "then": {"verb": "observe"}},
        ],
    }


def many(count: int, bad: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return so many nodes with an instance each, of which some are attacked in their instance."""
    names = [f"node{number}" for number in range(count)]
    ears = {}
    for number, name in enumerate(names):
        tier = "contraindicated" if number < bad else "affirming"
        tiers: dict[str, Any] = {f"dns_{number}": tier}
        ears[name] = attested(instances=(f"dns-{number}",), **tiers)
        for found in ears[name]["ear"]["submods"][f"sc:dns-{number}"]["palantir.findings"]:
            found["digest"] = f"sha256:{number:064x}"
    known = [instance(f"dns-{number}", name) for number, name in enumerate(names)]
    return ears, state(instances=known, nodes=tuple(names))


def reasons(made: dict[str, Any], where: str = "deferred") -> list[tuple[str, str]]:
    return [(entry["incident"]["instance"] or entry["incident"]["node"], entry["reason"]) for entry in made[where]]


def test_so_many_nodes_are_in_repair_at_once() -> None:
    ears, known = many(4, 3)
    made = plan(ears, known, limits={"max_in_repair": 2})
    assert [step["instance"] for step in made["steps"] if step["action"] == "restart"] == ["dns-0", "dns-1"]
    assert reasons(made) == [("dns-2", "budget")]


def test_one_at_a_time_is_one_incident_even_on_one_node() -> None:
    ears = {"node1": attested(instances=("a", "b"), a="contraindicated", b="contraindicated")}
    known = state(instances=[instance("a"), instance("b")], nodes=("node1",))
    assert [s["instance"] for s in plan(ears, known)["steps"] if s["action"] == "restart"] == ["a", "b"]
    made = plan(ears, known, limits={"preset": "palantir"})
    assert [s["instance"] for s in made["steps"] if s["action"] == "restart"] == ["a"]
    assert reasons(made) == [("b", "one_at_a_time")]


def test_one_at_a_time_goes_on_with_what_has_begun() -> None:
    ears = {"node1": attested(instances=("a", "b"), a="contraindicated", b="contraindicated")}
    known = state(incident("sc:b", 1), instances=[instance("a"), instance("b")], nodes=("node1",))
    made = plan(ears, known, limits={"one_at_a_time": True})
    assert [s["instance"] for s in made["steps"] if s["action"] == "restart"] == ["b"]
    assert reasons(made) == [("a", "one_at_a_time")]


def restarted(made: dict[str, Any]) -> list[str]:
    return [step["instance"] for step in made["steps"] if step["action"] == "restart"]


def test_of_two_that_have_begun_the_worst_goes_on_where_one_is_allowed() -> None:
    ears = {"node1": attested(instances=("a", "b"), a="contraindicated", b="contraindicated")}
    begun = (incident("sc:a", 1), incident("sc:b", 1, id=2))
    known = state(*begun, instances=[instance("a"), instance("b")], nodes=("node1",))
    made = plan(ears, known, limits={"one_at_a_time": True})
    assert (restarted(made), reasons(made)) == (["a"], [("b", "one_at_a_time")])


def test_a_host_does_not_wait_for_the_repair_of_what_it_made_void() -> None:
    ears = {"node1": attested(instances=("a",), a="contraindicated", os="contraindicated"), "node2": SOUND}
    known = state(incident("sc:a", 1), instances=[instance("a")])
    assert "reboot node1" in transcript(plan(ears, known, limits={"one_at_a_time": True}))


def test_nodes_that_are_in_repair_already_do_not_wait_for_each_other() -> None:
    """As two controllers leave them that each planned for half of the nodes."""
    ears = {f"node{n}": attested(NOW, (name,), **{name: "contraindicated"}) for n, name in ((1, "a"), (2, "b"))}
    begun = (incident("sc:a", 1), incident("sc:b", 1, "node2", id=2))
    known = state(*begun, instances=[instance("a"), instance("b", "node2"), instance("c", "node3")])
    ears["node3"] = attested(instances=("c",), c="contraindicated")
    made = plan(ears, known, limits={"storm_nodes": 9})
    assert (restarted(made), reasons(made)) == (["a", "b"], [("c", "budget")])


def test_an_instance_takes_its_repair_along_when_it_moves() -> None:
    ears = {"node1": SOUND, "node2": ATTACKED_SC, "node3": attested(instances=("c",), c="contraindicated")}
    known = state(incident("sc:dns-filter-1", 1), instances=[instance(node="node2"), instance("c", "node3")])
    for limits in ({}, {"max_unhealthy": 1}, {"one_at_a_time": True}):
        assert restarted(plan(ears, known, limits=limits)) == ["dns-filter-1"]


@pytest.mark.parametrize(("most", "acts"), [(2, False), (3, True), ("50%", False), ("60%", True), ("0%", False)])
def test_while_too_many_nodes_are_unhealthy_nothing_new_begins(most: object, acts: bool) -> None:
    ears, known = many(5, 2)
    ears["node4"] = silent()
    made = plan(ears, known, limits={"max_unhealthy": most, "max_in_repair": 5})
    assert bool([s for s in made["steps"] if s["action"] == "restart"]) == acts
    assert reasons(made) == ([] if acts else [("dns-0", "max_unhealthy"), ("dns-1", "max_unhealthy")])


def test_what_is_in_repair_goes_on_while_too_many_are_unhealthy() -> None:
    ears, known = many(3, 2)
    known["incidents"] = [incident("sc:dns-1", 1, "node1")]
    made = plan(ears, known, limits={"max_unhealthy": 1, "max_in_repair": 5})
    assert [s["instance"] for s in made["steps"] if s["action"] == "restart"] == ["dns-1"]
    assert reasons(made) == [("dns-0", "max_unhealthy")]


def test_so_many_actions_begin_in_a_window_of_time() -> None:
    ears, known = many(5, 4)
    known["actions"] = [NOW - 30, NOW - 4000]
    limits = {"max_actions": {"count": 3, "within": "1h"}, "max_in_repair": 9, "storm_nodes": 9}
    made = plan(ears, known, limits=limits)
    assert [s["instance"] for s in made["steps"] if s["action"] == "restart"] == ["dns-0", "dns-1"]
    assert reasons(made) == [("dns-2", "max_actions"), ("dns-3", "max_actions")]


def test_what_was_broken_off_goes_on_although_no_more_may_begin() -> None:
    ears, known = many(3, 2)
    known["incidents"] = [incident("sc:dns-0", 0, "node0", instance="dns-0", unfinished=True)]
    known["actions"] = [NOW - 60]
    limits = {"max_actions": {"count": 1, "within": "1h"}, "max_in_repair": 2}
    made = plan(ears, known, limits=limits)
    assert [s["instance"] for s in made["steps"] if s["action"] == "restart"] == ["dns-0"]
    assert reasons(made) == [("dns-1", "max_actions")]


def test_an_instance_that_moved_is_in_repair_where_it_is_and_no_more_where_it_was() -> None:
    ears = {"node1": SOUND, "node2": attested(instances=DNS, dns_filter_1="contraindicated")}
    moved = incident("sc:dns-filter-1", 1, "node1", instance="dns-filter-1")
    made = plan(ears, state(moved, instances=[instance(node="node2")]), limits={"max_in_repair": 1})
    assert reasons(made) == []
    assert [s["node"] for s in made["steps"] if s["action"] == "restart"] == ["node2"]


def test_a_storm_is_as_many_nodes_as_the_site_says() -> None:
    ears = {f"node{n}": attested(os="contraindicated") for n in range(2)} | {"node9": SOUND}
    known = state(instances=[], nodes=tuple(ears))
    assert reasons(plan(ears, known, limits={"storm_nodes": 2}), "held") == [("node0", "storm"), ("node1", "storm")]
    assert not plan(ears, known, limits={"storm_nodes": 3})["held"]


def test_a_stopped_site_does_nothing_and_says_why() -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, {**state(), "stopped": "alice: we are being audited"})
    assert transcript(made) == []
    assert made["deferred"][0]["message"] == "alice: we are being audited"
    assert reasons(made) == [("dns-filter-1", "stopped")]


def test_a_sound_instance_that_its_sc_needs_is_not_taken_down_with_its_node() -> None:
    ears = {"node1": attested(instances=DNS, os="warning"), "node2": silent()}
    ears["node1"]["ear"]["submods"]["sc:dns-filter-1"]["ear_status"] = "affirming"
    catalogue = {"dns-filter": {**CATALOGUE["dns-filter"], "min_instances": 1}}
    reboot = table("reboot", "os", "warning, contraindicated")
    made = plan(ears, tables=[reboot], catalogue=catalogue)
    assert reasons(made) == [("node1", "min_instances")]
    ears["node2"] = SOUND  # there is somewhere to go
    assert "move dns-filter-1 > node2" in transcript(plan(ears, tables=[reboot], catalogue=catalogue))


APPROVAL = {"approval": {"need": 2, "of": ["alice", "bob", "carol"], "timeout": "10m"}}


def asked(**more: Any) -> dict[str, Any]:
    request = {"incident": 1, "attempt": 0, "rule": "act", "verb": "restart", "asked_at": NOW - 60, **more}
    return {**state(incident("sc:dns-filter-1", 0)), "approvals": [request]}


def decided(known: dict[str, Any] | None = None, **rule: Any) -> dict[str, Any]:
    tables = [table("restart", **(rule or APPROVAL))]
    return plan({"node1": ATTACKED_SC, "node2": SOUND}, known, tables=tables)


def test_persons_are_asked_once_and_waited_for() -> None:
    made = decided()
    assert transcript(made) == ["ask dns-filter-1"]
    assert made["waiting"][0]["message"] == "Waits for 2 of alice, bob, carol to approve."
    made = decided(asked(approved=["alice"]))
    assert transcript(made) == []
    assert made["waiting"][0]["approval"] == {
        "attempt": 0,
        "need": 2,
        "of": ["alice", "bob", "carol"],
        "asked_at": NOW - 60,
        "until": NOW + 540,
        "approved": ["alice"],
    }


@pytest.mark.parametrize(
    ("answers", "acts"),
    [
        ({"approved": ["alice", "carol"]}, True),
        ({"approved": ["alice", "alice"]}, False),  # one person twice
        ({"approved": ["alice", "mallory"]}, False),  # who was not asked
        ({"approved": ["alice", "bob"], "attempt": 1}, False),  # of another attempt
        ({"approved": ["alice", "bob"], "rule": "other"}, False),
        ({"approved": ["alice", "bob"], "verb": "move"}, False),
        ({"approved": ["alice", "bob"], "incident": 2}, False),
        ({"approved": ["alice", "bob"], "asked_at": NOW - 9000}, True),  # late to be carried out, not late to come
    ],
)
def test_only_what_was_asked_for_is_approved(answers: dict[str, Any], acts: bool) -> None:
    assert ("restart dns-filter-1" in transcript(decided(asked(**answers)))) == acts


def test_one_refusal_of_a_person_who_was_asked_is_enough() -> None:
    made = decided(asked(approved=["alice", "carol"], refused=["bob"]))
    assert reasons(made, "held") == [("dns-filter-1", "refused")]
    assert made["held"][0]["message"] == "Refused by bob."
    assert "restart dns-filter-1" in transcript(decided(asked(approved=["alice", "carol"], refused=["mallory"])))


@pytest.mark.parametrize(
    ("fallback", "lines"), [("hold", ["hold dns-filter-1"]), ("observe", ["observe dns-filter-1"])]
)
def test_nobody_is_waited_for_longer_than_the_rule_says(fallback: str, lines: list[str]) -> None:
    late = asked(asked_at=NOW - 600, approved=["alice"])
    made = decided(late, approval={**APPROVAL["approval"], "fallback": fallback})
    assert transcript(made) == lines
    assert made["decisions"][0]["verb"] == fallback
    assert made["decisions"][0]["reason"] == "approval_lapsed"


def test_anybody_may_approve_where_nobody_is_named() -> None:
    assert "restart dns-filter-1" in transcript(decided(asked(approved=["dave"]), approval="person"))


@pytest.mark.parametrize(
    ("approval", "message"),
    [
        ("somebody", "must be person or a mapping"),
        ({"need": 2, "of": ["alice"]}, "is 2, but of names 1"),
        ({"needs": 2}, "did you mean 'need'"),
        ({"fallback": "reboot", "timeout": 60}, "is not for the time when nobody answers"),
        ({"fallback": "observe"}, "can never be reached"),
        ({"of": "alice"}, "must be a list of names"),
    ],
)
def test_an_approval_that_cannot_be_meant_is_refused_at_load(approval: Any, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        decided(approval=approval)


def test_a_label_and_an_open_window_are_inputs_of_a_table() -> None:
    rules = table("restart")
    rules["inputs"] += [
        {"name": "maintenance", "type": "boolean"},
        {"name": "label.zone", "values": ["dmz", "none"]},
    ]
    act = {"tier": "contraindicated", "attempt": "< 9"}
    closed = {**act, "maintenance": False}
    rules["rules"][:1] = [
        {"id": "now", "when": {**act, "maintenance": True}, "then": {"verb": "restart"}},
        {"id": "dmz", "when": {**closed, "label.zone": "dmz"}, "then": {"verb": "restart"}},
        {"id": "later", "when": {**closed, "label.zone": "none"}, "then": {"verb": "hold"}},
    ]
    ears = {"node1": ATTACKED_SC, "node2": SOUND}

    def fired(known: dict[str, Any], **limits: Any) -> str:
        return str(plan(ears, known, tables=[rules], limits=limits)["decisions"][0]["fired"][0])

    assert fired(state()) == "later"
    in_dmz = state()
    in_dmz["nodes"]["node1"]["labels"] = {"zone": "dmz"}
    assert fired(in_dmz) == "dmz"
    window = {"name": "now", "from": NOW_TEXT, "to": "2030-01-01"}
    assert fired(state(), maintenance=[window]) == "now"
    assert fired(state(), maintenance=[{**window, "nodes": ["node2"]}]) == "later"


NOW_TEXT = datetime.fromtimestamp(NOW, UTC).isoformat()
EVIL = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ([], "new"),
        ([{"node": "node1", "digests": ["sha256:other"]}], "new"),
        ([{"node": "node1", "digests": [EVIL]}], "returned"),
        ([{"node": "node2", "digests": [EVIL]}], "moved"),
        ([{"node": "node2", "digests": [EVIL]}, {"node": "node1", "digests": [EVIL]}], "returned"),
    ],
)
def test_a_table_can_tell_what_comes_back_in_a_fresh_container(faults: list[Any], expected: str) -> None:
    rules = table("restart")
    rules["inputs"].append({"name": "recurrence", "values": ["new", "returned", "moved"]})
    known = state(incident("sc:dns-filter-1", 1, faults=faults))
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, known, tables=[rules])
    assert made["decisions"][0]["inputs"]["recurrence"] == expected


def test_an_instance_is_isolated_before_its_evidence_is_taken() -> None:
    made = plan({"node1": ATTACKED_SC, "node2": SOUND}, tables=[table("isolate", confirmation="fresh_quote")])
    assert transcript(made) == ["confirm dns-filter-1", "isolate dns-filter-1", "preserve dns-filter-1"]


def test_a_host_is_isolated_and_given_back_when_it_is_affirming() -> None:
    made = plan({"node1": attested(os="contraindicated"), "node2": SOUND}, tables=[table("isolate", "os")])
    assert transcript(made) == ["cordon node1", "isolate node1", "preserve node1"]
    known = state(incident("os", 1), cordoned=("node1",))
    known["nodes"]["node1"]["isolated"] = True
    made = plan({"node1": attested(NOW, instances=DNS), "node2": SOUND}, known)
    assert transcript(made) == ["release node1", "uncordon node1"]


def test_a_fenced_node_is_emptied_first_and_is_a_persons_then() -> None:
    made = plan({"node1": attested(instances=DNS, os="contraindicated"), "node2": SOUND}, tables=[table("fence", "os")])
    assert transcript(made) == [
        "preserve node1",
        "cordon node1",
        "move dns-filter-1 > node2",
        "attest dns-filter-1",
        "fence node1",
        "hold node1",
    ]


def test_a_flavour_is_changed_to_the_next_one() -> None:
    flavours = [{"name": "dnsmasq"}, {"name": "podman"}, {"name": "unbound"}]
    catalogue = {"dns-filter": {**CATALOGUE["dns-filter"], "flavours": flavours}}
    ears = {"node1": ATTACKED_SC, "node2": SOUND}
    made = plan(ears, tables=[table("change_flavour")], catalogue=catalogue)
    assert transcript(made) == ["preserve dns-filter-1", "change_flavour dns-filter-1", "attest dns-filter-1"]
    assert made["steps"][1]["flavour"] == "unbound"
    alone = plan(ears, tables=[table("change_flavour")])
    assert reasons(alone, "held") == [("dns-filter-1", "no_flavour")]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_in_repairs": 1}, "did you mean 'max_in_repair'"),
        ({"preset": "palantr"}, "did you mean 'palantir'"),
        ({"max_unhealthy": "many"}, "is no share"),
        ({"max_unhealthy": True}, "must be an integer from 1"),
        ({"max_actions": 3}, "must be a mapping"),
        ({"max_actions": {"count": 3}}, "within: must be a duration"),
        ({"one_at_a_time": "yes"}, "must be true or false"),
        ({"maintenance": {}}, "must be a list"),
        ({"maintenance": [{"name": "x", "from": "2027-01-02", "to": "2027-01-01"}]}, "is not after from"),
        ({"maintenance": [{"name": "x", "days": ["sunday"], "at": "02:00", "for": "1h"}]}, "is no day"),
        ({"maintenance": [{"name": "x", "days": ["sun"], "at": "25:00", "for": "1h"}]}, "must be a time of day"),
        ({"maintenance": [{"name": "x", "days": ["sun"], "at": "02:00", "for": "8d"}]}, "to seven days"),
        ({"maintenance": [{"days": ["sun"], "at": "02:00", "for": "1h"}]}, "name: must be a text"),
        ({"maintenance": [{"name": "x", "days": ["sun"], "from": "2027-01-02"}]}, "has from beside days"),
        ("all", "must be a mapping"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(limits: Any, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        read_limits(limits)


def test_a_preset_is_a_set_of_limits_that_other_keys_override() -> None:
    assert read_limits({"preset": "palantir"}) == read_limits(PRESETS["palantir"])
    assert read_limits({"preset": "palantir", "max_in_repair": 4}).max_in_repair == 4


@given(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 7 * DAY), st.integers(0, 60 * DAY))
def test_a_weekly_window_is_open_for_as_long_as_it_says_after_each_beginning(
    day: int, minute: int, lasts: int, now: int
) -> None:
    window = Window("w", None, minute * 60.0, float(lasts), frozenset({day}))
    week = 7 * DAY
    began = (day - 3) % 7 * DAY + minute * 60  # the epoch began on a Thursday
    assert window.is_open("node1", now) == ((now - began) % week < lasts)
