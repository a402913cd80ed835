# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a playbook, for what is recorded of persons.

The controller is trusted: it holds the store. So is what it says of who uses it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable

_AWX: Final = ("awx_user_name", "tower_user_name")


def person_of(task_vars: Mapping[str, Any]) -> str:
    """Return the user who launched the job in AWX, else the user of the controller's system."""
    for name in _AWX:
        if task_vars.get(name):
            return printable(task_vars[name], 128)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


__all__ = ["person_of"]
