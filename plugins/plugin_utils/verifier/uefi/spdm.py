# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that the firmware attested by SPDM: their measurements, certificates and place.

Specifications: DEVICE_SECURITY_EVENT_DATA and DEVICE_SECURITY_EVENT_DATA2 (PFP 1.06, section 10.2.7), and the events of
its NV indices; measurement blocks and certificate chains (DMTF DSP0274 1.3). This package is private to the collection:
its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import device_path_text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import EventData

NV_INSTANCE: Final = b"NvIndexInstance\0"
NV_DYNAMIC: Final = b"NvIndexDynamic \0"
MAX_CERTIFICATES: Final = 32

_VERSION_1: Final = b"SPDM Device Sec\0"
_VERSION_2: Final = b"SPDM Device Sec2"
_DMTF: Final = 0x01
_RAW: Final = 0x80
_AUTH_STATES: Final[Mapping[int, str]] = {
    0: "success",
    1: "no_auth",
    2: "no_binding",
    3: "fail_no_signature",
    4: "fail_invalid",
    0xFF: "no_spdm",
}
_DEVICE_TYPES: Final[Mapping[int, str]] = {0: "none", 1: "pci", 2: "usb"}
_VALUE_TYPES: Final[Mapping[int, str]] = {
    0: "immutable_rom",
    1: "mutable_firmware",
    2: "hardware_configuration",
    3: "firmware_configuration",
    4: "measurement_manifest",
    5: "device_mode",
    6: "firmware_version",
    7: "security_version",
}
_BASE_HASHES: Final[Mapping[int, tuple[str, int]]] = {
    0x01: ("sha256", 32),
    0x02: ("sha384", 48),
    0x04: ("sha512", 64),
    0x08: ("sha3_256", 32),
    0x10: ("sha3_384", 48),
    0x20: ("sha3_512", 64),
    0x40: ("sm3_256", 32),
}
_MEASUREMENT_HASHES: Final[Mapping[int, str]] = {
    0x01: "raw",
    **{2 * algorithm: name for algorithm, (name, _size) in _BASE_HASHES.items()},
}


@dataclass(frozen=True, slots=True)
class SpdmMeasurement(EventData):
    """One measurement block.

    Attributes:
        index: number of the measurement in the device.
        type: what was measured (``mutable_firmware``), or the type's number in hexadecimal.
        raw: whether ``value`` is the thing itself, and not its digest.
        value: digest or raw bytes.
    """

    index: int
    type: str
    raw: bool
    value: bytes


@dataclass(frozen=True, slots=True)
class CertificateChain(EventData):
    """A device's certificates: slot, hash and digest of the root, SHA-256 of each certificate's DER."""

    slot: int
    hash: str
    root: bytes
    certificates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PciDevice(EventData):
    """A PCI function by its identifiers, as hexadecimal digits (``8086``)."""

    vendor: str
    device: str
    revision: str
    class_code: str
    subsystem_vendor: str
    subsystem: str


@dataclass(frozen=True, slots=True)
class UsbDevice(EventData):
    """A USB device by its descriptors, as it gave them."""

    descriptors: bytes


@dataclass(frozen=True, slots=True)
class SpdmDevice(EventData):
    """A device, and what it attested to the firmware.

    Attributes:
        version: 1 or 2, of the event's structure.
        device_type: ``pci``, ``usb``, ``none``, or the type's number in hexadecimal.
        auth_state: how the device's authentication went (``success``, ``fail_invalid``); None in version 1.
        uid: number that joins the events of one device; None in version 1.
        path: its device path; empty in version 1.
        hash: hash of the measurements, or None.
        measurements: its measurement blocks.
        chain: its certificates, in an event about them.
        context: which device it is, where the event says so.
        other: a sub-header of another kind, as it is.
    """

    version: int
    device_type: str
    auth_state: str | None = None
    uid: int | None = None
    path: str = ""
    hash: str | None = None
    measurements: tuple[SpdmMeasurement, ...] = ()
    chain: CertificateChain | None = None
    context: PciDevice | UsbDevice | None = None
    other: bytes = b""


@dataclass(frozen=True, slots=True)
class NvInstance(EventData):
    """What the firmware extended into the NV index for devices' certificates."""

    device: SpdmDevice


@dataclass(frozen=True, slots=True)
class NvDynamic(EventData):
    """What the firmware extended into the NV index for what differs at each boot (nonces)."""

    uid: int
    description: str
    data: bytes


def read_spdm_device(data: bytes, field: str) -> SpdmDevice:
    """Return DEVICE_SECURITY_EVENT_DATA of version 1 or 2.

    Raises:
        EvidenceError: another signature or version, or sizes that the data does not hold.
    """
    return _read_device(Reader(data, field))


def read_nv_instance(data: bytes, field: str) -> NvInstance:
    """Return NV_INDEX_INSTANCE_EVENT_LOG_DATA; raises EvidenceError where its size is wrong."""
    reader = Reader(data, field)
    reader.take(len(NV_INSTANCE))
    reader.take(8, "an NV index event's head")
    return NvInstance(_read_device(reader))


def read_nv_dynamic(data: bytes, field: str) -> NvDynamic:
    """Return NV_INDEX_DYNAMIC_EVENT_LOG_DATA; raises EvidenceError where its size is wrong."""
    reader = Reader(data, field)
    reader.take(len(NV_DYNAMIC))
    reader.take(8, "an NV index event's head")
    uid = reader.u64("an NV index event's UID")
    description = reader.take(reader.u16("a description's size"), "a description")
    content = reader.take(reader.u16("an NV index event's size"), "an NV index event's data")
    reader.end("NV index event")
    return NvDynamic(uid, description.rstrip(b"\0").decode("utf-8", "replace"), content)


