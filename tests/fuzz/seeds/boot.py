# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds of the UEFI event log and of what is in its events."""

from __future__ import annotations

import json
from collections.abc import Iterator
from struct import pack
from typing import Final
from uuid import UUID

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    EFI_GLOBAL,
    IMAGE_SECURITY,
    SHIM_LOCK,
)
from tests.unit.appraisal.scene import clean_boot
from tests.unit.verifier.cel_builder import json_log, measured, record, sequence, systemd, tlv, tlv_log
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, signature_list, variable

Seed = tuple[str, str, bytes]
"""Target, name, content."""

_X509: Final = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072"
_DISK: Final = UUID("12345678-1234-5678-9abc-def012345678").bytes_le
_END: Final = b"\x7f\xff\x04\0"


def node(kind: int, subtype: int, body: bytes) -> bytes:
    return bytes([kind, subtype]) + pack("<H", 4 + len(body)) + body


PATHS: Final = {
    "pci": node(2, 1, pack("<II", 0x0A0341D0, 0)) + node(1, 1, b"\0\1") + _END,
    "disk": node(4, 1, pack("<IQQ", 1, 2048, 4096) + _DISK + b"\2\2")
    + node(4, 4, "\\EFI\\debian\\shimx64.efi\0".encode("utf-16-le"))
    + _END,
    "network": node(3, 11, bytes(32) + b"\1")
    + node(3, 12, bytes([10, 0, 0, 1, 10, 0, 0, 2]))
    + node(3, 13, bytes(32))
    + node(3, 24, b"http://boot.example/")
    + b"\x7f\x01\x04\0"
    + _END,
    "storage": node(3, 18, bytes(6)) + node(3, 23, bytes(12)) + node(3, 2, bytes(4)) + node(3, 5, bytes(2)) + _END,
    "vendor": node(1, 4, _DISK + b"more")
    + node(4, 6, _DISK)
    + node(4, 7, _DISK)
    + node(4, 8, bytes(20))
    + node(9, 9, b"?")
    + _END,
}


def gpt(*names: str) -> bytes:
    entries = b"".join(
        _DISK + _DISK + pack("<QQQ", 34, 2047, 0) + name.encode("utf-16-le").ljust(72, b"\0") for name in names
    )
    head = b"EFI PART" + bytes(48) + _DISK + bytes(8) + pack("<II", len(names), 128) + bytes(4)
    return head + pack("<Q", len(names)) + entries


def load_option() -> bytes:
    path = PATHS["disk"]
    return pack("<IH", 1, len(path)) + "debian\0".encode("utf-16-le") + path


def image_load(path: bytes) -> bytes:
    return pack("<QQQQ", 1 << 20, 4096, 0, len(path)) + path


_PCI: Final = pack("<HHHHB3sHH", 0, 16, 0x8086, 0x1572, 2, b"\0\0\2", 0x8086, 7)
_BLOCK: Final = pack("<BBHBH", 1, 1, 35, 1, 32) + b"f" * 32


def spdm1() -> bytes:
    return b"SPDM Device Sec\0" + pack("<HHII", 1, 28 + len(_BLOCK) + len(_PCI), 2, 1) + _BLOCK + _PCI


def spdm2(sub_header: bytes, kind: int) -> bytes:
    head = pack("<HBBIIIIQQ", 2, 0, 0, 0, 1, kind, len(sub_header), 9, len(PATHS["pci"]))
    return b"SPDM Device Sec2" + head + PATHS["pci"] + sub_header + _PCI


def chain() -> bytes:
    body = bytes(2) + b"r" * 32 + b"\x30\x82\0\4cert"
    return pack("<HBBI", 0x12, 3, 0, 1) + pack("<H", len(body) + 2) + body


DATA: Final = {
    "image": (ev.EV_EFI_BOOT_SERVICES_APPLICATION, 4, image_load(PATHS["disk"])),
    "gpt": (ev.EV_EFI_GPT_EVENT, 5, gpt("ESP")),
    "spdm1": (ev.EV_EFI_SPDM_FIRMWARE_BLOB, 2, spdm1()),
    "spdm2": (ev.EV_EFI_SPDM_FIRMWARE_CONFIG, 2, spdm2(pack("<HBBI", 0x12, 1, 0, 2) + _BLOCK, 0)),
    "spdm2_chain": (ev.EV_EFI_SPDM_FIRMWARE_CONFIG, 2, spdm2(chain(), 1)),
    "handoff": (ev.EV_EFI_HANDOFF_TABLES, 1, pack("<Q", 1) + _DISK + bytes(8)),
    "handoff2": (ev.EV_EFI_HANDOFF_TABLES2, 1, b"\4acpi" + pack("<Q", 1) + _DISK + bytes(8)),
    "blob2": (ev.EV_EFI_PLATFORM_FIRMWARE_BLOB2, 0, b"\4main" + pack("<QQ", 1, 2)),
    "blob": (ev.EV_EFI_PLATFORM_FIRMWARE_BLOB, 0, pack("<QQ", 1, 2)),
    "locality": (ev.EV_NO_ACTION, 0, b"StartupLocality\0\3"),
    "platform": (ev.EV_NO_ACTION, 0, b"SP800-155 Event3" + pack("<I", 1) + _DISK),
    "tag": (ev.EV_EVENT_TAG, 9, pack("<II", 0x8F3B22ED, 4) + b"quie"),
    "boot_option": (ev.EV_EFI_VARIABLE_BOOT, 1, variable(EFI_GLOBAL, "Boot0000", load_option())),
    "authority": (ev.EV_EFI_VARIABLE_AUTHORITY, 7, variable(IMAGE_SECURITY, "db", _DISK + b"\x30\x82\0\1x")),
    "grub": (ev.EV_IPL, 8, b"grub_cmd: linux /vmlinuz\0"),
    "section": (ev.EV_IPL, 11, ".linux\0".encode("utf-16-le")),
    "separator": (ev.EV_SEPARATOR, 7, bytes(4)),
}


