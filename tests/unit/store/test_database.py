# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    challenges,
    identities,
    incidents,
    instances,
    ledger,
    schema,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store, default_url
from tests.unit.store.writers import count_and_leave, put, read_decide_write, stored

HOW = "set PALANTIR_TRUST_STORE to sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."


def message(url: str) -> str:
    with pytest.raises(StoreError) as caught:
        Store(url)
    assert caught.value.__cause__ is None, "a chained error may show the URL with its password"
    return str(caught.value)


def test_what_one_transaction_wrote_the_next_one_reads(store: Store) -> None:
    with store.transaction() as connection:
        put(connection, "colour", "blue")
    with store.transaction() as connection:
        assert stored(connection, "colour") == "blue"


def test_an_error_in_the_body_undoes_all_of_it(store: Store) -> None:
    def fail_afterwards() -> None:
        with store.transaction() as connection:
            put(connection, "colour", "blue")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match=r"^half way$"):
        fail_afterwards()
    with store.transaction() as connection:
        assert stored(connection, "colour") is None


def test_a_store_is_opened_again_as_it_was_left(url: str) -> None:
    with Store(url).transaction() as connection:
        put(connection, "colour", "blue")
    with Store(url).transaction() as connection:
        assert stored(connection, "colour") == "blue"


def test_a_store_of_another_version_is_refused_and_not_touched(url: str) -> None:
    old = Store(url)
    with old.transaction() as connection:
        connection.execute(update(schema.meta).where(schema.meta.c.key == "version").values(value="8"))
        connection.execute(text("DROP TABLE ledger"))
    assert message(url).endswith(
        "has schema version 8; this release reads version 7. Next: use the release that wrote it, or another store."
    )
    with old.transaction() as connection:
        assert not connection.dialect.has_table(connection, "ledger")
    old.close()


def test_tables_of_another_program_are_refused(url: str) -> None:
    store = Store(url)
    with store.transaction() as connection:
        connection.execute(text("DELETE FROM meta"))
    store.close()
    assert "has schema version None; this release reads version 7." in message(url)


@pytest.mark.parametrize("value", ["lone surrogate \ud800", "nul \0 inside", "\U0001f600 \u202e fine"])
def test_any_text_is_kept_or_refused_as_a_store_error(store: Store, value: str) -> None:
    try:
        with store.transaction() as connection:
            put(connection, "text", value)
    except StoreError as error:
        refusal = str(error)
    else:
        with store.transaction() as connection:
            assert stored(connection, "text") == value
        return
    assert refusal.startswith(f"store {store.name}: ")
    assert refusal.isprintable()


