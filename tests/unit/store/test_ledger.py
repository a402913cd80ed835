# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: S608 - the statements are the test's own
from __future__ import annotations

import hashlib
import json
import multiprocessing
import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from sqlalchemy import text

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.store.writers import append

NEXT = "Next: the ledger was altered: compare with a backup before you trust its history."
DOES_NOT_FOLLOW = "is missing, or does not follow from the entry before it."

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), 1 << 63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
from tests.unit.support.examples import examples


def write(store: Store, count: int = 1, at: float = 1795400000.25) -> None:
    with store.transaction() as connection:
        for number in range(count):
            ledger.append(connection, at, "action", "node1", {"number": number})


def tamper(store: Store, *statements: str) -> None:
    with store.transaction() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def verdict(store: Store) -> str:
    try:
        with store.transaction() as connection:
            return f"{ledger.verify(connection)} entries"
    except StoreError as error:
        return str(error)


def test_an_empty_ledger_is_whole(store: Store) -> None:
    assert verdict(store) == "0 entries"


def test_entries_follow_each_other(store: Store) -> None:
    with store.transaction() as connection:
        first = ledger.append(connection, 1.5, "enrolment", "node1", {"ek": "…"})
        second = ledger.append(connection, 2.0, "incident", "node1/os", [None, True])
    assert (first.sequence, first.previous, first.body) == (1, "0" * 64, '{"ek":"\\u2026"}')
    assert (second.sequence, second.previous, second.body) == (2, first.digest, "[null,true]")
    assert verdict(store) == "2 entries"


def test_a_digest_can_be_computed_by_anyone_who_reads_the_documentation(store: Store) -> None:
    with store.transaction() as connection:
        entry = ledger.append(connection, 1.5, "action", "node1", {"cordoned": True})
    plain = '[1,1.5,"action","node1","{\\"cordoned\\":true}","' + "0" * 64 + '"]'
    assert entry.digest == hashlib.sha256(plain.encode()).hexdigest()


def test_a_time_in_whole_seconds_is_the_same_time_when_it_is_read_back(store: Store) -> None:
    with store.transaction() as connection:
        ledger.append(connection, 1795400000, "action", "node1", {})
    assert verdict(store) == "1 entries"


def test_an_append_that_is_rolled_back_leaves_no_gap(store: Store) -> None:
    def fail_afterwards() -> None:
        with store.transaction() as connection:
            ledger.append(connection, 1.0, "action", "node1", {})
            raise RuntimeError

    write(store)
    with pytest.raises(RuntimeError):
        fail_afterwards()
    write(store)
    assert verdict(store) == "2 entries"


@pytest.mark.parametrize("body", [{"at": float("nan")}, {"raw": b"bytes"}, {1, 2}, [float("inf")]])
def test_a_body_that_is_not_json_is_refused(store: Store, body: Any) -> None:
    with pytest.raises(StoreError, match=r"^ledger, action of node1: cannot be written: "), store.transaction() as c:
        ledger.append(c, 1.0, "action", "node1", body)


@given(
    at=st.floats(0, 1e11), body=JSON, subject=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)
@examples(60, suppressed=[HealthCheck.function_scoped_fixture])
def test_whatever_is_appended_verifies_and_is_read_back(store: Store, at: float, body: Any, subject: str) -> None:
    with store.transaction() as connection:
        entry = ledger.append(connection, at, "decision", subject, body)
        assert ledger.verify(connection) == entry.sequence
        row = connection.execute(text(f"SELECT at, body FROM ledger WHERE sequence = {entry.sequence}")).one()
    assert row.at == at
    assert json.loads(row.body) == json.loads(json.dumps(body))


@pytest.mark.parametrize("sequence", [1, 3, 5])
@pytest.mark.parametrize(
    "change",
    [
        "at = at + 0.001",
        "kind = 'decision'",
        "subject = 'node2'",
        "body = '{\"number\":9}'",
        "body = '{\"number\": 0}'",
        "previous = '" + "0" * 63 + "1'",
        "digest = '" + "f" * 64 + "'",
        "digest = 'é'",
        "digest = ''",
    ],
)
def test_an_altered_entry_is_named(store: Store, sequence: int, change: str) -> None:
    write(store, 5)
    tamper(store, f"UPDATE ledger SET {change} WHERE sequence = {sequence}")
    assert verdict(store) == f"ledger entry {sequence}: {DOES_NOT_FOLLOW} {NEXT}"


