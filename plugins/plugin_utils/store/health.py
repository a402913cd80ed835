# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a store is sound, and what it holds; read beside those that write.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found.

    Attributes:
        store: name of the store, without its password.
        version: its schema version.
        bytes: size of the database.
        rows: number of rows of each table.
        ledger_entries: number of entries that follow from each other; None where the chain is broken.
        problems: what is wrong, a line each; empty where it is sound.
    """

    store: str
    version: int
    bytes: int
    rows: dict[str, int]
    ledger_entries: int | None
    problems: list[str]

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return asdict(self)


def check(url: str) -> Health:
    """Check a store's file, its references, its versions and the chain of its ledger.

    Raises:
        StoreError: it cannot be read at all.
    """
    store = Store(url, read_only=True)
    try:
        with store.transaction() as connection:
            problems = [*_damage(connection), *_versions(connection)]
            entries = None
            try:
                entries = ledger.verify(connection)
            except StoreError as error:
                problems.append(str(error))
            # A plain name: SQLAlchemy's own kind of text is nothing that Ansible takes.
            rows = {
                f"{table.name}": int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for table in schema.metadata.sorted_tables
            }
            return Health(store.name, schema.VERSION, _size(connection), rows, entries, problems)
    finally:
        store.close()


def _damage(connection: Connection) -> list[str]:
    """Return what SQLite finds in its file; PostgreSQL checks its own."""
    if connection.dialect.name != "sqlite":
        return []
    found = connection.execute(text(f"PRAGMA integrity_check({_SHOWN})")).scalars().all()
    lost = connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_SHOWN)
    damage = [f"file: {printable(line, 200)}" for line in found if line != "ok"]
    return damage + [f"table {row[0]}: row {row[1]} refers to nothing in {row[2]}" for row in lost]


def _versions(connection: Connection) -> list[str]:
    noted = connection.execute(select(schema.alembic_version.c.version_num)).scalars().all()
    return [] if noted == [str(schema.VERSION)] else [f"Alembic noted the versions {noted}, not {schema.VERSION}"]


def _size(connection: Connection) -> int:
    if connection.dialect.name == "sqlite":
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        return int(pages * connection.execute(text("PRAGMA page_size")).scalar_one())
    return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


__all__ = ["Health", "check"]
