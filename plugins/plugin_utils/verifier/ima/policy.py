# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the IMA list tells of how it was made: the boot PCRs that it begins with, and the policy that it follows.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.bank import digests, started
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import ImaLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

BOOT_AGGREGATE: Final = "boot_aggregate"
POLICY_PATH: Final = "/etc/ima/ima-policy"
"""Where systemd takes the policy from; its load is measured whatever the policy says (func=POLICY_CHECK)."""

_SPANS: Final = (range(10), range(8))  # kernel 5.8 and later, except for SHA-1; earlier


def check_boot_aggregate(log: ImaLog, pcrs: Mapping[str, Mapping[int, bytes]]) -> Finding | None:
    """Check the list's first entry: the digest over PCR 0-9 (0-7 on old kernels and for SHA-1) at boot.

    It ties the list to the measured boot that it followed: ima_calc_boot_aggregate() in
    security/integrity/ima/ima_crypto.c.

    Args:
        log: the list; nothing is to be checked of a part that begins later.
        pcrs: bank → PCR number → value, from the event log; those left out were never extended.

    Returns:
        What is wrong with it, or None.
    """
    if len(log) and log.numbers[0]:
        return None
    first = log.entry(0) if len(log) else None
    if first is None or first.path != BOOT_AGGREGATE or first.violation:
        return _finding("boot_aggregate_missing", first)
    if first.digest.partition(":")[0] not in pcrs:
        return _finding("boot_aggregate_unchecked", first)
    return None if first.digest in boot_aggregates(pcrs) else _finding("boot_aggregate_mismatch", first)


def boot_aggregates(pcrs: Mapping[str, Mapping[int, bytes]]) -> frozenset[str]:
    """Return the digests over the boot PCRs that kernels make of these values, ``algorithm:hex`` in each bank.

    Raises:
        EvidenceError: a bank whose hash is not available here.
    """
    found: set[str] = set()
    for bank, values in pcrs.items():
        empty = bytes(started(bank)().digest_size)
        spans = [b"".join(values.get(number, empty) for number in span) for span in _SPANS]
        found.update(f"{bank}:{digest.hex()}" for digest in digests(bank, spans))
    return frozenset(found)


def policy_measurements(log: ImaLog) -> tuple[Entry, ...]:
    """Return the measurements of the IMA policy file, in the order in which policies were loaded.

    None means: no policy was loaded from the file since boot, or not by a path that a policy should have. The
    kernel's built-in policy measures the first load.

    Raises:
        EvidenceError: an entry that cannot be read.
    """
    return tuple(entry for entry in log.entries if entry.path == POLICY_PATH)


def _finding(code: str, entry: Entry | None) -> Finding:
    if entry is None:
        return Finding(code, CODES[code])
    return Finding(code, CODES[code], entry.index, entry.pcr)


__all__ = ["BOOT_AGGREGATE", "POLICY_PATH", "boot_aggregates", "check_boot_aggregate", "policy_measurements"]
