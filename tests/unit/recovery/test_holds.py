# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who asks the log at night: what was due, what held it back, since when and until when; from the ledger alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import incident as incident_action
from ansible_collections.palantir.trust.plugins.action import incident_info, stop_switch
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import ENDS, REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery import holds
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.recovery.test_persons import BAD, act, cycle, reply, rules
from tests.unit.recovery.test_planning import LAB, SC, attested, ear, planned, store

__all__ = ["rules", "store"]  # fixtures


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A copy of the lab's tables, to be altered."""
    there = tmp_path / "plain"
    there.mkdir()
    for table in (LAB / "rules").glob("*.yml"):
        (there / table.name).write_text(table.read_text(encoding="utf-8"), encoding="utf-8")
    return there


def guard(rules: Path, text: str) -> None:
    for table in rules.glob("*.yml"):
        old = table.read_text(encoding="utf-8")
        table.write_text(old.replace("confirmation", f"{text}\n    confirmation"), encoding="utf-8")


def told(store: Store, at: float = 9999.0) -> list[tuple[Any, ...]]:
    """Return incident, kind, reason, verb, rule, since and until of what is held back, as the report has it."""
    names = ("incident", "kind", "reason", "verb", "rule", "since", "until")
    found = act(incident_info, store, at)["holds"]
    assert all(item["message"] and item["ends"] for item in found)
    return [tuple(item[name] for name in names) for item in found]


def test_every_reason_says_what_ends_it() -> None:
    assert set(REASONS) - set(ENDS) == {"gone"}, "what is gone is closed, not held back"
    assert set(ENDS) <= set(REASONS)


def test_nothing_is_told_where_nothing_is_held_back(store: Store) -> None:
    assert told(store) == []
    attested(store, 100.0, node1=ear(100, SC), node2=ear(100))
    planned(store, 100.0, 101.0)
    assert told(store) == []
    assert act(incident_info, store, 102.0)["table"].splitlines() == ["ID  OF  STATE  DETECTED  CONT.  REST."]


def test_an_approval_is_waited_for_since_the_first_cycle_until_its_timeout(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    cycle(store, rules, 200.0)
    (entry,) = told(store)
    assert entry == (1, "waiting", "approval", "restart", "sc-restart", 101.0, 701.0)
    table = act(incident_info, store, 201.0)["table"]
    assert "node1 dns-filter-1  restart  approval  01-01 00:01Z  01-01 00:11Z" in table
    assert "node1 dns-filter-1: restart by sc-restart: Waits for 2 of alice, bob" in " ".join(table.split())
    assert "Until 1970-01-01 00:11:41Z: those asked have answered" in " ".join(table.split())


def test_what_is_with_a_person_says_why(store: Store, rules: Path) -> None:
    cycle(store, rules, 100.0)
    reply(store, 110.0, "bob", "refuse")
    made = cycle(store, rules, 120.0)
    assert told(store) == [(1, "held", "refused", "restart", "sc-restart", 121.0, None)]
    (step,) = made["steps"]
    act(incident_action, store, 122.0, id=1, event="held", reason=step["rationale"])
    cycle(store, rules, 130.0)
    assert told(store) == [(1, "held", "held", None, None, 122.0, None)]
    assert "Refused by bob. Until a person gives" in " ".join(act(incident_info, store, 131.0)["table"].split())


def test_a_cool_down_and_a_full_budget_name_their_time(store: Store, plain: Path) -> None:
    guard(plain, "cool_down: 5m")
    assert cycle(store, plain, 100.0)["steps"]
    act(incident_action, store, 102.0, id=1, event="step", outcome="started", step={"counted": True, "node": "node1"})
    act(incident_action, store, 103.0, id=1, event="step", outcome="failed", step={"counted": True, "node": "node1"})
    cycle(store, plain, 110.0)
    assert told(store) == [(1, "deferred", "cool_down", "restart", "sc-restart", 111.0, 401.0)]
    cycle(store, plain, 500.0, limits={"max_actions": {"count": 1, "within": "1h"}})
    assert told(store) == [(1, "deferred", "max_actions", "restart", "sc-restart", 501.0, 3701.0)]


def test_the_stop_switch_holds_what_was_due(store: Store, plain: Path) -> None:
    act(stop_switch, store, 90.0, state="stopped", person="alice", reason="audit")
    assert cycle(store, plain, 100.0)["steps"] == []
    assert told(store) == [(None, "deferred", "stopped", "restart", "sc-restart", 101.0, None)]
    assert "Stopped by alice: audit" in act(incident_info, store, 102.0)["table"]


def test_what_no_table_decides_is_told(store: Store, plain: Path) -> None:
    (plain / "sc-remediation.yml").unlink()
    made = cycle(store, plain, 100.0)
    assert [step["action"] for step in made["steps"]] == ["hold"]
    assert told(store) == [(1, "held", "no_decision", None, None, 101.0, None)]


def test_another_controller_s_lease_is_told_with_its_end(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, **BAD), node2=ear(100))
    planned(store, 100.0, 101.0)
    made = planned(store, 100.0, 102.0, "controller-b")
    assert made["steps"] == []
    assert told(store) == [(1, "deferred", "leased", "restart", "sc-restart", 102.0, 1001.0)]
    (item,) = made["deferred"]
    assert item["message"] == "The controller controller-a is acting on it."


def test_what_is_void_or_silent_is_told(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, os="unknown_executable", dns_filter_1="unknown_executable"), node2=None)
    planned(store, 100.0, 101.0)
    found = [(item["node"], item["instance"] or item["layer"], item["reason"]) for item in current(store)]
    assert ("node1", "dns-filter-1", "void") in found
    assert ("node2", None, "node_state") in found


def test_a_new_reason_begins_anew_and_every_cycle_is_in_the_ledger(store: Store, rules: Path, plain: Path) -> None:
    cycle(store, rules, 100.0)
    cycle(store, rules, 110.0)
    act(stop_switch, store, 115.0, state="stopped", person="alice", reason="")
    cycle(store, plain, 120.0)
    cycle(store, rules, 130.0)
    with store.transaction() as connection:
        plans = [body for _at, subject, body in ledger.every(connection, "decision", 0.0) if subject == "plan"]
        assert ledger.verify(connection) > 0
    told = [[(i["reason"], i["since"]) for kind in holds.KINDS for i in body[kind]] for body in plans]
    assert told == [[("approval", 101.0)], [("approval", 101.0)], [("stopped", 121.0)], [("stopped", 121.0)]]


def current(store: Store) -> list[dict[str, Any]]:
    with store.transaction() as connection:
        return holds.current(connection)
