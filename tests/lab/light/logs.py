# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs as firmware and kernel write them: a small UEFI event log, and IMA entries in the collection's template.

Event log: TCG PC Client Platform Firmware Profile 1.06, sections 10.2 and 10.4. IMA entries: Linux,
security/integrity/ima/ima_fs.c and ima_template_lib.c.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from dataclasses import dataclass

BANKS = {"sha1": 0x0004, "sha256": 0x000B}
"""The TPM's banks, with their TPM_ALG_ID."""

TEMPLATE = "d-ng|n-ng|sig|iuid|igid|imode"
IMA_PCR = 10

_EV_NO_ACTION, _EV_SEPARATOR, _EV_S_CRTM_VERSION = 0x3, 0x4, 0x8
_EV_EFI_VARIABLE_DRIVER_CONFIG, _EV_EFI_ACTION = 0x80000001, 0x80000007
_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c")
_IMAGE_SECURITY = uuid.UUID("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
_X509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
_ENTRY = struct.Struct("<I20sI")


@dataclass(frozen=True)
class Measurement:
    """One digest per bank that goes into one PCR."""

    pcr: int
    digests: dict[str, bytes]

    @classmethod
    def of(cls, pcr: int, data: bytes) -> Measurement:
        """Measure data: its hash in each bank."""
        return cls(pcr, {bank: hashlib.new(bank, data).digest() for bank in BANKS})


@dataclass(frozen=True)
class Event:
    """One event of the firmware; all of these are measured by their own data."""

    pcr: int
    kind: int
    data: bytes

    @property
    def measurement(self) -> Measurement:
        return Measurement.of(self.pcr, self.data)

    def encoded(self) -> bytes:
        digests = self.measurement.digests
        values = b"".join(struct.pack("<H", BANKS[bank]) + digest for bank, digest in digests.items())
        head = struct.pack("<III", self.pcr, self.kind, len(digests))
        return head + values + struct.pack("<I", len(self.data)) + self.data


def firmware_events() -> list[Event]:
    """What a small firmware measures on each boot: its version, Secure Boot switched on, the separators."""
    kind = _EV_EFI_VARIABLE_DRIVER_CONFIG
    return [
        Event(0, _EV_S_CRTM_VERSION, "light node 1\0".encode("utf-16-le")),
        Event(7, kind, _variable(_GLOBAL, "SecureBoot", b"\1")),
        Event(7, kind, _variable(_GLOBAL, "PK", _signature_list(b"platform key"))),
        Event(7, kind, _variable(_GLOBAL, "KEK", _signature_list(b"key exchange key"))),
        Event(7, kind, _variable(_IMAGE_SECURITY, "db", _signature_list(b"allowed signer"))),
        Event(7, kind, _variable(_IMAGE_SECURITY, "dbx", b"")),
        *(Event(pcr, _EV_SEPARATOR, bytes(4)) for pcr in range(8)),
        Event(5, _EV_EFI_ACTION, b"Exit Boot Services Invocation"),
        Event(5, _EV_EFI_ACTION, b"Exit Boot Services Returned with Success"),
    ]


def event_log(events: list[Event]) -> bytes:
    """The crypto-agile log of these events, with its Specification ID event at the start."""
    sizes = b"".join(struct.pack("<HH", number, hashlib.new(bank).digest_size) for bank, number in BANKS.items())
    specification = b"Spec ID Event03\0" + struct.pack("<IBBBBI", 0, 0, 2, 0, 2, len(BANKS)) + sizes + b"\0"
    header = struct.pack("<II20sI", 0, _EV_NO_ACTION, bytes(20), len(specification)) + specification
    return header + b"".join(event.encoded() for event in events)


def _variable(namespace: uuid.UUID, name: str, value: bytes) -> bytes:
    head = namespace.bytes_le + struct.pack("<QQ", len(name), len(value))
    return head + name.encode("utf-16-le") + value


def _signature_list(certificate: bytes) -> bytes:
    size = 16 + len(certificate)
    return _X509.bytes_le + struct.pack("<III", 28 + size, 0, size) + bytes(16) + certificate


def boot_aggregate(events: list[Event]) -> bytes:
    """SHA-256 over PCR 0 to 9 of the SHA-256 bank after these events (ima_calc_boot_aggregate_tfm)."""
    pcrs = [bytes(32)] * 10
    for event in events:
        pcrs[event.pcr] = hashlib.sha256(pcrs[event.pcr] + event.measurement.digests["sha256"]).digest()
    return hashlib.sha256(b"".join(pcrs)).digest()


def aggregate_data(digest: bytes) -> bytes:
    """Template data of the first entry, which has no inode: owner, group and mode are empty."""
    return _fields(b"sha256:\0" + digest, b"boot_aggregate\0", b"", b"", b"", b"")


def file_data(path: str, content: bytes, owner: int, mode: int) -> bytes:
    """Template data of a measured file, whose owner and group are the same number."""
    digest = b"sha256:\0" + hashlib.sha256(content).digest()
    number = struct.pack("<I", owner)
    return _fields(digest, path.encode() + b"\0", b"", number, number, struct.pack("<H", mode))


def _fields(*fields: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(field)) + field for field in fields)


def entry(data: bytes, *, violation: bool = False) -> bytes:
    """One record of the binary list; a violation's template hash is zero (ima_add_template_entry)."""
    digest = bytes(20) if violation else hashlib.sha1(data, usedforsecurity=False).digest()
    name = TEMPLATE.encode()
    return _ENTRY.pack(IMA_PCR, digest, len(name)) + name + struct.pack("<I", len(data)) + data


def violation_measurement() -> Measurement:
    """What a violation puts into the PCR: all ones (FIELD.md, 8)."""
    return Measurement(IMA_PCR, {bank: b"\xff" * hashlib.new(bank).digest_size for bank in BANKS})


__all__ = [
    "BANKS",
    "IMA_PCR",
    "TEMPLATE",
    "Event",
    "Measurement",
    "aggregate_data",
    "boot_aggregate",
    "entry",
    "event_log",
    "file_data",
    "firmware_events",
    "violation_measurement",
]
