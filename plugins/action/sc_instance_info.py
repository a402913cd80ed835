# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which SC instances are deployed; documented in plugins/modules/sc_instance_info.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances


class ActionModule(TrustAction):
    """Read the generations that are live or stopped from the store."""

    FOR_PEOPLE = ("instances",)
    SPEC: ClassVar[dict[str, Any]] = {
        "instances": {"type": "list", "elements": "str"},
        "after": {"type": "int", "default": 0},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the generations, the oldest first."""
        with self.open_store(arguments).transaction() as connection:
            found = instances.deployed(connection, arguments["instances"], arguments["after"])
        # With all that its files ever were a single generation could be too long for a result.
        return {"changed": False, "instances": [{**record.plain(), "files": record.configured()} for record in found]}
