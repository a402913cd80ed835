# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer ``runtime``: kernel modules and the container engine, on which every SC depends.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.measurements import Measurements
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.files import is_file
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.host_files import host_finding, of_runtime
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.ima_coverage import ImaCoverage
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.signed_files import SignedFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    LayerFinding,
    LayerVerdict,
    tier_value,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import Verified
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import bounded, told, without_references
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet

LAYER: Final = "runtime"
CLAIMS: Final = (Claim.EXECUTABLES,)


def appraise_runtime(
    verified: Verified,
    measured: Measurements,
    coverage: ImaCoverage,
    facts: Mapping[str, Any],
    policy: AppraisalPolicy,
    references: ReferenceSet,
    signed: SignedFiles,
) -> LayerVerdict:
    """Return the verdict of the layer.

    Args:
        verified: logs whose replay has met the quote.
        measured: the IMA list, sorted by owners.
        coverage: which IMA policy made that list, and what it leaves out.
        facts: what the node says of itself.
        policy: what is asked.
        references: what is known.
        signed: rules on signed files.
    """
    affirmed = {Claim.EXECUTABLES: ar4si.AFFIRMED}
    if verified.ima_log is None:
        value = ar4si.UNKNOWN_ELEMENTS if policy.ima.required else ar4si.NO_CLAIM
        return LayerVerdict(LAYER, {Claim.EXECUTABLES: value}, (told("ima_log_missing"),))
    findings = [*without_references(references.host, CLAIMS), *coverage.of_runtime()]
    for entry in measured.host:
        if is_file(entry) and of_runtime(entry, policy):
            finding = host_finding(entry, references.host, policy, signed)
            if finding is not None:
                findings.append(measured.attributed(finding, entry))
    findings.extend(_unmeasured(measured, facts, policy, references))
    return LayerVerdict(LAYER, affirmed, bounded(findings))


def _unmeasured(
    measured: Measurements, facts: Mapping[str, Any], policy: AppraisalPolicy, references: ReferenceSet
) -> Iterator[LayerFinding]:
    loaded = facts.get("modules")
    explained = measured.modules | references.boot.modules
    for name in sorted({str(m).replace("-", "_") for m in loaded} if isinstance(loaded, list) else ()):
        if name not in explained:
            value = tier_value(policy.unmeasured_modules, Claim.EXECUTABLES)
            yield told("module_not_measured", Claim.EXECUTABLES, value, f"It is {printable(name, 80)}.")


__all__ = ["CLAIMS", "LAYER", "appraise_runtime"]
