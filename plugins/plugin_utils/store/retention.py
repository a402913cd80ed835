# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For how long a site keeps what: the variable ``palantir_trust_retention``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError

NEVER: Final = "never"
VARIABLE: Final = "palantir_trust_retention"
DAY: Final = 86400.0
LEAST: Final[Mapping[str, float]] = {
    "challenges": 600.0,  # longer than one lives
    "evidence": DAY,
    "attestations": DAY,
    "incidents": 31 * DAY,  # limits on remediation look as far back
    "ledger": 31 * DAY,
}
"""The shortest time for each kind, in seconds: what decisions look at is never pruned."""
_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": DAY}


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds after which each kind is pruned; None for never.

    Attributes:
        challenges: challenges, since they expired.
        evidence: raw evidence and list parts, since the result that rests on it.
        attestations: results, since they were the node's last word.
        incidents: incidents that are over, with their attempts, approvals and answers.
        ledger: entries of the ledger.
    """

    challenges: float | None = 3600.0
    evidence: float | None = 90 * DAY
    attestations: float | None = 365 * DAY
    incidents: float | None = 3 * 365 * DAY
    ledger: float | None = None


def load_retention(written: Mapping[str, object]) -> Retention:
    """Read for how long a site keeps what; kinds that it leaves out have their default.

    Args:
        written: kind to ``never``, or a time as ``90s``, ``30m``, ``12h`` or ``7d``.

    Raises:
        PolicyError: there is no such kind, a value is no time or too short, or evidence would outlive its result.
    """
    kinds = [field.name for field in fields(Retention)]
    for kind in written:
        if kind not in kinds:
            raise PolicyError(VARIABLE, f"has no kind {printable(kind, 60)!r}.", f"take one of {', '.join(kinds)}.")
    found = Retention(**{str(kind): _seconds(str(kind), value) for kind, value in written.items()})
    if found.attestations is not None and (found.evidence is None or found.evidence > found.attestations):
        cause = "is longer than attestations: evidence would outlive its result."
        raise PolicyError(f"{VARIABLE}.evidence", cause, "make it as short, or attestations as long.")
    return found


def _seconds(kind: str, value: object) -> float | None:
    if value == NEVER:
        return None
    match = _DURATION.fullmatch(str(value))
    if match is None:
        step = f"write {NEVER}, or a time as 90s, 30m, 12h or 7d."
        raise PolicyError(f"{VARIABLE}.{kind}", f"{printable(value, 60)!r} is no time.", step)
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds < LEAST[kind]:
        cause = f"is shorter than what the collection itself looks at, {LEAST[kind]:.0f} s."
        raise PolicyError(f"{VARIABLE}.{kind}", cause, f"give {LEAST[kind]:.0f}s or more.")
    return seconds


__all__ = ["DAY", "LEAST", "NEVER", "VARIABLE", "Retention", "load_retention"]
