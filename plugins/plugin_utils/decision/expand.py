# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a verb on one subject, with targets chosen; or the reason why there are none.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from ansible_collections.palantir.trust.plugins.plugin_utils.decision import bounds, steps
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.diversity import failed_instance
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.judgement import Case
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.placement import Placement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Instance, Situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Action, Drain, Step


def expand(action: Action, case: Case, placement: Placement, situation: Situation) -> tuple[Step, ...] | str:
    """Return the steps of a verb; the reason of :data:`.codes.REASONS` where there are none."""
    if action.verb == "isolate":
        return steps.isolate(action)
    if action.verb in ("change_flavour", "move") and case.instance is not None:
        return _elsewhere(action, case.instance, case, placement, situation)
    if case.instance is not None and situation.is_withdrawn(case.instance.sc):
        return "withdrawn"
    if action.verb == "restart":
        return steps.restart(action)
    return _expand_node(action, placement.drains(case.subject.node), situation)


def _elsewhere(
    action: Action, instance: Instance, case: Case, placement: Placement, situation: Situation
) -> tuple[Step, ...] | str:
    """Return the steps that give an instance another flavour or node; of one that is withdrawn, another SC."""
    failed = failed_instance(instance, case.incident, situation)
    change = action.verb == "change_flavour"
    choice = placement.change(instance, failed) if change else placement.choose(instance, case.subject.node, failed)
    if choice is not None:
        return (steps.change_flavour if change else steps.move)(action, instance, choice)
    if situation.is_withdrawn(instance.sc):
        return "withdrawn"
    return "no_flavour" if change else "no_target"


def _expand_node(action: Action, drains: list[Drain], situation: Situation) -> tuple[Step, ...] | str:
    if action.verb == "move":
        return steps.drain(action, drains) if any(item.target for item in drains) or not drains else "no_target"
    if bounds.short_of(situation, drains):
        return "min_instances"
    return steps.reboot(action, drains) if action.verb == "reboot" else steps.fence(action, drains)


__all__ = ["expand"]
