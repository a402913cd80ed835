# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two quotes of one key say of the time between them ("TPM 2.0 Library, Part 1", section 36).

Counters of a key outside the endorsement hierarchy are obfuscated by a constant: only quotes of the same
attestation key can be compared.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock information of one accepted quote.

    Attributes:
        clock: milliseconds.
        reset_count: number of boots.
        restart_count: number of resumes since the last boot.
        safe: no larger clock has been reported before.
    """

    clock: int
    reset_count: int
    restart_count: int
    safe: bool


@dataclass(frozen=True, slots=True)
class Continuity:
    """How a quote follows the one before.

    Attributes:
        new_boot: the TPM was reset in between: both logs start anew.
        findings: what cannot be if both came from one TPM in this order, and ``clock_unsafe``, which can.
    """

    new_boot: bool
    findings: tuple[Finding, ...]


def continuity(last: Tick | None, quote: Quote | Tick) -> Continuity:
    """Compare a quote with the last accepted one of the same key; ``last`` is None for the first.

    A restart count that starts anew after a reset, and ``safe`` false after a power loss, are legal.
    """
    codes = [] if quote.safe else ["clock_unsafe"]
    if last is None:
        return Continuity(True, _findings(codes))
    new_boot = quote.reset_count != last.reset_count
    if quote.reset_count < last.reset_count:
        codes.append("reset_count_decreased")
    elif not new_boot and quote.restart_count < last.restart_count:
        codes.append("restart_count_decreased")
    elif quote.clock < last.clock and (
        quote.safe or (quote.reset_count, quote.restart_count) == (last.reset_count, last.restart_count)
    ):
        codes.append("clock_decreased")
    return Continuity(new_boot, _findings(codes))


def _findings(codes: list[str]) -> tuple[Finding, ...]:
    return tuple(Finding(code, CODES[code]) for code in codes)


__all__ = ["Continuity", "Tick", "continuity"]
