# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores as the code of earlier versions made them, with its own DDL, opened by this one."""

from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, create_engine, func, insert, inspect, select, text, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attestations,
    boots,
    identities,
    instances,
    ledger,
    list_parts,
    schema,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.upgrade import MIGRATIONS
from tests.unit.store.writers import count_and_leave

pytestmark = pytest.mark.slow

OLD = Path(__file__).parent / "old"
ROOT = Path(__file__).parents[3]
EAR = {"ear_status": "affirming", "submods": {"os": {"ear_status": "affirming"}, "sc:dns-1": {"ear_status": "none"}}}
WORSE = {"ear_status": "warning", "submods": {"os": {"ear_status": "warning"}}}


def make_old(url: str, version: int) -> Engine:
    """Make the tables as a version did, and return an engine that knows them."""
    engine = create_engine(url)
    script = (OLD / f"version{version}.{engine.dialect.name}.sql").read_text(encoding="utf-8")
    statements = "\n".join(line for line in script.splitlines() if not line.startswith("--")).split(";\n")
    with engine.begin() as connection:
        for statement in filter(str.strip, statements):
            connection.exec_driver_sql(statement)
    return engine


def fill(engine: Engine) -> None:
    """Store what a site of the time had: a node and its results, an instance, and where there are such, list parts."""
    tables = MetaData()
    tables.reflect(engine)
    node: dict[str, Any] = {"name": "node1", "identity": {"ak_public": "AA=="}, "ek_sha256": "e" * 64, "recorded": {}}
    results: list[dict[str, Any]] = [
        {"id": 7, "node": "node1", "at": 2.0, "state": "attested", "message": "", "ear": EAR, "evidence": 3},
        {"id": 8, "node": "node1", "at": 3.0, "state": "attested", "message": "", "ear": WORSE},
        {"id": 9, "node": "node1", "at": 4.0, "state": "unreachable", "message": "off"},
    ]
    generation: dict[str, Any] = {"id": 1, "instance": "dns-1", "sc": "dns", "flavour": "podman", "node": "node1"}
    generation |= {
        "generation": 1,
        "uid_base": 1_000_013_824,
        "uid_count": 65536,
        "reset_count": 3,
        "state": "live",
        "files": {},
    }
    with engine.begin() as connection:
        flags = {"last": {"reset_count": 3}, "enrolled_at": 1.0, "cordoned": False}
        connection.execute(insert(tables.tables["nodes"]).values(**node, **flags))
        row = {"id": 3, "node": "node1", "at": 2.0, "sha256": "0" * 64, "zlib": b""}
        connection.execute(insert(tables.tables["evidence"]), [row])
        for result in results:
            connection.execute(insert(tables.tables["attestations"]).values(**result))
        connection.execute(insert(tables.tables["instances"]).values(**generation, created_at=1.0))
        if "list_parts" in tables.tables:
            parts: list[dict[str, Any]] = [{"attestation": 7, "base": None}, {"attestation": 8, "base": 7}]
            connection.execute(insert(tables.tables["list_parts"]), [{**p, "offset": 0, "verified": 5} for p in parts])
            boot = {"node": "node1", "reset_count": 3, "entries": 1, "clock": 1, "attestation": 8, "state": b"\1"}
            connection.execute(insert(tables.tables["boots"]), [boot])


def shape(url: str) -> dict[str, dict[str, Any]]:
    """Return what a database says of its tables."""
    engine = create_engine(url)
    found = inspect(engine)
    shapes = {
        name: {
            "columns": {str(c["name"]): (str(c["type"]), c["nullable"]) for c in found.get_columns(name)},
            "indexes": {str(i["name"]): (tuple(i["column_names"]), bool(i["unique"])) for i in found.get_indexes(name)},
            "keys": found.get_pk_constraint(name)["constrained_columns"],
            "foreign": sorted((f["constrained_columns"], f["referred_table"]) for f in found.get_foreign_keys(name)),
            "unique": sorted(str(u["column_names"]) for u in found.get_unique_constraints(name)),
        }
        for name in found.get_table_names()
    }
    engine.dispose()
    return shapes


