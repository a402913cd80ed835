# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renew the certificates of the agents on a node; documented in plugins/modules/agent_certificates.py."""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.agent import AgentAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import agent_part, store_part
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, certificates, identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances as instances_of
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord


class ActionModule(AgentAction):
    """No node is asked but for a certificate that is due, by the store."""

    SPEC: ClassVar[dict[str, Any]] = {
        "node": {"type": "str"},
        "max_age": {"type": "int", "default": 900},
        "directory": {"type": "path", "default": "/var/lib/palantir.trust"},
        "ca": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the certificates that were issued, and the instances that have to wait for a proof."""
        node, store = str(arguments["node"] or task_vars["inventory_hostname"]), self.open_store(arguments)
        with store.transaction() as connection:
            known = _certified(connection, node)
        # A site without agents needs no CA.
        authority = self.authority(arguments) if known else None
        with store.transaction() as connection:
            wanted = [
                record
                for record in known
                if authority and agent_part.due(connection, agent_part.name_of(authority, record), self.now())
            ]
            newest = attestations.latest(connection, [node], self.now() - arguments["max_age"]).get(node)
        renewed: list[dict[str, Any]] = []
        waiting = []
        for record in wanted:
            why = _unproved(store, record, newest.id if newest else None)
            if why:
                waiting.append({"instance": record.instance, "generation": record.generation, "why": why})
            elif self._task.check_mode:
                renewed.append({"name": f"{record.instance}, generation {record.generation}"})
            else:
                issued = self.renew(record, None, arguments, task_vars)
                renewed += [issued.plain()] if issued else []
        return {
            "changed": bool(renewed),
            "certificates": [] if self._task.check_mode else renewed,
            "waiting": waiting,
            "diff": {"before": "", "after": "".join(f"{item['name']}: a new certificate\n" for item in renewed)},
        }


def _certified(connection: Connection, node: str) -> list[InstanceRecord]:
    """Return the generations that live on a node in this boot, and have had a certificate."""
    known = identities.find(connection, node)
    boot = known.reset_count if known else 0
    return [
        record
        for record in instances_of.of_node(connection, node)
        if record.state == "live"
        and record.reset_count >= boot
        and certificates.is_certified(connection, record.instance, record.generation)
    ]


def _unproved(store: Store, record: InstanceRecord, attestation: int | None) -> str:
    """Return why a generation is not proved; empty where it is."""
    if attestation is None:
        return f"{record.node} has no result that is new enough."
    try:
        store_part.require_proof(store, record, attestation)
    except StoreError as error:
        return str(error)
    return ""
