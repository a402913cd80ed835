# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""GUID partition tables as measured into PCR 5 (UEFI_GPT_DATA: PFP 1.06, section 10.2.6; UEFI 2.10, section 5.3).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import guid_text, utf16_text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import EventData

MAX_PARTITIONS: Final = 1024
_SIGNATURE: Final = b"EFI PART"
_HEADER_SIZE: Final = 92
_ENTRY_SIZE: Final = 128


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of the table; blocks are logical blocks, first and last included."""

    type: str
    guid: str
    first_block: int
    last_block: int
    attributes: int
    name: str


@dataclass(frozen=True, slots=True)
class GptTable(EventData):
    """A partition table: the disk's GUID and its partitions in use."""

    disk: str
    partitions: tuple[Partition, ...]


def read_gpt(data: bytes, field: str) -> GptTable:
    """Return the table of an EV_EFI_GPT_EVENT.

    Raises:
        EvidenceError: no GPT header, or sizes and counts that the data does not hold.
    """
    reader = Reader(data, field)
    if reader.take(8, "the GPT header's signature") != _SIGNATURE:
        reader.fail("the partition table has no GPT signature.")
    reader.take(48, "the GPT header")
    disk = guid_text(reader.take(16, "the disk's GUID"))
    reader.take(12, "the GPT header")
    entry_size = reader.u32("a partition entry's size")
    reader.take(_HEADER_SIZE - 88, "the GPT header's checksum")
    count = reader.u64("the number of partitions")
    if entry_size < _ENTRY_SIZE or count > MAX_PARTITIONS:
        reader.fail(f"the partition table claims {count} entries of {entry_size} bytes.")
    partitions = tuple(_read_partition(reader.sub(entry_size, "a partition entry")) for _index in range(count))
    reader.end("partition table")
    return GptTable(disk, partitions)


def _read_partition(reader: Reader) -> Partition:
    kind, guid = guid_text(reader.take(16)), guid_text(reader.take(16))
    first, last, attributes = reader.u64(), reader.u64(), reader.u64()
    return Partition(kind, guid, first, last, attributes, utf16_text(reader.take(72)))


__all__ = ["MAX_PARTITIONS", "GptTable", "Partition", "read_gpt"]
