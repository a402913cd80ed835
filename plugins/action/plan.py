# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decide on attestation results; documented in plugins/modules/plan.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import read_tables
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, plan
from ansible_collections.palantir.trust.plugins.plugin_utils.report.plans import plan_table


class ActionModule(TrustAction):
    """Plan by the site's rule tables."""

    _supports_check_mode = True
    # What is to be done is bounded by itself; the ledger has the plan whole.
    FOR_PEOPLE = (
        *("decisions", "held", "deferred", "waiting", "void", "recovered", "closed"),
        *("unresolved", "table"),
    )

    SPEC: ClassVar[dict[str, Any]] = {
        "nodes": {"type": "list", "elements": "str", "required": True},
        "since": {"type": "float", "required": True},
        "rules": {"type": "path"},
        "catalogue": {"type": "path", "required": True},
        "reference_values": {"type": "path"},
        "limits": {"type": "dict", "default": {}},
        "labels": {"type": "dict"},
        "maintenance": {"type": "dict"},
        "act": {"type": "bool", "default": True},
        "dry_run": {"type": "bool", "default": False},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the plan, and a table of it."""
        site = Site(
            nodes=arguments["nodes"],
            tables=read_tables(arguments["rules"]),
            catalogue=load_catalogue(Path(arguments["catalogue"])),
            owner=self.controller(),
            limits=arguments["limits"],
            labels=arguments["labels"] or {},
            reference_values=Path(arguments["reference_values"]) if arguments["reference_values"] else None,
            maintenance={node: _flag(node, there) for node, there in (arguments["maintenance"] or {}).items()},
        )
        with self.transaction(arguments, keep=not arguments["dry_run"]) as connection:
            made = plan(connection, site, arguments["since"], self.now(), act=arguments["act"])
        return {"changed": bool(made["steps"]), **made, "table": plan_table(made)}


def _flag(node: str, value: Any) -> bool:
    try:
        return bool(boolean(value))
    except TypeError:
        raise TrustError(f"{node}: palantir_trust_maintenance", f"must be true or false, not {value!r}.") from None
