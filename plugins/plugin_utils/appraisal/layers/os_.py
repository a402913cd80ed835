# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer ``os``: what was booted, what the host ran, and whether it measures what it should.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.measurements import Measurements
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_chain import appraise_boot
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.deleted import Deleted, deleted_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import (
    IMA_POLICY,
    is_file,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.host_files import host_finding, of_runtime
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.ima_coverage import ImaCoverage
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.kernel_data import appraise_kernel_data
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.signed_files import SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    Attribution,
    LayerFinding,
    LayerVerdict,
    tier_value,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import Verified
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import (
    about,
    bounded,
    told,
    without_references,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex, ReferenceSet

LAYER: Final = "os"
CLAIMS: Final = (Claim.EXECUTABLES, Claim.CONFIGURATION)
_KEXEC: Final = {
    "kexec-cmdline": "kexec_command_line",
    "kexec_load": "kexec_command_line",
    "kexec_execute": "kexec_restart",
}
"""What the kernel measures as buffers on the way to another one (ima_kexec_cmdline(), ima_measure_kexec_event())."""
_SHOWN: Final = 32
_SOMEBODYS: Final = Attribution("layer", "ambiguous")


def appraise_os(
    verified: Verified,
    measured: Measurements,
    coverage: ImaCoverage,
    deleted: Deleted,
    node: NodeRecord,
    policy: AppraisalPolicy,
    references: ReferenceSet,
    signed: SignedFiles,
    now: datetime,
) -> LayerVerdict:
    """Return the verdict of the layer.

    Args:
        verified: logs whose replay has met the quote.
        measured: the IMA list, sorted by owners.
        coverage: which IMA policy made that list, and what it leaves out.
        deleted: programs that the node says run from deleted files.
        node: what was recorded at enrolment.
        policy: what is asked.
        references: what is known.
        signed: rules on signed files.
        now: time that decides which waivers hold.
    """
    findings = [*verified.findings, *appraise_boot(verified.event_log, node, policy, references.boot, now)]
    kernel = appraise_kernel_data(measured.host, policy, references.host)
    if verified.ima_log is None:
        findings.extend(_without_list(policy))
    else:
        findings.extend(without_references(references.host, (Claim.EXECUTABLES,)))
        findings.extend(coverage.of_os())
        findings.extend(_files(measured, policy, references.host, signed))
        findings.extend(kernel.findings)
        findings.extend(deleted_findings(deleted.host, references.host, policy))
    affirmed = dict.fromkeys(CLAIMS, ar4si.AFFIRMED)
    return LayerVerdict(LAYER, affirmed, bounded(findings), coverage=coverage.plain(), kernel=kernel.plain)


def _without_list(policy: AppraisalPolicy) -> list[LayerFinding]:
    if not policy.ima.required:
        return [told("ima_log_missing", Claim.EXECUTABLES, ar4si.BOOT_AFFIRMED)]
    return [told("ima_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)]


def _files(
    measured: Measurements, policy: AppraisalPolicy, index: FileIndex, signed: SignedFiles
) -> Iterator[LayerFinding]:
    for entry in measured.host:
        if not is_file(entry):
            if entry.path in _KEXEC:
                yield about(entry, _KEXEC[entry.path], Claim.EXECUTABLES, tier_value(policy.kexec, Claim.EXECUTABLES))
        elif not of_runtime(entry, policy) and (entry.path != IMA_POLICY or entry.violation):
            finding = host_finding(entry, index, policy, signed)
            if finding is not None:
                yield measured.attributed(finding, entry)
    for entry in measured.restarts:
        yield about(entry, "kexec_restart", Claim.EXECUTABLES, tier_value(policy.kexec, Claim.EXECUTABLES))
    for entry in measured.unallocated:
        detail = f"owner {entry.iuid}, group {entry.igid}"
        finding = about(entry, "owner_unallocated", Claim.EXECUTABLES, ar4si.CONTRAINDICATED, detail)
        yield measured.attributed(finding, entry)


__all__ = ["CLAIMS", "LAYER", "appraise_os"]
