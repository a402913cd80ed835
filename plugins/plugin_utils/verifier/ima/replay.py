# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay of the IMA measurement list onto the quoted PCR.

A list is read after its quote, so it may be longer than the PCR: what the quote covers is a prefix, and the tail
waits for the next quote. A list that is shorter, or differs anywhere in the prefix, reaches no quoted value.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.bank import Hash, digests, started
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import ImaLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote, pcr_digest

IMA_PCR: Final = 10
MAX_TAIL: Final = 10_000
"""Most entries by which a list may be ahead of its quote; a busy node adds some hundreds while a quote is made."""

Banks = Mapping[str, Mapping[int, bytes]]


@dataclass(frozen=True, slots=True)
class Prefix:
    """The part of a list that a quote covers.

    Attributes:
        entries: number of the list's entries in it.
        aggregates: bank → value of the PCR behind it.
        padded: the kernel extended SHA-1 hashes into banks of another hash.
        choice: which of the given values of the other PCRs led to the quote, from 0.
    """

    entries: int
    aggregates: Mapping[str, bytes]
    padded: bool = False
    choice: int = 0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """``ima_zero_padded`` where it applies."""
        return (Finding("ima_zero_padded", CODES["ima_zero_padded"], pcr=IMA_PCR),) if self.padded else ()


@dataclass(frozen=True, slots=True)
class ImaState:
    """How far a node's list has been verified in this boot.

    Attributes:
        entries: number of verified entries, since the TPM was reset.
        offset: where the next part begins in the node's binary list, in bytes.
        aggregates: bank → value of the PCR behind the verified entries.
        padded: as in :class:`Prefix`; it says nothing before the first entry.
    """

    entries: int = 0
    offset: int = 0
    aggregates: Mapping[str, bytes] = field(default_factory=dict)
    padded: bool = False

    def after(self, log: ImaLog, prefix: Prefix) -> ImaState:
        """Return the state behind a verified prefix of the part of the list that follows this state."""
        size = log.ends[prefix.entries - 1] if prefix.entries else 0
        return ImaState(self.entries + prefix.entries, self.offset + size, prefix.aggregates, prefix.padded)


BEGINNING: Final = ImaState()
"""The state of a node whose TPM was just reset."""


def extended(log: ImaLog, bank: str, *, padded: bool = False) -> Sequence[bytes]:
    """Return what the kernel extended into a bank for each entry, computed from the template data.

    Args:
        log: the list.
        bank: name of the bank's hash.
        padded: as old kernels do it: the SHA-1 hash, filled up with zeros.

    Raises:
        EvidenceError: a bank whose hash is not available here.
    """
    if bank == "sha256" and not padded:
        return log.hashes
    size = started(bank)().digest_size
    values = digests("sha1" if padded else bank, log.data)
    if padded:
        values = [value.ljust(size, b"\0") for value in values]
    for at in log.violations:
        values[at] = b"\xff" * size
    return values


def replay(
    log: ImaLog, bank: str, *, start: bytes | None = None, pcr: int = IMA_PCR, count: int | None = None
) -> bytes:
    """Return the value that a PCR has after the list's entries.

    Args:
        log: the list.
        bank: name of the bank's hash.
        start: value before them; zeros at boot.
        pcr: number of the PCR; entries of others are passed over.
        count: number of entries to replay; all by default.

    Raises:
        EvidenceError: a bank whose hash is not available here.
    """
    values = extended(log, bank)[:count]
    return _aggregates(bank, start, _of_pcr(log, values, pcr), keep=0)[-1]


def replay_all(log: ImaLog, bank: str) -> dict[int, bytes]:
    """Return number → value of PCR 10 and of each other PCR that the list of a whole boot extends."""
    return {pcr: replay(log, bank, pcr=pcr) for pcr in sorted({IMA_PCR, *(kind.pcr for kind in log.seen)})}


def match_prefix(log: ImaLog, bank: str, pcr_value: bytes, *, start: bytes | None = None) -> int | None:
    """Return the number of entries after which PCR 10 has a value, or None if it never has.

    Args:
        log: the list.
        bank: name of the bank's hash.
        pcr_value: the value to reach.
        start: value before the list; zeros at boot.

    Raises:
        EvidenceError: a bank whose hash is not available here.
    """
    aggregates = _of_list(log, bank, start, keep=len(log))
    return aggregates.index(pcr_value) if pcr_value in aggregates else None


