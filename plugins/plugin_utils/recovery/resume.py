# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Going on with an attempt that was broken off: the plan is made anew, without the steps that are done.

A new plan, not the old one: targets are chosen by what is trusted now. A step that began and has no end is done again,
unless something else tells that it is done. The proofs (``confirm``, ``attest``) are always asked for anew.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.store.attempts import Attempt

_PROOFS: Final = ("confirm", "attest")
_NAMES: Final = ("action", "node", "instance")


def remaining(
    steps: Sequence[Mapping[str, Any]], attempt: Attempt, reset_counts: Mapping[str, int]
) -> list[Mapping[str, Any]]:
    """Return the steps of a new plan for an incident that are not done yet.

    Args:
        steps: of the new plan, for this incident.
        attempt: the one that was broken off.
        reset_counts: node → reset count of its TPM, by its last proven quote.
    """
    done = {_name(item) for item in attempt.progress if _is_done(item, reset_counts)}
    return [step for step in steps if step["action"] in _PROOFS or _name(step) not in done]


def _is_done(item: Mapping[str, Any], reset_counts: Mapping[str, int]) -> bool:
    if item["state"] == "done":
        return True
    # The controller may have died while it waited for the node to come back.
    return item["action"] == "reboot" and reset_counts.get(str(item["node"]), 0) > int(item["reset_count"])


def _name(step: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(step[name] for name in _NAMES)


__all__ = ["remaining"]
