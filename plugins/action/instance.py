# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Register generations of SC instances; documented in plugins/modules/instance.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, instances


class ActionModule(TrustAction):
    """Allocate a range for a new generation, or move a generation on."""

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["allocated", "live", "retired"], "required": True},
        "id": {"type": "int"},
        "instance": {"type": "str"},
        "sc": {"type": "str"},
        "flavour": {"type": "str"},
        "node": {"type": "str"},
        "files": {"type": "dict", "default": {}},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the generation's record."""
        store = self.open_store(arguments)
        if arguments["state"] == "allocated":
            return {"changed": True, "generation": self._allocate(store, arguments)}
        if arguments["id"] is None:
            raise StoreError("instance", "state live and retired need the generation's id.")
        with store.transaction() as connection:
            instances.set_state(connection, arguments["id"], arguments["state"], self.now())
        return {"changed": True}

    def _allocate(self, store: Any, arguments: dict[str, Any]) -> dict[str, Any]:
        wanted = ("instance", "sc", "flavour", "node")
        missing = [key for key in wanted if not arguments[key]]
        if missing:
            raise StoreError("instance", f"state allocated needs {', '.join(missing)}.")
        with store.transaction() as connection:
            node = identities.find(connection, arguments["node"])
            if node is None:
                raise StoreError(
                    f"node {arguments['node']}", "is not enrolled.", "run palantir.trust.enrol for it first."
                )
            record = instances.allocate(
                connection,
                **{key: arguments[key] for key in wanted},
                files=arguments["files"],
                reset_count=node.reset_count,
                at=self.now(),
            )
        return record.plain()
