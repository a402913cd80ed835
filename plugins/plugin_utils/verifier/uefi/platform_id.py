# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the platform's reference manifest is: NIST SP 800-155 events (PFP 1.06, section 10.4.5.2).

They are informational: no digest covers them. This package is private to the collection: its interfaces may change
in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import (
    device_path_text,
    guid_text,
    utf16_text,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import EventData

SP800_155: Final = b"SP800-155 Event"
_VERSIONS: Final[Mapping[bytes, int]] = {SP800_155 + b"\0": 1, SP800_155 + b"2": 2, SP800_155 + b"3": 3}


@dataclass(frozen=True, slots=True)
class Locator(EventData):
    """Where a manifest or certificate is: kind (``uri``, ``device_path``, ``uefi_variable``, ``raw``) and place."""

    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class PlatformId(EventData):
    """TCG_Sp800_155_PlatformId_Event, Event2 and Event3.

    Attributes:
        version: 1, 2 or 3; what a version lacks is empty.
        vendor: IANA enterprise number of who made the manifest.
        manifest: GUID of the reference manifest.
        platform_manufacturer, platform_model, platform_version: the platform.
        firmware_manufacturer, firmware_version: its firmware.
        firmware_manufacturer_id: IANA enterprise number; None in version 1.
        rim: where the reference manifest is.
        platform_certificate: where the platform certificate is.
    """

    version: int
    vendor: int
    manifest: str
    platform_manufacturer: str = ""
    platform_model: str = ""
    platform_version: str = ""
    firmware_manufacturer: str = ""
    firmware_manufacturer_id: int | None = None
    firmware_version: str = ""
    rim: Locator | None = None
    platform_certificate: Locator | None = None


def read_platform_id(data: bytes, field: str) -> PlatformId:
    """Return an SP800-155 event of version 1, 2 or 3.

    Raises:
        EvidenceError: another signature, or sizes that the data does not hold.
    """
    reader = Reader(data, field)
    version = _VERSIONS.get(reader.take(16, "an SP800-155 signature"))
    if version is None:
        reader.fail("an SP800-155 event has none of the versions 1, 2 and 3.")
    vendor, manifest = reader.u32("a vendor ID"), guid_text(reader.take(16, "a manifest's GUID"))
    if version == 1:
        return PlatformId(version, vendor, manifest)
    maker, model, platform, firmware = (_text(reader) for _index in range(4))
    firmware_id, firmware_version = reader.u32("a firmware manufacturer's ID"), _text(reader)
    rim, certificate = (_locator(reader), _locator(reader)) if version == 3 else (None, None)
    return PlatformId(
        version,
        vendor,
        manifest,
        platform_manufacturer=maker,
        platform_model=model,
        platform_version=platform,
        firmware_manufacturer=firmware,
        firmware_manufacturer_id=firmware_id,
        firmware_version=firmware_version,
        rim=rim,
        platform_certificate=certificate,
    )


def _text(reader: Reader) -> str:
    return reader.take(reader.u8("a text's size"), "a text").rstrip(b"\0").decode("utf-8", "replace")


def _locator(reader: Reader) -> Locator | None:
    kind = reader.u32("a locator's type")
    data = reader.take(reader.u32("a locator's size"), "a locator")
    if not data:
        return None
    if kind == 1:
        return Locator("uri", data.rstrip(b"\0").decode("utf-8", "replace"))
    if kind == 2:
        return Locator("device_path", device_path_text(data, reader.field, reader.offset - len(data)))
    if kind == 3 and len(data) >= 16:
        return Locator("uefi_variable", f"{guid_text(data[:16])} {utf16_text(data[16:])}")
    return Locator("raw" if kind == 0 else f"0x{kind:x}", data.hex())


__all__ = ["SP800_155", "Locator", "PlatformId", "read_platform_id"]
