# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents, ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import LEASE, Incident
from tests.unit.support.examples import examples

NOW = 1795400000.5


def open_one(store: Store, node: str = "node1", layer: str = "os", at: float = NOW) -> Incident:
    with store.transaction() as connection:
        return incidents.open_incident(connection, node, layer, "unknown_file", at)


def do(store: Store, function: Any, *arguments: Any) -> Any:
    with store.transaction() as connection:
        return function(connection, *arguments)


def test_an_incident_is_opened_once_for_a_node_and_layer(store: Store) -> None:
    first = open_one(store)
    assert open_one(store, at=NOW + 60) == first
    assert (first.state, first.attempt, first.detected_at, first.contained_at) == ("open", 0, NOW, None)
    others = [open_one(store, "node2"), open_one(store, layer="sc:dns-filter-1")]
    assert len({first.id, *(other.id for other in others)}) == 3
    assert [i.id for i in do(store, incidents.still_open)] == sorted([first.id, *(other.id for other in others)])


def test_a_recovered_incident_makes_room_for_a_new_one(store: Store) -> None:
    first = open_one(store)
    closed = do(store, incidents.recovered, first.id, NOW + 90)
    assert (closed.state, closed.restored_at, closed.open_key) == ("recovered", NOW + 90, None)
    assert do(store, incidents.still_open) == []
    second = open_one(store, at=NOW + 200)
    assert second.id != first.id
    assert [i.id for i in do(store, incidents.since, NOW)] == [first.id, second.id]
    assert [i.id for i in do(store, incidents.since, NOW + 100)] == [second.id]


def test_containment_is_noted_the_first_time_only(store: Store) -> None:
    number = open_one(store).id
    times = [do(store, incidents.contained, number, NOW + after).contained_at for after in (5, 9, 12)]
    assert times == [NOW + 5] * 3
    assert do(store, incidents.recovered, number, NOW + 60).contained_at == NOW + 5
    assert do(store, incidents.contained, number, NOW + 70).contained_at == NOW + 5


@pytest.mark.parametrize(("at", "noted"), [(6.0, 6.0), (None, 9.0), (30.0, 9.0), (-60.0, 0.0)])
def test_containment_may_have_been_before_it_is_noted_but_not_before_it_was_detected(
    store: Store, at: float | None, noted: float
) -> None:
    number = open_one(store).id
    told = None if at is None else NOW + at
    assert do(store, incidents.contained, number, NOW + 9, told).contained_at == NOW + noted


def test_containment_at_the_epoch_is_a_time_like_any_other(store: Store) -> None:
    number = open_one(store, at=0.0).id
    do(store, incidents.contained, number, 0.0)
    assert do(store, incidents.contained, number, 5.0).contained_at == 0.0
    assert do(store, incidents.recovered, number, 9.0).contained_at == 0.0


def test_what_ended_by_itself_counts_as_contained_then(store: Store) -> None:
    number = open_one(store).id
    assert do(store, incidents.recovered, number, NOW + 60).contained_at == NOW + 60


def test_attempts_are_counted(store: Store) -> None:
    number = open_one(store).id
    for attempt in (1, 2, 3):
        incident = do(store, incidents.begin_attempt, number, NOW + attempt)
        assert (incident.attempt, incident.last_action_at) == (attempt, NOW + attempt)


def test_an_incident_with_a_person_is_open_until_a_result_closes_it(store: Store) -> None:
    number = open_one(store).id
    assert do(store, incidents.hold, number, NOW + 1, "two attempts failed").state == "held"
    assert open_one(store).id == number
    assert [i.state for i in do(store, incidents.still_open)] == ["held"]
    assert do(store, incidents.recovered, number, NOW + 2).state == "recovered"


@pytest.mark.parametrize("action", ["hold", "begin_attempt"])
def test_what_is_over_stays_over(store: Store, action: str) -> None:
    number = open_one(store).id
    closed = do(store, incidents.recovered, number, NOW + 2)
    arguments = (number, NOW + 3, "why")[: 3 if action == "hold" else 2]
    with pytest.raises(StoreError) as caught:
        do(store, getattr(incidents, action), *arguments)
    assert str(caught.value) == (
        f"incident {number}: is recovered already. Next: attest again: what is still wrong opens a new one."
    )
    assert do(store, incidents.recovered, number, NOW + 9) == closed
    assert do(store, incidents.lease, number, "controller-a", NOW + 3) is False


