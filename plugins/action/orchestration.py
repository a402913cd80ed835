# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Foresee a verb of the Security Orchestrator; documented in plugins/modules/orchestration.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.verbs import (
    ASKING,
    VERBS,
    Step,
    Wanted,
    foresee,
    lines,
    unfinished,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, situation
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents, instances


class ActionModule(TrustAction):
    """Choose nodes and flavours by what the store knows."""

    _supports_check_mode = True

    SPEC: ClassVar[dict[str, Any]] = {
        "verb": {"type": "str", "choices": list(VERBS), "required": True},
        "instance": {"type": "str"},
        "sc": {"type": "str"},
        "flavour": {"type": "str"},
        "node": {"type": "str"},
        "count": {"type": "int"},
        "nodes": {"type": "list", "elements": "str", "required": True},
        "max_age": {"type": "float", "default": 900.0},
        "catalogue": {"type": "path", "required": True},
        "labels": {"type": "dict", "default": {}},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the steps of the verb."""
        site = Site(
            nodes=arguments["nodes"],
            tables={},
            catalogue=load_catalogue(Path(arguments["catalogue"])),
            owner=self.controller(),
            labels=arguments["labels"],
        )
        wanted = Wanted(**{key: arguments[key] for key in ("verb", "instance", "sc", "flavour", "node", "count")})
        now = self.now()
        with self.transaction(arguments) as connection:
            deployed = instances.deployed(connection)
            steps = foresee(wanted, situation(connection, site, now - arguments["max_age"], now))
            steps = steps or unfinished(wanted, deployed)
            if wanted.verb not in ASKING:
                _require_nobody_else(connection, steps, self.controller(), now)
            running = {record.instance: record.plain() for record in deployed}
        told = [{**step.plain(), "generation": running.get(step.instance)} for step in steps]
        changed = bool(steps) and wanted.verb not in ASKING
        return {"changed": changed, "steps": told, "lines": lines(steps)}


def _require_nobody_else(connection: Connection, steps: Sequence[Step], controller: str, now: float) -> None:
    """Refuse a verb on an instance or a node that a controller is repairing.

    Raises:
        StoreError: naming the incident.
    """
    touched = {f"sc:{step.instance}" for step in steps}
    nodes = {name for step in steps for name in (step.node, step.target)}
    for incident in incidents.still_open(connection):
        leased = incident.lease_owner not in (None, controller) and (incident.lease_until or 0.0) >= now
        node_wide = not incident.layer.startswith("sc:") and incident.node in nodes
        if leased and (incident.layer in touched or node_wide):
            raise StoreError(
                f"incident {incident.id}",
                f"{incident.node} {incident.layer} is being repaired by {incident.lease_owner}.",
                "wait until that has ended.",
            )
