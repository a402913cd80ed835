# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answer what an incident asks of a person; documented in plugins/modules/answer.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.person import person_of
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.giving_back import give_back
from ansible_collections.palantir.trust.plugins.plugin_utils.store import approvals, incidents


class ActionModule(TrustAction):
    """Approve or refuse an action, or give a held incident back to the tables."""

    SPEC: ClassVar[dict[str, Any]] = {
        "incident": {"type": "int", "required": True},
        "answer": {"type": "str", "choices": ["approve", "refuse", "reopen"], "required": True},
        "person": {"type": "str"},
        "reason": {"type": "str", "default": ""},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return how the request or the incident stands."""
        number, now, reason = arguments["incident"], self.now(), arguments["reason"]
        person = arguments["person"] or person_of(task_vars)
        with self.transaction(arguments) as connection:
            if arguments["answer"] == "reopen":
                reopened = give_back(connection, number, now, person, reason)
                return {"changed": True, "person": person, "incident": reopened.plain()}
            approve = arguments["answer"] == "approve"
            request = approvals.answer(connection, number, person, now, approve=approve, reason=reason)
            incident = incidents.find(connection, number)
        asked = {"need": request.need, "of": request.of, **request.plain()}
        return {"changed": True, "person": person, "request": asked, "incident": incident.plain()}
