# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes of the findings about decision tables, and of the reasons in a plan.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "gap": "An input within the declared domains is matched by no rule of the decision table.",
    "overlap": "An input is matched by rules that the table's hit policy does not allow to match together.",
    "masked": "A rule never decides: rules of higher priority match wherever it does.",
    "misleading": "A rule that admits any value outranks, in part, a rule of lower priority that names values.",
    "contraction": "Rules with the same result differ in one input only, and can be one rule.",
    "subsumed": "A rule adds nothing: another rule with the same result matches wherever it does.",
    "unsettled": "A check of the decision table was given up after a bounded number of steps.",
    "never_matches": "A rule matches no input at all.",
    "not_monotonic": "A worse tier gets a milder verb than a better tier with otherwise equal inputs.",
    "unreachable_verb": "A declared verb is the decision for no input.",
    "no_exit": "A ladder of attempts does not end in a fence or a person.",
    "destructive_on_unknown": "A destructive verb can be reached with the tier none, that is without a verdict.",
}
"""Findings of the static analysis of a decision table."""

REASONS: Final[Mapping[str, str]] = {
    "approval": "The rule asks for approval, and it is not given yet.",
    "approval_lapsed": "Nobody gave the approval in time.",
    "budget": "As many nodes as allowed are in repair already.",
    "cool_down": "The rule's cool-down since the last action has not passed.",
    "failure_timeout": "The incident has lasted longer than the rule allows.",
    "gone": "The instance is deployed no more.",
    "held": "The incident is with a person already.",
    "host_unknown": "A layer of the host has no verdict, so nothing destructive is done to what runs on it.",
    "leased": "Another controller is acting on the incident.",
    "max_actions": "As many actions as allowed have begun in this window of time.",
    "max_steps": "The plan has as many steps as one run carries out; what is more urgent comes first.",
    "max_unhealthy": "More nodes than allowed are unhealthy: a common cause is likelier than what a table would cure.",
    "min_instances": "Too few sound instances of an SC would be left.",
    "no_decision": "No table gives a decision for this subject.",
    "no_flavour": "The SC has no other flavour.",
    "no_target": "No affirming, reachable and uncordoned node may take the instance.",
    "node_state": "The node gave no attestation result; that is not a verdict of distrust.",
    "node_under_repair": "A layer above decides on this node in this cycle.",
    "one_at_a_time": "Another incident is being acted on, and the site allows one at a time.",
    "refused": "The approval was refused.",
    "rule_expired": "The rule that fired has expired.",
    "stale": "The attestation result is older than the last action.",
    "stopped": "All remediation is stopped.",
    "stopped_instance": "An operator stopped the instance, and it speaks against itself: it is not started by a rule.",
    "storm": "The same digest appeared on many nodes: an update or a wrong Reference Value; a person says which.",
    "table_hold": "The rule hands the incident to a person.",
    "unknown_instance": "The SC instance, or its SC, is in neither the state nor the catalogue.",
    "unknown_tier": "There is no verdict, so nothing destructive is done.",
    "void": "A layer above is contraindicated: what the node says of this layer counts for nothing.",
    "withdrawn": "The package of the SC is withdrawn, so no new instance of it is made.",
}
"""Why a plan holds, defers or voids a subject."""

_PERSON: Final = "a person gives the incident back, or a new result affirms it"
_NEXT: Final = "the next cycle that finds room"
ENDS: Final[Mapping[str, str]] = {
    "approval": "those asked have answered, or the rule's time for it has passed",
    "approval_lapsed": _PERSON,
    "budget": _NEXT,
    "cool_down": "the first cycle after that time",
    "failure_timeout": _PERSON,
    "held": _PERSON,
    "host_unknown": _PERSON,
    "leased": "that controller has ended, or its lease has run out",
    "max_actions": "the first cycle after that time",
    "max_steps": "the next round of the cycle",
    "max_unhealthy": "fewer nodes are unhealthy",
    "min_instances": "more instances of the SC are sound",
    "no_decision": _PERSON,
    "no_flavour": _PERSON,
    "no_target": _PERSON,
    "node_state": "the node gives a result",
    "node_under_repair": "the layer above is settled",
    "one_at_a_time": "the other incident is over",
    "refused": _PERSON,
    "rule_expired": _PERSON,
    "stale": "a newer result",
    "stopped": "remediation is let go on: palantir.trust.stop -e palantir_trust_stop=false",
    "stopped_instance": _PERSON,
    "storm": _PERSON,
    "table_hold": _PERSON,
    "unknown_instance": _PERSON,
    "unknown_tier": _PERSON,
    "void": "the layer above is settled",
    "withdrawn": _PERSON,
}
"""What ends each reason that holds something back."""

ERROR: Final = "error"
WARNING: Final = "warning"

_ADVICE: Final = frozenset({"contraction", "misleading", "subsumed", "unreachable_verb"})


def severity(code: str, hit_policy: str) -> str:
    """Return ``error`` for a finding that stops the load of a table, else ``warning``.

    What is redundant or easily misread is not wrong; a COLLECT table (DMN 1.3 section 8.2.11) need not answer every
    input.
    """
    if code in _ADVICE or (code == "gap" and hit_policy == "COLLECT"):
        return WARNING
    return ERROR


__all__ = ["CODES", "ENDS", "ERROR", "REASONS", "WARNING", "severity"]