@pytest.mark.parametrize("action", ["find", "begin_attempt", "contained", "recovered"])
def test_an_incident_that_is_not_there_is_named(store: Store, action: str) -> None:
    with pytest.raises(StoreError) as caught:
        do(store, getattr(incidents, action), *((9,) if action == "find" else (9, NOW)))
    assert str(caught.value) == "incident 9: is not in the store. Next: list them with palantir.trust.report."


def test_one_controller_at_a_time_has_the_lease(store: Store) -> None:
    number = open_one(store).id
    assert do(store, incidents.lease, number, "a", NOW) is True
    assert do(store, incidents.lease, number, "b", NOW + 1) is False
    assert do(store, incidents.lease, number, "a", NOW + 600) is True, "renewed"
    assert do(store, incidents.lease, number, "b", NOW + LEASE + 1) is False, "it was renewed"
    assert do(store, incidents.lease, number, "b", NOW + 600 + LEASE + 1) is True, "it ran out"
    assert do(store, incidents.lease, number, "a", NOW + 600 + LEASE + 2) is False


def test_a_controller_gives_up_its_own_leases_and_no_others(store: Store) -> None:
    mine, theirs = open_one(store, "node1").id, open_one(store, "node2").id
    assert do(store, incidents.lease, mine, "a", NOW)
    assert do(store, incidents.lease, theirs, "b", NOW)
    do(store, incidents.release, "a")
    assert do(store, incidents.lease, mine, "b", NOW + 1) is True
    assert do(store, incidents.lease, theirs, "a", NOW + 1) is False


def test_there_is_no_lease_of_an_incident_that_is_not_there(store: Store) -> None:
    assert do(store, incidents.lease, 9, "a", NOW) is False


def test_of_many_controllers_at_once_one_gets_the_lease(store: Store) -> None:
    number = open_one(store).id
    barrier, won = threading.Barrier(6), []

    def race(owner: str) -> None:
        barrier.wait(10)
        if do(store, incidents.lease, number, owner, NOW):
            won.append(owner)

    threads = [threading.Thread(target=race, args=(f"controller-{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert do(store, incidents.find, number).lease_owner == won[0]


def test_of_many_controllers_at_once_one_opens_the_incident(store: Store) -> None:
    barrier, opened = threading.Barrier(6), list[Incident]()

    def race() -> None:
        barrier.wait(10)
        opened.append(open_one(store))

    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 6
    assert len(set(opened)) == 1


def test_every_change_stands_in_the_ledger(store: Store) -> None:
    number = open_one(store).id
    do(store, incidents.begin_attempt, number, NOW + 1)
    do(store, incidents.contained, number, NOW + 2)
    do(store, incidents.hold, number, NOW + 3, "no target")
    do(store, incidents.recovered, number, NOW + 4)
    with store.transaction() as connection:
        rows = connection.execute(select(schema.ledger.c.subject, schema.ledger.c.body)).all()
        ledger.verify(connection)
    assert {row.subject for row in rows} == {"node1/os"}
    bodies = [json.loads(row.body) for row in rows]
    assert bodies[0] == {"id": number, "opened": "unknown_file"}
    assert [body.get("state") for body in bodies[1:]] == [None, None, "held", "recovered"]
    assert bodies[3]["reason"] == "no target"


def test_names_as_long_as_they_may_be_are_kept(store: Store) -> None:
    node, layer = "n" * 255, "sc:" + "i" * 63
    assert open_one(store, node, layer).node == node
    with store.transaction() as connection:
        assert ledger.verify(connection) == 1


STEPS = st.sampled_from(["open", "attempt", "contain", "hold", "recover", "lease"])


@given(steps=st.lists(STEPS, max_size=10))
@examples(15, suppressed=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_at_most_one_is_open_and_times_are_in_order(store: Store, steps: list[str]) -> None:
    number = open_one(store).id
    for after, step in enumerate(steps, 1):
        known, now = do(store, incidents.find, number), NOW + after
        try:
            if step == "open":
                number = open_one(store, at=now).id
            elif step == "lease":
                do(store, incidents.lease, number, "a", now)
            elif step == "hold":
                do(store, incidents.hold, number, now, "")
            else:
                function = {"attempt": "begin_attempt", "contain": "contained", "recover": "recovered"}[step]
                do(store, getattr(incidents, function), number, now)
        except StoreError:
            assert known.state == "recovered"
        still = do(store, incidents.still_open)
        assert len(still) <= 1
        incident = do(store, incidents.find, number)
        assert (incident.state == "recovered") == (incident.restored_at is not None) == (incident.open_key is None)
        if incident.restored_at is not None:
            assert incident.detected_at <= incident.contained_at <= incident.restored_at
            assert incident.lease_owner is None
    do(store, incidents.recovered, number, NOW + 99)
