# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop all remediation of a site, or let it go on; documented in plugins/modules/stop_switch.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.person import person_of
from ansible_collections.palantir.trust.plugins.plugin_utils.store import switch


class ActionModule(TrustAction):
    """Set or release the stop switch."""

    _supports_check_mode = True
    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["stopped", "released"], "required": True},
        "person": {"type": "str"},
        "reason": {"type": "str", "default": ""},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return whether that changed anything, and how the switch stands."""
        person, wanted = arguments["person"] or person_of(task_vars), arguments["state"] == "stopped"
        with self.open_store(arguments).transaction() as connection:
            before = switch.stopped(connection)
            changed = (before is None) == wanted
            if changed and not self._task.check_mode:
                if wanted:
                    switch.stop(connection, person, arguments["reason"], self.now())
                else:
                    switch.release(connection, person, self.now())
            return {"changed": changed, "stopped": switch.stopped(connection)}
