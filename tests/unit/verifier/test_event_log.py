# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD.md row 9: what a digest proves, and what is only claimed."""

from __future__ import annotations

from struct import pack

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import (
    FirmwareBlob,
    ImageLoad,
    StartupLocality,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import (
    Claimed,
    Labelled,
    Text,
    Verified,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    EFI_GLOBAL,
    IMAGE_SECURITY,
    LoadOption,
    Variable,
    VariableName,
    VariableValue,
)
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, codes, firmware, grub, parse, variable

CONFIG = ev.EV_EFI_VARIABLE_DRIVER_CONFIG


PFP_TYPES = {
    "EV_PREBOOT_CERT": 0x0,
    "EV_POST_CODE": 0x1,
    "EV_UNUSED": 0x2,
    "EV_NO_ACTION": 0x3,
    "EV_SEPARATOR": 0x4,
    "EV_ACTION": 0x5,
    "EV_EVENT_TAG": 0x6,
    "EV_S_CRTM_CONTENTS": 0x7,
    "EV_S_CRTM_VERSION": 0x8,
    "EV_CPU_MICROCODE": 0x9,
    "EV_PLATFORM_CONFIG_FLAGS": 0xA,
    "EV_TABLE_OF_DEVICES": 0xB,
    "EV_COMPACT_HASH": 0xC,
    "EV_IPL": 0xD,
    "EV_IPL_PARTITION_DATA": 0xE,
    "EV_NONHOST_CODE": 0xF,
    "EV_NONHOST_CONFIG": 0x10,
    "EV_NONHOST_INFO": 0x11,
    "EV_OMIT_BOOT_DEVICE_EVENTS": 0x12,
    "EV_POST_CODE2": 0x13,
    "EV_EFI_VARIABLE_DRIVER_CONFIG": 0x80000001,
    "EV_EFI_VARIABLE_BOOT": 0x80000002,
    "EV_EFI_BOOT_SERVICES_APPLICATION": 0x80000003,
    "EV_EFI_BOOT_SERVICES_DRIVER": 0x80000004,
    "EV_EFI_RUNTIME_SERVICES_DRIVER": 0x80000005,
    "EV_EFI_GPT_EVENT": 0x80000006,
    "EV_EFI_ACTION": 0x80000007,
    "EV_EFI_PLATFORM_FIRMWARE_BLOB": 0x80000008,
    "EV_EFI_HANDOFF_TABLES": 0x80000009,
    "EV_EFI_PLATFORM_FIRMWARE_BLOB2": 0x8000000A,
    "EV_EFI_HANDOFF_TABLES2": 0x8000000B,
    "EV_EFI_VARIABLE_BOOT2": 0x8000000C,
    "EV_EFI_GPT_EVENT2": 0x8000000D,
    "EV_EFI_HCRTM_EVENT": 0x80000010,
    "EV_EFI_VARIABLE_AUTHORITY": 0x800000E0,
    "EV_EFI_SPDM_FIRMWARE_BLOB": 0x800000E1,
    "EV_EFI_SPDM_FIRMWARE_CONFIG": 0x800000E2,
    "EV_EFI_SPDM_DEVICE_POLICY": 0x800000E3,
    "EV_EFI_SPDM_DEVICE_AUTHORITY": 0x800000E4,
}


def test_every_type_has_its_specified_name() -> None:
    """PFP 1.06, section 10.4.1."""
    assert {name: number for number, name in ev.EVENT_TYPES.items()} == PFP_TYPES


def test_a_clean_boot_has_no_findings_and_claims_secure_boot() -> None:
    log = parse_event_log(boot_log())
    assert codes(log) == []
    assert log.algorithms == ("sha1", "sha256")
    assert (log.claims.secure_boot, log.claims.firmware_version) == (True, "v1.2")
    assert {name: base.entries for name, base in log.claims.databases.items()} == {"PK": 1, "KEK": 1, "db": 2, "dbx": 0}
    assert [(line.text, line.pcr) for line in log.claims.command_lines] == [("/vmlinuz root=/dev/vda ro quiet", 8)]
    assert [file.claimed_name for file in log.claims.files] == ["/initrd.img"]


def test_replay_gives_the_pcrs_that_the_firmware_extended() -> None:
    builder = grub(firmware(LogBuilder(("sha1", "sha256", "sha384", "sha512"))))
    assert parse(builder).pcrs == builder.pcrs


@pytest.mark.parametrize("locality", [0, 3, 4])
def test_field_row_9_startup_locality_is_pcr_0s_first_value(locality: int) -> None:
    builder = LogBuilder(locality=locality)
    builder.add(0, ev.EV_NO_ACTION, b"StartupLocality\0" + bytes([locality]))
    log = parse(firmware(builder))
    assert log.events[1].claimed == Claimed(StartupLocality(locality))
    assert (log.pcrs, log.startup_locality, codes(log)) == (builder.pcrs, locality, [])


def test_field_row_9_an_h_crtm_event_stands_for_locality_4() -> None:
    builder = LogBuilder(locality=4).add(0, ev.EV_EFI_HCRTM_EVENT, b"HCRTM", b"the H-CRTM")
    log = parse(firmware(builder))
    assert (log.pcrs, log.startup_locality) == (builder.pcrs, 4)
    assert log.events[1].verified is None


def test_field_row_9_an_h_crtm_event_agrees_with_a_stated_locality_of_4() -> None:
    """PFP 1.06, section 10.4.5.3: firmware with an H-CRTM states locality 4 and logs what the H-CRTM measured."""
    builder = LogBuilder(locality=4)
    builder.add(0, ev.EV_NO_ACTION, b"StartupLocality\0\4")
    builder.add(0, ev.EV_EFI_HCRTM_EVENT, b"HCRTM", b"the H-CRTM")
    builder.add(0, ev.EV_S_CRTM_CONTENTS, b"Boot Guard Measured S-CRTM", b"the S-CRTM")
    log = parse(firmware(builder))
    assert (log.pcrs, log.startup_locality, codes(log)) == (builder.pcrs, 4, [])


def test_field_row_9_an_h_crtm_event_behind_others_does_not_change_pcr_0s_first_value() -> None:
    builder = LogBuilder().add(0, ev.EV_S_CRTM_CONTENTS, b"", b"the S-CRTM")
    builder.add(0, ev.EV_EFI_HCRTM_EVENT, b"HCRTM", b"the H-CRTM")
    log = parse(firmware(builder))
    assert (log.pcrs, log.startup_locality) == (builder.pcrs, 0)


@pytest.mark.parametrize(
    ("stated", "code", "locality"),
    [((3, 0), "startup_locality_repeated", 3), ((7,), "startup_locality_invalid", 7)],
)
def test_field_row_9_an_odd_startup_locality_is_a_finding(stated: tuple[int, ...], code: str, locality: int) -> None:
    builder = LogBuilder()
    for value in stated:
        builder.add(0, ev.EV_NO_ACTION, b"StartupLocality\0" + bytes([value]))
    log = parse(firmware(builder))
    assert (codes(log), log.startup_locality) == ([code], locality)


def test_field_row_9_a_late_startup_locality_is_ignored() -> None:
    log = parse(firmware(LogBuilder()).add(0, ev.EV_NO_ACTION, b"StartupLocality\0\3"))
    assert (codes(log), log.startup_locality) == (["startup_locality_late"], 0)


def test_field_row_9_no_action_is_never_extended_nor_verified() -> None:
    with_digest = pack("<III", 0, ev.EV_NO_ACTION, 1) + pack("<H", 0x0B) + b"\1" * 32 + pack("<I", 2) + b"hi"
    builder = firmware(LogBuilder(("sha256",)))
    builder.body += with_digest
    log = parse(builder)
    assert log.pcrs == builder.pcrs
    assert codes(log) == ["no_action_with_digest"]
    assert (log.events[-1].verified, log.events[-1].claimed) == (None, Claimed(Text("hi")))


@pytest.mark.parametrize(
    ("pcr", "kind", "data"),
    [
        (1, ev.EV_SEPARATOR, bytes(4)),
        (0, ev.EV_S_CRTM_VERSION, b"other"),
        (7, CONFIG, variable(EFI_GLOBAL, "SecureBoot", b"\1")),
        (1, ev.EV_EFI_VARIABLE_BOOT, variable(EFI_GLOBAL, "BootOrder", b"\0\0")),
        (7, ev.EV_EFI_VARIABLE_AUTHORITY, variable(IMAGE_SECURITY, "db", b"x")),
        (5, ev.EV_EFI_GPT_EVENT, b"EFI PART"),
        (5, ev.EV_EFI_ACTION, b"Exit Boot Services Invocation"),
        (8, ev.EV_IPL, b"grub_cmd: boot\0"),
        (12, ev.EV_IPL, "quiet\0".encode("utf-16-le")),
        (2, ev.EV_EFI_SPDM_FIRMWARE_BLOB, b"SPDM Device Sec\0"),
    ],
)
def test_field_row_9_data_that_does_not_hash_to_its_digest_is_only_claimed(pcr: int, kind: int, data: bytes) -> None:
    log = parse(LogBuilder().add(pcr, kind, data, b"something else"))
    assert log.events[1].verified is None
    assert ("event_data_mismatch", 1, pcr) in [(f.code, f.index, f.pcr) for f in log.findings]


def test_field_row_9_a_matching_digest_in_one_bank_alone_proves_nothing() -> None:
    builder = firmware(LogBuilder(("sha1", "sha256")))
    builder.add(5, ev.EV_EFI_ACTION, b"Exit Boot Services Invocation", banks=("sha1",))
    log = parse(builder)
    assert log.events[-1].verified is None
    assert codes(log) == ["event_data_mismatch", "event_bank_missing"][::-1]


def test_a_bank_that_no_event_uses_is_switched_off_and_not_missing() -> None:
    builder = LogBuilder(("sha1", "sha256", "sha384"))
    builder.add(4, ev.EV_EFI_ACTION, b"Calling EFI Application from Boot Option", banks=("sha1", "sha256"))
    log = parse(builder)
    assert log.events[1].verified == Verified(Text("Calling EFI Application from Boot Option"), "data")
    assert log.pcrs["sha384"] == {}


def test_field_row_9_images_and_firmware_are_known_by_digest_only() -> None:
    path = b"\4\4\x0e\0" + "\\EFI\0".encode("utf-16-le") + b"\x7f\xff\4\0"
    builder = LogBuilder()
    builder.add(4, ev.EV_EFI_BOOT_SERVICES_APPLICATION, pack("<QQQQ", 1, 2, 3, len(path)) + path, b"image")
    builder.add(0, ev.EV_EFI_PLATFORM_FIRMWARE_BLOB, pack("<QQ", 16, 32))
    log = parse(builder)
    assert [event.verified for event in log.events[1:]] == [None, None]
    assert log.events[1].claimed == Claimed(ImageLoad(1, 2, 3, "\\EFI"))
    assert log.events[2].claimed == Claimed(FirmwareBlob(16, 32))
    assert [(app.claimed_name, app.pcr) for app in log.claims.applications] == [("\\EFI", 4)]


@pytest.mark.parametrize(
    ("data", "hashed", "form", "label"),
    [
        (b"grub_cmd: boot\0", b"boot", "text", "grub_cmd"),
        (b"grub_cmd boot\0", b"boot\0", "text_with_nul", "grub_cmd"),
        (b"kernel_cmdline: boot\0", b"boot", "text", "kernel_cmdline"),
        (b"boot\0", b"boot\0", "data", None),
        (b"boot", b"boot\0", "data_with_nul", None),
    ],
)
def test_grubs_text_is_verified_and_its_label_is_only_claimed(
    data: bytes, hashed: bytes, form: str, label: str | None
) -> None:
    event = parse(LogBuilder().add(8, ev.EV_IPL, data, hashed)).events[1]
    assert event.verified == Verified(Text("boot"), form)
    assert event.claimed == (Claimed(Labelled(label, "")) if label else None)


def test_a_relabelled_command_line_is_disputed() -> None:
    builder = firmware(LogBuilder())
    builder.add(8, ev.EV_IPL, b"grub_cmd: linux /vmlinuz evil=1\0", b"linux /vmlinuz evil=1")
    builder.add(8, ev.EV_IPL, b"grub_cmd: /vmlinuz evil=1\0", b"/vmlinuz evil=1")
    builder.add(8, ev.EV_IPL, b"kernel_cmdline: /vmlinuz quiet\0", b"/vmlinuz quiet")
    log = parse(builder)
    assert codes(log) == ["command_line_disputed", "command_line_disputed"]


def test_a_command_hidden_under_another_type_still_counts() -> None:
    log = parse(firmware(LogBuilder()).add(8, ev.EV_EFI_ACTION, b"linux /vmlinuz evil=1"))
    assert [line.text for line in log.claims.command_lines] == ["linux /vmlinuz evil=1"]


def test_the_kernels_stub_confirms_the_command_line() -> None:
    builder = grub(firmware(LogBuilder()))
    options = "BOOT_IMAGE=/vmlinuz root=/dev/vda ro quiet".encode("utf-16-le")
    tag = pack("<II", 0x8F3B22ED, 26) + b"LOADED_IMAGE::LoadOptions\0"
    log = parse(builder.add(9, ev.EV_EVENT_TAG, tag, options))
    assert [line.confirmed for line in log.claims.command_lines] == [True]
    assert [line.confirmed for line in parse_event_log(boot_log()).claims.command_lines] == [False]


def test_systemd_command_lines_and_uki_sections_are_understood() -> None:
    section = ".linux\0".encode("utf-16-le")
    builder = firmware(LogBuilder())
    builder.add(11, ev.EV_IPL, section, b".linux\0")
    builder.add(11, ev.EV_IPL, section, b"the kernel")
    log = parse(builder.add(12, ev.EV_IPL, "quiet\0".encode("utf-16-le")))
    assert codes(log) == []
    assert [(s.name, s.digests) for s in log.claims.uki_sections] == [(".linux", log.events[-2].digests)]
    assert [(line.text, line.pcr) for line in log.claims.command_lines] == [("quiet", 12)]


def test_a_boot_variable_hashed_without_its_name_has_a_claimed_name() -> None:
    order = variable(EFI_GLOBAL, "BootOrder", b"\2\0")
    option = pack("<IH", 1, 4) + "GRUB\0".encode("utf-16-le") + b"\x7f\xff\4\0"
    builder = LogBuilder().add(1, ev.EV_EFI_VARIABLE_BOOT, order, b"\2\0").add(1, ev.EV_EFI_VARIABLE_BOOT2, order)
    builder.add(1, ev.EV_EFI_VARIABLE_BOOT, variable(EFI_GLOBAL, "Boot0001", option), option)
    log = parse(builder)
    assert log.events[1].verified == Verified(VariableValue(b"\2\0"), "variable_data")
    assert log.events[1].claimed == Claimed(VariableName(EFI_GLOBAL, "BootOrder"))
    assert log.events[2].verified == Verified(Variable(EFI_GLOBAL, "BootOrder", b"\2\0"), "data")
    assert log.events[3].verified == Verified(LoadOption(1, "GRUB", ""), "variable_data")
