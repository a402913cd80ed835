# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trustworthiness claims, their values and tiers (draft-ietf-rats-ar4si-09, "AR4SI").

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final


class Claim(StrEnum):
    """The trustworthiness claims (AR4SI section 2.3.4)."""

    INSTANCE_IDENTITY = "instance-identity"
    CONFIGURATION = "configuration"
    EXECUTABLES = "executables"
    FILE_SYSTEM = "file-system"
    HARDWARE = "hardware"
    RUNTIME_OPAQUE = "runtime-opaque"
    STORAGE_OPAQUE = "storage-opaque"
    SOURCED_DATA = "sourced-data"


class Tier(StrEnum):
    """The trustworthiness tiers (AR4SI section 3.2), as their JSON texts."""

    AFFIRMING = "affirming"
    NONE = "none"
    WARNING = "warning"
    CONTRAINDICATED = "contraindicated"

    @property
    def rank(self) -> int:
        """Place from best (0) to worst: a claim that could not be made is worse than one that was affirmed."""
        return _RANKS[self]


_RANKS: Final = {Tier.AFFIRMING: 0, Tier.NONE: 1, Tier.WARNING: 2, Tier.CONTRAINDICATED: 3}

# Values of every claim (AR4SI section 2.3.2).
NO_CLAIM: Final = 0
UNKNOWN_ELEMENTS: Final = 1
VERIFIER_FAULT: Final = -1
CRYPTOGRAPHIC_FAILURE: Final = 99

# Values of single claims (AR4SI section 2.3.4), by their meaning.
AFFIRMED: Final = 2
"""instance-identity recognised; configuration approved; executables of boot and run time known; hardware genuine."""
BOOT_AFFIRMED: Final = 3
"""executables: known during boot only."""
WARNED: Final = 32
"""configuration or hardware with known weaknesses; unrecognised files in the file system."""
UNRECOGNISED_EXECUTABLES: Final = 33
UNAVAILABLE_CONFIGURATION: Final = 36
CONTRAINDICATED: Final = 96
UNRECOGNISED: Final = 97
"""instance-identity or hardware that should be recognised and is not."""


def tier(value: int) -> Tier:
    """Return the tier of a claim's value (AR4SI section 2.3.2).

    Raises:
        ValueError: the value is no 8-bit signed integer.
    """
    if not -128 <= value <= 127:
        raise ValueError(f"{value} is no trustworthiness claim value (-128 to 127).")
    if -1 <= value <= 1:
        return Tier.NONE
    if -32 <= value <= 31:
        return Tier.AFFIRMING
    if -96 <= value <= 95:
        return Tier.WARNING
    return Tier.CONTRAINDICATED


def worse(first: int, second: int) -> int:
    """Return the value of the worse tier; within a tier the one that says more (section 2.3.3: standard ones first)."""

    def order(value: int) -> tuple[int, bool, int]:
        return (tier(value).rank, value >= 0, abs(value))

    if tier(first) is Tier.NONE and tier(second) is Tier.NONE:
        # A verifier's fault must show, whatever else could not be said.
        return min(first, second) if min(first, second) < 0 else max(first, second)
    return max(first, second, key=order)


def worst_tier(tiers: Iterable[Tier]) -> Tier:
    """Return the worst of the tiers; ``none`` where there is none."""
    return max(tiers, key=lambda t: t.rank, default=Tier.NONE)


def status(vector: Mapping[str, int]) -> Tier:
    """Return the tier of a whole vector: no better than its worst claim (EAR section 3.1); empty is ``none``."""
    return worst_tier(tier(value) for value in vector.values())


__all__ = [
    "AFFIRMED",
    "BOOT_AFFIRMED",
    "CONTRAINDICATED",
    "CRYPTOGRAPHIC_FAILURE",
    "NO_CLAIM",
    "UNAVAILABLE_CONFIGURATION",
    "UNKNOWN_ELEMENTS",
    "UNRECOGNISED",
    "UNRECOGNISED_EXECUTABLES",
    "VERIFIER_FAULT",
    "WARNED",
    "Claim",
    "Tier",
    "status",
    "tier",
    "worse",
    "worst_tier",
]
