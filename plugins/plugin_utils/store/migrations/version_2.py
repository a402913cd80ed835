# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 2, of release 0.1.0: how long the list was when a generation had ended.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "2"
down_revision: Final[str | None] = "1"


def upgrade() -> None:
    """Add the column."""
    op.add_column("instances", sa.Column("sealed_entries", sa.BigInteger()))


__all__ = ["down_revision", "revision", "upgrade"]