def versions(url: str) -> tuple[list[str], list[str]]:
    """Return the version that the collection notes, and Alembic's."""
    engine = create_engine(url)
    with engine.connect() as connection:
        ours = connection.execute(text("SELECT value FROM meta WHERE key = 'version'")).scalars().all()
        found = inspect(connection).has_table("alembic_version")
        theirs = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() if found else []
    engine.dispose()
    return list(ours), list(theirs)


@pytest.fixture(params=range(1, 7))
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a file that a version before this one made and filled."""
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    engine = make_old(url, request.param)
    fill(engine)
    engine.dispose()
    return url


def check_kept(url: str, *, with_parts: bool) -> None:
    store = Store(url)
    with store.transaction() as connection:
        known = identities.find(connection, "node1")
        assert known is not None
        assert (known.reset_count, known.isolated) == (3, False)
        kept = attestations.history(connection, 0)
        assert [(r.id, r.at, r.state, r.message, r.ear, r.rounds) for r in kept] == [
            (7, 2.0, "attested", "", EAR, 1),
            (8, 3.0, "attested", "", WORSE, 1),
            (9, 4.0, "unreachable", "off", None, 1),
        ]
        assert attestations.latest(connection, ["node1"], 0)["node1"].id == 9
        assert [(r.instance, r.container) for r in instances.live(connection)] == [("dns-1", None)]
        changes = connection.execute(select(schema.changes)).all()
        assert sorted((c.layer, c.value, c.attestation) for c in changes) == [
            ("", "unreachable", 9),
            ("os", "warning", 8),
            ("sc:dns-1", "absent", 8),
        ]
        if with_parts:
            assert list_parts.find(connection, 8) == list_parts.ListPart(8, 7, 0, 5)
            assert boots.load(connection, "node1") == boots.StoredBoot(b"\1", 8)
            assert connection.execute(select(schema.list_parts.c.root)).scalars().all() == [7, 7]
        # And it goes on.
        assert attestations.record(connection, "node1", 5.0, "unreachable", "off") == 10
        assert ledger.verify(connection) == 1
    store.close()


def test_a_file_of_any_earlier_version_is_upgraded_and_keeps_what_it_has(old_url: str, tmp_path: Path) -> None:
    with_parts = "list_parts" in shape(old_url)
    check_kept(old_url, with_parts=with_parts)
    Store(f"sqlite:///{tmp_path}/new.sqlite3").close()
    assert shape(old_url) == shape(f"sqlite:///{tmp_path}/new.sqlite3")
    assert versions(old_url) == ([str(schema.VERSION)], [str(schema.VERSION)])


def test_an_old_store_that_may_not_be_changed_is_refused_and_stays_as_it_is(old_url: str) -> None:
    before = shape(old_url), versions(old_url)
    with pytest.raises(
        StoreError, match=r"has schema version \d; .* Next: run a playbook of this release without --check"
    ):
        Store(old_url, keep=False)
    assert (shape(old_url), versions(old_url)) == before
    Store(old_url).close()
    Store(old_url, keep=False).close()


def test_a_store_that_may_not_be_made_is_an_empty_one_in_memory(tmp_path: Path) -> None:
    file = tmp_path / "new" / "store.sqlite3"
    store = Store(f"sqlite:///{file}", keep=False)
    with store.transaction() as connection:
        assert identities.find(connection, "node1") is None
    store.close()
    assert not file.parent.exists()


def test_all_threads_have_one_store_in_memory_and_one_transaction_at_a_time(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/store.sqlite3", keep=False)

    def note(number: int) -> None:
        with store.transaction() as connection:
            ledger.append(connection, float(number), "notice", "node1", {})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(note, range(40)))
    with store.transaction() as connection:
        assert ledger.verify(connection) == 40
    store.close()


def test_an_empty_database_that_may_not_be_changed_is_refused(postgresql_url: str) -> None:
    with pytest.raises(StoreError, match="is empty"):
        Store(postgresql_url, keep=False)
    engine = create_engine(postgresql_url)
    assert inspect(engine).get_table_names() == []
    engine.dispose()


@pytest.mark.parametrize("version", [2, 6])
def test_a_database_of_postgresql_is_upgraded_and_keeps_what_it_has(postgresql_url: str, version: int) -> None:
    with_clean = create_engine(postgresql_url, isolation_level="AUTOCOMMIT")
    with with_clean.connect() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        Store(postgresql_url).close()
        new = shape(postgresql_url)
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        engine = make_old(postgresql_url, version)
        fill(engine)
        for table in ("attestations", "evidence", "instances"):
            connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 9)"))
        engine.dispose()
        check_kept(postgresql_url, with_parts=version == 6)
        assert shape(postgresql_url) == new
        assert versions(postgresql_url) == ([str(schema.VERSION)], [str(schema.VERSION)])
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    with_clean.dispose()


def test_processes_that_open_an_old_store_at_once_upgrade_it_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    engine = make_old(url, 2)
    fill(engine)
    engine.dispose()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=open_and_leave, args=(url,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert versions(url) == ([str(schema.VERSION)], [str(schema.VERSION)])
    check_kept(url, with_parts=False)


def open_and_leave(url: str) -> None:
    Store(url).close()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    engine = make_old(url, 2)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE boots (mine INTEGER)")
    before = shape(url)
    with pytest.raises(StoreError, match="table boots already exists") as caught:
        Store(url)
    assert str(caught.value).startswith(f"store {url}: ")
    assert shape(url) == before
    assert versions(url) == (["2"], [])
    engine.dispose()


def test_a_store_whose_versions_contradict_each_other_is_not_touched(url: str) -> None:
    store = Store(url)
    with store.transaction() as connection:
        connection.execute(update(schema.meta).where(schema.meta.c.key == "version").values(value="6"))
    store.close()
    with pytest.raises(StoreError, match=r"has schema version 6, and Alembic noted 7\. Next: restore it"):
        Store(url)
    assert versions(url) == (["6"], ["7"])


def test_the_migrations_are_one_line_that_ends_with_this_version() -> None:
    script = pytest.importorskip("alembic.script")
    found = script.ScriptDirectory(MIGRATIONS, version_locations=[MIGRATIONS])
    assert [s.revision for s in found.walk_revisions()] == [str(v) for v in range(schema.VERSION, 0, -1)]


def python(program: str) -> str:
    """Run a program in a Python of its own, and return what it prints."""
    environment = {"PYTHONPATH": str(ROOT / "collections")}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def test_without_alembic_an_old_store_is_refused_and_a_current_one_is_opened(tmp_path: Path) -> None:
    current, old = (f"sqlite:///{tmp_path}/{name}.sqlite3" for name in ("current", "old"))
    Store(current).close()
    make_old(old, 6).dispose()
    program = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
sys.modules["alembic"] = None  # as where it is not installed
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
Store({current!r}).close()
try:
    Store({old!r})
except Exception as error:
    print(error)
"""
    run = python(program)
    assert run == (
        f"store {old}: has schema version 6, and its upgrade needs Alembic, which is not installed. "
        "Next: install the packages of requirements.txt.\n"
    )
    assert versions(old) == (["6"], [])


def test_a_current_store_is_opened_without_alembic_and_with_two_queries(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    count_and_leave(url)
    program = f"""
import sys
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy import Engine, event
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
seen = []
event.listen(Engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
Store({url!r}).close()
print(len([q for q in seen if "BEGIN" not in q]), "alembic" in sys.modules)
"""
    run = python(program)
    assert run == "2 False\n"


def test_a_count_of_rows_is_the_same_after_an_upgrade(old_url: str) -> None:
    Store(old_url).close()
    store = Store(old_url)
    with store.transaction() as connection:
        for table, rows in ((schema.runs, 3), (schema.attestations, 3), (schema.nodes, 1), (schema.evidence, 1)):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == rows
    store.close()
    with sqlite3.connect(old_url.removeprefix("sqlite:///")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
