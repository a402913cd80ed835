# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from struct import pack
from uuid import UUID

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import (
    device_path_text,
    guid_text,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.gpt import GptTable, Partition, read_gpt

GUID = "8be4df61-93ca-11d2-aa0d-00e098032b8c"


def node(kind: int, subtype: int, body: bytes) -> bytes:
    return pack("<BBH", kind, subtype, 4 + len(body)) + body


END = node(0x7F, 0xFF, b"")
DRIVE = pack("<IQQ", 1, 0x800, 0x30000) + UUID(GUID).bytes_le + b"\2\2"


def test_a_guid_reads_as_the_registry_writes_it() -> None:
    assert guid_text(UUID(GUID).bytes_le) == GUID


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (node(2, 1, pack("<II", 0x0A0341D0, 0)) + node(1, 1, b"\1\2") + END, "PciRoot(0x0)/Pci(0x2,0x1)"),
        (node(4, 1, DRIVE) + END, f"HD(1,GPT,{GUID},0x800,0x30000)"),
        (node(4, 4, "\\EFI\\shim\0".encode("utf-16-le")) + END + b"after the end", "\\EFI\\shim"),
        (node(4, 6, UUID(GUID).bytes_le), f"FvFile({GUID})"),
        (node(3, 12, bytes(4) + b"\xc0\xa8\0\1" + bytes(11)), "IPv4(192.168.0.1)"),
        (node(3, 24, b"http://boot.example/"), "Uri(http://boot.example/)"),
        (node(3, 99, b"\1\2"), "Path(3,99,0102)"),
        (node(4, 1, b"short"), "Path(4,1,73686f7274)"),
        (b"", ""),
    ],
)
def test_device_paths_read_as_the_shell_writes_them(path: bytes, text: str) -> None:
    assert device_path_text(path, "event_log") == text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (b"\1\1\3\0", "event_log at offset 14: a device path node claims 3 bytes, its header alone has 4."),
        (b"\1\1\xff\xff", "event_log at offset 14: a device path node wants 65531 bytes, 0 remain."),
        (b"\1", "event_log at offset 11: an 8-bit number wants 1 bytes, 0 remain."),
        (node(1, 1, b"ab") * 65, "event_log at offset 394: the device path has more than 64 nodes."),
    ],
)
def test_a_malformed_device_path_is_an_error(path: bytes, message: str) -> None:
    with pytest.raises(EvidenceError) as error:
        device_path_text(path, "event_log", base=10)
    assert str(error.value) == message


def gpt(count: int, entry_size: int = 128) -> bytes:
    head = b"EFI PART" + bytes(48) + UUID(GUID).bytes_le + pack("<QIIIQ", 2, 128, entry_size, 0, count)
    return head + UUID(GUID).bytes_le * 2 + pack("<QQQ", 34, 99, 0) + "ESP".encode("utf-16-le").ljust(72, b"\0")


def test_a_partition_table_has_its_partitions() -> None:
    assert read_gpt(gpt(1), "event_log") == GptTable(GUID, (Partition(GUID, GUID, 34, 99, 0, "ESP"),))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"EFI TRAP" + gpt(1)[8:], "no GPT signature"),
        (gpt(2**63), "claims 9223372036854775808 entries of 128 bytes"),
        (gpt(1, 0xFFFFFFFF), "a partition entry wants 4294967295 bytes, 128 remain"),
        (gpt(1, 16), "claims 1 entries of 16 bytes"),
        (gpt(0), "128 bytes remain after the partition table"),
    ],
)
def test_a_malformed_partition_table_is_an_error(table: bytes, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        read_gpt(table, "event_log")
