# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that a unified kernel image booted is affirmed by Reference Values that were computed of the image alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.recorded import record
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.boot import boot_reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import to_plain
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.uki import handed_over, uki_sections
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from tests.unit.appraisal.scene import PCRS, Guest, found, recorded_events, reference_values, started, statuses
from tests.unit.reference.test_boot import MAIN
from tests.unit.reference.uki_builder import hashed, image
from tests.unit.verifier.cel_builder import systemd
from tests.unit.verifier.event_log_builder import LogBuilder, firmware

QUOTED = (*PCRS[:11], 11, 12, 13, 14)
POLICY = {"selection": {"sha256": list(QUOTED)}}
OPTIONS = "root=/dev/vda ro"


def uki(version: str = "6.1.0-29") -> bytes:
    return image(
        (".text", b"stub"),
        (".osrel", b"ID=lab\n"),
        (".cmdline", OPTIONS.encode()),
        (".initrd", MAIN),
        (".uname", version.encode()),
        (".linux", image((".text", f"kernel {version}".encode()))),
    )


def booted(built: bytes) -> LogBuilder:
    """What firmware, systemd's stub and the kernel's stub measure of an image that the firmware starts itself."""
    builder = started(firmware(LogBuilder()), 4, hashed(built))
    builder.add(14, ev.EV_IPL, b"MokList\0", b"no keys")
    for section in uki_sections(built, "uki"):
        name = (section.name + "\0").encode("utf-16-le")
        builder.add(11, ev.EV_IPL, name, section.name.encode() + b"\0")
        builder.add(11, ev.EV_IPL, name, section.content)
    inner = next(section.content for section in uki_sections(built, "uki") if section.name == ".linux")
    started(builder, 4, hashed(inner))
    options = (OPTIONS + "\0").encode("utf-16-le")
    builder.add(9, ev.EV_EVENT_TAG, b"\xed\x22\x3b\x8f\x1a\0\0\0LOADED_IMAGE::LoadOptions\0", options)
    builder.add(9, ev.EV_EVENT_TAG, b"\xec\x22\x3b\x8f\x0d\0\0\0Linux initrd\0", handed_over(built, "uki")[-1])
    return builder


@pytest.fixture
def references(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "EFI/Linux").mkdir(parents=True)
    (tmp_path / "EFI/Linux/lab.efi").write_bytes(uki())
    document = boot_reference_values(tmp_path, name="lab", created=datetime(2026, 11, 1, tzinfo=UTC))
    return reference_values() | {"boot": [to_plain(document)]}


def guest(boot: LogBuilder, **changes: Any) -> Guest:
    node = Guest(boot=boot, quoted=QUOTED, **changes)
    node.record["recorded"]["events"] = [
        e for e in recorded_events(booted(uki())) if e["pcr"] in (0, 1, 2, 3, 5, 6, 7, 14)
    ]
    return node


def test_a_node_booted_by_the_image_is_affirmed(references: dict[str, Any]) -> None:
    ear = guest(booted(uki())).appraise(policy=POLICY, references=references)
    assert found(ear) == []
    assert set(statuses(ear).values()) == {"affirming"}


def test_systemds_phases_do_not_change_that(references: dict[str, Any]) -> None:
    phases = [systemd(11, word) for word in ("enter-initrd", "leave-initrd", "sysinit", "ready")]
    ear = guest(booted(uki()), userspace=phases).appraise(policy=POLICY, references=references)
    assert found(ear) == []
    assert ear["palantir.boot"]["boot_phases"] == ["enter-initrd", "leave-initrd", "sysinit", "ready"]


def test_the_sections_are_claims_with_their_names() -> None:
    log = parse_event_log(booted(uki()).build())
    assert [section.name for section in log.claims.uki_sections] == [
        ".linux",
        ".osrel",
        ".cmdline",
        ".initrd",
        ".uname",
    ]
    assert log.findings == ()


def test_another_image_is_one_change(references: dict[str, Any]) -> None:
    ear = guest(booted(uki("6.1.0-30"))).appraise(policy=POLICY, references=references)
    weighed = [finding for finding in found(ear) if finding[2] != "none"]
    assert weighed == [("os", "unknown_boot_application", "contraindicated")]
    parts = [f["pcr"] for f in ear["submods"]["os"]["palantir.findings"]]
    assert parts == [4, 4, 11, 11]


def test_a_command_line_beside_the_image_is_found(references: dict[str, Any]) -> None:
    text = "init=/bin/sh\0".encode("utf-16-le")
    ear = guest(booted(uki()).add(12, ev.EV_IPL, text)).appraise(policy=POLICY, references=references)
    assert {code for _layer, code, tier in found(ear)} == {"boot_not_known"}
    assert statuses(ear)["os"] == "none"
    recorded = guest(booted(uki()).add(12, ev.EV_IPL, "quiet\0".encode("utf-16-le")))
    recorded.record["recorded"] = record(recorded.evidence(), recorded.record["ak_public"], POLICY)
    assert found(recorded.appraise(policy=POLICY, references=references)) == []
    other = guest(booted(uki()).add(12, ev.EV_IPL, text))
    other.record["recorded"] = recorded.record["recorded"]
    assert found(other.appraise(policy=POLICY, references=references)) == [
        ("os", "unknown_boot_command", "contraindicated")
    ]


def test_another_initial_ram_disk_is_found_in_pcr_9(references: dict[str, Any]) -> None:
    evil = b"\xec\x22\x3b\x8f\x0d\0\0\0Linux initrd\0"
    ear = guest(booted(uki()).add(9, ev.EV_EVENT_TAG, evil, b"evil disk")).appraise(
        policy=POLICY, references=references
    )
    assert found(ear) == [("os", "unknown_boot_file", "contraindicated")]


def test_without_the_stubs_pcrs_in_the_selection_they_are_not_compared(references: dict[str, Any]) -> None:
    boot = booted(uki()).add(12, ev.EV_IPL, "quiet\0".encode("utf-16-le"))
    node = guest(boot)
    node.quoted = PCRS
    assert found(node.appraise(references=references)) == []
