# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cordon and uncordon nodes; documented in plugins/modules/cordon.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities


class ActionModule(TrustAction):
    """Say whether a node may be given Security Capabilities."""

    SPEC: ClassVar[dict[str, Any]] = {
        "node": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["cordoned", "uncordoned"], "default": "cordoned"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return whether that changed anything."""
        cordoned = arguments["state"] == "cordoned"
        with self.transaction(arguments) as connection:
            return {"changed": identities.set_cordoned(connection, arguments["node"], cordoned, self.now())}
