# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of both kinds: a test that takes ``url`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

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
