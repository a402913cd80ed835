# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the package of a Security Capability; documented in plugins/modules/package.py."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.package import find_key, make_package
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction


class ActionModule(TrustAction):
    """Check, sign and pack on the controller."""

    _supports_check_mode = True
    SPEC: ClassVar[dict[str, Any]] = {
        "sc": {"type": "str", "required": True},
        "source": {"type": "path", "required": True},
        "dest": {"type": "path", "required": True},
        "signer": {"type": "str", "required": True},
        "key_file": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what was made."""
        made = make_package(
            Path(arguments["source"]),
            arguments["sc"],
            Path(arguments["dest"]),
            find_key(arguments["key_file"], os.environ),
            arguments["signer"],
            now=datetime.now(UTC),
            dry=self._task.check_mode,
        )
        return {
            "changed": made.changed,
            "dest": str(made.file),
            "sc": made.descriptor.sc,
            "version": made.descriptor.version,
            "digest": made.digest,
            "files": made.files,
        }
