# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    challenges,
    identities,
    incidents,
    ledger,
    list_parts,
    schema,
    switch,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.backup import backup, restore
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.health import check
from tests.unit.store.test_upgrade import fill, make_old

pytestmark = pytest.mark.slow


def fill_new(store: Store) -> None:
    """Store something of everything."""
    with store.transaction() as connection:
        identities.save(connection, "n1", "a" * 64, {"tpm": "é"}, {"events": []}, 1.0)
        challenges.issue(connection, "n1", 1.0)
        key = attestations.keep_evidence(
            connection, "n1", 2.0, attestations.pack_evidence({"quote": "\ud800"}), noted=False
        )
        ear = {"submods": {"os": {"ear_status": "warning"}}}
        number = attestations.record(connection, "n1", 2.0, "attested", ear=ear, evidence_id=key)
        list_parts.note(connection, list_parts.ListPart(number, None, 0, 7))
        incidents.open_incident(connection, "n1", "os", "x", 2.0)
        switch.stop(connection, "ada", "audit", 3.0)


def content(url: str) -> dict[str, list[Any]]:
    store = Store(url)
    with store.transaction() as connection:
        ledger.verify(connection)
        found = {t.name: [tuple(r) for r in connection.execute(select(t))] for t in schema.metadata.sorted_tables}
    store.close()
    return found


def url_of(store: Store) -> str:
    return store._engine.url.render_as_string(hide_password=False)


def test_a_backup_is_the_store_and_can_be_restored_anywhere(store: Store, tmp_path: Path) -> None:
    fill_new(store)
    file, other = tmp_path / "copy.sqlite3", f"sqlite:///{tmp_path}/other.sqlite3"
    assert backup(url_of(store), file) == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(("copy", ".copy"))) == [file.name]
    restore(file, other)
    assert content(other) == content(url_of(store)) == content(f"sqlite:///{file}")
    again = Store(other)
    with again.transaction() as connection:
        assert attestations.record(connection, "n2", 3.0, "unreachable") == 2
        assert attestations.load_evidence(connection, 1) == {"quote": "\ud800"}
    again.close()


def test_a_file_goes_to_postgresql_by_a_backup_and_goes_on_there(tmp_path: Path, postgresql_kept: Any) -> None:
    small = Store(f"sqlite:///{tmp_path}/small.sqlite3")
    fill_new(small)
    backup(url_of(small), tmp_path / "copy")
    large = postgresql_kept.engine.url.render_as_string(hide_password=False)
    try:
        restore(tmp_path / "copy", large)
        assert content(large) == content(url_of(small))
        opened = Store(large)
        with opened.transaction() as connection:
            assert attestations.record(connection, "n2", 3.0, "unreachable") == 2
            assert incidents.open_incident(connection, "n2", "os", "x", 3.0).id == 2
            assert ledger.verify(connection) == 6
        opened.close()
    finally:
        from tests.unit.conftest import empty

        empty(postgresql_kept)
        small.close()


def test_a_backup_waits_for_nobody_and_has_what_was_committed(store: Store, tmp_path: Path) -> None:
    fill_new(store)
    inside, done = threading.Event(), threading.Event()

    def slow() -> None:
        with store.transaction() as connection:
            attestations.record(connection, "n9", 5.0, "unreachable")
            inside.set()
            assert done.wait(30)

    thread = threading.Thread(target=slow)
    thread.start()
    assert inside.wait(10)
    backup(url_of(store), tmp_path / "copy")
    done.set()
    thread.join()
    with Store(f"sqlite:///{tmp_path}/copy").transaction() as connection:
        assert [r.node for r in attestations.history(connection, 0)] == ["n1"]


def test_a_backup_that_fails_leaves_the_one_before(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "copy"
    file.write_text("the one before")
    bad = make_url(url_of(store)).set(database="nonesuch/nonesuch").render_as_string(hide_password=False)
    with pytest.raises(StoreError):
        backup(bad, file)
    assert file.read_text() == "the one before"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".copy")] == []


def test_a_backup_in_no_directory_or_a_forbidden_one_is_named(tmp_path: Path, forbidden: Path) -> None:
    del forbidden  # tmp_path may not be written now, and this is not root any more
    for path, reason in ((tmp_path / "copy", "Permission denied"), (Path("/no/copy"), "No such file or directory")):
        with pytest.raises(StoreError) as caught:
            backup("sqlite:////nowhere", path)
        assert str(caught.value) == (
            f"backup {path}: {reason}. Next: check its directory, its owner and the space on its disk."
        )


def test_a_store_that_is_in_use_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    fill_new(store)
    backup(url_of(store), tmp_path / "copy")
    before = content(url_of(store))
    with pytest.raises(StoreError, match=r"is not new: its table \w+ has rows\. Next: restore into another store"):
        restore(tmp_path / "copy", url_of(store))
    assert content(url_of(store)) == before


@pytest.mark.parametrize("written", [None, b"", b"not a database" * 1000])
def test_what_is_no_backup_is_refused(tmp_path: Path, written: bytes | None) -> None:
    if written is not None:
        (tmp_path / "copy").write_bytes(written)
    if written == b"":
        restore(tmp_path / "copy", f"sqlite:///{tmp_path}/store")  # an empty file is a store with nothing in it
        return
    with pytest.raises(StoreError):
        restore(tmp_path / "copy", f"sqlite:///{tmp_path}/store")


def test_a_backup_of_an_earlier_version_is_upgraded_on_the_way_and_stays(tmp_path: Path) -> None:
    engine = make_old(f"sqlite:///{tmp_path}/copy", 2)
    fill(engine)
    engine.dispose()
    before = (tmp_path / "copy").read_bytes()
    restore(tmp_path / "copy", f"sqlite:///{tmp_path}/store")
    assert [row[1] for row in content(f"sqlite:///{tmp_path}/store")["attestations"]] == ["node1"] * 3
    assert (tmp_path / "copy").read_bytes() == before


def test_a_sound_store_has_no_problems(store: Store) -> None:
    fill_new(store)
    found = check(url_of(store))
    assert (found.version, found.ledger_entries, found.problems) == (schema.VERSION, 4, [])
    assert (found.rows["nodes"], found.rows["answers"]) == (1, 0)
    assert found.bytes > 10000
    assert "geheim" not in found.store


def test_what_is_wrong_with_a_store_is_told_all_at_once(store: Store) -> None:
    fill_new(store)
    with store.transaction() as connection:
        connection.execute(update(schema.ledger).where(schema.ledger.c.sequence == 2).values(subject="n7"))
        connection.execute(update(schema.alembic_version).values(version_num="4"))
    noted, ledger_ = check(url_of(store)).problems
    assert noted == "Alembic noted the versions ['4'], not 7"
    assert ledger_.startswith("ledger entry 2: is missing, or does not follow from the entry before it. Next: ")
    with store.transaction() as connection:
        connection.execute(update(schema.alembic_version).values(version_num="7"))


def test_a_row_that_refers_to_nothing_is_told(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/s")
    fill_new(store)
    store.close()
    with sqlite3.connect(tmp_path / "s") as connection:
        connection.execute("DELETE FROM evidence")
    connection.close()
    assert check(f"sqlite:///{tmp_path}/s").problems == ["table attestations: row 1 refers to nothing in evidence"]


def test_a_check_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        check(f"sqlite:///{tmp_path}/s")
    assert os.listdir(tmp_path) == []
