# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admit the package of a Security Capability; documented in plugins/modules/admit.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admit import Outcome, Place, admit, examine
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.person import person_of
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.report.admission import admission_table


class ActionModule(TrustAction):
    """Check a package on the controller, and have it count if it passes."""

    _supports_check_mode = True
    SPEC: ClassVar[dict[str, Any]] = {
        "package": {"type": "path", "required": True},
        "catalogue": {"type": "path", "required": True},
        "reference_values": {"type": "path", "required": True},
        "allow_rollback": {"type": "bool", "default": False},
        "report": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the report; a package that is refused is a failure."""
        outcome = self._outcome(arguments, task_vars)
        plain = outcome.report.plain()
        if arguments["report"] and not self._task.check_mode:
            _write(Path(arguments["report"]), plain)
        told = {"changed": outcome.changed, "report": plain, "table": admission_table(outcome.report)}
        if outcome.report.passed:
            return told
        first = outcome.report.failures[0]
        step = f" Next: {first.next_step}" if first.next_step else ""
        return {**told, "failed": True, "msg": f"{outcome.report.package} is refused: {first.detail}{step}"}

    def _outcome(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> Outcome:
        package, now = Path(arguments["package"]), datetime.now(UTC)
        place = Place(Path(arguments["catalogue"]), Path(arguments["reference_values"]))
        rollback = arguments["allow_rollback"]
        if self._task.check_mode:
            return examine(package, place, now, allow_rollback=rollback)
        store = self.open_store(arguments)
        return admit(package, place, store, now, allow_rollback=rollback, person=person_of(task_vars))


def _write(file: Path, report: dict[str, Any]) -> None:
    try:
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise AdmissionError(
            f"report {file}", f"cannot be written: {error.strerror}.", "check its directory."
        ) from error
