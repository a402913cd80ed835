# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.changes import Event
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import BATCH, Follower
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.events.site import NOW, attest, contain, hold, open_incident, recover
from tests.unit.store.postgresql import execute

SOUND = {"os": "affirming"}
LOST = {"os": "contraindicated"}


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


def read(follower: Follower) -> list[Event]:
    """Read until there is no more."""
    events = []
    while True:
        part = follower.read()
        events += part.events
        if not part.more:
            return events


def short(events: list[Event]) -> list[str]:
    return [f"{e['node']} {e.get('tier') or e.get('state') or e.get('change')}" for e in events]


def test_nothing_old_is_told(store: Store, url: str) -> None:
    attest(store, "edge1", SOUND)
    hold(store, open_incident(store, "edge2", "os"))
    follower = Follower(url)
    assert read(follower) == []
    attest(store, "edge1", SOUND)
    assert read(follower) == []
    attest(store, "edge1", LOST)
    assert [(e["previous_tier"], e["tier"]) for e in read(follower)] == [("affirming", "contraindicated")]
    assert read(follower) == []


def test_since_tells_what_was_recorded_from_then_on(store: Store, url: str) -> None:
    attest(store, "edge1", SOUND, at=NOW)
    attest(store, "edge1", LOST, at=NOW + 10)
    attest(store, "edge1", None, at=NOW + 20)
    assert short(read(Follower(url, since=0.0))) == [
        "edge1 attested", "edge1 affirming", "edge1 contraindicated", "edge1 unreachable",
    ]  # fmt: skip
    assert short(read(Follower(url, since=NOW + 10))) == ["edge1 contraindicated", "edge1 unreachable"]
    assert short(read(Follower(url, since=NOW + 10.5))) == ["edge1 unreachable"]
    assert read(Follower(url, since=NOW + 30)) == []


def test_only_the_nodes_that_are_asked_for(store: Store, url: str) -> None:
    follower = Follower(url, frozenset({"edge2"}))
    assert read(follower) == []
    for node in ("edge1", "edge2"):
        attest(store, node, LOST)
        open_incident(store, node, "os")
    assert {event["node"] for event in read(follower)} == {"edge2"}


def test_an_incident_that_was_held_before_is_not_held_again(store: Store, url: str) -> None:
    number = open_incident(store, "edge1", "os")
    hold(store, number)
    follower = Follower(url)
    assert read(follower) == []
    hold(store, number)
    assert read(follower) == []
    contain(store, number)
    recover(store, number)
    assert short(read(follower)) == ["edge1 contained", "edge1 recovered"]


def test_one_read_is_bounded(store: Store, url: str) -> None:
    follower = Follower(url, since=0.0)
    for number in range(BATCH + 1):
        attest(store, "edge1", LOST if number % 2 else SOUND)
    first, second = follower.read(), follower.read()
    assert (first.more, second.more) == (True, False)
    assert len(first.events) == BATCH + 1  # the state of the first
    assert len(second.events) == 1


def test_another_store_in_its_place_is_told_and_what_follows_is_compared_with_what_was_told(tmp_path: Path) -> None:
    file, copy = tmp_path / "store.sqlite3", tmp_path / "copy.sqlite3"
    url = f"sqlite:///{file}"
    with sqlite3.connect(file):
        pass
    store = Store(url)
    attest(store, "edge1", SOUND)
    store.close()
    shutil.copy(file, copy)
    store = Store(url)
    follower = Follower(url)
    assert read(follower) == []
    attest(store, "edge1", LOST)
    assert short(read(follower)) == ["edge1 contraindicated"]
    store.close()
    shutil.copy(copy, file)
    replaced, verdict = read(follower)
    assert [replaced[key] for key in ("kind", "change", "id")] == ["ledger", "replaced", "1.replaced"]
    assert [verdict[key] for key in ("id", "previous_tier", "tier")] == ["1.0", "contraindicated", "affirming"]
    store = Store(url)
    attest(store, "edge1", SOUND)
    assert read(follower) == []
    attest(store, "edge1", LOST)
    assert [(e["previous_tier"], e["tier"]) for e in read(follower)] == [("affirming", "contraindicated")]
    store.close()


def test_a_changed_entry_at_the_place_is_told(store: Store, url: str) -> None:
    attest(store, "edge1", SOUND)
    follower = Follower(url)
    read(follower)
    with store.transaction() as connection:
        connection.execute(update(schema.ledger).values(digest="0" * 64))
    assert [e["change"] for e in read(follower)] == ["replaced"]