@pytest.mark.parametrize("sequence", [1, 3, 4])
def test_a_removed_entry_is_named(store: Store, sequence: int) -> None:
    write(store, 5)
    tamper(store, f"DELETE FROM ledger WHERE sequence = {sequence}")
    assert verdict(store) == f"ledger entry {sequence}: {DOES_NOT_FOLLOW} {NEXT}"


def test_a_removed_entry_is_named_even_if_those_after_it_move_up(store: Store) -> None:
    write(store, 5)
    tamper(
        store,
        "DELETE FROM ledger WHERE sequence = 3",
        *(f"UPDATE ledger SET sequence = {number - 1} WHERE sequence = {number}" for number in (4, 5)),
    )
    assert verdict(store) == f"ledger entry 3: {DOES_NOT_FOLLOW} {NEXT}"


def test_entries_that_changed_places_are_named(store: Store) -> None:
    write(store, 5)
    tamper(
        store,
        "UPDATE ledger SET sequence = 99 WHERE sequence = 2",
        "UPDATE ledger SET sequence = 2 WHERE sequence = 3",
        "UPDATE ledger SET sequence = 3 WHERE sequence = 99",
    )
    assert verdict(store) == f"ledger entry 2: {DOES_NOT_FOLLOW} {NEXT}"


@pytest.mark.parametrize("kept", [0, 3, 4])
def test_a_cut_end_is_noticed(store: Store, kept: int) -> None:
    write(store, 5)
    tamper(store, f"DELETE FROM ledger WHERE sequence > {kept}")
    assert verdict(store) == f"ledger: its end after entry {kept} is missing. {NEXT}"


def test_a_cut_end_stays_noticed_when_the_ledger_goes_on(store: Store) -> None:
    write(store, 5)
    tamper(store, "DELETE FROM ledger WHERE sequence > 3")
    write(store)
    assert verdict(store) == f"ledger entry 4: {DOES_NOT_FOLLOW} {NEXT}"


def test_a_ledger_without_its_head_neither_verifies_nor_begins_anew(store: Store) -> None:
    write(store, 2)
    tamper(store, "DELETE FROM meta WHERE key = 'ledger_head'")
    assert verdict(store) == f"ledger: its end after entry 2 is missing. {NEXT}"
    with pytest.raises(StoreError):
        write(store)


def test_a_head_that_is_none_is_named(store: Store) -> None:
    write(store, 2)
    tamper(store, "UPDATE meta SET value = 'two' WHERE key = 'ledger_head'")
    assert verdict(store) == f"ledger: its head is not one. {NEXT}"
    with pytest.raises(StoreError, match="its head is not one"):
        write(store)


def test_a_value_of_another_type_is_an_altered_entry(tmp_path: Any) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.sqlite3")
    for value in ("x'00ff'", "9e999", "'yesterday'"):
        write(store)
        with store.transaction() as connection:
            sequence = connection.execute(text("SELECT max(sequence) FROM ledger")).scalar()
            before = connection.execute(text("SELECT at FROM ledger")).scalar()
        tamper(store, f"UPDATE ledger SET at = {value} WHERE sequence = {sequence}")
        assert verdict(store) == f"ledger entry {sequence}: {DOES_NOT_FOLLOW} {NEXT}"
        tamper(store, f"UPDATE ledger SET at = {before} WHERE sequence = {sequence}")


def subjects(store: Store) -> list[str]:
    with store.transaction() as connection:
        return sorted(connection.execute(text("SELECT subject FROM ledger")).scalars())


def test_two_processes_write_one_chain(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=append, args=(url, name, 40)) for name in "ab"]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    store = Store(url)
    assert verdict(store) == "80 entries"
    assert subjects(store) == ["a"] * 40 + ["b"] * 40
    store.close()


def test_threads_of_one_store_write_one_chain(store: Store) -> None:
    def work(name: str) -> None:
        for number in range(15):
            with store.transaction() as connection:
                ledger.append(connection, number, "action", name, {})

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdict(store) == "60 entries"
    assert subjects(store) == sorted("abcd" * 15)
