# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect, select, text, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, instances, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

VERSION_2 = (Path(__file__).parent / "version2.sql").read_text(encoding="utf-8")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that release 0.1.0 wrote: a node, its last result, and an instance."""
    path = tmp_path / "store.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.executescript(VERSION_2)
        values = ("node1", json.dumps({"ak_public": "AA=="}), "e" * 64, "{}", json.dumps({"reset_count": 3}), 1.0, 0)
        connection.execute("INSERT INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)", values)
        connection.execute("INSERT INTO attestations VALUES (7, 'node1', 2.0, 'unreachable', 'off', NULL, NULL, NULL)")
        generation = (1, "dns-1", "dns", "podman", "node1", 1, 1_000_013_824, 65536, 3, None, "live", "{}", 1.0, None)
        connection.execute("INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", generation)
    connection.close()
    return path


def test_a_file_of_version_2_is_upgraded_where_it_is(old: Path) -> None:
    for _time in range(2):
        store = Store(f"sqlite:///{old}")
        with store.transaction() as connection:
            known = identities.find(connection, "node1")
            assert known is not None
            assert known.reset_count == 3
            assert [kept.message for kept in attestations.history(connection, 0)] == ["off"]
            assert [(kept.instance, kept.container) for kept in instances.live(connection)] == [("dns-1", None)]
            version = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "version")).scalar()
            assert version == str(schema.VERSION)
        store.close()


def shape(store: Store) -> dict[str, set[str]]:
    with store.transaction() as connection:
        found = inspect(connection)
        return {
            name: {str(item["name"]) for item in (*found.get_columns(name), *found.get_indexes(name))}
            for name in found.get_table_names()
        }


def test_an_upgraded_store_is_as_a_new_one(old: Path, tmp_path: Path) -> None:
    upgraded, new = Store(f"sqlite:///{old}"), Store(f"sqlite:///{tmp_path}/new.sqlite3")
    assert shape(upgraded) == shape(new)
    upgraded.close()
    new.close()


def test_every_database_is_upgraded(url: str) -> None:
    store = Store(url)
    wanted = shape(store)
    with store.transaction() as connection:
        connection.execute(text("DROP INDEX ledger_about"))
        for table in ("answers", "approvals", "attempts", "boots", "certificates", "list_parts"):
            connection.execute(text(f"DROP TABLE {table}"))
        for table, column in (("instances", "container"), ("nodes", "isolated")):
            connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(update(schema.meta).where(schema.meta.c.key == "version").values(value="2"))
    store.close()
    again = Store(url)
    assert shape(again) == wanted
    again.close()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE TABLE list_parts (mine INTEGER)")
        connection.execute("CREATE TABLE boots (mine INTEGER)")
        connection.execute("ALTER TABLE instances ADD COLUMN container INTEGER")
    connection.close()
    with pytest.raises(StoreError, match="duplicate column name"):
        Store(f"sqlite:///{old}")
    with sqlite3.connect(old) as connection:
        assert connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() == ("2",)
    connection.close()
