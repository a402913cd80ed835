# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 6: certificates of the site's CA, and what the ledger says of a subject at a glance.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "6"
down_revision: Final[str | None] = "5"


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "certificates",
        sa.Column("serial", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(2048), nullable=False),
        sa.Column("issued_at", sa.Float(), nullable=False),
        sa.Column("not_after", sa.Float(), nullable=False),
        sa.Column("revoked_at", sa.Float()),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_index("ledger_about", "ledger", ["kind", "subject", "sequence"])


__all__ = ["down_revision", "revision", "upgrade"]
