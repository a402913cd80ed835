# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A boot of our own lab's guest under Secure Boot, and the Reference Values computed from the files that it booted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_chain import appraise_boot
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import boot_events
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.firmware import appraise_firmware
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord, RecordedEvent
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import from_plain
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import BootIndex, index_boot
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log

LAB = Path(__file__).parent / "lab_guest"
NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
POLICY = load_policy({})


def log() -> EventLog:
    return parse_event_log((LAB / "binary_bios_measurements").read_bytes())


def references(without: str = "") -> BootIndex:
    plain = json.loads((LAB / "boot.json").read_bytes())
    plain["events"] = [event for event in plain["events"] if event["what"] != without]
    plain["texts"] = [text for text in plain["texts"] if not without or without not in text["text"]]
    return index_boot([from_plain(plain)], NOW)


def node(*pcrs: int) -> NodeRecord:
    events = tuple(RecordedEvent(e.pcr, e.type, e.digest) for e in boot_events(log(), pcrs))
    return NodeRecord("node1", b"", events=events)


def test_shim_grub_kernel_initrd_and_command_line_are_those_that_were_computed() -> None:
    assert list(appraise_boot(log(), node(14), POLICY, references(), NOW)) == []


def test_nothing_but_the_machine_owner_keys_has_to_be_recorded() -> None:
    findings = list(appraise_boot(log(), NodeRecord("node1", b""), POLICY, references(), NOW))
    assert [(f.code, f.pcr) for f in findings] == [("boot_not_known", 14)] * 3


def test_each_part_that_is_not_known_is_named() -> None:
    def codes(without: str) -> list[tuple[str, int | None]]:
        return [(f.code, f.pcr) for f in appraise_boot(log(), node(14), POLICY, references(without), NOW)]

    assert codes("/EFI/BOOT/BOOTX64.EFI") == [("unknown_boot_application", 4)]
    assert codes("/EFI/BOOT/grubx64.efi") == [("unknown_boot_application", 4)]
    assert set(codes("/initrd.img")) == {("unknown_boot_command", 8), ("unknown_boot_file", 9)}
    assert set(codes("/EFI/debian/grub.cfg")) == {("unknown_boot_file", 9)}
    assert set(codes("ima_template_fmt")) == {("unknown_boot_command", 8)}


def test_firmware_of_the_guest_is_as_recorded_and_secure_boot_is_on() -> None:
    verdict = appraise_firmware(log(), node(0, 1, 2, 3, 5, 6, 7), POLICY, BootIndex(), NOW)
    assert verdict.findings == ()
    assert verdict.own_status == "affirming"
    assert log().claims.secure_boot is True
