# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening the store and running one transaction on it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, select
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.upgrade import upgrade

ENVIRONMENT = "PALANTIR_TRUST_STORE"
BUSY_SECONDS = 30
IDLE_SECONDS = 60
CONNECT_SECONDS = 10

_HOW = f"set {ENVIRONMENT} to sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."
_DAMAGED = "check it with palantir.trust.store, and restore it from a backup."
_LOST = "see that its server runs and can be reached, then run again: nothing of this step was kept."
_STEPS = (
    (("malformed", "not a database", "utf-8"), _DAMAGED),
    (("is full", "no space left", "disk i/o error"), "free space on its disk, then run again."),
    (("readonly", "read-only", "permission denied"), "make its file and its directory writable, then run again."),
    (("locked", "lock timeout"), "see who else works on it for so long, then run again."),
    (("connection", "server closed", "terminating", "shutting down", "starting up"), _LOST),
)
"""What a driver's message says, in lower case, to what is to be done."""
_LOCK = 0x70616C616E746972
"""Key of the advisory lock that a transaction on PostgreSQL holds: ``palantir`` in ASCII."""


def default_url() -> str:
    """Return the URL from the environment, else that of the user's own SQLite file."""
    url = os.environ.get(ENVIRONMENT)
    if url:
        return url
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return f"sqlite:///{data}/palantir.trust/store.sqlite3"


class Store:
    """A store that is open: a factory of transactions.

    Args:
        url: SQLAlchemy URL, ``sqlite:///FILE`` or ``postgresql+DRIVER://…``. Passwords in it never reach a message.
        read_only: nothing is made, upgraded or written, and nobody is kept waiting: a transaction sees the store as
            it was when it began, and runs beside those that write.
        keep: whether it may be made or upgraded. In place of a file that is not there, one in memory is made.

    Raises:
        StoreError: the URL is not one, the store is unreachable, or it was written by a newer version; with
            ``read_only``, also where it does not exist, or was written by an older version; without ``keep``, also
            where it was written by an older version, or is an empty database of a server.
    """

    def __init__(self, url: str, *, read_only: bool = False, keep: bool = True) -> None:
        parsed = _parse(url)
        # A server's password may stand in the query, too.
        self.name = parsed.set(query={}).render_as_string(hide_password=True)
        self._secrets = [text for text in (parsed.password, *_texts(parsed.query.get("password"))) if text]
        absent = not (keep or read_only) and _is_absent(parsed)
        parsed = parsed.set(database=":memory:") if absent else parsed
        make = {"sqlite": _sqlite_reader if read_only else _sqlite, "postgresql": _postgresql}
        try:
            self._engine = make[parsed.get_backend_name()](parsed)
            if parsed.get_backend_name() == "postgresql":
                event.listen(self._engine, "begin", _read if read_only else _lock)
            event.listen(self._engine, "handle_error", self._refuse_value)
            with self._closed_on_error(), self.transaction() as connection:
                (_prepare if absent or (keep and not read_only) else _require)(connection, self.name)
        except OSError as error:
            reason = f"{error.strerror or type(error).__name__} ({error.filename})."
            raise StoreError(f"store {self.name}", reason, f"check the directory or set {ENVIRONMENT}.") from None
        except ImportError as error:
            driver = error.name or parsed.get_driver_name()
            raise StoreError(
                f"store {self.name}", f"its database driver {driver} is not installed.", f"install it, or {_HOW}"
            ) from None
        except (ArgumentError, TypeError, ValueError) as error:
            raise StoreError(f"store {self.name}", f"its URL is not accepted: {self._safe(error)}", _HOW) from None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run the body in one transaction; commit at its end, roll back on any error.

        Transactions run one after the other, over all threads, processes and controllers: one that reads,
        decides and then writes never finds in the end that another was first.

        Raises:
            StoreError: the database refused or failed; nothing of the body was kept.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            lost = isinstance(error, DBAPIError) and error.connection_invalidated
            cause = f"{type(reason).__name__}: {self._safe(reason)}"
            raise StoreError(f"store {self.name}", cause, _LOST if lost else next_step(str(reason))) from None
        except json.JSONDecodeError as error:
            cause = f"holds a value that is no JSON: {self._safe(error)}."
            raise StoreError(f"store {self.name}", cause, _DAMAGED) from None

    def close(self) -> None:
        """Close the connections that the store keeps."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """Leave no connection behind of a store that is not opened: who tries again and again would gather them."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _refuse_value(self, context: ExceptionContext) -> None:
        """Give a value that no column can hold as the store's error: drivers raise what they like for these."""
        error = context.original_exception
        if isinstance(error, (UnicodeError, OverflowError)):
            raise StoreError(f"store {self.name}", f"it cannot hold a value: {self._safe(error)}.") from None

    def _safe(self, error: BaseException) -> str:
        text = str(error)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return printable(" ".join(text.split()), 500)


