# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of earlier schema versions, made into one of this version where they are.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sqlalchemy import Connection, text, update

from ansible_collections.palantir.trust.plugins.plugin_utils.store import schema


def upgrade(connection: Connection, found: str | None) -> bool:
    """Bring a store to this version, within the caller's transaction; return whether there is a way.

    Args:
        connection: an open transaction; whatever fails in it leaves the store as it was.
        found: the store's version.
    """
    if found == str(schema.VERSION):
        return True
    if found is None or found not in _STEPS:
        return False
    for version in range(int(found), schema.VERSION):
        _STEPS[str(version)](connection)
    query = update(schema.meta).where(schema.meta.c.key == "version")
    connection.execute(query.values(value=str(schema.VERSION)))
    return True


def _keep_containers(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE instances ADD COLUMN container VARCHAR(255)"))


def _keep_progress(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.boots, schema.list_parts])


def _keep_attempts(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE nodes ADD COLUMN isolated BOOLEAN DEFAULT false NOT NULL"))
    schema.metadata.create_all(connection, tables=[schema.attempts, schema.approvals, schema.answers])


def _keep_certificates(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.certificates])
    for index in schema.ledger.indexes:
        index.create(connection)


_STEPS: Final[Mapping[str, Callable[[Connection], None]]] = {
    "2": _keep_containers,
    "3": _keep_progress,
    "4": _keep_attempts,
    "5": _keep_certificates,
}
"""Version → what makes a store of it one of the next."""

__all__ = ["upgrade"]
