# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the evidence is proven: the quote, and the logs whose replay leads to the quoted PCRs.

One digest covers all quoted PCRs, so a mismatch does not say by itself which log is wrong. The IMA list begins
with a digest over the boot PCRs: where the event log agrees with it, the list is at fault, else the event log.

A list whose beginning was verified in an earlier round of the same boot is replayed from there on.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hmac import compare_digest
from typing import Final, NamedTuple

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.later_boot import appraise_later
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import told
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weights import IMA_LIST
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PartError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import (
    ImaLog,
    KnownHashes,
    parse_ima_log,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.parts import joined
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.policy import (
    boot_aggregates,
    check_boot_aggregate,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import (
    BEGINNING,
    IMA_PCR,
    Banks,
    ImaState,
    Prefix,
    match_quote,
    passes,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote, pcr_digest, verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import (
    explained,
    extended,
    parse_userspace_log,
)

_NEXT_STEPS: Final = {
    "ima_list_restarted": "Next: reboot the node through its firmware, and start no kernel by kexec.",
    "ima_list_trimmed": "Next: reboot the node, and let nothing there delete entries that were not attested yet.",
}


class Logs(NamedTuple):
    """The logs of a round; None where the node gave none.

    Attributes:
        event_log: UEFI event log.
        ima_log: IMA measurement list.
        userspace_log: systemd's own log, which continues the event log.
    """

    event_log: bytes | None
    ima_log: bytes | None
    userspace_log: bytes | None = None


@dataclass(frozen=True, slots=True)
class Before:
    """How a round relates to the rounds before.

    Attributes:
        past: what they verified, under the same AK.
        part: the list begins where ``past`` ends, and the event log is that of ``past``; else it begins at its start.
        boot_id: the boot of this round, as the node says.
    """

    past: Progress | None = None
    part: bool = False
    boot_id: object = None


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the IMA list is verified now.

    Attributes:
        state: behind the last entry that the quote covers.
        began: where the node's present list begins; :data:`BEGINNING` unless it continues one that is gone.
        first: number of the first entry that this round brought.
        event_log: the event log of the boot, as bytes.
    """

    state: ImaState = BEGINNING
    began: ImaState = BEGINNING
    first: int = 0
    event_log: bytes | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """What of the evidence is proven.

    Attributes:
        quote: the quote; nothing else is proven unless it is valid.
        event_log: the event log, where its replay met the quote.
        ima_log: the IMA list, where its replay met the quote. Of what earlier rounds verified it has what was kept.
        proven: number of entries of ``ima_log`` that the quote covers.
        tail: number of entries behind them.
        reached: how far the list is verified; None where it is not.
        contradicts: it is not the list that earlier rounds of this boot verified.
        later: events of systemd's log that the quote covers.
        aggregates: digests over the boot PCRs that a kernel could find in this boot, ``algorithm:hex``.
        findings: what is odd about proven logs, for the layer ``os``.
        refuted: layer (``firmware`` or ``os``) whose log the quote proves wrong, and the finding that says so.
        unproven: layers whose log is neither proven nor proven wrong, and why.
    """

    quote: Quote
    event_log: EventLog | None = None
    ima_log: ImaLog | None = None
    proven: int = 0
    tail: int = 0
    reached: Reached | None = None
    contradicts: bool = False
    later: tuple[Event, ...] = ()
    aggregates: frozenset[str] = frozenset()
    findings: tuple[LayerFinding, ...] = ()
    refuted: Mapping[str, LayerFinding] = field(default_factory=dict)
    unproven: Mapping[str, LayerFinding] = field(default_factory=dict)


_NOTHING_BEFORE: Final = Before()


def verify(
    attest: bytes,
    signature: bytes,
    logs: Logs,
    *,
    ak_public: bytes,
    qualifying_data: bytes,
    policy: AppraisalPolicy,
    known: KnownHashes | None = None,
    before: Before = _NOTHING_BEFORE,
) -> Verified:
    """Verify a quote and replay the logs onto it.

    Args:
        attest: TPMS_ATTEST.
        signature: TPMT_SIGNATURE.
        logs: what should explain the quoted PCRs.
        ak_public: TPM2B_PUBLIC of the enrolled AK.
        qualifying_data: what the challenge asked the TPM to sign along.
        policy: selection, and by how much the list may be ahead of the quote.
        known: hashes of entries that other nodes' lists had.
        before: how this round relates to the rounds before.

    Raises:
        EvidenceError: a structure or a log is malformed.
        PartError: the part does not continue what was verified, up to this quote.
    """
    quote = verify_quote(attest, signature, ak_public, qualifying_data, policy.selection, allow_sha1=policy.allow_sha1)
    if not quote.valid:
        return Verified(quote)
    past = before.past
    if past is not None and past.reset_count != quote.reset_count:
        past = None
    event_log, ima_log, userspace_log = logs
    later = () if userspace_log is None else parse_userspace_log(userspace_log)
    if before.part:
        return _with_part(quote, ima_log or b"", past, policy, known, later)
    boot = None if event_log is None else parse_event_log(event_log)
    covered = any(IMA_PCR in pcrs for pcrs in quote.pcr_select.values())
    if ima_log is None or not covered:
        return _without_list(quote, boot, later)
    log = parse_ima_log(ima_log, check_columns=False, known=known, lazy=True)
    match = partial(_match, log, quote, boot, later, policy)
    prefix, covered_later = match()
    if prefix is not None:
        verified = _proven(quote, boot, log, prefix, Reached(event_log=event_log), policy, later=covered_later)
        return replace(verified, contradicts=past is not None and _contradicts(log, prefix, quote, past))
    for behind in () if past is None else (past.verified, past.began):
        prefix, covered_later = match(behind) if behind.entries else (None, ())
        # Where nothing of the list is needed to reach the quote, the list is not one that goes on from there.
        if past is not None and prefix is not None and (prefix.entries or not len(log)):
            began = replace(behind, offset=0)
            rest = replace(log, numbers=range(began.entries, began.entries + len(log)))
            reached = Reached(began, began, began.entries, event_log)
            kept = past.kept_before(began.entries)
            return _proven(quote, boot, rest, prefix, reached, policy, kept, covered_later)
    proven_log = past is not None and event_log == past.event_log
    restarted = past is not None and before.boot_id != past.boot_id
    return _mismatch(quote, boot, _at_fault(log, quote, boot, proven_log=proven_log, restarted=restarted))


def _match(
    log: ImaLog,
    quote: Quote,
    boot: EventLog | None,
    later: tuple[Event, ...],
    policy: AppraisalPolicy,
    start: ImaState = BEGINNING,
) -> tuple[Prefix | None, tuple[Event, ...]]:
    """Return the prefix of the list, and the events of systemd's log, with which the PCRs have the quoted digest."""
    counts, choices = zip(*explained(_pcrs(boot), later, quote.pcr_select), strict=True)
    prefix = match_quote(log, quote, *choices, start=start, max_tail=policy.ima.max_tail)
    return prefix, () if prefix is None else later[: counts[prefix.choice]]


def _pcrs(boot: EventLog | None) -> Banks:
    return {} if boot is None else boot.pcrs


def _with_part(
    quote: Quote,
    blob: bytes,
    past: Progress | None,
    policy: AppraisalPolicy,
    known: KnownHashes | None,
    later: tuple[Event, ...],
) -> Verified:
    asked = {bank for bank, pcrs in quote.pcr_select.items() if IMA_PCR in pcrs}
    if past is None or not asked or not asked <= set(past.verified.aggregates):
        raise _no_continuation()
    try:
        log = parse_ima_log(blob, first=past.verified.entries, check_columns=False, known=known, lazy=True)
    except EvidenceError as error:
        raise _no_continuation() from error
    boot = None if past.event_log is None else parse_event_log(past.event_log)
    prefix, covered_later = _match(log, quote, boot, later, policy, past.verified)
    if prefix is None:
        raise _no_continuation()
    reached = Reached(past.verified, past.began, past.verified.entries, past.event_log)
    return _proven(quote, boot, log, prefix, reached, policy, past.kept, covered_later)


def _no_continuation() -> PartError:
    return PartError(
        "ima_log",
        "the part does not lead from what was verified before to this quote.",
        next_step="ask for the list from offset 0.",
    )


def _proven(
    quote: Quote,
    boot: EventLog | None,
    part: ImaLog,
    prefix: Prefix,
    since: Reached,
    policy: AppraisalPolicy,
    kept: ImaLog | None = None,
    later: tuple[Event, ...] = (),
) -> Verified:
    """Return what a prefix proves of a part, and of the list that was verified before it."""
    log = part if kept is None else joined(kept, part)
    tail = len(part) - prefix.entries
    banks = _banks(quote, _pcrs(boot))
    began = check_boot_aggregate(log, banks)
    findings = [*_odd((*prefix.findings, *log.findings))]
    if began is not None:
        value = IMA_LIST[began.code]
        findings.append(LayerFinding(began.code, began.message, Claim.CONFIGURATION, value, began.index, pcr=began.pcr))
    findings.extend(_templates(log, policy))
    findings.extend(appraise_later(later, quote.pcr_select))
    if tail:
        findings.append(told("ima_tail_held", detail=f"They are {tail}."))
    return Verified(
        quote,
        boot,
        log,
        len(log) - tail,
        tail,
        replace(since, state=since.state.after(part, prefix)),
        later=later,
        aggregates=frozenset().union(*map(boot_aggregates, _of_boot(banks, later))),
        findings=tuple(findings),
    )


def _of_boot(banks: Banks, later: Iterable[Event]) -> Iterator[Banks]:
    """Yield the values of the boot PCRs as the firmware left them, and behind each event that systemd added there."""
    yield banks
    for event in later:
        if event.pcr < IMA_PCR:
            banks = extended(banks, (event,))
            yield banks


def _contradicts(log: ImaLog, prefix: Prefix, quote: Quote, past: Progress) -> bool:
    """Tell whether a proven list cannot have grown from what was verified earlier under the same reset count.

    A quote that is older than the last one may cover less: two rounds were under way at once.
    """
    if prefix.entries < past.verified.entries and quote.clock <= past.clock:
        return False
    return prefix.entries < past.verified.entries or not passes(log, past.verified)


def _at_fault(log: ImaLog, quote: Quote, boot: EventLog | None, *, proven_log: bool, restarted: bool) -> str | None:
    """Return the code of what is wrong with a list that leads nowhere; None where the event log may be at fault.

    Args:
        log: the list.
        quote: what it should lead to.
        boot: the event log.
        proven_log: the event log was verified earlier in this boot.
        restarted: the node names another boot than earlier, and its TPM was not reset in between.
    """
    if boot is None:
        return None
    began = check_boot_aggregate(log, _banks(quote, boot.pcrs))
    if began is not None and began.code == "boot_aggregate_missing":
        return "ima_list_trimmed"
    if began is not None and not proven_log:
        return None
    return "ima_list_restarted" if restarted else "ima_replay_mismatch"


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


def _mismatch(quote: Quote, boot: EventLog | None, list_code: str | None) -> Verified:
    """Return what a mismatch refutes: the list, with this finding, else the event log."""
    unproven = told("log_unproven", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
    if boot is None:
        # The PCRs that an event log would explain are unknown: evidence is missing, none is proven wrong.
        missing = told("event_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        return Verified(quote, unproven={"firmware": missing, "os": unproven})
    if list_code is not None:
        refuted = told(list_code, Claim.EXECUTABLES, ar4si.CRYPTOGRAPHIC_FAILURE, _NEXT_STEPS.get(list_code, ""))
        return Verified(quote, refuted={"os": refuted}, unproven={"firmware": unproven})
    refuted = told("event_log_replay_mismatch", Claim.EXECUTABLES, ar4si.CRYPTOGRAPHIC_FAILURE)
    return Verified(quote, refuted={"firmware": refuted}, unproven={"os": unproven})


def _without_list(quote: Quote, boot: EventLog | None, later: tuple[Event, ...]) -> Verified:
    """Without the list PCR 10 can only be that of a kernel without IMA, or not quoted at all."""
    for count, pcrs in explained(_pcrs(boot), later, quote.pcr_select):
        if compare_digest(pcr_digest(quote.pcr_select, pcrs, quote.hash_alg), quote.pcr_digest):
            found = appraise_later(later[:count], quote.pcr_select)
            return Verified(quote, boot, later=later[:count], findings=tuple(found))
    if any(IMA_PCR in numbers for numbers in quote.pcr_select.values()):
        missing = told("ima_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        unproven = told("log_unproven", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        return Verified(quote, unproven={"os": missing, "firmware": unproven})
    return _mismatch(quote, boot, None)


__all__ = ["Before", "Logs", "Reached", "Verified", "verify"]
