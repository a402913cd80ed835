# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of both kinds: a test that takes ``url`` runs on SQLite and on PostgreSQL. And how long hypothesis looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import Connection, create_engine, delete, make_url

from ansible_collections.palantir.trust.plugins.plugin_utils.store import schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.store.postgresql import MissingError, execute, server
from tests.unit.support.examples import tried

# No deadline: how long an example takes on a machine that others use, too, says nothing of the code.
settings.register_profile("palantir.trust", max_examples=tried(50), deadline=None, print_blob=True)
settings.load_profile("palantir.trust")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case by its argument where that is bytes, which may be made by chance: all workers name tests alike."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Call a test slow that needs a PostgreSQL."""
    for item in items:
        if isinstance(item, pytest.Function):
            cases = item.callspec.params.values() if hasattr(item, "callspec") else ()
            if "postgresql" in cases or any(name.startswith("postgresql") for name in item.fixturenames):
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    try:
        with server() as url:
            yield url
    except MissingError as missing:
        if os.environ.get("PALANTIR_TRUST_TEST_POSTGRESQL") == "require":
            raise
        pytest.skip(f"no PostgreSQL for the tests: {missing}")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a store that does not exist yet."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.sqlite3"
        return
    yield (address := str(request.getfixturevalue("postgresql_url")))
    execute(address, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


@pytest.fixture(scope="session")
def postgresql_kept(postgresql_url: str) -> Iterator[Connection]:
    """A store that is emptied between tests: to make its tables anew takes longer than most tests do."""
    execute(postgresql_url, "CREATE DATABASE kept")
    engine = create_engine(make_url(postgresql_url).set(database="kept"), isolation_level="AUTOCOMMIT")
    Store(engine.url.render_as_string(hide_password=False)).close()
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def empty(connection: Connection) -> None:
    """Delete all but the schema's version, and number rows from 1 again."""
    for table in reversed(schema.metadata.sorted_tables):
        if table is schema.alembic_version:
            continue
        rows = delete(table)
        connection.execute(rows.where(table.c.key != "version") if table is schema.meta else rows)
    connection.exec_driver_sql("SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S'")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store that is open, with nothing in it."""
    if request.param == "sqlite":
        opened = Store(f"sqlite:///{tmp_path}/store.sqlite3")
        yield opened
        opened.close()
        return
    kept: Connection = request.getfixturevalue("postgresql_kept")
    opened = Store(kept.engine.url.render_as_string(hide_password=False))
    yield opened
    opened.close()
    empty(kept)
