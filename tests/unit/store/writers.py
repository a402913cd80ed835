# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other processes do to a store, in a module that these import in no time."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


def put(connection: Connection, key: str, value: str) -> None:
    connection.execute(schema.meta.insert().values(key=key, value=value))


def stored(connection: Connection, key: str) -> str | None:
    return connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == key)).scalar()


def read_decide_write(url: str, times: int) -> None:
    store = Store(url)
    for _ in range(times):
        with store.transaction() as connection:
            count = int(stored(connection, "count") or 0)
            if count == 0:
                put(connection, "count", "1")
            else:
                query = update(schema.meta).where(schema.meta.c.key == "count")
                connection.execute(query.values(value=str(count + 1)))
    store.close()


def count_and_leave(url: str) -> None:
    store = Store(url)
    with store.transaction() as connection:
        put(connection, "colour", "blue")
    store.close()


def append(url: str, name: str, count: int) -> None:
    store = Store(url)
    for number in range(count):
        with store.transaction() as connection:
            ledger.append(connection, number, "action", name, {"number": number})
    store.close()


__all__ = ["append", "count_and_leave", "put", "read_decide_write", "stored"]
