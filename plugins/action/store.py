# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look after the store: check, prune, back up, restore; documented in plugins/modules/store.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.backup import backup, restore
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import default_url
from ansible_collections.palantir.trust.plugins.plugin_utils.store.health import check
from ansible_collections.palantir.trust.plugins.plugin_utils.store.pruning import prune
from ansible_collections.palantir.trust.plugins.plugin_utils.store.retention import load_retention


class ActionModule(TrustAction):
    """Maintain the store."""

    _supports_check_mode = True
    SPEC: ClassVar[dict[str, Any]] = {
        "operation": {"type": "str", "choices": ["check", "prune", "backup", "restore"], "required": True},
        "retention": {"type": "dict", "default": {}},
        "seconds": {"type": "float", "default": 60.0},
        "file": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the operation found or did."""
        url, operation = arguments["store"] or default_url(), arguments["operation"]
        if operation == "check":
            return self._checked(url)
        if operation == "prune":
            retention = load_retention(arguments["retention"])
            if self._task.check_mode:
                return {"changed": False, "pruned": {}}
            store = self.open_store(arguments)
            pruned = prune(store, retention, self.now(), arguments["seconds"])
            store.close()
            return {"changed": any(pruned.values()), "pruned": pruned}
        if not arguments["file"]:
            raise StoreError(operation, "needs the option file.", "give the path of the backup.")
        return self._copied(operation, url, Path(arguments["file"]))

    @staticmethod
    def _checked(url: str) -> dict[str, Any]:
        found = check(url)
        told = {"changed": False, "health": found.plain()}
        if not found.problems:
            return told
        step = "Next: restore the store from a backup that is sound: docs/store.md."
        return {**told, "failed": True, "msg": f"store {found.store}: {'; '.join(found.problems)} {step}"}

    def _copied(self, operation: str, url: str, file: Path) -> dict[str, Any]:
        if self._task.check_mode:
            return {"changed": True}
        if operation == "backup":
            return {"changed": True, "file": str(file), "bytes": backup(url, file)}
        restore(file, url)
        return {"changed": True, "file": str(file)}
