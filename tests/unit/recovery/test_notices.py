# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are told, as a transcript; once each over each channel, by whichever run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.recipients import Recipients, channel_names
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.notices import (
    MAX_NOTICES,
    Notice,
    note_failed,
    take_up,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    approvals,
    attempts,
    incidents,
    ledger,
    switch,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from tests.unit.support.examples import examples

OPERATORS = Recipients(("operators",))
BOTH = Recipients(("operators", "manager"))
TABLE = """
decision_table: who-is-told
hit_policy: COLLECT
inputs:
  - {name: event, type: string}
  - {name: minutes, type: integer, range: "[0..100000]"}
  - {name: layer, type: string}
outputs:
  - {name: notify, type: string, values: [operators, manager]}
rules:
  - {id: always, when: {event: not(lasting)}, then: {notify: operators}}
  - {id: escalate, when: {event: '"opened", "held"', minutes: ">= 30"}, then: {notify: manager}}
  - {id: over, when: {event: recovered}, then: {notify: manager}}
"""


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store with incident 1, detected at time 100."""
    opened = Store(url)
    with opened.transaction() as connection:
        incidents.open_incident(connection, "edge1", "os", "unknown_executable", 100.0)
    yield opened
    opened.close()


def told(
    store: Store,
    now: float,
    run: str = "a",
    whom: Recipients = OPERATORS,
    every: tuple[int | None, int | None] = (None, None),
) -> list[str]:
    return [text for text, _to in sent(store, now, run, whom, every)]


def sent(
    store: Store,
    now: float,
    run: str = "a",
    whom: Recipients = BOTH,
    every: tuple[int | None, int | None] = (None, None),
) -> list[tuple[str, tuple[str, ...]]]:
    with store.transaction() as connection:
        return [(notice.text, notice.to) for notice in take_up(connection, run, now, whom, every)]


OPEN = "edge1 os: incident 1 is open: unknown_executable."
RECOVERED = "edge1 os: incident 1 is recovered."


def test_an_incident_is_told_of_from_its_beginning_to_its_end(store: Store) -> None:
    assert told(store, 101.0) == [OPEN]
    assert told(store, 102.0) == told(store, 103.0, run="b") == []
    with store.transaction() as connection:
        incidents.contained(connection, 1, 105.0)
        incidents.hold(connection, 1, 106.0, "no rule helps")
    assert told(store, 107.0) == [
        "edge1 os: incident 1 is contained.",
        "edge1 os: incident 1 is held for a person: no rule helps",
    ]
    with store.transaction() as connection:
        incidents.recovered(connection, 1, 110.0)
    assert told(store, 111.0, run="b") == [RECOVERED]
    assert told(store, 112.0) == []
    with store.transaction() as connection:
        assert ledger.verify(connection) > 0


def test_an_end_is_told_only_to_those_who_know_of_the_beginning(store: Store) -> None:
    assert told(store, 101.0) == [OPEN]
    with store.transaction() as connection:
        incidents.recovered(connection, 1, 110.0)
    assert sent(store, 111.0) == [(RECOVERED, ("operators",))]


def test_what_was_given_back_and_is_held_again_is_told_again(store: Store) -> None:
    told(store, 101.0)
    for at in (200.0, 300.0):
        with store.transaction() as connection:
            incidents.hold(connection, 1, at, "a person must look")
        assert told(store, at + 1) == ["edge1 os: incident 1 is held for a person: a person must look"]
        assert told(store, at + 2) == []
        with store.transaction() as connection:
            incidents.reopen(connection, 1, at + 3, "alice", "")
        assert told(store, at + 4) == []


def test_an_approval_is_asked_for_once_for_each_request(store: Store) -> None:
    told(store, 101.0)
    with store.transaction() as connection:
        approvals.ask(connection, 1, 0, ("reboot-it", "reboot"), (2, ["alice", "bob"]), 102.0)
    assert told(store, 103.0) == ["edge1 os: incident 1 asks for approval to reboot, of 2 of alice, bob."]
    assert told(store, 104.0) == []
    with store.transaction() as connection:
        incidents.begin_attempt(connection, 1, 105.0)
        approvals.ask(connection, 1, 1, ("fence-it", "fence"), (1, []), 106.0)
    assert told(store, 107.0) == ["edge1 os: incident 1 asks for approval to fence, of 1 of anybody."]


def test_a_repair_that_lasts_is_told_of_every_so_often(store: Store) -> None:
    told(store, 101.0)
    step = {"verb": "reboot", "rule": "r", "incident": {"node": "edge1"}}
    with store.transaction() as connection:
        attempts.begin(connection, 1, 1, step, (), 110.0)
    seen = {at: told(store, float(at), every=(10, None)) for at in range(110, 135, 4)}
    assert [at for at, texts in seen.items() if texts] == [122, 134]
    assert seen[122] == ["edge1 os: incident 1 is in repair for 12 s: attempt 1, reboot, at reboot."]
    assert told(store, 200.0) == [], "only where the site wants it"
    with store.transaction() as connection:
        attempts.end(connection, 1, "done", 201.0)
    assert told(store, 300.0, every=(10, None)) == []


def test_who_does_not_come_is_reminded(store: Store) -> None:
    told(store, 101.0)
    with store.transaction() as connection:
        incidents.hold(connection, 1, 200.0, "look")
    told(store, 201.0)
    seen = {at: told(store, float(at), every=(None, 60)) for at in range(220, 400, 20)}
    assert [at for at, texts in seen.items() if texts] == [260, 320, 380]
    assert seen[320] == ["edge1 os: incident 1 waits for a person for 120 s."]
    assert told(store, 900.0) == [], "only where the site wants it"


def test_the_stop_switch_is_told_of_once_for_each_time(store: Store) -> None:
    told(store, 101.0)
    for at in (200.0, 900_000.0):
        with store.transaction() as connection:
            switch.stop(connection, "alice", "audit", at)
        assert told(store, at + 1) == ["Remediation: Stopped by alice: audit"]
        assert told(store, at + 300_000.0) == []
        with store.transaction() as connection:
            switch.release(connection, "alice", at + 300_001.0)


def test_what_could_not_be_sent_is_for_the_next_run_and_that_channel(store: Store) -> None:
    assert sent(store, 101.0) == [(OPEN, ("operators", "manager"))]
    with store.transaction() as connection:
        note_failed(connection, "1/opened", "a", "manager", 102.0)
    assert sent(store, 103.0, run="a") == []
    assert sent(store, 104.0, run="b") == [(OPEN, ("manager",))]
    assert sent(store, 105.0, run="c") == []


def test_every_rule_that_fires_names_a_channel_and_time_escalates(store: Store) -> None:
    whom = Recipients(BOTH.channels, load_rulebook({"who.yml": TABLE}, AVAILABLE_VERBS).notify)
    assert sent(store, 101.0, whom=whom) == [(OPEN, ("operators",))]
    assert sent(store, 100.0 + 29 * 60, whom=whom) == []
    assert sent(store, 100.0 + 30 * 60, whom=whom) == [(OPEN, ("manager",))]
    with store.transaction() as connection:
        incidents.recovered(connection, 1, 2000.0)
    assert sent(store, 2001.0, whom=whom) == [(RECOVERED, ("operators", "manager"))]
    with store.transaction() as connection:
        rules = [body["rules"] for _at, _key, body in ledger.every(connection, "notice", 0.0)]
    assert rules == [["always"], ["always", "escalate"], ["always", "over"]]


def test_a_table_that_cannot_be_asked_tells_everybody(store: Store) -> None:
    narrow = TABLE.replace("[0..100000]", "[0..1]").replace(">= 30", ">= 1")
    whom = Recipients(BOTH.channels, load_rulebook({"who.yml": narrow}, AVAILABLE_VERBS).notify)
    assert sent(store, 100_000.0, whom=whom) == [(OPEN, ("operators", "manager"))]


def test_many_incidents_do_not_hold_up_what_is_to_be_done(store: Store) -> None:
    with store.transaction() as connection:
        for number in range(MAX_NOTICES):
            incidents.open_incident(connection, f"edge{number + 2}", "os", "unknown_executable", 100.0)
    assert [len(sent(store, 101.0)) for _time in range(3)] == [MAX_NOTICES, 1, 0]


def test_a_channel_has_a_name_of_its_own() -> None:
    given = ["ops", "", "ops", "x" * 500, "a\nb"]
    assert channel_names(given) == (
        "ops",
        "palantir_trust_notify[1]",
        "palantir_trust_notify[2]",
        "x" * 60 + "…",
        "a\\nb",
    )


@examples(50)
@given(st.text(), st.text(), st.text())
def test_whatever_a_node_names_things_a_notice_is_plain_and_short(node: str, layer: str, text: str) -> None:
    incident = Incident(1, node * 300, f"sc:{layer * 300}", None, "open", 0, "", 0.0, None, None, None, None, None)
    for word in Notice("1/opened", "opened", text * 100, 0.0, incident).plain().values():
        assert not isinstance(word, str) or (
            word.isprintable() and len(word) <= 401 and not set(word) & set("<>&{}`|*")
        )
