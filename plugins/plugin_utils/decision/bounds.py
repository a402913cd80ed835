# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands against an action that a table wants: safety rules, guard rails of the rule, limits of the site.

Each function names a reason of :data:`.codes.REASONS`, or None where nothing stands against it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.approval import Request, Standing, standing
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.judgement import (
    Case,
    Judgement,
    host_layers_above,
    is_stale,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.limits import Limits
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Instance, Situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Drain


def forbids(case: Case, judgement: Judgement, situation: Situation, storm: frozenset[str]) -> str | None:
    """Return why a destructive verb is a person's to decide, whatever the tables say.

    Args:
        case: what the verb is for.
        judgement: what the table decided.
        situation: what is known.
        storm: digests that many nodes were found fault with at once.
    """
    above = [case.result.host[layer].tier for layer in host_layers_above(case.subject.layer)]
    if case.verdict.tier is Tier.NONE:
        return "unknown_tier"
    if Tier.NONE in above:
        return "host_unknown"
    if case.verdict.digests & storm:
        return "storm"
    limit = judgement.rule.guards.failure_timeout
    if limit is not None and case.incident is not None and situation.now - case.incident.opened_at > limit:
        return "failure_timeout"
    return None


def waits(case: Case, judgement: Judgement, situation: Situation) -> str | None:
    """Return why an action has to wait for a later cycle, by what is known of its own incident."""
    if situation.stopped is not None:
        return "stopped"
    incident, pause = case.incident, judgement.rule.guards.cool_down
    if incident is None:
        return None
    if incident.unfinished:
        return None
    if is_stale(case.result, incident):
        return "stale"
    last = incident.last_action_at
    if pause is not None and last is not None and situation.now - last < pause:
        return "cool_down"
    return None


def approval_of(case: Case, judgement: Judgement, situation: Situation) -> tuple[Standing, Request | None]:
    """Return how the approval stands that a rule asks for; granted where it asks for none."""
    asked = judgement.rule.guards.approval
    if asked is None:
        return Standing.GRANTED, None
    wanted = (case.incident.id if case.incident else None, case.attempt, judgement.rule.id, judgement.verb)
    request = next((r for r in situation.requests if (r.incident, r.attempt, r.rule, r.verb) == wanted), None)
    return standing(asked, request, situation.now), request


def ends_at(reason: str, case: Case, judgement: Judgement | None, situation: Situation) -> float | None:
    """Return the time at which a reason ends by itself, in seconds since the epoch; None where no time ends it."""
    if judgement is None:
        return None
    guards, incident = judgement.rule.guards, case.incident
    if reason == "cool_down" and guards.cool_down is not None and incident is not None:
        return None if incident.last_action_at is None else incident.last_action_at + guards.cool_down
    if reason == "max_actions" and situation.limits.max_actions is not None:
        count, within = situation.limits.max_actions
        newest = sorted(situation.actions, reverse=True)[count - 1 : count]
        return newest[0] + within if newest else None
    if reason == "approval" and guards.approval is not None and guards.approval.timeout is not None:
        _state, request = approval_of(case, judgement, situation)
        return request.asked_at + guards.approval.timeout if request else None
    return None


def too_many_unhealthy(situation: Situation, limits: Limits) -> bool:
    """Return whether so many nodes are unhealthy that a common cause is likelier than what a table would cure."""
    if limits.max_unhealthy is None:
        return False
    unhealthy = sum(not result.is_healthy for result in situation.results.values()) + situation.elsewhere.unhealthy
    return unhealthy > limits.max_unhealthy.of(len(situation.results) + situation.elsewhere.nodes)


def actions_left(situation: Situation, limits: Limits) -> int | None:
    """Return how many actions may begin still in the current window of time; None for any number."""
    if limits.max_actions is None:
        return None
    count, within = limits.max_actions
    return max(count - sum(situation.now - within < at for at in situation.actions), 0)


def short_of(situation: Situation, drains: Iterable[Drain]) -> list[str]:
    """Return the SCs of which too few sound instances would be left while a node is down.

    Args:
        situation: what is known.
        drains: where the node's instances go; those without a target go down with it.
    """
    sound = Counter(item.sc for item in situation.instances if item.state == "live" and _is_sound(situation, item))
    down = Counter(d.instance.sc for d in drains if d.target is None and _is_sound(situation, d.instance))
    return sorted(
        name
        for name, count in down.items()
        if name in situation.catalogue and sound[name] - count < situation.catalogue[name].min_instances
    )


def _is_sound(situation: Situation, instance: Instance) -> bool:
    result = situation.results.get(instance.node)
    verdict = result.instances.get(instance.instance) if result else None
    return verdict is not None and verdict.tier is Tier.AFFIRMING


__all__ = ["actions_left", "approval_of", "ends_at", "forbids", "short_of", "too_many_unhealthy", "waits"]
