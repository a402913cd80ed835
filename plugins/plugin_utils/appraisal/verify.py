# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the evidence is proven: the quote, and the logs whose replay leads to the quoted PCRs.

One digest covers all quoted PCRs, so a mismatch does not say by itself which log is wrong. The IMA list begins
with a digest over the boot PCRs: where the event log agrees with it, the list is at fault, else the event log.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hmac import compare_digest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import told
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weights import IMA_LIST
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import (
    ImaLog,
    KnownHashes,
    parse_ima_log,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.policy import check_boot_aggregate
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import IMA_PCR, match_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote, pcr_digest, verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log


@dataclass(frozen=True, slots=True)
class Verified:
    """What of the evidence is proven.

    Attributes:
        quote: the quote; nothing else is proven unless it is valid.
        event_log: the event log, where its replay met the quote.
        ima_log: the IMA list, where its replay met the quote.
        entries: number of the list's entries that the quote covers.
        tail: number of entries behind them.
        findings: what is odd about proven logs, for the layer ``os``.
        refuted: layer (``firmware`` or ``os``) whose log the quote proves wrong, and the finding that says so.
        unproven: layers whose log is neither proven nor proven wrong, and why.
    """

    quote: Quote
    event_log: EventLog | None = None
    ima_log: ImaLog | None = None
    entries: int = 0
    tail: int = 0
    findings: tuple[LayerFinding, ...] = ()
    refuted: Mapping[str, LayerFinding] = field(default_factory=dict)
    unproven: Mapping[str, LayerFinding] = field(default_factory=dict)


def verify(
    attest: bytes,
    signature: bytes,
    event_log: bytes | None,
    ima_log: bytes | None,
    *,
    ak_public: bytes,
    qualifying_data: bytes,
    policy: AppraisalPolicy,
    known: KnownHashes | None = None,
) -> Verified:
    """Verify a quote and replay both logs onto it.

    Args:
        attest: TPMS_ATTEST.
        signature: TPMT_SIGNATURE.
        event_log: UEFI event log, or None.
        ima_log: IMA measurement list from its beginning, or None.
        ak_public: TPM2B_PUBLIC of the enrolled AK.
        qualifying_data: what the challenge asked the TPM to sign along.
        policy: selection, and by how much the list may be ahead of the quote.
        known: hashes of entries that other nodes' lists had.

    Raises:
        EvidenceError: a structure or a log is malformed.
    """
    quote = verify_quote(attest, signature, ak_public, qualifying_data, policy.selection)
    if not quote.valid:
        return Verified(quote)
    boot = None if event_log is None else parse_event_log(event_log)
    covered = any(IMA_PCR in pcrs for pcrs in quote.pcr_select.values())
    if ima_log is None or not covered:
        return _without_list(quote, boot)
    return _with_list(quote, boot, parse_ima_log(ima_log, check_columns=False, known=known, lazy=True), policy)


def _with_list(quote: Quote, boot: EventLog | None, log: ImaLog, policy: AppraisalPolicy) -> Verified:
    pcrs = {} if boot is None else boot.pcrs
    prefix = match_quote(log, quote, pcrs, max_tail=policy.ima.max_tail)
    began = check_boot_aggregate(log, _banks(quote, pcrs))
    if prefix is None:
        return _mismatch(quote, boot, list_at_fault=boot is not None and began is None)
    tail = len(log) - prefix.entries
    findings = [*_odd((*prefix.findings, *log.findings))]
    if began is not None:
        value = IMA_LIST[began.code]
        findings.append(LayerFinding(began.code, began.message, Claim.CONFIGURATION, value, began.index, pcr=began.pcr))
    findings.extend(_templates(log, policy))
    if tail:
        findings.append(told("ima_tail_held", detail=f"They are {tail}."))
    return Verified(quote, boot, log, prefix.entries, tail, tuple(findings))


def _odd(found: Iterable[Finding]) -> Iterator[LayerFinding]:
    """Weigh what the reader of the list noticed; what weighs nothing is told once."""
    told_of: set[str] = set()
    for f in found:
        if f.code in IMA_LIST:
            yield LayerFinding(f.code, f.message, Claim.CONFIGURATION, IMA_LIST[f.code], f.index, f.path, pcr=f.pcr)
        elif f.code == "ima_other_template" and f.code not in told_of:
            told_of.add(f.code)
            yield LayerFinding(f.code, f.message, None, 0, f.index, f.path, pcr=f.pcr)


def _templates(log: ImaLog, policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    for name in sorted({kind.template.name for kind in log.seen} - set(policy.ima.templates)):
        detail = f"It is {printable(name)}."
        yield told("ima_template_unexpected", Claim.CONFIGURATION, ar4si.CONTRAINDICATED, detail)


def _banks(quote: Quote, pcrs: Mapping[str, Mapping[int, bytes]]) -> dict[str, Mapping[int, bytes]]:
    """Return the banks that can be compared: those of the log, or of a boot that extended nothing."""
    return {bank: pcrs.get(bank, {}) for bank in {*quote.pcr_select, *pcrs}}


def _mismatch(quote: Quote, boot: EventLog | None, *, list_at_fault: bool) -> Verified:
    if boot is None:
        # The PCRs that an event log would explain are unknown: evidence is missing, none is proven wrong.
        missing = told("event_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        unproven = told("log_unproven", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        return Verified(quote, unproven={"firmware": missing, "os": unproven})
    if list_at_fault:
        refuted = told("ima_replay_mismatch", Claim.EXECUTABLES, ar4si.CRYPTOGRAPHIC_FAILURE)
        unproven = told("log_unproven", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        return Verified(quote, refuted={"os": refuted}, unproven={"firmware": unproven})
    refuted = told("event_log_replay_mismatch", Claim.EXECUTABLES, ar4si.CRYPTOGRAPHIC_FAILURE)
    unproven = told("log_unproven", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
    return Verified(quote, refuted={"firmware": refuted}, unproven={"os": unproven})


def _without_list(quote: Quote, boot: EventLog | None) -> Verified:
    """Without the list PCR 10 can only be that of a kernel without IMA, or not quoted at all."""
    pcrs = {} if boot is None else boot.pcrs
    if compare_digest(pcr_digest(quote.pcr_select, pcrs, quote.hash_alg), quote.pcr_digest):
        return Verified(quote, boot)
    if any(IMA_PCR in numbers for numbers in quote.pcr_select.values()):
        missing = told("ima_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        unproven = told("log_unproven", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        return Verified(quote, unproven={"os": missing, "firmware": unproven})
    return _mismatch(quote, boot, list_at_fault=False)


__all__ = ["Verified", "verify"]
