# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Record what happens to an incident; documented in plugins/modules/incident.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attempts,
    identities,
    incidents,
    ledger,
    switch,
)

_REASON_LIMIT: Final = 2000


class ActionModule(TrustAction):
    """Note a step, the containment of an incident, or its handing over to a person."""

    SPEC: ClassVar[dict[str, Any]] = {
        "id": {"type": "int", "required": True},
        "event": {"type": "str", "choices": ["step", "contained", "held"], "required": True},
        "at": {"type": "float"},
        "step": {"type": "dict"},
        "outcome": {"type": "str", "choices": ["started", "done", "failed"]},
        "reason": {"type": "str", "default": ""},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the incident's record."""
        # Of a step that failed it may be what a node said.
        number, now, reason = arguments["id"], self.now(), printable(arguments["reason"], _REASON_LIMIT)
        with self.transaction(arguments) as connection:
            if arguments["event"] == "contained":
                incident = incidents.contained(connection, number, now, arguments["at"])
            elif arguments["event"] == "held":
                incident = incidents.hold(connection, number, now, reason)
            else:
                incident = incidents.find(connection, number)
                if arguments["outcome"] == "started":
                    _require_leave(connection, incident, arguments["step"] or {}, self.controller(), now)
                _note(connection, incident, arguments, self.controller(), now)
                body = {"step": arguments["step"], "outcome": arguments["outcome"], "reason": reason}
                ledger.append(connection, now, "action", f"incident {number}", body)
        return {"changed": True, "incident": incident.plain()}


def _require_leave(
    connection: Connection, incident: incidents.Incident, step: Mapping[str, Any], controller: str, now: float
) -> None:
    """Refuse a step that another controller has taken over, or that would be the first since the site was stopped.

    Raises:
        StoreError: it may not begin.
    """
    if not incidents.lease(connection, incident.id, controller, now):
        # A run that is slower than its lease must not go on where another has taken over.
        raise StoreError(
            f"incident {incident.id}",
            f"is held by {incident.lease_owner}." if incident.lease_owner else f"is {incident.state}.",
            "nothing was done: the plan that follows is made anew.",
        )
    # What has begun is brought to its end; a plan that was made before the switch was set has not.
    stopped, known = switch.told(connection), attempts.unfinished(connection, incident.id)
    if stopped is not None and step.get("counted") and not (known and known.progress):
        raise StoreError(
            f"incident {incident.id}",
            f"is left alone. {stopped}.",
            "let remediation go on: palantir.trust.stop -e palantir_trust_stop=false.",
        )


def _note(
    connection: Connection, incident: incidents.Incident, arguments: dict[str, Any], controller: str, now: float
) -> None:
    """Note on the attempt how far it came, so that another controller can go on with it."""
    known, step, outcome = attempts.unfinished(connection, incident.id), arguments["step"] or {}, arguments["outcome"]
    if known is None or not step.get("node") or not step.get("counted"):
        return
    if outcome == "failed":
        # The attempt of another controller is not this one's to end, nor one of which nothing was begun.
        if incident.lease_owner == controller and known.progress:
            if known.is_unconfirmed:
                incidents.uncount(connection, incident.id, now)
            attempts.end(connection, incident.id, attempts.UNCONFIRMED if known.is_unconfirmed else "failed", now)
        return
    node = identities.find(connection, str(step["node"]))
    attempts.note(connection, known, step, outcome, now, node.reset_count if node else 0)
    if outcome == "done" and step.get("last") and incident.lease_owner == controller:
        attempts.end(connection, incident.id, "done", now)