def _read_device(reader: Reader) -> SpdmDevice:
    signature = reader.take(16, "an SPDM signature")
    version = reader.u16("an SPDM event's version")
    if (signature, version) == (_VERSION_1, 1):
        return _read_version_1(reader)
    if (signature, version) != (_VERSION_2, 2):
        reader.fail("an SPDM event has neither version 1 nor version 2.")
    return _read_version_2(reader)


def _read_version_1(reader: Reader) -> SpdmDevice:
    reader.u16("an SPDM event's size")  # some count the header, some do not: the parts have sizes of their own
    algorithm, kind = reader.u32("an SPDM hash algorithm"), reader.u32("a device type")
    measurement = _read_measurement(reader)
    return SpdmDevice(
        version=1,
        device_type=_named(_DEVICE_TYPES, kind),
        hash=_named(_MEASUREMENT_HASHES, algorithm),
        measurements=(measurement,),
        context=_read_context(reader, kind),
    )


def _read_version_2(reader: Reader) -> SpdmDevice:
    state = reader.u8("an authentication state")
    reader.u8("a reserved byte")
    reader.u32("an SPDM event's size")
    kind, header = reader.u32("a device type"), reader.u32("a sub-header's type")
    size, uid = reader.u32("a sub-header's size"), reader.u64("a sub-header's UID")
    path_size = reader.u64("a device path's size")
    base = reader.offset
    path = device_path_text(reader.take(path_size, "a device path"), reader.field, base)
    device = SpdmDevice(2, _named(_DEVICE_TYPES, kind), _named(_AUTH_STATES, state), uid, path)
    device = _with_sub_header(device, header, reader.sub(size, "an SPDM sub-header"))
    return replace(device, context=_read_context(reader, kind))


def _with_sub_header(device: SpdmDevice, kind: int, reader: Reader) -> SpdmDevice:
    """Return the device with its sub-header read; a device that failed to authenticate has none."""
    if not reader.remaining:
        return device
    if kind not in (0, 1):
        return replace(device, other=reader.rest())
    reader.u16("an SPDM version")
    number = reader.u8("a count or slot")
    reader.u8("a reserved byte")
    algorithm = reader.u32("an SPDM hash algorithm")
    if kind == 0:
        measurements = tuple(_read_measurement(reader) for _index in range(number))
        reader.end("measurement blocks")
        return replace(device, hash=_named(_MEASUREMENT_HASHES, algorithm), measurements=measurements)
    return replace(device, chain=_read_chain(reader, number, algorithm))


def _read_measurement(reader: Reader) -> SpdmMeasurement:
    index, specification = reader.u8("a measurement's index"), reader.u8("a measurement's specification")
    body = reader.sub(reader.u16("a measurement's size"), "a measurement")
    if specification != _DMTF:
        return SpdmMeasurement(index, f"0x{specification:02x}", True, body.rest())
    kind = body.u8("a measurement's type")
    value = body.take(body.u16("a measured value's size"), "a measured value")
    body.end("measurement")
    return SpdmMeasurement(index, _named(_VALUE_TYPES, kind & ~_RAW), bool(kind & _RAW), value)


def _read_chain(reader: Reader, slot: int, algorithm: int) -> CertificateChain:
    hash_name, size = _BASE_HASHES.get(algorithm, ("", 0))
    if not size:
        reader.fail(f"a certificate chain has an unknown hash algorithm (0x{algorithm:x}).")
    chain = reader.sub(reader.u16("a certificate chain's size") - 2, "a certificate chain")
    reader.end("certificate chain")
    chain.u16("a reserved number")
    root = chain.take(size, "a root certificate's digest")
    certificates: list[str] = []
    while chain.remaining:
        if len(certificates) == MAX_CERTIFICATES:
            chain.fail(f"the chain has more than {MAX_CERTIFICATES} certificates.")
        certificates.append(sha256(_read_der(chain)).hexdigest())
    return CertificateChain(slot, hash_name, root, tuple(certificates))


def _read_der(reader: Reader) -> bytes:
    """Read one certificate: a DER sequence with a length of two bytes (X.690, section 8.1.3)."""
    head = reader.peek(4)
    if len(head) < 4 or head[:2] != b"\x30\x82":
        reader.fail("the chain holds something that is no certificate.")
    return reader.take(4 + int.from_bytes(head[2:], "big"), "a certificate")


def _read_context(reader: Reader, kind: int) -> PciDevice | UsbDevice | None:
    """Read which device it is; firmware may leave that out."""
    if not reader.remaining or kind not in (1, 2):
        reader.end("SPDM event")
        return None
    reader.u16("a device context's version")
    reader.u16("a device context's size")
    if kind == 2:
        return UsbDevice(reader.rest())
    vendor, device = reader.u16("a vendor"), reader.u16("a device")
    revision, class_code = reader.u8("a revision"), reader.take(3, "a class")
    subsystem_vendor, subsystem = reader.u16("a subsystem's vendor"), reader.u16("a subsystem")
    reader.end("device context")
    return PciDevice(
        f"{vendor:04x}",
        f"{device:04x}",
        f"{revision:02x}",
        class_code[::-1].hex(),
        f"{subsystem_vendor:04x}",
        f"{subsystem:04x}",
    )


def _named(names: Mapping[int, str], number: int) -> str:
    return names.get(number) or f"0x{number:x}"


__all__ = [
    "MAX_CERTIFICATES",
    "NV_DYNAMIC",
    "NV_INSTANCE",
    "CertificateChain",
    "NvDynamic",
    "NvInstance",
    "PciDevice",
    "SpdmDevice",
    "SpdmMeasurement",
    "UsbDevice",
    "read_nv_dynamic",
    "read_nv_instance",
    "read_spdm_device",
]
