# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smaller structures that event data can have, one bounded reader each (PFP 1.06, section 10.2).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import (
    device_path_text,
    guid_text,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import EventData

MAX_TABLES: Final = 256
STARTUP_LOCALITY: Final = b"StartupLocality\0"

TAGS: Final = {
    0xF5BC582A: "systemd-boot loader.conf",
    0x6C46F751: "systemd-stub device tree add-on",
    0x49DFFE0F: "systemd-stub initrd add-on",
    0xDAC08E1A: "systemd-stub microcode add-on",
    0x8F3B22EC: "Linux initrd",
    0x8F3B22ED: "LOADED_IMAGE::LoadOptions",
}
"""Known taggedEventIDs: systemd's TPM2_PCR_MEASUREMENTS, and the Linux EFI stub (drivers/firmware/efi/libstub)."""


@dataclass(frozen=True, slots=True)
class Separator(EventData):
    """A separator's value: 0 or 0xFFFFFFFF in good order, 1 after an error."""

    value: int


@dataclass(frozen=True, slots=True)
class StartupLocality(EventData):
    """Locality that TPM2_Startup came from (PFP 1.06, section 10.4.5.3)."""

    locality: int


@dataclass(frozen=True, slots=True)
class FirmwareBlob(EventData):
    """A region of firmware: physical address and size in bytes; the digest is the region's."""

    base: int
    size: int
    description: str = ""


@dataclass(frozen=True, slots=True)
class ImageLoad(EventData):
    """A PE image that was started; the digest is its Authenticode digest. Sizes in bytes."""

    address: int
    size: int
    link_address: int
    path: str


@dataclass(frozen=True, slots=True)
class HandoffTables(EventData):
    """Configuration tables, by the GUID of their kind; the digest is the tables'."""

    tables: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class Tagged(EventData):
    """TCG_PCClientTaggedEvent: what ``tag`` stands for (or its number) and its data."""

    tag: int
    name: str
    data: bytes


def read_separator(data: bytes, field: str) -> Separator:
    """Return a separator; raises EvidenceError where its data is not 4 bytes."""
    reader = Reader(data, field)
    value = reader.u32("a separator")
    reader.end("separator")
    return Separator(value)


def read_startup_locality(data: bytes, field: str) -> StartupLocality:
    """Return TCG_EfiStartupLocalityEvent; raises EvidenceError where its size is wrong."""
    reader = Reader(data, field)
    reader.take(len(STARTUP_LOCALITY))
    locality = reader.u8("the startup locality")
    reader.end("startup locality event")
    return StartupLocality(locality)


def read_firmware_blob(data: bytes, field: str) -> FirmwareBlob:
    """Return UEFI_PLATFORM_FIRMWARE_BLOB; raises EvidenceError where it is not 16 bytes."""
    reader = Reader(data, field)
    blob = FirmwareBlob(reader.u64("a blob's address"), reader.u64("a blob's size"))
    reader.end("firmware blob")
    return blob


def read_firmware_blob2(data: bytes, field: str) -> FirmwareBlob:
    """Return UEFI_PLATFORM_FIRMWARE_BLOB2, which has a description; raises EvidenceError."""
    reader = Reader(data, field)
    description = _description(reader)
    return FirmwareBlob(reader.u64("a blob's address"), reader.u64("a blob's size"), description)


def read_image_load(data: bytes, field: str) -> ImageLoad:
    """Return UEFI_IMAGE_LOAD_EVENT; raises EvidenceError. Old shims log bytes of no meaning after it."""
    reader = Reader(data, field)
    address, size, link = reader.u64("an image's address"), reader.u64("an image's size"), reader.u64("a link address")
    length = reader.u64("a device path's size")
    base = reader.offset
    return ImageLoad(address, size, link, device_path_text(reader.take(length, "a device path"), field, base))


def read_handoff_tables(data: bytes, field: str) -> HandoffTables:
    """Return UEFI_HANDOFF_TABLE_POINTERS; raises EvidenceError."""
    reader = Reader(data, field)
    return HandoffTables(_tables(reader))


def read_handoff_tables2(data: bytes, field: str) -> HandoffTables:
    """Return UEFI_HANDOFF_TABLE_POINTERS2, which has a description; raises EvidenceError."""
    reader = Reader(data, field)
    description = _description(reader)
    return HandoffTables(_tables(reader), description)


def read_tagged(data: bytes, field: str) -> Tagged:
    """Return the first TCG_PCClientTaggedEvent of an EV_EVENT_TAG; raises EvidenceError."""
    reader = Reader(data, field)
    tag = reader.u32("a tag")
    body = reader.take(reader.u32("a tagged event's size"), "a tagged event's data")
    return Tagged(tag, TAGS.get(tag) or f"0x{tag:08x}", body)


def _description(reader: Reader) -> str:
    return reader.take(reader.u8("a description's size"), "a description").rstrip(b"\0").decode("utf-8", "replace")


def _tables(reader: Reader) -> tuple[str, ...]:
    count = reader.u64("the number of tables")
    if count > MAX_TABLES:
        reader.fail(f"the event claims {count} tables, at most {MAX_TABLES} are read.")
    tables = []
    for _index in range(count):
        tables.append(guid_text(reader.take(16, "a table's GUID")))
        reader.u64("a table's address")
    return tuple(tables)


__all__ = [
    "MAX_TABLES",
    "STARTUP_LOCALITY",
    "TAGS",
    "FirmwareBlob",
    "HandoffTables",
    "ImageLoad",
    "Separator",
    "StartupLocality",
    "Tagged",
    "read_firmware_blob",
    "read_firmware_blob2",
    "read_handoff_tables",
    "read_handoff_tables2",
    "read_image_load",
    "read_separator",
    "read_startup_locality",
    "read_tagged",
]
