# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that people give to SCs, flavours and instances, and that become names of files and containers.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from typing import Final

LIMIT: Final = 63
"""Longest accepted name, in characters: that of a DNS label (RFC 1123 section 2.1)."""

RULE: Final = f"use lower-case letters, digits and hyphens, no hyphen first, {LIMIT} characters at most."
"""What :func:`is_name` accepts, as the next step of an error."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


def is_name(value: object) -> bool:
    """Tell whether a value is a name that can stand in a path, a command line and a container's name as it is."""
    return isinstance(value, str) and len(value) <= LIMIT and _NAME.fullmatch(value) is not None


__all__ = ["LIMIT", "RULE", "is_name"]