def test_a_reader_waits_for_nobody_and_keeps_nobody_waiting(store: Store, url: str) -> None:
    attest(store, "edge1", SOUND)
    follower = Follower(url)
    with store.transaction() as connection:
        connection.execute(text("UPDATE meta SET value = value"))
        done = threading.Thread(target=follower.read)
        done.start()
        done.join(10)
        assert not done.is_alive()


def test_a_reader_makes_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"^store sqlite:///.*/none\.sqlite3: OperationalError: unable to open"):
        Follower(f"sqlite:///{tmp_path}/none.sqlite3").read()
    assert [*tmp_path.iterdir()] == []


def test_a_reader_upgrades_no_store_and_writes_nothing(store: Store, url: str) -> None:
    with store.transaction() as connection:
        connection.execute(update(schema.meta).where(schema.meta.c.key == "version").values(value="4"))
    with pytest.raises(StoreError, match=r"has schema version 4; .* Next: run a playbook of this release"):
        Store(url, read_only=True)
    with store.transaction() as connection:
        connection.execute(update(schema.meta).where(schema.meta.c.key == "version").values(value=str(schema.VERSION)))
    reader = Store(url, read_only=True)
    with pytest.raises(StoreError, match=r"(?i)read-?only"), reader.transaction() as connection:
        connection.execute(update(schema.meta).values(value="x"))
    reader.close()


def test_a_database_without_tables_is_empty(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        (tmp_path / "store.sqlite3").touch()
    with pytest.raises(StoreError, match=r": is empty\. Next: run a playbook of the collection"):
        Store(url, read_only=True)


@contextmanager
def away(url: str, tmp_path: Path) -> Iterator[None]:
    """Have the store away: its file moved, or its server refusing connections."""
    if url.startswith("sqlite"):
        files = {path: path.rename(path.with_suffix(path.suffix + ".away")) for path in tmp_path.glob("store.*")}
        yield
        for path, moved in files.items():
            moved.rename(path)
        return
    other = url.replace("/postgres?", "/template1?")
    execute(other, "ALTER DATABASE postgres ALLOW_CONNECTIONS false")
    try:
        yield
    finally:
        execute(other, "ALTER DATABASE postgres ALLOW_CONNECTIONS true")


def test_a_failed_read_loses_nothing(store: Store, tmp_path: Path, url: str) -> None:
    follower = Follower(url)
    read(follower)
    attest(store, "edge1", LOST)
    store.close()
    with away(url, tmp_path):
        for _ in range(3):
            with pytest.raises(StoreError):
                follower.read()
    assert short(read(follower)) == ["edge1 attested", "edge1 contraindicated"]
    assert read(follower) == []


def test_what_no_release_writes_is_the_store_s_error(store: Store, url: str) -> None:
    attest(store, "edge1", SOUND)
    with store.transaction() as connection:
        connection.execute(update(schema.attestations).values(ear={"submods": {"os": {"ear_status": "splendid"}}}))
    with pytest.raises(
        StoreError, match=r": holds what this release does not write: ValueError\(.*\)\. Next: compare it"
    ):
        Follower(url).read()


def test_an_entry_that_cannot_be_read_stops_no_restart(store: Store, url: str) -> None:
    attest(store, "edge1", SOUND)
    follower = Follower(url)
    read(follower)
    with store.transaction() as connection:
        ledger.append(connection, NOW, "attestation", "edge1", ["no result"])
    assert [e["change"] for e in read(follower)] == ["unreadable"]
    follower = Follower(url, place=follower.place)
    attest(store, "edge1", LOST)
    assert short(read(follower)) == ["edge1 contraindicated"]


acts = st.lists(
    st.sampled_from(["sound", "lost", "away", "open", "hold", "contain", "recover", "read", "restart"]), max_size=30
)


@given(acts=acts)
@settings(max_examples=15, deadline=None)
def test_whatever_the_cuts_no_change_is_lost_and_none_comes_twice(acts: list[str]) -> None:
    with TemporaryDirectory() as directory:
        url = f"sqlite:///{directory}/store.sqlite3"
        store = Store(url)
        follower, events, incident = Follower(url, since=0.0), list[Event](), 0
        follower.read()
        for act in acts:
            if act == "read":
                events += follower.read().events
            elif act == "restart":
                events += follower.read().events
                follower = Follower(url, place=follower.place)
            elif act in ("sound", "lost", "away"):
                attest(store, "edge1", {"sound": SOUND, "lost": LOST, "away": None}[act])
            elif act == "open":
                incident = open_incident(store, "edge1", "os")
            elif incident:
                try:
                    {"hold": hold, "contain": contain, "recover": recover}[act](store, incident)
                except StoreError:  # held after its end
                    continue
        events += read(follower)
        assert events == read(Follower(url, since=0.0))
        assert len({event["id"] for event in events}) == len(events)
        store.close()
