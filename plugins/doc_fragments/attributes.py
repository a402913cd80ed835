# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the attributes of a module mean; each module says only what it supports."""

from __future__ import annotations


class ModuleDocFragment:
    """The documentation fragment ``palantir.trust.attributes``."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return changed status prediction without modifying target.
  diff_mode:
    description: Will return details on what has changed when in diff mode.
"""


__all__ = ["ModuleDocFragment"]
