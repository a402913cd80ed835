# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboot a node and wait until it is back; documented in plugins/modules/reboot.py."""

from __future__ import annotations

import contextlib
import time
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction, NodeError, UnreachableError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities

_REBOOT = "systemctl reboot"
_PAUSE_S = 1.0


class ActionModule(NodeAction):
    """Ask for the reboot, then for the boot's id, until it is another one."""

    SPEC: ClassVar[dict[str, Any]] = {
        "node": {"type": "str"},
        "timeout": {"type": "int", "default": 300},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return how long it took."""
        node = arguments["node"] or str(task_vars["inventory_hostname"])
        if self._connection.transport == "local":
            raise NodeError(node, "is the controller itself.", "reboot it by hand.")
        if self._task.check_mode:
            return {"changed": True}
        begun = time.monotonic()
        before = self.boot_id()
        if before is None:
            raise UnreachableError(node, "is unreachable.", "check its power and network.")
        # systemd only takes note and returns; on a slow node the connection may end first.
        with contextlib.suppress(AnsibleConnectionFailure):
            asked = self._low_level_execute_command(_REBOOT, sudoable=True)
            if asked["rc"] != 0:
                said = printable(asked["stderr"].strip() or asked["stdout"].strip(), 500)
                raise NodeError(node, f"cannot be rebooted: {said}.", "check become, and that systemd runs there.")
        while (boot_id := self.boot_id()) in (None, before):
            if time.monotonic() - begun > arguments["timeout"]:
                seen = "does not answer" if boot_id is None else "is still in the boot that it was in"
                raise NodeError(node, f"{seen} {arguments['timeout']} s after its reboot.", "look at its console.")
            time.sleep(_PAUSE_S)
        self._note_open(node, arguments)
        return {"changed": True, "boot_id": boot_id, "elapsed": round(time.monotonic() - begun, 1)}

    def _note_open(self, node: str, arguments: dict[str, Any]) -> None:
        """Note that a node is isolated no more: what cut it off was gone with its boot."""
        with self.open_store(arguments).transaction() as connection:
            known = identities.find(connection, node)
            if known is not None and known.isolated:
                identities.set_isolated(connection, node, False, self.now())
