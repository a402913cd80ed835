# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 3: the container in which a generation was started.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "3"
down_revision: Final[str | None] = "2"


def upgrade() -> None:
    """Add the column."""
    op.add_column("instances", sa.Column("container", sa.String(255)))


__all__ = ["down_revision", "revision", "upgrade"]
