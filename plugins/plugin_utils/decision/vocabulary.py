# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the rule language that carry meaning beyond their table: layers, verbs, guard rails.

A table may have any inputs and outputs (DMN). Those named ``layer``, ``tier``, ``attempt`` and ``verb`` are the
ones that the static analysis and the plan understand.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable

HOST_LAYERS: Final = ("hardware", "firmware", "os", "runtime")
"""Layers of a node, in their order of authority."""
LAYERS: Final = (*HOST_LAYERS, "sc")

VERBS: Final = ("fence", "reboot", "move", "change_flavour", "restart", "isolate", "hold", "observe")
"""The verbs that a remediation table may yield, from most to least severe."""
AVAILABLE_VERBS: Final = VERBS
"""The verbs that the role ``remediate`` carries out."""
QUIET_VERBS: Final = frozenset({"observe", "notify", "preserve", "attest"})
"""Verbs that change nothing: a subject that only ever gets these is on no ladder."""
EXITS: Final = frozenset({"fence", "hold"})
"""Verbs that end a ladder: the node is off, or a person has it."""
HARMLESS_VERBS: Final = QUIET_VERBS | {"hold", "cordon", "uncordon"}
"""Verbs that take nothing away. Every other verb, also one that is not known here, counts as destructive."""

TIERS_BY_GRAVITY: Final = ("affirming", "warning", "contraindicated")
"""Tiers from best to worst. ``none`` has no place among them: it is the absence of a verdict."""
UNKNOWN_TIER: Final = "none"

GUARD_RAILS: Final = (
    "approval",
    "budget",
    "confirmation",
    "cool_down",
    "expires",
    "failure_timeout",
    "owner",
    "preserve",
    "success_within",
)
"""Further keys of a rule, beside ``id``, ``when``, ``then`` and ``rationale``; their forms are in :mod:`.guards`."""

NOT_APPLICABLE: Final = "none"
"""What an input of text says where it has nothing to say: the SC of a host layer, the claim of a silent one."""

SUBJECT_INPUTS: Final = (
    "layer",
    "tier",
    "host_tier",
    "claim",
    "finding",
    "sc",
    "flavour",
    "criticality",
    "attempt",
    "recurrence",
    "maintenance",
)
"""The inputs that :func:`.plan.decide` offers to a table, beside the node's labels."""
LABEL: Final = "label."
"""What the name of an input begins with that is a node's label; the rest is the label's key."""
RECURRENCES: Final = ("new", "returned", "moved")
"""Whether an earlier action was taken against the same content: on the same node, or on another one."""

NOTICE_EVENTS: Final = (
    "opened",
    "contained",
    "lasting",
    "approval",
    "held",
    "waiting",
    "recovered",
    "stopped",
)
"""What people are told of, in the order in which an incident comes to it."""
NOTICE_INPUTS: Final = ("event", "layer", "node", "instance", "finding", "attempt", "minutes")
"""The inputs that :mod:`.recipients` offers to a table that says who is told; ``minutes`` are since the detection."""

INTEGER_INPUTS: Final = frozenset({"attempt", "minutes"})
"""Inputs that are whole numbers, also where a form of tables has no such type."""
BOOLEAN_INPUTS: Final = frozenset({"maintenance"})
"""Inputs that are true or false; what is neither these nor whole numbers is text."""


def is_destructive(verb: object) -> bool:
    """Return whether a verb takes something away from a node or a service."""
    return verb not in HARMLESS_VERBS


def nearest(word: object, known: Iterable[object]) -> str:
    """Return the next step for a wrong word: the nearest right one, or all of them (at most 40)."""
    names = [printable(name, 80) for name in known]  # values that the table itself declares are among them
    near = difflib.get_close_matches(printable(word), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]!r}?"
    listed = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    return f"choose from: {listed}." if names else ""


__all__ = [
    "AVAILABLE_VERBS",
    "BOOLEAN_INPUTS",
    "EXITS",
    "GUARD_RAILS",
    "HARMLESS_VERBS",
    "HOST_LAYERS",
    "INTEGER_INPUTS",
    "LABEL",
    "LAYERS",
    "NOTICE_EVENTS",
    "NOTICE_INPUTS",
    "NOT_APPLICABLE",
    "QUIET_VERBS",
    "RECURRENCES",
    "SUBJECT_INPUTS",
    "TIERS_BY_GRAVITY",
    "UNKNOWN_TIER",
    "VERBS",
    "is_destructive",
    "nearest",
]
