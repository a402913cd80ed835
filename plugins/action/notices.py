# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take up what people are to be told; documented in plugins/modules/notices.py."""

from __future__ import annotations

from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.limits import read_limits
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.recipients import (
    Recipients,
    channel_names,
    check_channels,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import read_tables
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.notices import note_failed, take_up


class ActionModule(TrustAction):
    """Return the notices that are due, or note that one could not be sent."""

    _supports_check_mode = True

    SPEC: ClassVar[dict[str, Any]] = {
        "channels": {"type": "list", "elements": "str", "default": []},
        "rules": {"type": "path"},
        "limits": {"type": "dict", "default": {}},
        "failed": {"type": "str"},
        "channel": {"type": "str", "default": ""},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the notices, each with its channels; none where one that failed is noted."""
        run, now = self.controller(), self.now()
        whom, problem = _recipients(arguments)
        with self.open_store(arguments).transaction() as connection, connection.begin_nested() as all_of_it:
            if arguments["failed"] is not None:
                note_failed(connection, arguments["failed"], run, arguments["channel"], now)
                taken = []
            else:
                limits = read_limits(arguments["limits"])
                taken = take_up(connection, run, now, whom, (limits.notify_every, limits.remind_every))
            if self._task.check_mode:
                all_of_it.rollback()
        places = {name: index for index, name in enumerate(whom.channels)}
        return {
            "changed": bool(taken or arguments["failed"] is not None),
            "notices": [
                {"notice": notice.plain(), "to": [{"index": places[name], "name": name} for name in notice.to]}
                for notice in taken
            ],
            "problem": problem,
        }


def _recipients(arguments: dict[str, Any]) -> tuple[Recipients, str]:
    """Return who may be told; and why all are told everything, where the site's table cannot be asked."""
    channels = channel_names(arguments["channels"])
    try:
        table = load_rulebook(read_tables(arguments["rules"]), AVAILABLE_VERBS).notify
        if table is not None:
            check_channels(table.table, channels)
    except RuleError as error:
        return Recipients(channels), str(error)
    return Recipients(channels, table), ""
