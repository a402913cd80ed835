# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 4: what is verified of a boot, and which part of its list each round brought.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "4"
down_revision: Final[str | None] = "3"

NUMBER: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""What numbers rows: SQLite does so by itself only for INTEGER, which there has 64 bits, too."""


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "boots",
        sa.Column("node", sa.String(255), primary_key=True),
        sa.Column("reset_count", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=False),
        sa.Column("attestation", NUMBER, sa.ForeignKey("attestations.id"), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "list_parts",
        sa.Column("attestation", NUMBER, sa.ForeignKey("attestations.id"), primary_key=True, autoincrement=False),
        sa.Column("base", NUMBER, sa.ForeignKey("attestations.id")),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("verified", sa.BigInteger(), nullable=False),
    )


__all__ = ["down_revision", "revision", "upgrade"]
