# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is verified of each node's present boot: it only ever goes forward.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Row, delete, insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import boots

_LAST: Final = (1 << 63) - 1


@dataclass(frozen=True)
class StoredBoot:
    """A node's state as it is stored.

    Attributes:
        packed: see :class:`.progress.Progress`.
        attestation: the result that it is from.
    """

    packed: bytes
    attestation: int


def load(connection: Connection, node: str) -> StoredBoot | None:
    """Return a node's state; None where there is none."""
    row = connection.execute(select(boots).where(boots.c.node == node)).first()
    return None if row is None else StoredBoot(bytes(row.state), int(row.attestation))


def save(
    connection: Connection,
    node: str,
    progress: Progress,
    packed: bytes,
    attestation: int,
    unusable: int | None = None,
) -> bool:
    """Store a node's state unless what is stored is further; return whether it was.

    Rounds may be under way at once, and end in any order: a state of an earlier boot, of fewer entries or of an
    older quote never takes the place of another.

    Args:
        connection: an open transaction.
        node: name of the node.
        progress: the state.
        packed: the same, packed.
        attestation: the result that it is from.
        unusable: result of a stored state that cannot be read, or is of another AK: it is replaced in any case.
    """
    row = connection.execute(select(boots).where(boots.c.node == node)).first()
    # A TPM's clock has 64 bits, and its owner may set it: the column's end is far enough, and no node may end the
    # transaction that keeps its verdict.
    moment = (progress.reset_count, progress.verified.entries, min(progress.clock, _LAST))
    if row is not None and row.attestation != unusable and _moment(row) > moment:
        return False
    reset_count, entries, clock = moment
    forget(connection, node)
    connection.execute(
        insert(boots).values(
            node=node, reset_count=reset_count, entries=entries, clock=clock, attestation=attestation, state=packed
        )
    )
    return True


def forget(connection: Connection, node: str) -> None:
    """Forget a node's state, if it has one."""
    connection.execute(delete(boots).where(boots.c.node == node))


def _moment(row: Row[tuple[object, ...]]) -> tuple[int, int, int]:
    return int(row.reset_count), int(row.entries), int(row.clock)


__all__ = ["StoredBoot", "forget", "load", "save"]
