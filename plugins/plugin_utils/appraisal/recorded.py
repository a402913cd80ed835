# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded of a node at enrolment, because it cannot be computed: firmware events, hardware, SSH host keys.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.evidence import read_evidence
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_chain import compared
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import boot_events
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.firmware import PCRS as FIRMWARE_PCRS
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verify import Logs, verify
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import RECORDED, read_host_keys

_AK_LIMIT = 4096


def record(evidence: object, ak_public: object, policy: object) -> dict[str, Any]:
    """Return what to record of a node, from evidence that proves itself.

    Args:
        evidence: result of the module ``evidence``, with the challenge added as ``nonce``.
        ak_public: TPM2B_PUBLIC of the AK that was just enrolled.
        policy: the Appraisal Policy, plain or read.

    Returns:
        ``{"hardware": {...} | None, "events": [{"pcr", "type", "digest"}] | None, "ssh_host_keys": ["TYPE BASE64"]}``;
        None for events where the node has no event log.

    Raises:
        EvidenceError: the evidence cannot be read, or does not prove what it says: then nothing is recorded.
        PolicyError: the policy cannot be read.
    """
    given, rules = read_evidence(evidence), load_policy(policy)
    verified = verify(
        given.attest,
        given.signature,
        Logs(given.event_log, given.ima_log, given.userspace_log),
        ak_public=binary(ak_public, "ak_public", _AK_LIMIT),
        qualifying_data=given.qualifying_data,
        policy=rules,
    )
    faults = [f.message for f in verified.quote.findings]
    faults += [f.message for f in (*verified.refuted.values(), *verified.unproven.values())]
    if faults:
        raise EvidenceError(
            "evidence",
            f"does not prove what should be recorded: {faults[0]}",
            next_step="enrol the node again after a reboot.",
        )
    hardware = given.facts.get("hardware")
    log = verified.event_log
    return {
        "hardware": dict(hardware) if isinstance(hardware, dict) else None,
        "events": None
        if log is None
        else [
            {"pcr": event.pcr, "type": event.type, "digest": event.digest}
            for event in boot_events(log, (*FIRMWARE_PCRS, *compared(rules)), rules.bank)
        ],
        RECORDED: list(read_host_keys(given.facts)),
    }


__all__ = ["record"]
