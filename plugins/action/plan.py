# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide on attestation results; documented in plugins/modules/plan.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, plan
from ansible_collections.palantir.trust.plugins.plugin_utils.report.plans import plan_table


class ActionModule(TrustAction):
    """Plan by the site's rule tables."""

    SPEC: ClassVar[dict[str, Any]] = {
        "nodes": {"type": "list", "elements": "str", "required": True},
        "since": {"type": "float", "required": True},
        "rules": {"type": "path", "required": True},
        "catalogue": {"type": "path", "required": True},
        "max_in_repair": {"type": "int", "default": 1},
        "act": {"type": "bool", "default": True},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the plan, and a table of it."""
        site = Site(
            nodes=arguments["nodes"],
            tables=_tables(Path(arguments["rules"])),
            catalogue=load_directory(Path(arguments["catalogue"])),
            owner=self.controller(),
            max_in_repair=arguments["max_in_repair"],
        )
        with self.open_store(arguments).transaction() as connection:
            made = plan(connection, site, arguments["since"], self.now(), act=arguments["act"])
        return {"changed": bool(made["steps"]), **made, "table": plan_table(made)}


def _tables(directory: Path) -> dict[str, str]:
    try:
        found = {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.yml"))}
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(f"rules {directory}", f"cannot be read: {error}") from error
    if not found:
        raise RuleError(f"rules {directory}", "holds no decision table (*.yml).", "set palantir_trust_rules.")
    return found
