# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs of real firmware with all its quirks: a node that boots as it did at enrolment is accused of nothing."""

from __future__ import annotations

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_chain import appraise_boot, compared
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import boot_events
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.firmware import PCRS, appraise_firmware
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord, RecordedEvent
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import BootIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from tests.unit.appraisal.scene import NOW
from tests.unit.verifier.test_event_log_vectors import VECTORS, expected, pytestmark

__all__ = ["pytestmark"]
WHOLE = ("arch-linux", "moklisttrusted", "sd-boot-fedora37", "gce-ubuntu-2104-log", "uefi-sha1-log")
"""tpm2-tools' logs of whole boots; its others are single events."""
TRUE = {"gdc-host.bin": {"dma_protection_disabled"}}
"""What is so of a machine's firmware, and weighs whatever was recorded."""


def logs() -> list[str]:
    return [n for n in expected() if "tpm2-tools" not in n or any(n.endswith(f"event-{w}.bin") for w in WHOLE)]


@pytest.mark.parametrize("name", logs())
def test_a_boot_like_that_of_enrolment_is_accused_of_nothing(name: str) -> None:
    log = parse_event_log((VECTORS / name).read_bytes())
    for bank in {"sha1", "sha256", "sha384"} & set(log.algorithms):
        plain = {"selection": {bank: list(range(15))}, "secure_boot": "recorded", "allow_sha1": True}
        policy = load_policy(plain)
        events = boot_events(log, (*PCRS, *compared(policy)), bank)
        node = NodeRecord("node1", b"", events=tuple(RecordedEvent(e.pcr, e.type, e.digest) for e in events))
        findings = [
            *appraise_firmware(log, node, policy, BootIndex(), NOW).findings,
            *appraise_boot(log, node, policy, BootIndex(), NOW),
        ]
        assert {f.code for f in findings if f.claim} == TRUE.get(name.rpartition("/")[2], set()), bank
