# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all drivers share of preserving how an instance was changed: bounds, and paths that stay in its root.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import Optional

LIMIT = 32 << 20
"""Most bytes of each file that is preserved."""


def inside(root: str, path: str) -> Optional[str]:
    """Return where a path of an instance is on the node, or None where a link would lead out of its root."""
    joined = os.path.join(root, path.lstrip("/"))
    real = os.path.realpath(os.path.dirname(joined))
    return joined if real == root or real.startswith(root.rstrip("/") + "/") else None


__all__ = ["LIMIT", "inside"]
