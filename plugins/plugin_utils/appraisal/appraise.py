# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The appraisal of one node's evidence: verify, then layer by layer, in the order of their authority.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.measurements import (
    Measurements,
    recognition,
    sort_measurements,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.owners import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import build_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.evidence import read_evidence
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers import (
    firmware,
    hardware,
    ima_coverage,
    os_,
    runtime,
    sc,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.deleted import Deleted, sort_deleted
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.host_keys import appraise_host_keys
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.later_boot import later_claims
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.signed_files import SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy, load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import (
    Progress,
    ak_name,
    boot_name,
    to_keep,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord, read_record
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerVerdict, untrusted
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import (
    Before,
    Logs,
    Reached,
    Verified,
    verify,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import told
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import IMA_PCR

_CLAIMS = {firmware.LAYER: firmware.CLAIMS, os_.LAYER: os_.CLAIMS, runtime.LAYER: runtime.CLAIMS}


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What a round tells.

    Attributes:
        ear: an EAR claims-set, see :mod:`.ear`.
        offset: where the part of the list began that the round brought, in bytes.
        progress: what is verified of the boot now, for the next round; None where nothing is, or nothing more.
    """

    ear: dict[str, Any]
    offset: int = 0
    progress: Progress | None = None


def appraise(
    evidence: object,
    node: object,
    policy: object,
    reference_values: object,
    *,
    now: datetime | None = None,
    memory: Memory | None = None,
) -> dict[str, Any]:
    """Appraise the evidence of a node.

    Args:
        evidence: result of the module ``evidence``, with the challenge added as ``nonce``, hexadecimal text.
        node: the node's record: ``{"name", "ak_public", "recorded": {"hardware", "events"}, "last", "instances"}``.
        policy: the Appraisal Policy, plain or read.
        reference_values: ``{"host": [...], "boot": [...], "sc": {name: [...]}}``, plain or indexed.
        now: time of the appraisal; the present by default.
        memory: shared by the nodes of a run, it spares looking again at what their lists have in common; worth it
            with Reference Values that are indexed, once for all of them.

    Returns:
        an EAR claims-set, see :mod:`.ear`. Whatever is provably wrong with the node is a finding in it.

    Raises:
        EvidenceError: the evidence or the node's record cannot be read.
        PolicyError: the policy cannot be read.
        ReferenceValueError: the Reference Values cannot be read.
    """
    return appraise_round(evidence, node, policy, reference_values, now=now, memory=memory).ear


def appraise_round(
    evidence: object,
    node: object,
    policy: object,
    reference_values: object,
    past: Progress | None = None,
    *,
    whole: bool = True,
    now: datetime | None = None,
    memory: Memory | None = None,
) -> Appraisal:
    """Appraise the evidence of a round that follows others of the same boot, or may do so.

    Whatever way a list is cut into rounds, the verdict is that of the whole list.

    Args:
        evidence: as for :func:`appraise`; its list may begin where ``past`` ends.
        node: as for :func:`appraise`.
        policy: as for :func:`appraise`.
        reference_values: as for :func:`appraise`.
        past: what is verified of the boot so far.
        whole: the node was asked for all that it has.
        now: as for :func:`appraise`.
        memory: as for :func:`appraise`.

    Raises:
        PartError: the part does not continue what is verified: the node has to be asked again, for all that it has.
        EvidenceError: the evidence or the node's record cannot be read.
        PolicyError: the policy cannot be read.
        ReferenceValueError: the Reference Values cannot be read.
    """
    moment = now or datetime.now(UTC)
    rules, record = load_policy(policy), read_record(node)
    references = ReferenceSet.from_plain(reference_values, moment)
    if past is not None and past.ak != ak_name(record.ak_public):
        past = None
    given = read_evidence(evidence, 0 if past is None or whole else past.verified.offset)
    part = given.ima_offset > 0
    if not whole and not part and (given.ima_log is None or given.event_log is None):
        raise PartError("evidence", "is neither all nor the part that was asked for.", next_step="ask for all.")
    boot_id = given.facts.get("boot_id")
    if part and past is not None and boot_id != past.boot_id:
        raise PartError("facts.boot_id", "is not that of the part that was asked for.", next_step="ask for all.")
    verified = verify(
        given.attest,
        given.signature,
        Logs(given.event_log, given.ima_log, given.userspace_log),
        ak_public=record.ak_public,
        qualifying_data=given.qualifying_data,
        policy=rules,
        known=None if memory is None else memory.of(references.host),
        before=Before(past, part, boot_id),
    )
    if not verified.quote.valid:
        verdicts, progress = forged(verified, record, other_ak=given.ak_public != record.ak_public), None
    else:
        owners = OwnerMap(record.instances, boot_name(boot_id), verified.quote.reset_count)
        seen = recognition(references.host, owners)
        verified = _with_past(verified, past, part=part, same=past is not None and past.recognition == seen)
        measured = _measured(verified, owners, given.facts.get("containers"), record, references, memory)
        deleted = sort_deleted(given.facts, owners)
        verdicts = appraise_layers(verified, measured, deleted, given.facts, record, rules, references, moment)
        progress = _progress(verified, measured, ak_name(record.ak_public), boot_name(boot_id), seen)
    ear = build_ear(
        verdicts,
        node=record.name,
        policy=rules.name,
        now=moment,
        nonce=given.nonce,
        boot=_boot(verified, given.facts),
    )
    return Appraisal(ear, given.ima_offset, progress)


def can_continue(past: Progress, node: object, policy: AppraisalPolicy, references: ReferenceSet) -> bool:
    """Tell whether a round may be asked for what is new alone.

    Args:
        past: what is verified of the node's last known boot.
        node: the node's record.
        policy: what is asked: its quote may not cover more banks of PCR 10 than are verified.
        references: what is known: it has to recognise what was passed over.

    Raises:
        EvidenceError: the node's record cannot be read.
    """
    record = read_record(node)
    owners = OwnerMap(record.instances, past.boot_id, past.reset_count)
    banks = {bank for bank, pcrs in policy.selection.items() if IMA_PCR in pcrs}
    return (
        past.ak == ak_name(record.ak_public)
        and past.verified.offset > 0
        and bool(banks)
        and banks <= set(past.verified.aggregates)
        and past.recognition == recognition(references.host, owners)
    )


def forged(verified: Verified, record: NodeRecord, *, other_ak: bool) -> list[LayerVerdict]:
    """Return the verdicts on evidence whose quote is not valid: the validation of every layer's evidence failed."""
    layers = [untrusted(layer, ar4si.CRYPTOGRAPHIC_FAILURE, claims) for layer, claims in _CLAIMS.items()]
    layers += [untrusted(name, ar4si.CRYPTOGRAPHIC_FAILURE, sc.CLAIMS) for name in _live_layers(record)]
    return [hardware.forged(verified.quote, other_ak=other_ak), *layers]


def appraise_layers(
    verified: Verified,
    measured: Measurements,
    deleted: Deleted,
    facts: Mapping[str, Any],
    record: NodeRecord,
    policy: AppraisalPolicy,
    references: ReferenceSet,
    now: datetime,
) -> list[LayerVerdict]:
    """Return the verdict of every layer for a quote that is valid, in the order of their authority.

    Args:
        verified: result of :func:`.verify.verify`.
        measured: its IMA list, sorted by owners.
        deleted: programs that the node says run from deleted files.
        facts: what the node says of itself, bound by the quote.
        record: what is known of the node.
        policy: what is asked.
        references: what is known.
        now: time that decides which waivers and signers hold.
    """
    verdicts = [hardware.appraise_hardware(verified.quote, facts, record, policy)]
    verdicts.append(
        _on_log(verified, firmware.LAYER)
        or firmware.appraise_firmware(verified.event_log, record, policy, references.boot, now)
    )
    on_list = _on_log(verified, os_.LAYER)
    if on_list is not None:
        verdicts.append(on_list)
        verdicts.extend(untrusted(layer, ar4si.NO_CLAIM, runtime.CLAIMS) for layer in (runtime.LAYER,))
        verdicts.extend(untrusted(layer, ar4si.NO_CLAIM, sc.CLAIMS) for layer in _live_layers(record))
        return verdicts
    coverage = ima_coverage.appraise_ima_policy(measured.host, policy, references.host)
    signed = SignedFiles(policy, now)
    instances, history = sc.appraise_instances(
        verified, measured, coverage, record.instances, policy, references, signed, deleted
    )
    of_os = replace(verified, findings=(*verified.findings, *appraise_host_keys(facts, record, policy)))
    host = os_.appraise_os(of_os, measured, coverage, deleted, record, policy, references, signed, now)
    verdicts.append(replace(host, retired=history))
    verdicts.append(runtime.appraise_runtime(verified, measured, coverage, facts, policy, references, signed))
    return verdicts + instances


def _on_log(verified: Verified, layer: str) -> LayerVerdict | None:
    """Return the verdict on a layer whose log is not proven; None where it is."""
    refuted, unproven = verified.refuted.get(layer), verified.unproven.get(layer)
    if refuted is not None:
        return LayerVerdict(layer, dict.fromkeys(_CLAIMS[layer], ar4si.CRYPTOGRAPHIC_FAILURE), (refuted,))
    if unproven is not None:
        return LayerVerdict(layer, dict.fromkeys(_CLAIMS[layer], ar4si.NO_CLAIM), (unproven,))
    return None


def _with_past(verified: Verified, past: Progress | None, *, part: bool, same: bool) -> Verified:
    """Add what is to be told of the rounds before.

    Args:
        verified: result of :func:`.verify.verify`.
        past: what they verified.
        part: the node was asked for a part only, so that it can be asked for the whole list.
        same: what they passed over as known is what would be passed over now.

    Raises:
        PartError: what they passed over has to be looked at again.
    """
    if part and not same:
        raise PartError("ima_log", "earlier parts were appraised by other values.", next_step="ask for all.")
    findings = list(verified.findings)
    if verified.contradicts:
        findings.append(told("ima_history_changed", Claim.CONFIGURATION, ar4si.UNAVAILABLE_CONFIGURATION))
    if verified.reached is not None and verified.reached.began.entries:
        detail = f"Its first entry is number {verified.reached.began.entries}."
        if same:
            findings.append(told("ima_list_continued", detail=detail))
        else:
            detail += " What came before was appraised by Reference Values that do not count any more."
            findings.append(told("ima_list_continued", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS, detail))
    return replace(verified, findings=tuple(findings))


def _measured(
    verified: Verified,
    owners: OwnerMap,
    containers: object,
    record: NodeRecord,
    references: ReferenceSet,
    memory: Memory | None,
) -> Measurements:
    if verified.ima_log is None:
        return Measurements()
    return sort_measurements(
        verified.ima_log,
        verified.proven,
        owners,
        record.instances,
        references,
        memory,
        containers=containers,
        aggregates=verified.aggregates,
    )


def _progress(
    verified: Verified, measured: Measurements, ak: str, boot_id: str | None, recognised: str
) -> Progress | None:
    log, reached = verified.ima_log, verified.reached
    if log is None or reached is None or not reached.state.entries or boot_id is None or verified.contradicts:
        return None
    return Progress(
        ak=ak,
        boot_id=boot_id,
        reset_count=verified.quote.reset_count,
        clock=verified.quote.clock,
        verified=reached.state,
        began=reached.began,
        event_log=reached.event_log,
        kept=to_keep(log, verified.proven, measured.noted),
        recognition=recognised,
    )


def _live_layers(record: NodeRecord) -> list[str]:
    return sorted({sc.layer_of(instance) for instance in record.instances if instance.live})


def _boot(verified: Verified, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return which boot was appraised, and how much of its list; None where the quote proves nothing."""
    quote, reached = verified.quote, verified.reached or Reached()
    if not quote.valid:
        return None
    boot_id, kernel = facts.get("boot_id"), facts.get("kernel")
    release = kernel.get("release") if isinstance(kernel, Mapping) else None
    return {
        "boot_id": printable(boot_id, 64) if isinstance(boot_id, str) else None,
        "kernel_release": printable(release, 128) if isinstance(release, str) else None,
        "clock": quote.clock,
        "reset_count": quote.reset_count,
        "restart_count": quote.restart_count,
        "safe": quote.safe,
        "ima_entries": reached.state.entries,
        "ima_first_entry": reached.first,
        "ima_tail_entries": verified.tail,
        **later_claims(verified.later, quote.pcr_select),
    }


__all__ = ["Appraisal", "appraise", "appraise_layers", "appraise_round", "can_continue", "forged"]
