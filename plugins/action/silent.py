# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Require that a node does not answer; documented in plugins/modules/silent.py."""

from __future__ import annotations

import time
from typing import Any, ClassVar, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction, NodeError

_PAUSE_S: Final = 1.0


class ActionModule(NodeAction):
    """Ask for the boot's id until there is no answer."""

    SPEC: ClassVar[dict[str, Any]] = {
        "node": {"type": "str"},
        "timeout": {"type": "int", "default": 30},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return nothing but success."""
        if self._task.check_mode:
            # What was to silence it has not been done.
            return {"changed": False}
        node = arguments["node"] or str(task_vars["inventory_hostname"])
        until = time.monotonic() + arguments["timeout"]
        while self.boot_id() is not None:
            if time.monotonic() > until:
                raise NodeError(
                    node, "still answers, so it is not off.", "check that palantir_trust_fence names this node's power."
                )
            time.sleep(_PAUSE_S)
        return {"changed": False}
