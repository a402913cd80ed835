# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the actions of one plan, and what they take from each other: nodes, budgets, turns.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import math
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision import bounds
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.judgement import Case, Judgement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Subject
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import HOST_LAYERS, LAYERS

NODE_WIDE: Final = ("reboot", "fence")
"""Verbs that take a whole node, whatever they are for."""


class Queue:
    """What limits the actions of one plan among each other."""

    def __init__(self, situation: Situation, in_repair: set[str], begun: frozenset[int | str]) -> None:
        self._situation = situation
        self._limits = situation.limits
        self._before = frozenset(in_repair)
        self._in_repair = in_repair
        self._begun = begun
        self._acting: set[int | str | Subject] = set()
        self._left = bounds.actions_left(situation, self._limits)
        self._sick = bounds.too_many_unhealthy(situation, self._limits)
        self._taken: set[str] = set()

    def stands_against(self, case: Case, judgement: Judgement) -> tuple[str, str]:
        """Return the reason why an action must wait for others, and more of it for people; empty where none is.

        Of what has begun already, nothing waits for a limit on what begins: it would wait for itself, for ever.
        """
        node, limits = case.subject.node, self._limits
        most = min(limits.max_in_repair, judgement.rule.guards.budget or limits.max_in_repair)
        if node in self._taken:
            return "node_under_repair", ""
        if node not in self._before and len(self._in_repair | {node}) > most:
            return "budget", f"{REASONS['budget'].removesuffix('.')}: {', '.join(sorted(self._in_repair))}."
        if limits.one_at_a_time and (self._acting or (self._begun and _key(case) not in self._begun)):
            return "one_at_a_time", ""
        if self._sick and node not in self._before:
            return "max_unhealthy", ""
        if self._left == 0 and not _goes_on(case):
            return "max_actions", ""
        return "", ""

    def took(self, case: Case, judgement: Judgement) -> None:
        """Count an action that the plan has taken up."""
        self._in_repair.add(case.subject.node)
        self._acting.add(_key(case))
        if self._left is not None and not _goes_on(case):
            self._left -= 1
        if is_node_wide(case, judgement):
            self._taken.add(case.subject.node)


def _goes_on(case: Case) -> bool:
    """Return whether an action goes on with one that was broken off, and so was counted when that began."""
    return case.incident is not None and case.incident.unfinished


def _key(case: Case) -> int | str | Subject:
    return case.incident.id if case.incident else case.subject


def is_node_wide(case: Case, judgement: Judgement) -> bool:
    """Return whether an action leaves no room for another one on its node."""
    return judgement.verb in NODE_WIDE or case.subject.layer in HOST_LAYERS


def urgency(case: Case, judgement: Judgement, in_repair: set[str]) -> tuple[Any, ...]:
    """Order of actions: what is in repair goes on; then hosts before SCs, worse before better, older before newer."""
    return (
        case.subject.node not in in_repair,
        not is_node_wide(case, judgement),
        LAYERS.index(str(case.subject.layer)),
        -case.verdict.tier.rank,
        case.incident.opened_at if case.incident else math.inf,
        case.subject.node,
        case.subject.instance or "",
    )


__all__ = ["NODE_WIDE", "Queue", "is_node_wide", "urgency"]