def test_a_number_that_no_column_holds_is_a_store_error(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^store .*: .*\."), store.transaction() as connection:
        incidents.find(connection, 1 << 70)


def test_the_driver_s_error_is_one_line_without_the_statement(store: Store) -> None:
    with store.transaction() as connection:
        put(connection, "colour", "blue")
    with pytest.raises(StoreError) as caught, store.transaction() as connection:
        put(connection, "colour", "secret of a row")
    assert str(caught.value).isprintable()
    assert "INSERT" not in str(caught.value)
    assert "secret of a row" not in str(caught.value)


def test_a_transaction_waits_for_the_one_before_it(store: Store) -> None:
    order: list[str] = []
    inside = threading.Event()

    def slow() -> None:
        with store.transaction():
            inside.set()
            time.sleep(0.3)
            order.append("first")

    thread = threading.Thread(target=slow)
    thread.start()
    assert inside.wait(10)
    with store.transaction():
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.slow
def test_processes_that_open_a_new_store_at_once_do_not_lose_each_others_writes(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=read_decide_write, args=(url, 8)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    with Store(url).transaction() as connection:
        assert stored(connection, "count") == "24"


def test_many_threads_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def open_it(path: Path) -> None:
        try:
            Store(f"sqlite:///{path}").close()
        except BaseException as error:  # noqa: BLE001 - a thread would swallow it
            failures.append(error)

    for attempt in range(5):
        path = tmp_path / f"{attempt}.sqlite3"
        threads = [threading.Thread(target=open_it, args=(path,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", f"store: its URL is not an SQLAlchemy URL. Next: {HOW}"),
        ("store.sqlite3", f"store: its URL is not an SQLAlchemy URL. Next: {HOW}"),
        ("postgresql://u:geheim@h:port/db", f"store: its URL is not an SQLAlchemy URL. Next: {HOW}"),
        ("postgresql://u:geheim@[::1/db", f"store: its URL is not an SQLAlchemy URL. Next: {HOW}"),
        ("mysql://u:geheim@h/db", f"store: its URL is of the kind mysql. Next: {HOW}"),
        ("sqlite:///file:/tmp/x", f"store: its URL has options, and SQLite's takes none here. Next: {HOW}"),
        ("sqlite:////tmp/x?mode=ro", f"store: its URL has options, and SQLite's takes none here. Next: {HOW}"),
        (
            "postgresql+pg8000://u:geheim@h/db",
            "store postgresql+pg8000://u:***@h/db: its database driver pg8000 is not installed. Next: install it, or "
            + HOW,
        ),
    ],
)
def test_a_bad_url_is_named_without_its_password(url: str, expected: str) -> None:
    assert message(url) == expected


def test_an_unknown_driver_is_named() -> None:
    assert message("postgresql+nonesuch://u:geheim@h/db").startswith("store postgresql+nonesuch://u:***@h/db: its ")


def test_a_server_s_password_is_in_no_message(postgresql_url: str) -> None:
    host = postgresql_url.partition("host=")[2]
    for url in (
        f"postgresql+psycopg://trust:geheim@/nonesuch?host={host}",
        f"postgresql+psycopg://trust@/nonesuch?host={host}&password=geheim",
        f"postgresql+psycopg://trust:geheim@/postgres?host={host}-gone",
        f"postgresql+psycopg://trust:geheim@/postgres?host={host}&colour=geheim",
    ):
        text_ = message(url)
        assert text_.startswith("store postgresql+psycopg://trust")
        assert "geheim" not in text_
        assert text_.isprintable()


def test_a_store_that_is_locked_for_too_long_is_an_error_in_time(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.palantir.trust.plugins.plugin_utils.store.database.BUSY_SECONDS", 1, raising=True
    )
    store, other = Store(url), Store(url)
    with store.transaction(), pytest.raises(StoreError, match="lock"), other.transaction():
        pytest.fail("two transactions at once")
    store.close()
    other.close()


def test_the_file_and_its_directory_are_the_user_s_own(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        store = Store(f"sqlite:///{tmp_path}/data/store.sqlite3")
        with store.transaction() as connection:
            put(connection, "colour", "blue")
            modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "data").iterdir()}
    finally:
        os.umask(mask)
    assert modes == {"store.sqlite3": 0o600, "store.sqlite3-wal": 0o600, "store.sqlite3-shm": 0o600}
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    assert message(f"sqlite:///{tmp_path}/file/store.sqlite3") == (
        f"store sqlite:///{tmp_path}/file/store.sqlite3: Not a directory ({tmp_path}/file/store.sqlite3). "
        "Next: check the directory or set PALANTIR_TRUST_STORE."
    )


def test_a_directory_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    assert "Is a directory" in message(f"sqlite:///{tmp_path}")


def test_a_directory_that_may_not_be_written_is_named(forbidden: Path) -> None:
    assert "Permission denied" in message(f"sqlite:///{forbidden}/store.sqlite3")


def test_a_damaged_file_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    path.write_bytes(b"not a database, whatever its name says" * 100)
    assert message(f"sqlite:///{path}") == (
        f"store sqlite:///{path}: DatabaseError: file is not a database "
        "Next: check it with palantir.trust.store, and restore it from a backup."
    )


def test_a_file_damaged_in_the_middle_is_a_store_error(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    store = Store(f"sqlite:///{path}")
    with store.transaction() as connection:
        for number in range(2000):
            ledger.append(connection, 1.0, "action", "node1", {"number": number})
    store.close()
    data = bytearray(path.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="malformed"), Store(f"sqlite:///{path}").transaction() as connection:
        ledger.verify(connection)


def test_a_tilde_is_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store("sqlite:///~/store.sqlite3").name == f"sqlite:///{tmp_path}/store.sqlite3"
    assert (tmp_path / "store.sqlite3").is_file()


def test_where_a_store_is_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALANTIR_TRUST_STORE", "postgresql://db.example.test/trust")
    assert default_url() == "postgresql://db.example.test/trust"
    monkeypatch.delenv("PALANTIR_TRUST_STORE")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_url() == "sqlite:////data/palantir.trust/store.sqlite3"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/op")
    assert default_url() == "sqlite:////home/op/.local/share/palantir.trust/store.sqlite3"


def test_values_that_ansible_has_tagged_are_stored_as_they_are(store: Store) -> None:
    template = pytest.importorskip("ansible.template")
    node, layer = template.trust_as_template("node1"), template.trust_as_template("sc:dns-filter-1")
    with store.transaction() as connection:
        identities.save(connection, node, "a" * 64, {"tpm": {"model": node}}, {"events": [layer]}, 1.0)
        nonce = challenges.issue(connection, node, 1.0)
        challenges.redeem(connection, "node1", nonce, 2.0)
        incidents.open_incident(connection, node, layer, template.trust_as_template("unknown_file"), 1.0)
        record = instances.allocate(
            connection,
            instance=layer[3:],
            sc="dns-filter",
            flavour="podman",
            node=node,
            files={},
            reset_count=1,
            at=1.0,
        )
        attestations.record(connection, node, 1.0, "unreachable", node)
        assert identities.find(connection, "node1") is not None
        assert [r.id for r in instances.of_node(connection, "node1")] == [record.id]
        assert ledger.verify(connection) > 0


def test_the_database_of_sqlite_is_durable_and_shared(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/s")
    with store.transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    other = sqlite3.connect(tmp_path / "s")
    assert other.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == (str(schema.VERSION),)


def test_a_new_file_that_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.3, other.commit)
    release.start()
    Store(f"sqlite:///{path}").close()
    release.join()
    other.close()


def test_opening_a_store_twice_in_a_process_does_not_blind_it_to_others(tmp_path: Path) -> None:
    """A close of the file would drop this process's locks (fcntl(2)), and another one take itself for the last."""
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    first = Store(url)
    second = Store(url)
    other = multiprocessing.get_context("spawn").Process(target=count_and_leave, args=(url,))
    other.start()
    other.join(60)
    assert other.exitcode == 0
    assert (tmp_path / "store.sqlite3-wal").exists(), "the other process removed the log that this one writes to"
    for store in (first, second, Store(url)):
        with store.transaction() as connection:
            assert stored(connection, "colour") == "blue"
        store.close()
