# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of a Canonical Event Log as events, whatever their encoding.

Specification: TCG Canonical Event Log Format 1.0, revision 0.41, section 4; systemd's content: systemd-pcrextend(8).
This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import EventData, Logged
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import (
    CEL_MANAGEMENT,
    CEL_NOT_MEASURED,
    MAX_PCR,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import BANKS

MAX_DIGESTS: Final = 16
CONTENT_CEL: Final = 4
CONTENT_PC_CLIENT: Final = 5
CONTENT_IMA_TEMPLATE: Final = 7
CONTENT_IMA_TLV: Final = 8
CONTENT_SYSTEMD: Final = 9

CEL_VERSION: Final = 1
FIRMWARE_END: Final = 2
CEL_TIMESTAMP: Final = 80
STATE_TRANS: Final = 81
MANAGEMENT: Final[Mapping[int, str]] = {
    CEL_VERSION: "cel_version",
    FIRMWARE_END: "firmware_end",
    CEL_TIMESTAMP: "cel_timestamp",
    STATE_TRANS: "state_trans",
}
STATES: Final = ("suspend", "hibernate", "kexec")
KEYED: Final = frozenset({"volume-key", "keyslot"})
"""systemd's event types whose digest is keyed with a secret (HMAC), so that nobody can compute it from the text."""

_NOT_MEASURED: Final = frozenset({CEL_VERSION, FIRMWARE_END})


@dataclass(frozen=True, slots=True)
class Record:
    """A record: its number, None where it has none (systemd's own log), and its event."""

    number: int | None
    event: Logged


@dataclass(frozen=True, slots=True)
class CelManagement(EventData):
    """One thing that the log says of itself: its kind (``cel_version``, ``state_trans``, ...) and its value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ImaTemplate(EventData):
    """Name of the template of an IMA entry; no digest covers it."""

    name: str


@dataclass(frozen=True, slots=True)
class SystemdRecord(EventData):
    """What systemd notes beside a text that it measured; ``text`` is empty where it is verified elsewhere.

    Attributes:
        event_type: ``phase``, ``machine-id``, ``filesystem``, ``volume-key``, ...
        boot_id: the boot, 32 hexadecimal digits.
        timestamp: microseconds since boot.
        text: the text.
    """

    event_type: str
    boot_id: str
    timestamp: int | None
    text: str = ""


def digests_of(pairs: Sequence[tuple[int, bytes]], field: str, offset: int | None) -> dict[str, bytes]:
    """Return bank → digest.

    Raises:
        EvidenceError: too many, two of one bank, or one whose size is not its bank's.
    """
    if len(pairs) > MAX_DIGESTS:
        raise EvidenceError(field, f"has a record with {len(pairs)} digests, at most {MAX_DIGESTS} are read.")
    digests: dict[str, bytes] = {}
    for algorithm, digest in pairs:
        name, size = BANKS.get(algorithm, (f"0x{algorithm:04x}", len(digest)))
        if len(digest) != size or not 0 < size <= 64:
            raise EvidenceError(field, f"has a {name} digest of {len(digest)} bytes.", offset=offset)
        if name in digests:
            raise EvidenceError(field, f"has a record with two {name} digests.", offset=offset)
        digests[name] = digest
    return digests


def register(pcr: int | None, nv_index: int | None, field: str, offset: int | None) -> int:
    """Return the number of a record's PCR, or of its NV index, which no PCR's can be.

    Raises:
        EvidenceError: neither, both, or a number out of range.
    """
    if (pcr is None) == (nv_index is None):
        raise EvidenceError(field, "has a record that names not one PCR or NV index.", offset=offset)
    if pcr is not None and 0 <= pcr <= MAX_PCR:
        return pcr
    if nv_index is not None and MAX_PCR < nv_index < 1 << 32:
        return nv_index
    raise EvidenceError(field, f"has a record of PCR {pcr}, NV index {nv_index}: out of range.", offset=offset)


def management(
    index: int, pcr: int, digests: Mapping[str, bytes], content: bytes, field: str, offset: int | None
) -> Logged:
    """Return the event of CEL management content, which is in TLV form; the log's version is never measured.

    Raises:
        EvidenceError: it is malformed.
    """
    reader = Reader(content, field, offset or 0)
    kind, _value = _tlv(reader)
    if kind in _NOT_MEASURED:
        return Logged(index, pcr, CEL_NOT_MEASURED, {}, content)
    return Logged(index, pcr, CEL_MANAGEMENT, digests, content)


def read_management(data: bytes, field: str) -> CelManagement:
    """Return what CEL management content says; raises EvidenceError where it is malformed."""
    reader = Reader(data, field)
    kind, value = _tlv(reader)
    reader.end("CEL management content")
    name = MANAGEMENT.get(kind) or f"0x{kind:x}"
    if kind == CEL_VERSION:
        inner = Reader(value, field)
        return CelManagement(name, ".".join(str(int.from_bytes(_tlv(inner)[1], "big")) for _index in range(2)))
    number = int.from_bytes(value, "big")
    if kind == STATE_TRANS and number < len(STATES):
        return CelManagement(name, STATES[number])
    return CelManagement(name, str(number) if value else "")


def in_order(records: Sequence[Record]) -> bool:
    """Tell whether the records of each PCR are numbered upwards; some writers count per PCR, some all together."""
    last: dict[int, int] = {}
    for record in records:
        if record.number is not None:
            pcr = record.event.pcr
            if record.number <= last.get(pcr, -1):
                return False
            last[pcr] = record.number
    return True


def _tlv(reader: Reader) -> tuple[int, bytes]:
    kind = reader.u8("a type")
    return kind, reader.take(reader.u32be("a size"), "a value")


__all__ = [
    "CEL_TIMESTAMP",
    "CEL_VERSION",
    "CONTENT_CEL",
    "CONTENT_IMA_TEMPLATE",
    "CONTENT_IMA_TLV",
    "CONTENT_PC_CLIENT",
    "CONTENT_SYSTEMD",
    "FIRMWARE_END",
    "KEYED",
    "MANAGEMENT",
    "MAX_DIGESTS",
    "STATES",
    "STATE_TRANS",
    "CelManagement",
    "ImaTemplate",
    "Record",
    "SystemdRecord",
    "digests_of",
    "in_order",
    "management",
    "read_management",
    "register",
]
