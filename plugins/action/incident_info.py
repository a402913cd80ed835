# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell which incidents there are; documented in plugins/modules/incident_info.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery import holds
from ansible_collections.palantir.trust.plugins.plugin_utils.report.holds import hold_table
from ansible_collections.palantir.trust.plugins.plugin_utils.report.incidents import incident_table
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents, ledger


class ActionModule(TrustAction):
    """Read incidents from the store, and check the ledger's chain."""

    FOR_PEOPLE = ("incidents", "holds", "table")
    SPEC: ClassVar[dict[str, Any]] = {"since": {"type": "float", "default": 0.0}}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the incidents, what is held back, a table of both, and how many entries the ledger proves."""
        with self.open_store(arguments).transaction() as connection:
            found = {
                i.id: i for i in (*incidents.since(connection, arguments["since"]), *incidents.still_open(connection))
            }
            entries = ledger.verify(connection)
            held_back = holds.current(connection)
        return {
            "changed": False,
            "incidents": [incident.plain() for incident in found.values()],
            "ledger_entries": entries,
            "holds": held_back,
            "table": "\n\n".join(filter(None, (incident_table(found.values()), hold_table(held_back)))),
        }
