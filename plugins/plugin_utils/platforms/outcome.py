# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb did on a platform.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

ABSENT: Final[Mapping[str, Any]] = {"state": "absent"}
"""The state of an instance that is not there."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb did, or in check mode would do: states before and after, and a MANO's operations that completed."""

    changed: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    operations: tuple[str, ...] = ()


__all__ = ["ABSENT", "Outcome"]