def match_quote(
    log: ImaLog, quote: Quote, *choices: Banks, start: ImaState = BEGINNING, max_tail: int = MAX_TAIL
) -> Prefix | None:
    """Find the prefix of a list with which the PCRs have the quoted digest.

    A quote carries one digest over all PCRs, so the prefix is searched from the list's end, where it nearly always
    is; at most ``max_tail`` entries are given up. Entries of other PCRs than 10 are not covered (``ima_other_pcr``).

    Args:
        log: the part of the list that follows ``start``.
        quote: a valid quote that covers PCR 10.
        choices: bank → PCR number → value of the other PCRs, from the event log; those left out were never extended. Of
            several choices the first that leads to the quote is taken, and the list is replayed once for all.
        start: what is verified already; nothing at boot.
        max_tail: the largest lag of a quote behind its list.

    Returns:
        The prefix, or None: the event log or the list is not what the TPM saw.

    Raises:
        EvidenceError: the quote covers a bank whose hash is not available here.
        PolicyError: the quote does not cover PCR 10.
    """
    banks = [bank for bank, numbers in quote.pcr_select.items() if IMA_PCR in numbers]
    if not banks:
        raise PolicyError("selection", "does not cover PCR 10, so that no IMA list can be checked.", "add 10 to it.")
    if banks == ["sha1"]:
        ways: tuple[bool, ...] = (False,)
    else:
        ways = (start.padded,) if start.entries else (False, True)
    for padded in ways:
        chains = {bank: _of_list(log, bank, start.aggregates.get(bank), keep=max_tail, padded=padded) for bank in banks}
        for choice, pcrs in enumerate(choices):
            lag = _lag(quote, pcrs, chains)
            if lag is not None:
                aggregates = {bank: chain[-1 - lag] for bank, chain in chains.items()}
                return Prefix(len(log) - lag, aggregates, padded, choice)
    return None


def passes(log: ImaLog, state: ImaState) -> bool:
    """Tell whether a list from the beginning leads through a state.

    Raises:
        EvidenceError: a bank whose hash is not available here.
    """
    if len(log) < state.entries:
        return False
    for bank, value in state.aggregates.items():
        values = extended(log, bank, padded=state.padded and bank != "sha1")[: state.entries]
        reached = _aggregates(bank, None, _of_pcr(log, values, IMA_PCR), keep=0)[-1]
        if not hmac.compare_digest(reached, value):
            return False
    return True


def _lag(quote: Quote, pcrs: Banks, chains: Mapping[str, Sequence[bytes]]) -> int | None:
    """Return how many entries back the quoted digest is reached."""
    banks = {bank: dict(pcrs.get(bank, {})) for bank in quote.pcr_select}
    for lag in range(min(map(len, chains.values()))):
        for bank, chain in chains.items():
            banks[bank][IMA_PCR] = chain[-1 - lag]
        if hmac.compare_digest(pcr_digest(quote.pcr_select, banks, quote.hash_alg), quote.pcr_digest):
            return lag
    return None


def _of_list(log: ImaLog, bank: str, start: bytes | None, *, keep: int, padded: bool = False) -> list[bytes]:
    """Return the values of PCR 10 behind the last ``keep`` entries, and before them."""
    values = extended(log, bank, padded=padded and bank != "sha1")
    return _aggregates(bank, start, _of_pcr(log, values, IMA_PCR), keep)


def _of_pcr(log: ImaLog, values: Sequence[bytes], pcr: int) -> Sequence[bytes | None]:
    """Return the values with None in place of those that went into other PCRs."""
    if all(kind.pcr == pcr for kind in log.seen):
        return values
    return [value if kind.pcr == pcr else None for value, kind in zip(values, log.kinds, strict=False)]


def _aggregates(bank: str, start: bytes | None, values: Sequence[bytes | None], keep: int) -> list[bytes]:
    """Return the PCR's values behind the last ``keep`` extends, and before them; None extends nothing."""
    new = started(bank)
    value = bytes(new().digest_size) if start is None else start
    quiet = max(len(values) - keep, 0)
    value = _extended(new, value, values[:quiet])
    aggregates = [value]
    for item in values[quiet:]:
        value = _extended(new, value, (item,))
        aggregates.append(value)
    return aggregates


def _extended(new: Callable[[], Hash], value: bytes, items: Sequence[bytes | None]) -> bytes:
    """Return the value of a PCR after extends; None extends nothing."""
    for item in items:
        if item is not None:
            state = new()
            state.update(value + item)
            value = state.digest()
    return value


__all__ = [
    "BEGINNING",
    "IMA_PCR",
    "MAX_TAIL",
    "ImaState",
    "Prefix",
    "extended",
    "match_prefix",
    "match_quote",
    "passes",
    "replay",
    "replay_all",
]
