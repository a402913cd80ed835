# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much one plan may ask for: what a playbook carries out step by step, and a task's result has room for.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.taking import subject_key

MAX_STEPS: Final = 200
"""Steps after which a plan takes up no further incident."""


def bounded(decided: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan that defers what is due beyond :data:`MAX_STEPS`. Of an incident all steps are in it, or none.

    What the next rounds are made of is not lost: they decide anew.
    """
    steps: list[Mapping[str, Any]] = []
    taken: set[tuple[str, str]] = set()
    put_off: dict[tuple[str, str], dict[str, Any]] = {}
    for step in decided["steps"]:
        key = subject_key(step)
        if step["verb"] == "observe" or key in taken or (len(steps) < MAX_STEPS and key not in put_off):
            taken.add(key)
            steps.append(step)
        else:
            put_off.setdefault(key, _deferred(step))
    return {**decided, "steps": steps, "deferred": [*decided["deferred"], *put_off.values()]}


def _deferred(step: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "incident": step["incident"],
        "reason": "max_steps",
        "message": REASONS["max_steps"],
        "verb": step["verb"],
        "rule": step["rule"],
        "until": None,
    }


__all__ = ["MAX_STEPS", "bounded"]
