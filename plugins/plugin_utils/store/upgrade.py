# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stores of earlier schema versions, made into one of this version where they are, by Alembic.

What each version brought stands in ``migrations/``, in a file of its own that does not change any more. Alembic is
imported only where there is something to do: each task of a playbook opens the store.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, inspect, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import schema

MIGRATIONS: Final = Path(__file__).parent / "migrations"


def upgrade(connection: Connection, name: str, found: object) -> bool:
    """Bring a store to this version, within the caller's transaction; return whether there is a way.

    Args:
        connection: an open transaction; whatever fails in it leaves the store as it was.
        name: the store's, for messages.
        found: the store's version.

    Raises:
        StoreError: Alembic is not installed, or the store contradicts itself.
    """
    if found == str(schema.VERSION):
        return True
    if found not in {str(version) for version in range(1, schema.VERSION)}:
        return False
    noted = _noted(connection)
    if noted not in (None, found):
        cause = f"has schema version {found}, and Alembic noted {printable(noted, 40)}."
        raise StoreError(f"store {name}", cause, "restore it from a backup.")
    _migrate(connection, name, str(found), stamped=noted is not None)
    query = update(schema.meta).where(schema.meta.c.key == "version")
    connection.execute(query.values(value=str(schema.VERSION)))
    return True


def _noted(connection: Connection) -> object:
    """Return the version that Alembic noted; None where a release without it made the store."""
    if not inspect(connection).has_table(schema.alembic_version.name):
        return None
    return connection.execute(select(schema.alembic_version.c.version_num)).scalar()


def _migrate(connection: Connection, name: str, found: str, *, stamped: bool) -> None:
    try:
        from alembic.operations import Operations  # noqa: PLC0415 - takes longer than to open a store
        from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
        from alembic.script import ScriptDirectory  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415
    except ImportError:
        cause = f"has schema version {found}, and its upgrade needs Alembic, which is not installed."
        raise StoreError(f"store {name}", cause, "install the packages of requirements.txt.") from None
    scripts = ScriptDirectory(MIGRATIONS, version_locations=[MIGRATIONS])

    def steps(heads: Any, _context: MigrationContext) -> Iterable[Any]:
        return scripts._upgrade_revs(str(schema.VERSION), heads)

    context = MigrationContext.configure(connection, opts={"fn": steps, "script": scripts})
    try:
        if not stamped:
            context.stamp(scripts, found)
        with Operations.context(context):
            context.run_migrations()
    except CommandError as error:
        step = "install the collection anew, or restore the store from a backup."
        raise StoreError(f"store {name}", f"cannot be upgraded: {printable(error)}.", step) from None


__all__ = ["MIGRATIONS", "upgrade"]
