# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a verb on one subject, with targets chosen; or the reason why there are none.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from ansible_collections.palantir.trust.plugins.plugin_utils.decision import bounds, steps
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.judgement import Case
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.placement import Placement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Action, Drain, Step


def expand(action: Action, case: Case, placement: Placement, situation: Situation) -> tuple[Step, ...] | str:
    """Return the steps of a verb; the reason of :data:`.codes.REASONS` where there are none."""
    if action.verb == "isolate":
        return steps.isolate(action)
    if _is_withdrawn(case, situation):
        return "withdrawn"
    if action.verb == "restart":
        return steps.restart(action)
    if action.verb == "change_flavour":
        flavour = _next_flavour(case, situation)
        return steps.change_flavour(action, flavour) if flavour else "no_flavour"
    if action.verb == "move" and case.instance is not None:
        target = placement.choose(case.instance, case.subject.node)
        return steps.move(action, target) if target else "no_target"
    return _expand_node(action, placement.drains(case.subject.node), situation)


def _expand_node(action: Action, drains: list[Drain], situation: Situation) -> tuple[Step, ...] | str:
    if action.verb == "move":
        return steps.drain(action, drains) if any(item.target for item in drains) or not drains else "no_target"
    if bounds.short_of(situation, drains):
        return "min_instances"
    return steps.reboot(action, drains) if action.verb == "reboot" else steps.fence(action, drains)


def _is_withdrawn(case: Case, situation: Situation) -> bool:
    """Tell whether a verb would make a new instance of an SC of which there may be none."""
    capability = situation.catalogue.get(case.instance.sc) if case.instance else None
    return capability is not None and capability.withdrawn


def _next_flavour(case: Case, situation: Situation) -> str | None:
    """Return the flavour after the one that runs, in the catalogue's order, from the first again after the last."""
    capability = situation.catalogue.get(case.instance.sc) if case.instance else None
    if case.instance is None or capability is None:
        return None
    names = capability.flavours
    at = names.index(case.instance.flavour) if case.instance.flavour in names else -1
    following = names[(at + 1) % len(names)] if names else None
    return following if following != case.instance.flavour else None


__all__ = ["expand"]
