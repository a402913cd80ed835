# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each oddity of a log weighs: every code of the verifier is here, with a value or with the reason for none.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding

IMA_LIST: Final[Mapping[str, int]] = {
    "boot_aggregate_mismatch": ar4si.CONTRAINDICATED,
    "boot_aggregate_missing": ar4si.CONTRAINDICATED,
    "boot_aggregate_unchecked": ar4si.UNAVAILABLE_CONFIGURATION,
    "ima_buffer_digest": ar4si.CONTRAINDICATED,
    "ima_other_pcr": ar4si.UNAVAILABLE_CONFIGURATION,
    "ima_unknown_template": ar4si.UNAVAILABLE_CONFIGURATION,
    "ima_zero_padded": ar4si.WARNED,
}
"""Code of a proven IMA list → value of the claim ``configuration`` of the layer ``os``."""

EVENT_LOG: Final[Mapping[str, int]] = {
    "command_line_disputed": ar4si.CONTRAINDICATED,
    "dma_protection_disabled": ar4si.WARNED,
    "event_log_sha1_only": ar4si.UNKNOWN_ELEMENTS,
    "event_type_unknown_in_pcr7": ar4si.CONTRAINDICATED,
    "firmware_debug_mode": ar4si.WARNED,
    "secure_boot_variable_late": ar4si.CONTRAINDICATED,
    "secure_boot_variable_repeated": ar4si.CONTRAINDICATED,
    "separator_disguised": ar4si.CONTRAINDICATED,
    "separator_error": ar4si.WARNED,
    "separator_missing": ar4si.WARNED,
    "separator_repeated": ar4si.WARNED,
    "spdm_device_failed": ar4si.WARNED,
}
"""Code of a proven event log → value of the claim ``configuration`` of the layer that its PCR belongs to."""

TOLD: Final[Mapping[str, str]] = {
    "cel_order": "the order in which records are given is the one that must lead to the quoted PCRs",
    "event_bank_missing": "what its digests do not prove is only claimed, and no claim is believed",
    "event_bank_not_replayed": "the banks that were quoted are replayed, or the log is not proven",
    "event_data_malformed": "no claim is made of it, and its digest is compared like any other",
    "event_data_mismatch": "no claim is made of it, and its digest is compared like any other; honest firmware does it",
    "event_log_padding": "what follows the last event is extended nowhere",
    "event_type_unknown": "its digest is compared like any other; honest firmware has types of its own",
    "exit_boot_services_failed": "a loader may try again, and honest ones do",
    "final_events_held": "each event is replayed once, and must lead to the quoted PCRs so",
    "ima_other_template": "a rule of the IMA policy may ask for one; which there may be is ima_template_unexpected's",
    "ima_template_hash": "no column is compared in a round: each digest is recomputed, or the list is not proven",
    "ima_violation": "each is weighed in its own layer, as the Appraisal Policy says (ima.violations)",
    "no_action_with_digest": "it is extended nowhere",
    "secure_boot_not_established": "weighed as secure_boot_unproven where the Appraisal Policy asks for Secure Boot",
    "secure_boot_variable_missing": "weighed as secure_boot_unproven where the Appraisal Policy asks for Secure Boot",
    "startup_locality_invalid": "it is ignored: with a wrong one the log does not lead to the quoted PCR 0",
    "startup_locality_late": "it is ignored: with a wrong one the log does not lead to the quoted PCR 0",
    "startup_locality_repeated": "it is ignored: with a wrong one the log does not lead to the quoted PCR 0",
}
"""Code that by itself lowers nothing → why."""


def odd_event(finding: Finding, policy: AppraisalPolicy) -> LayerFinding:
    """Return what the reader of a proven event log noticed, with its weight."""
    allowed = policy.allow_sha1 and finding.code == "event_log_sha1_only"
    value = None if allowed else EVENT_LOG.get(finding.code)
    claim = None if value is None else Claim.CONFIGURATION
    return LayerFinding(finding.code, finding.message, claim, value or 0, finding.index, pcr=finding.pcr)


__all__ = ["EVENT_LOG", "IMA_LIST", "TOLD", "odd_event"]
