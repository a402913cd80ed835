# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the store as it is at one moment, taken while others write, and a store made of such a copy.

A backup is always one SQLite file, whatever the store is: of PostgreSQL it holds the rows of one snapshot. So a site
that outgrows its file goes on with PostgreSQL by a backup and a restore.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.engine import make_url

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

_ROWS: Final = 200
_VERSIONS: Final = (schema.meta.name, schema.alembic_version.name)


def backup(url: str, path: Path) -> int:
    """Write a store's copy to a file, which holds the old copy or the new one, whole; return its size in bytes.

    The file is its owner's alone. Nobody who writes to the store waits for it.

    Args:
        url: SQLAlchemy URL of the store.
        path: the file; its directory exists.

    Raises:
        StoreError: the store cannot be read, its copy is not sound, or the file cannot be written.
    """
    with _private(path) as partial:
        source = Store(url, read_only=True)
        try:
            file = make_url(url).database if make_url(url).get_backend_name() == "sqlite" else None
            if file is not None:
                _copy_pages(os.path.expanduser(file), partial)
            else:
                _copy_snapshot(source, partial)
        finally:
            source.close()
        _settle(partial)
        os.replace(partial, path)
        _sync(path.parent)
        return path.stat().st_size


def restore(path: Path, url: str) -> None:
    """Fill a store that is new from a backup. A backup of an earlier version is upgraded on the way; it stays as it is.

    Args:
        path: the backup.
        url: SQLAlchemy URL of the store; its tables are made where there are none.

    Raises:
        StoreError: the backup cannot be read, or the store holds something.
    """
    with tempfile.TemporaryDirectory(prefix="palantir-trust-") as directory:
        copy = Path(directory) / "backup.sqlite3"
        try:
            shutil.copyfile(path, copy)
        except OSError as error:
            raise _unreadable(path, error.strerror or "cannot be read") from None
        source, target = Store(f"sqlite:///{copy}"), Store(url)
        try:
            with source.transaction() as reading, target.transaction() as writing:
                _require_new(writing, target.name)
                _copy_rows(reading, writing)
        finally:
            source.close()
            target.close()


def _copy_pages(source: str, partial: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(source)) as reading,
        contextlib.closing(sqlite3.connect(partial)) as writing,
    ):
        try:
            # In one step: what is written meanwhile would make it begin again and again.
            reading.backup(writing)
        except sqlite3.Error as error:
            raise StoreError(
                f"backup {partial.parent}", f"{printable(error)}.", "check its disk and the store."
            ) from None


def _copy_snapshot(source: Store, partial: Path) -> None:
    target = Store(f"sqlite:///{partial}")
    try:
        with source.transaction() as reading, target.transaction() as writing:
            _copy_rows(reading, writing)
    finally:
        target.close()


def _copy_rows(reading: Connection, writing: Connection) -> None:
    """Copy all tables from one transaction to another; the tables that are written to have nothing but versions."""
    for name in _VERSIONS:
        writing.execute(delete(schema.metadata.tables[name]))
    for table in schema.metadata.sorted_tables:
        rows = reading.execute(select(table), execution_options={"yield_per": _ROWS})
        for part in rows.mappings().partitions(_ROWS):
            writing.execute(insert(table), [dict(row) for row in part])
        if writing.dialect.name == "postgresql" and "id" in table.c:
            first_free = writing.execute(select(func.coalesce(func.max(table.c.id), 0) + 1)).scalar_one()
            writing.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), first_free, False)))


def _require_new(connection: Connection, name: str) -> None:
    for table in schema.metadata.sorted_tables:
        if table.name not in _VERSIONS and connection.execute(select(func.count()).select_from(table)).scalar():
            cause = f"is not new: its table {table.name} has rows."
            raise StoreError(f"store {name}", cause, "restore into another store, then let all controllers use that.")


@contextlib.contextmanager
def _private(path: Path) -> Iterator[Path]:
    """Give the path of a file beside another, which is its owner's alone; remove it where it was not moved."""
    partial = ""
    try:
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        yield Path(partial)
    except OSError as error:
        step = "check its directory, its owner and the space on its disk."
        raise StoreError(f"backup {path}", f"{error.strerror}.", step) from None
    finally:
        for name in (partial, f"{partial}-wal", f"{partial}-shm", f"{partial}-journal"):
            with contextlib.suppress(OSError):
                os.unlink(name)


def _settle(partial: Path) -> None:
    """Make a copy one file that is complete without others, check it, and bring it to the disk."""
    try:
        with contextlib.closing(sqlite3.connect(partial)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        found = printable(error)
    if found != "ok":
        raise _unreadable(partial.parent, f"the copy is not sound: {printable(found, 200)}")
    _sync(partial)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unreadable(path: Path, cause: str) -> StoreError:
    return StoreError(f"backup {path}", f"{cause}.", "check the store with palantir.trust.store, and the disk.")


__all__ = ["backup", "restore"]
