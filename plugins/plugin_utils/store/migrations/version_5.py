# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 5: isolation, attempts at incidents, approvals and what persons answered.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "5"
down_revision: Final[str | None] = "4"

NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""What numbers rows: SQLite does so by itself only for INTEGER, which there has 64 bits, too."""


def upgrade() -> None:
    """Add the column and make the tables."""
    op.add_column("nodes", sa.Column("isolated", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "attempts",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("incident", NUMBER, sa.ForeignKey("incidents.id"), nullable=False, index=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("node", sa.String(255), nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        sa.Column("began_at", sa.Float(), nullable=False, index=True),
        sa.Column("ended_at", sa.Float()),
        sa.Column("outcome", sa.String(16)),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("resumed", sa.Integer(), nullable=False),
    )
    op.create_table(
        "approvals",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("incident", NUMBER, sa.ForeignKey("incidents.id"), nullable=False, index=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(255), nullable=False),
        sa.Column("verb", sa.String(32), nullable=False),
        sa.Column("need", sa.Integer(), nullable=False),
        sa.Column("of", sa.JSON(), nullable=False),
        sa.Column("asked_at", sa.Float(), nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("approval", NUMBER, sa.ForeignKey("approvals.id"), primary_key=True),
        sa.Column("person", sa.String(128), primary_key=True),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
    )


__all__ = ["down_revision", "revision", "upgrade"]