def next_step(message: str) -> str:
    """Return what to do about an error, by the driver's message."""
    said = message.lower()
    found = (step for words, step in _STEPS if any(word in said for word in words))
    return next(found, "check that it exists, has space and can be written.")


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise StoreError("store", "its URL is not an SQLAlchemy URL.", _HOW) from None
    if backend not in ("sqlite", "postgresql"):
        raise StoreError("store", f"its URL is of the kind {printable(backend, 40)}.", _HOW)
    if backend != "sqlite":
        return parsed
    if parsed.query or (parsed.database or "").startswith("file:"):
        raise StoreError("store", "its URL has options, and SQLite's takes none here.", _HOW)
    return parsed.set(database=os.path.expanduser(parsed.database)) if parsed.database else parsed


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _postgresql(url: URL) -> Engine:
    libpq = url.get_driver_name() in ("psycopg", "psycopg2") and "connect_timeout" not in url.query
    return create_engine(
        url,
        connect_args={"connect_timeout": CONNECT_SECONDS} if libpq else {},
        hide_parameters=True,
        # Any stricter level would take its snapshot before the lock is had, and so miss what its last holder wrote.
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
    )


def _lock(connection: Connection) -> None:
    """Begin a transaction on PostgreSQL that runs alone."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def _read(connection: Connection) -> None:
    """Begin a transaction on PostgreSQL that reads one snapshot."""
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{BUSY_SECONDS}s'")
    connection.exec_driver_sql(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")


def _sqlite(url: URL) -> Engine:
    options: dict[str, Any] = {"timeout": BUSY_SECONDS}
    one_for_all: dict[str, Any] = {}
    if url.database and url.database != ":memory:":
        _private_file(Path(url.database))
    else:
        # SQLAlchemy gives each thread a connection of its own, and of a store in memory each is another store.
        options["check_same_thread"] = False
        one_for_all = {"poolclass": QueuePool, "pool_size": 1, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
    engine = create_engine(url, connect_args=options, hide_parameters=True, **one_for_all)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _sqlite_reader(url: URL) -> Engine:
    path = quote(os.path.abspath(url.database or ""))
    # mode=rw and not ro: who is alone with a write-ahead log has to be able to bring it in.
    options = {"mode": "rw", "uri": "true"}
    engine = create_engine(
        url.set(database=f"file:{path}", query=options), connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA query_only = ON")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log: the one statement that SQLite's own busy handler does not wait for."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _is_absent(url: URL) -> bool:
    """Return whether a store's file is not there, or was only made and has nothing in it yet."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return False
    path = Path(url.database)
    return not path.exists() or (path.is_file() and path.stat().st_size == 0 and not _log_of(path).exists())


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _private_file(path: Path) -> None:
    """Make the file where it is not there yet, readable by its owner only.

    One that is there is not opened: to close it again would take away the locks that connections of this process
    have on it (fcntl(2), F_SETLK), and another process would remove the log that they write to.
    """
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _prepare(connection: Connection, name: str) -> None:
    """Create the tables of a new store, or upgrade one; refuse any other before anything in it is touched."""
    if not inspect(connection).has_table(schema.meta.name):
        schema.metadata.create_all(connection)
        connection.execute(insert(schema.meta).values(key="version", value=str(schema.VERSION)))
        connection.execute(insert(schema.alembic_version).values(version_num=str(schema.VERSION)))
        return
    found = _version(connection)
    if not upgrade(connection, name, found):
        raise _other_version(name, found, "use the release that wrote it, or another store.")


def _require(connection: Connection, name: str) -> None:
    """Refuse what is no store of this version."""
    if not inspect(connection).has_table(schema.meta.name):
        raise StoreError(
            f"store {name}", "is empty.", "run a playbook of the collection without --check, which makes its tables."
        )
    found = _version(connection)
    if found != str(schema.VERSION):
        step = (
            "run a playbook of this release without --check, which upgrades an older store, or use the other release."
        )
        raise _other_version(name, found, step)


def _version(connection: Connection) -> Any:
    return connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "version")).scalar()


def _other_version(name: str, found: object, next_step: str) -> StoreError:
    cause = f"has schema version {printable(found, 40)}; this release reads version {schema.VERSION}."
    return StoreError(f"store {name}", cause, next_step)


__all__ = ["ENVIRONMENT", "Store", "default_url", "next_step"]
