# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Reference Values from images; documented in plugins/modules/reference_values.py."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make, write_if_changed


class ActionModule(TrustAction):
    """Hash an image on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "kind": {"type": "str", "choices": ["host", "boot", "sc"], "required": True},
        "name": {"type": "str", "required": True},
        "source": {"type": "path", "required": True},
        "dest": {"type": "path", "required": True},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return how many values the document has."""
        document = make(arguments["kind"], arguments["name"], Path(arguments["source"]), datetime.now(UTC))
        changed = False if self._task.check_mode else write_if_changed(document, Path(arguments["dest"]))
        return {
            "changed": changed,
            "dest": arguments["dest"],
            "files": len(document.files),
            "events": len(document.events),
            "texts": len(document.texts),
        }
