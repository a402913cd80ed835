# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test of the store runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.store.postgresql import MissingError, server


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
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    """A directory that may not be written, by whom the test then runs as: root may write everywhere."""
    tmp_path.chmod(0o500)
    if os.geteuid() != 0:
        yield tmp_path
        return
    os.seteuid(pwd.getpwnam("nobody").pw_uid)
    try:
        yield tmp_path
    finally:
        os.seteuid(0)
