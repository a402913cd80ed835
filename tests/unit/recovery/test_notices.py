# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people are told, as a transcript; once each, by whichever run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.notices import note_failed, take_up
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    approvals,
    attempts,
    incidents,
    ledger,
    switch,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    """A store with incident 1, detected at time 100."""
    opened = Store(url)
    with opened.transaction() as connection:
        incidents.open_incident(connection, "edge1", "os", "unknown_executable", 100.0)
    yield opened
    opened.close()


def told(store: Store, now: float, run: str = "a", every: int | None = None) -> list[str]:
    with store.transaction() as connection:
        return [notice.text for notice in take_up(connection, run, now, every)]


OPEN = "edge1 os: incident 1 is open: unknown_executable."


def test_an_incident_is_told_of_from_its_beginning_to_its_end(store: Store) -> None:
    assert told(store, 101.0) == [OPEN]
    assert told(store, 102.0) == told(store, 103.0, run="b") == []
    with store.transaction() as connection:
        incidents.contained(connection, 1, 105.0)
        incidents.hold(connection, 1, 106.0, "no rule helps")
    assert told(store, 107.0) == [
        "edge1 os: incident 1 is contained.",
        "edge1 os: incident 1 is held for a person.",
    ]
    with store.transaction() as connection:
        incidents.recovered(connection, 1, 110.0)
    assert told(store, 111.0, run="b") == ["edge1 os: incident 1 is recovered."]
    assert told(store, 112.0) == []
    with store.transaction() as connection:
        assert ledger.verify(connection) > 0


def test_an_end_is_told_only_to_those_who_know_of_the_beginning(store: Store) -> None:
    with store.transaction() as connection:
        incidents.recovered(connection, 1, 110.0)
    assert told(store, 111.0) == []


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
    seen = {at: told(store, float(at), every=10) for at in range(110, 135, 4)}
    assert [at for at, texts in seen.items() if texts] == [122, 134]
    assert seen[122] == ["edge1 os: incident 1 is in repair for 12 s: attempt 1, reboot, at reboot."]
    assert told(store, 200.0) == [], "only where the site wants it"
    with store.transaction() as connection:
        attempts.end(connection, 1, "done", 201.0)
    assert told(store, 300.0, every=10) == []


def test_the_stop_switch_is_told_of_once_for_each_time(store: Store) -> None:
    told(store, 101.0)
    for at in (200.0, 900_000.0):
        with store.transaction() as connection:
            switch.stop(connection, "alice", "audit", at)
        assert told(store, at + 1) == ["Remediation: Stopped by alice: audit"]
        assert told(store, at + 300_000.0) == []
        with store.transaction() as connection:
            switch.release(connection, "alice", at + 300_001.0)


def test_what_could_not_be_sent_is_for_the_next_run(store: Store) -> None:
    assert told(store, 101.0) == [OPEN]
    with store.transaction() as connection:
        note_failed(connection, "1/opened", "a", "palantir_trust_notify[0]", 102.0)
    assert told(store, 103.0, run="a") == []
    assert told(store, 104.0, run="b") == [OPEN]
    assert told(store, 105.0, run="c") == []
