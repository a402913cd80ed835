# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which SC instances are deployed; documented in plugins/modules/sc_instance_info.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances


class ActionModule(TrustAction):
    """Read the generations that are live or stopped from the store."""

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the generations."""
        with self.open_store(arguments).transaction() as connection:
            return {"changed": False, "instances": [record.plain() for record in instances.deployed(connection)]}