def seeds() -> Iterator[Seed]:
    yield "event_log", "boot", boot_log()
    yield "event_log", "sha256", LogBuilder(banks=("sha256",)).add(0, ev.EV_SEPARATOR, bytes(4)).build()
    old = b"".join(pack("<II20sI", pcr, ev.EV_SEPARATOR, bytes(20), 4) + bytes(4) for pcr in range(8))
    yield "event_log", "tcg12", old
    yield "event_log", "padded", LogBuilder().add(0, ev.EV_SEPARATOR, bytes(4)).build() + b"\xff" * 64
    yield (
        "event_log",
        "shim",
        clean_boot().add(7, ev.EV_EFI_VARIABLE_AUTHORITY, variable(SHIM_LOCK, "MokList", b"")).build(),
    )
    structured = LogBuilder(banks=("sha256", "sha384"))
    for kind, pcr, data in DATA.values():
        structured.add(pcr, kind, data)
    yield "event_log", "structures", structured.build()
    yield from _canonical(structured)
    late = LogBuilder().add(5, ev.EV_EFI_ACTION, b"Exit Boot Services Invocation")
    yield "final_events", "late", pack("<QQ", 1, 1) + late.body + bytes(16)
    for name, (kind, pcr, data) in DATA.items():
        for honest in (0, 255):
            yield "event_data", f"{name}-{'proven' if honest else 'claimed'}", pack("<IBB", kind, pcr, honest) + data
    for name, path in PATHS.items():
        yield "device_path", name, path
    lists = signature_list([b"d" * 32, b"e" * 32]) + signature_list([b"\x30\x82\0\1x"], _X509)
    yield "signature_lists", "db", lists
    yield "signature_lists", "empty", UUID(_X509).bytes_le + pack("<III", 28, 0, 48)
    yield "signature_lists", "header", UUID(_X509).bytes_le + pack("<III", 28 + 4 + 20, 4, 20) + bytes(24)
    yield "variable", "secure_boot", variable(EFI_GLOBAL, "SecureBoot", b"\1")
    yield "variable", "db", variable(IMAGE_SECURITY, "db", lists)
    yield "variable", "authority", variable(IMAGE_SECURITY, "db", _DISK + b"\x30\x82\0\1x") + bytes(4)
    yield "load_option", "debian", load_option()
    yield "gpt", "two", gpt("ESP", "root")
    yield "gpt", "none", gpt()


def _canonical(builder: LogBuilder) -> Iterator[Seed]:
    events = parse_event_log(builder.build()).events[1:]
    yield "cel_tlv", "structures", tlv_log(events)
    version = tlv(4, tlv(1, tlv(0, b"\1") + tlv(1, b"\0")))
    yield "cel_tlv", "version", record(0, 16, measured(b""), version)
    yield "cel_tlv", "ima", record(0, 10, measured(b""), tlv(7, tlv(0, b"ima-ng") + tlv(1, b"data")))
    yield "cel_json", "pcrlock.json", json.dumps(json_log(events[:6])).encode()
    yield "cel_json", "lines", b"\n".join(json.dumps(each).encode() for each in json_log(events[6:9]))
    yield "cel_json", "systemd", sequence([systemd(11, "enter-initrd"), systemd(15, "machine-id:1", "machine-id")])
    words = [systemd(11, "enter-initrd"), systemd(15, "cryptsetup:root:uuid", "volume-key", secret=b"key")]
    words += [
        systemd(15, "machine-id:" + "0" * 32, "machine-id"),
        systemd(15, "file-system:/:uuid:ext4:::", "filesystem"),
    ]
    yield "userspace_log", "boot", sequence(words)
    yield "userspace_log", "cut", sequence(words)[:-9]
    yield "userspace_log", "separator", sequence([systemd(pcr, "os-separator", "separator") for pcr in (0, 7, 14)])
    others = [
        {
            "pcr": 10,
            "digests": [],
            "content_type": "ima_template",
            "content": {"template_name": "ima-ng", "template_data": "00"},
        },
        {
            "nv_index": "0x1c00000",
            "content_type": "cel",
            "content": {"type": "cel_version", "data": {"major": 1, "minor": 0}},
        },
        {"pcr": 1, "content_type": "own", "content": [{"a": None}]},
    ]
    yield "cel_json", "others.json", json.dumps(others).encode()


__all__ = ["Seed", "seeds"]
