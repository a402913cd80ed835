# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 7: runs of equal verdicts, the last change of each verdict, and what pruning asks for.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "7"
down_revision: Final[str | None] = "6"

NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""What numbers rows: SQLite does so by itself only for INTEGER, which there has 64 bits, too."""

_BATCH: Final = 1000
_INDEXES: Final = (
    ("attestations", "evidence"),
    ("boots", "attestation"),
    ("challenges", "expires_at"),
    ("list_parts", "base"),
    ("list_parts", "root"),
)


def upgrade() -> None:
    """Make the tables, and fill them by what the store holds: every result of before is a run of its own."""
    connection = op.get_bind()
    op.create_table(
        "runs",
        sa.Column("attestation", NUMBER, sa.ForeignKey("attestations.id"), primary_key=True, autoincrement=False),
        sa.Column("newest_of", sa.String(255), unique=True),
        sa.Column("last_at", sa.Float(), nullable=False),
        sa.Column("rounds", sa.BigInteger(), nullable=False),
        sa.Column("longest_gap", sa.Float(), nullable=False),
        sa.Column("essence", sa.String(64), nullable=False),
        sa.Column("claims", sa.Text()),
        sa.Column("signature", sa.String(128)),
        sa.Column("evidence", NUMBER, sa.ForeignKey("evidence.id"), index=True),
    )
    op.create_table(
        "changes",
        sa.Column("node", sa.String(255), primary_key=True),
        sa.Column("layer", sa.String(255), primary_key=True),
        sa.Column("value", sa.String(32), nullable=False),
        sa.Column("attestation", NUMBER, sa.ForeignKey("attestations.id"), nullable=False, index=True),
    )
    op.add_column("list_parts", sa.Column("root", sa.BigInteger()))
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])
    op.create_index("attestations_of", "attestations", ["node", "state", "id"])
    op.drop_index("ix_attestations_node", "attestations")
    # The first stores of version 6 were made without it.
    op.create_index("ledger_about", "ledger", ["kind", "subject", "sequence"], if_not_exists=True)
    connection.execute(
        sa.text(
            "INSERT INTO runs (attestation, last_at, rounds, longest_gap, essence)"
            " SELECT id, at, 1, 0, '' FROM attestations"
        )
    )
    connection.execute(
        sa.text(
            "UPDATE runs SET newest_of = (SELECT node FROM attestations WHERE id = runs.attestation)"
            " WHERE attestation IN (SELECT max(id) FROM attestations GROUP BY node)"
        )
    )
    _fill_changes(connection)
    _fill_roots(connection)


def _fill_changes(connection: sa.Connection) -> None:
    results = sa.table("attestations", *map(sa.column, ("id", "node", "state")), sa.column("ear", sa.JSON()))
    query = sa.select(results.c.id, results.c.node, results.c.state, results.c.ear).order_by(results.c.id)
    known: dict[str, dict[str, tuple[str, int]]] = {}
    for key, node, state, ear in connection.execute(query, execution_options={"yield_per": _BATCH}):
        before = known.setdefault(node, {})
        for layer, value in _values(state, ear, before):
            if before.get(layer, ("", 0))[0] != value:
                before[layer] = (value, key)
    rows = [
        {"node": node, "layer": layer, "value": value, "attestation": key}
        for node, layers in known.items()
        for layer, (value, key) in layers.items()
    ]
    changes = sa.table("changes", *map(sa.column, ("node", "layer", "value", "attestation")))
    if rows:
        connection.execute(sa.insert(changes), rows)


def _values(state: str, ear: Any, before: dict[str, tuple[str, int]]) -> Iterator[tuple[str, str]]:
    yield "", state
    if not isinstance(ear, dict) or not isinstance(ear.get("submods"), dict):
        return
    for layer, submod in ear["submods"].items():
        yield str(layer)[:255], str(submod.get("ear_status"))[:32]
    for layer in before:
        if layer and layer not in ear["submods"]:
            yield layer, "absent"


def _fill_roots(connection: sa.Connection) -> None:
    parts = sa.table("list_parts", *map(sa.column, ("attestation", "base", "root")))
    roots: dict[int, int] = {}
    for key, base in connection.execute(sa.select(parts.c.attestation, parts.c.base).order_by(parts.c.attestation)):
        roots[key] = roots.get(base, key) if base is not None else key
    if roots:
        query = sa.update(parts).where(parts.c.attestation == sa.bindparam("key")).values(root=sa.bindparam("first"))
        connection.execute(query, [{"key": key, "first": root} for key, root in roots.items()])


__all__ = ["down_revision", "revision", "upgrade"]
