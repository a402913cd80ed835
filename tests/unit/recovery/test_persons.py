# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What persons say to a plan: approvals by number, refusals, held incidents given back, the stop switch, dry runs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import answer as answer_action
from ansible_collections.palantir.trust.plugins.action import plan as plan_action
from ansible_collections.palantir.trust.plugins.action import stop_switch
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attempts, incidents, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.recovery.test_planning import LAB, SC, actions, attested, ear, store

__all__ = ["store"]  # a fixture
BAD = {"dns_filter_1": "unknown_executable"}


def act(module: Any, store: Store, at: float, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run an action as Ansible does, without Ansible."""
    action = module.ActionModule.__new__(module.ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    action.open_store = lambda _arguments: store
    action.now = lambda: at
    action.controller = lambda: "controller"
    defaults = {name: spec.get("default") for name, spec in module.ActionModule.SPEC.items()}
    return dict(action.act({**defaults, **arguments}, {"awx_user_name": "dave"}))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The lab's tables, where a restart needs two of three persons within ten minutes."""
    for table in (LAB / "rules").glob("*.yml"):
        text = table.read_text(encoding="utf-8")
        guard = "approval: {need: 2, of: [alice, bob, carol], timeout: 10m}\n    "
        (tmp_path / table.name).write_text(text.replace("confirmation", guard + "confirmation"), encoding="utf-8")
    return tmp_path


def cycle(store: Store, rules: Path, at: float, **more: Any) -> dict[str, Any]:
    attested(store, at, node1=ear(at, SC, **BAD), node2=ear(at))
    sources: dict[str, Any] = {"rules": str(rules), "catalogue": str(LAB / "catalogue")}
    return act(plan_action, store, at + 1, nodes=["node1", "node2"], since=at, **sources, **more)


def reply(store: Store, at: float, person: str, answer: str = "approve") -> dict[str, Any]:
    return act(answer_action, store, at, incident=1, person=person, answer=answer)


def test_two_of_three_approve_and_the_next_cycle_acts(store: Store, rules: Path) -> None:
    assert actions(cycle(store, rules, 100.0)) == ["ask dns-filter-1"]
    assert reply(store, 110.0, "alice")["request"]["approved"] == ["alice"]
    made = cycle(store, rules, 120.0)
    assert (made["steps"], made["waiting"][0]["approval"]["approved"]) == ([], ["alice"])
    assert "Waits for 2 of alice, bob, carol to\n  approve." in made["table"]
    reply(store, 130.0, "carol")
    # Each cycle has proved it anew, and nothing has begun: no other confirmation is needed.
    does = [f"{action} dns-filter-1" for action in ("preserve", "restart", "attest")]
    assert actions(cycle(store, rules, 140.0)) == does
    with store.transaction() as connection:
        assert incidents.find(connection, 1).attempt == 1
        assert ledger.verify(connection) > 0


def test_an_approval_is_of_one_attempt(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    for person in ("alice", "bob"):
        reply(store, 110.0, person)
    cycle(store, rules, 120.0)
    with store.transaction() as connection:
        attempts.end(connection, 1, "failed", 130.0)
    assert actions(cycle(store, rules, 140.0)) == ["ask dns-filter-1"]


def test_a_refusal_holds_and_what_is_held_can_be_given_back(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    reply(store, 110.0, "bob", "refuse")
    made = cycle(store, rules, 120.0)
    assert (actions(made), made["held"][0]["message"]) == (["hold dns-filter-1"], "Refused by bob.")
    with pytest.raises(StoreError, match="incident 1: is open, not held"):
        reply(store, 130.0, "alice", "reopen")
    with store.transaction() as connection:
        incidents.hold(connection, 1, 131.0, "refused")
    assert reply(store, 140.0, "alice", "reopen")["incident"]["state"] == "open"


def hold(store: Store, at: float) -> None:
    with store.transaction() as connection:
        incidents.hold(connection, 1, at, "for a person")


def test_what_was_refused_and_given_back_is_asked_for_anew(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    reply(store, 110.0, "bob", "refuse")
    hold(store, 121.0)
    reply(store, 130.0, "alice", "reopen")
    assert actions(cycle(store, rules, 140.0)) == ["ask dns-filter-1"]
    for person in ("alice", "carol"):
        reply(store, 150.0, person)
    assert "restart dns-filter-1" in actions(cycle(store, rules, 160.0))


def test_an_approval_from_before_an_incident_was_given_back_approves_nothing(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    for person in ("alice", "carol"):
        reply(store, 110.0, person)
    assert "restart dns-filter-1" in actions(cycle(store, rules, 120.0))
    with store.transaction() as connection:
        attempts.end(connection, 1, "failed", 130.0)
    hold(store, 131.0)
    reply(store, 132.0, "alice", "reopen")
    assert actions(cycle(store, rules, 140.0)) == ["ask dns-filter-1"]


def test_an_incident_given_back_in_the_middle_of_an_attempt_begins_with_its_first(store: Store) -> None:
    assert "restart dns-filter-1" in actions(cycle(store, LAB / "rules", 100.0))
    hold(store, 110.0)
    reply(store, 120.0, "alice", "reopen")
    made = cycle(store, LAB / "rules", 200.0)
    assert [(step["action"], step["attempt"]) for step in made["steps"]][2] == ("restart", 0)


def test_one_person_is_not_two_by_another_way_to_write_a_name(store: Store, rules: Path) -> None:
    for path in rules.glob("*.yml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("of: [alice, bob, carol], ", ""), encoding="utf-8")
    cycle(store, rules, 100.0)
    for name in ("alice ", "\uff41lice", "alice\u200b", "alice\n", "ali\u0301ce", "a" * 129):
        with pytest.raises(StoreError, match="is not one of those"):
            reply(store, 110.0, name)
    for name in ("alice", "ALICE"):
        reply(store, 110.0, name)
    assert cycle(store, rules, 120.0)["steps"] == []
    reply(store, 130.0, "Élodie")
    assert "restart dns-filter-1" in actions(cycle(store, rules, 140.0))


def test_nobody_is_waited_for_longer_than_ten_minutes(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    made = cycle(store, rules, 800.0)
    assert actions(made) == ["hold dns-filter-1"]
    assert made["held"][0]["reason"] == "approval_lapsed"


def test_only_who_is_asked_can_answer(store: Store, rules: Path) -> None:
    with pytest.raises(StoreError, match="incident 1: asks for no approval"):
        reply(store, 90.0, "alice")
    cycle(store, rules, 100.0)
    with pytest.raises(StoreError, match="'mallory' is not one of those"):
        reply(store, 110.0, "mallory")
    with pytest.raises(StoreError, match="'dave' is not one of those"):  # who launched the job
        reply(store, 110.0, "")


def test_a_stopped_site_touches_nothing_until_it_is_released(store: Store) -> None:
    assert act(stop_switch, store, 90.0, state="stopped", reason="audit")["changed"]
    assert not act(stop_switch, store, 91.0, state="stopped", reason="again")["changed"]
    made = cycle(store, LAB / "rules", 100.0)
    assert (made["steps"], made["deferred"][0]["message"]) == ([], "Stopped by dave: audit")
    assert "node1 dns-filter-1: Stopped by dave: audit" in made["unresolved"]
    assert act(stop_switch, store, 110.0, check_mode=True, state="released")["changed"]
    assert cycle(store, LAB / "rules", 120.0)["steps"] == []
    assert act(stop_switch, store, 130.0, state="released")["stopped"] is None
    assert "restart dns-filter-1" in actions(cycle(store, LAB / "rules", 140.0))


@pytest.mark.parametrize("how", [{"dry_run": True}, {"check_mode": True}])
def test_a_dry_run_shows_the_plan_and_leaves_no_trace(store: Store, how: dict[str, Any]) -> None:
    attested(store, 100.0, node1=ear(100, SC, **BAD), node2=ear(100))
    with store.transaction() as connection:
        before = ledger.verify(connection)
    made = cycle(store, LAB / "rules", 100.0, **how)
    assert "restart dns-filter-1" in actions(made)
    with store.transaction() as connection:
        assert incidents.still_open(connection) == []
        assert ledger.verify(connection) == before  # the results of this cycle say nothing new
    assert "restart dns-filter-1" in actions(cycle(store, LAB / "rules", 200.0))
