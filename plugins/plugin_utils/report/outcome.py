# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a round ended, in a few figures that a workflow hands from job to job.

They come back as extra variables, which Ansible takes for templates that a person wrote. So there is nothing in them
that a node wrote: counts, words of our own, and names of the inventory.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import STATES
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident

NAMED: Final = 100
"""Most nodes or incidents that are named."""

_COUNTED: Final = (*(tier.value for tier in Tier), *(state for state in STATES if state != "attested"), "no_result")


def verdict_counts(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many nodes are how, and which are not affirming.

    Args:
        results: of M(palantir.trust.attest), each with ``node``, ``state`` and ``ear``; of a node that has none since
            the round began, ``state`` is ``no_result``.

    Returns:
        ``nodes`` (how many); how many of each tier and of each state that has none; ``not_affirming`` (names, at most
        :data:`NAMED`), and ``not_named`` (how many more).
    """
    ends = {str(result["node"]): _end(result) for result in results}
    counts = Counter(ends.values())
    others = sorted(name for name, end in ends.items() if end != Tier.AFFIRMING.value)
    named = [name for name in others if "{" not in name][:NAMED]
    return {
        "nodes": len(ends),
        **{end: counts[end] for end in _COUNTED},
        "not_affirming": named,
        "not_named": len(others) - len(named),
    }


def incident_counts(still_open: Iterable[Incident]) -> dict[str, Any]:
    """Return how many incidents are ``open`` and ``held``, and their numbers: ``ids``, at most :data:`NAMED`."""
    known = list(still_open)
    counts = Counter(incident.state for incident in known)
    return {**{state: counts[state] for state in ("open", "held")}, "ids": [i.id for i in known][:NAMED]}


def _end(result: Mapping[str, Any]) -> str:
    """Return a result's tier, else its state."""
    end = str((result.get("ear") or {}).get("ear_status") or result["state"])
    return end if end in _COUNTED else "verifier_fault"


__all__ = ["NAMED", "incident_counts", "verdict_counts"]
