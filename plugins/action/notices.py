# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take up what people are to be told; documented in plugins/modules/notices.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.limits import read_limits
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.notices import note_failed, take_up


class ActionModule(TrustAction):
    """Return the notices that are due, or note that one could not be sent."""

    SPEC: ClassVar[dict[str, Any]] = {
        "limits": {"type": "dict", "default": {}},
        "failed": {"type": "str"},
        "channel": {"type": "str", "default": ""},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the notices; none where one that failed is noted."""
        run, now = self.controller(), self.now()
        with self.open_store(arguments).transaction() as connection:
            if arguments["failed"] is not None:
                note_failed(connection, arguments["failed"], run, arguments["channel"], now)
                return {"changed": True, "notices": []}
            taken = take_up(connection, run, now, read_limits(arguments["limits"]).notify_every)
        return {"changed": bool(taken), "notices": [notice.plain() for notice in taken]}
