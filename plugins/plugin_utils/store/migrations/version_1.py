# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Version 1: the first tables; no release was made of them.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

revision: Final = "1"
down_revision: Final[str | None] = None


def upgrade() -> None:
    """Do nothing: migrations begin here."""


__all__ = ["down_revision", "revision", "upgrade"]
