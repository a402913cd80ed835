# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The appraisal of one node's evidence: verify, then layer by layer, in the order of their authority.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import (
    ar4si,
    firmware,
    hardware,
    ima_coverage,
    os_,
    runtime,
    sc,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import build_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.evidence import read_evidence
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.measurements import (
    Measurements,
    sort_measurements,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy import AppraisalPolicy, load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord, read_record
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.signed_files import SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerVerdict, untrusted
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import Verified, verify
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet

_CLAIMS = {firmware.LAYER: firmware.CLAIMS, os_.LAYER: os_.CLAIMS, runtime.LAYER: runtime.CLAIMS}


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
    moment = now or datetime.now(UTC)
    rules, record = load_policy(policy), read_record(node)
    references = ReferenceSet.from_plain(reference_values, moment)
    given = read_evidence(evidence)
    verified = verify(
        given.attest,
        given.signature,
        given.event_log,
        given.ima_log,
        ak_public=record.ak_public,
        qualifying_data=given.qualifying_data,
        policy=rules,
        known=None if memory is None else memory.of(references.host),
    )
    if not verified.quote.valid:
        verdicts = forged(verified, record, other_ak=given.ak_public != record.ak_public)
    else:
        verdicts = appraise_layers(verified, given.facts, record, rules, references, moment, memory)
    return build_ear(
        verdicts,
        node=record.name,
        policy=rules.name,
        now=moment,
        nonce=given.nonce,
        boot=_boot(verified, given.facts),
    )


def forged(verified: Verified, record: NodeRecord, *, other_ak: bool) -> list[LayerVerdict]:
    """Return the verdicts on evidence whose quote is not valid: the validation of every layer's evidence failed."""
    layers = [untrusted(layer, ar4si.CRYPTOGRAPHIC_FAILURE, claims) for layer, claims in _CLAIMS.items()]
    layers += [untrusted(name, ar4si.CRYPTOGRAPHIC_FAILURE, sc.CLAIMS) for name in _live_layers(record)]
    return [hardware.forged(verified.quote, other_ak=other_ak), *layers]


def appraise_layers(
    verified: Verified,
    facts: Mapping[str, Any],
    record: NodeRecord,
    policy: AppraisalPolicy,
    references: ReferenceSet,
    now: datetime,
    memory: Memory | None = None,
) -> list[LayerVerdict]:
    """Return the verdict of every layer for a quote that is valid, in the order of their authority.

    Args:
        verified: result of :func:`.verify.verify`.
        facts: what the node says of itself, bound by the quote.
        record: what is known of the node.
        policy: what is asked.
        references: what is known.
        now: time that decides which waivers and signers hold.
        memory: what was recognised in the lists of other nodes.
    """
    verdicts = [hardware.appraise_hardware(verified.quote, facts, record, policy)]
    verdicts.append(
        _on_log(verified, firmware.LAYER) or firmware.appraise_firmware(verified.event_log, record, policy, now)
    )
    on_list = _on_log(verified, os_.LAYER)
    if on_list is not None:
        verdicts.append(on_list)
        verdicts.extend(untrusted(layer, ar4si.NO_CLAIM, runtime.CLAIMS) for layer in (runtime.LAYER,))
        verdicts.extend(untrusted(layer, ar4si.NO_CLAIM, sc.CLAIMS) for layer in _live_layers(record))
        return verdicts
    measured = _measured(verified, facts, record, references, memory)
    coverage = ima_coverage.appraise_ima_policy(measured.host, policy, references.host)
    signed = SignedFiles(policy, now)
    instances, history = sc.appraise_instances(
        verified, measured, coverage, record.instances, policy, references, signed
    )
    host = os_.appraise_os(verified, measured, coverage, facts, record, policy, references, signed, now)
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


def _measured(
    verified: Verified,
    facts: Mapping[str, Any],
    record: NodeRecord,
    references: ReferenceSet,
    memory: Memory | None,
) -> Measurements:
    if verified.ima_log is None:
        return Measurements()
    boot_id = facts.get("boot_id")
    reset_count = verified.quote.reset_count
    owners = OwnerMap(record.instances, boot_id if isinstance(boot_id, str) else None, reset_count)
    return sort_measurements(
        verified.ima_log,
        verified.entries,
        owners,
        record.instances,
        references,
        memory,
        containers=facts.get("containers"),
    )


def _live_layers(record: NodeRecord) -> list[str]:
    return sorted({sc.layer_of(instance) for instance in record.instances if instance.live})


def _boot(verified: Verified, facts: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return which boot was appraised, and how much of its list; None where the quote proves nothing."""
    quote = verified.quote
    if not quote.valid:
        return None
    boot_id = facts.get("boot_id")
    return {
        "boot_id": printable(boot_id, 64) if isinstance(boot_id, str) else None,
        "clock": quote.clock,
        "reset_count": quote.reset_count,
        "restart_count": quote.restart_count,
        "safe": quote.safe,
        "ima_entries": verified.entries,
        "ima_tail_entries": verified.tail,
    }


__all__ = ["appraise", "appraise_layers", "forged"]
