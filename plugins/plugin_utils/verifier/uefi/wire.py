# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of a UEFI event log as events: TCG 1.2 (SHA-1) and crypto-agile (TCG_PCR_EVENT2).

Specification: TCG PC Client Platform Firmware Profile 1.06, sections 10.2 and 10.4.5. This package is private to
the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NoReturn

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Bank, Logged, SpecId
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import EV_NO_ACTION, MAX_PCR

FIELD: Final = "event_log"
MAX_EVENTS: Final = 16_384
"""Most events that are read; the largest real log known has a few hundred."""
MAX_BANKS: Final = 16

SPEC_ID_03: Final = b"Spec ID Event03\0"

BANKS: Final = {
    0x0004: ("sha1", 20),
    0x000B: ("sha256", 32),
    0x000C: ("sha384", 48),
    0x000D: ("sha512", 64),
    0x0012: ("sm3_256", 32),
    0x0027: ("sha3_256", 32),
    0x0028: ("sha3_384", 48),
    0x0029: ("sha3_512", 64),
}
"""TPM_ALG_ID → bank and digest size in bytes (TCG Algorithm Registry 1.34, section 6.10)."""

_HEADER = Struct("<II20sI")
_HEADER2 = Struct("<III")
_U16 = Struct("<H")
_U32 = Struct("<I")


def read_events(data: bytes) -> tuple[SpecId | None, tuple[Logged, ...], bool]:
    """Return a log's header (None for TCG 1.2), its events, and whether padding follows them.

    Raises:
        EvidenceError: the log is empty, truncated or malformed, or holds more than :data:`MAX_EVENTS` events.
    """
    if not data:
        raise EvidenceError(
            FIELD, "is empty.", offset=0, next_step="check that the node's kernel exposes its firmware log."
        )
    end = min(len(data.rstrip(b"\0")), len(data.rstrip(b"\xff")))
    if end == 0:
        raise EvidenceError(FIELD, "holds nothing but padding.", offset=0)
    first, offset = _read_event(data, 0, 0)
    if first.type != EV_NO_ACTION or not first.data.startswith(SPEC_ID_03):
        events, offset = _read_all(data, end)
        return None, events, offset < len(data)
    spec = _read_spec_id(first.data, _HEADER.size)
    header = Logged(0, first.pcr, first.type, {}, first.data)
    events, offset = _read_all2(data, header, offset, end, spec.banks)
    return spec, events, offset < len(data)


def read_counted(data: bytes, offset: int, count: int, banks: tuple[Bank, ...], field: str) -> tuple[Logged, ...]:
    """Return so many crypto-agile events, which begin at an offset of the field's data.

    Raises:
        EvidenceError: the data ends before the last of them, or one is malformed.
    """
    found: list[Logged] = []
    sizes = {bank.algorithm: (bank.name, bank.size) for bank in banks}
    for index in range(count):
        try:
            event, offset = _read_event2(data, offset, index, sizes)
        except EvidenceError as error:
            raise EvidenceError(field, error.cause, offset=error.offset) from None
        found.append(event)
    return tuple(found)


def _read_all(data: bytes, end: int) -> tuple[tuple[Logged, ...], int]:
    found: list[Logged] = []
    offset = 0
    while offset < end:
        event, offset = _read_event(data, offset, len(found))
        found.append(event)
        _bound(len(found), offset)
    return tuple(found), offset


def _read_all2(
    data: bytes, header: Logged, offset: int, end: int, banks: tuple[Bank, ...]
) -> tuple[tuple[Logged, ...], int]:
    found = [header]
    sizes = {bank.algorithm: (bank.name, bank.size) for bank in banks}
    usual = _Usual(banks)
    while offset < end:
        event, offset = usual.read(data, offset, len(found)) or _read_event2(data, offset, len(found), sizes)
        found.append(event)
        _bound(len(found), offset)
    return tuple(found), offset


def _bound(count: int, offset: int) -> None:
    if count > MAX_EVENTS:
        raise EvidenceError(FIELD, f"holds more than {MAX_EVENTS} events.", offset=offset)


def _read_event(data: bytes, offset: int, index: int) -> tuple[Logged, int]:
    """Read a TCG_PCR_EVENT: PCR, type, SHA-1 digest, size, data."""
    start = offset + _HEADER.size
    if start > len(data):
        _truncated(offset, f"event {index}'s header", _HEADER.size, len(data) - offset)
    pcr, kind, digest, size = _HEADER.unpack_from(data, offset)
    _check_pcr(pcr, kind, index, offset)
    body = _body(data, start, size, index)
    return Logged(index, pcr, kind, {"sha1": digest}, body), start + size


class _Usual:
    """Reads the usual event, which has all of the header's banks in the header's order, at one stroke."""

    def __init__(self, banks: tuple[Bank, ...]) -> None:
        """Lay out an event with these banks."""
        self._layout = Struct("<III" + "".join(f"H{bank.size}s" for bank in banks) + "I")
        self._names = tuple(bank.name for bank in banks)
        self._start = (len(banks), *(bank.algorithm for bank in banks))

    def read(self, data: bytes, offset: int, index: int) -> tuple[Logged, int] | None:
        """Return the event and its end; None for any other event, or any error, for the careful reader to tell."""
        start = offset + self._layout.size
        if start > len(data):
            return None
        pcr, kind, count, *digests, size = self._layout.unpack_from(data, offset)
        if (count, *digests[::2]) != self._start or pcr > MAX_PCR or start + size > len(data):
            return None
        body = data[start : start + size]
        return Logged(index, pcr, kind, dict(zip(self._names, digests[1::2], strict=True)), body), start + size


def _read_event2(data: bytes, offset: int, index: int, sizes: dict[int, tuple[str, int]]) -> tuple[Logged, int]:
    """Read a TCG_PCR_EVENT2: PCR, type, TPML_DIGEST_VALUES, size, data."""
    position = offset + _HEADER2.size
    if position > len(data):
        _truncated(offset, f"event {index}'s header", _HEADER2.size, len(data) - offset)
    pcr, kind, count = _HEADER2.unpack_from(data, offset)
    _check_pcr(pcr, kind, index, offset)
    if count > len(sizes):
        cause = f"event {index} claims {count} digests, the log's header declares {len(sizes)} banks."
        raise EvidenceError(FIELD, cause, offset=offset + 8)
    digests: dict[str, bytes] = {}
    for _index in range(count):
        position = _read_digest(data, position, index, sizes, digests)
    if position + 4 > len(data):
        _truncated(position, f"event {index}'s size", 4, len(data) - position)
    size: int = _U32.unpack_from(data, position)[0]
    body = _body(data, position + 4, size, index)
    return Logged(index, pcr, kind, digests, body), position + 4 + size


def _read_digest(
    data: bytes, position: int, index: int, sizes: dict[int, tuple[str, int]], digests: dict[str, bytes]
) -> int:
    if position + 2 > len(data):
        _truncated(position, f"event {index}'s digest algorithm", 2, len(data) - position)
    algorithm: int = _U16.unpack_from(data, position)[0]
    bank = sizes.get(algorithm)
    if bank is None:
        cause = f"event {index} has a digest of algorithm 0x{algorithm:04x}, which the log's header does not declare."
        raise EvidenceError(FIELD, cause, offset=position)
    name, size = bank
    if name in digests:
        raise EvidenceError(FIELD, f"event {index} has two {name} digests.", offset=position)
    end = position + 2 + size
    if end > len(data):
        _truncated(position + 2, f"event {index}'s {name} digest", size, len(data) - position - 2)
    digests[name] = data[position + 2 : end]
    return end


def _body(data: bytes, start: int, size: int, index: int) -> bytes:
    if start + size > len(data):
        _truncated(start, f"event {index}'s data", size, len(data) - start)
    return data[start : start + size]


def _check_pcr(pcr: int, kind: int, index: int, offset: int) -> None:
    if pcr > MAX_PCR and kind != EV_NO_ACTION:
        raise EvidenceError(FIELD, f"event {index} names PCR {pcr}, the last is {MAX_PCR}.", offset=offset)


def _truncated(offset: int, what: str, wanted: int, remaining: int) -> NoReturn:
    raise EvidenceError(FIELD, f"{what} wants {wanted} bytes, {remaining} remain.", offset=offset)


def _read_spec_id(data: bytes, base: int) -> SpecId:
    """Read TCG_EfiSpecIDEvent; vendor information beyond the event's stated size makes the log malformed."""
    reader = Reader(data, FIELD, base)
    reader.take(len(SPEC_ID_03))
    platform_class = reader.u32("the platform class")
    minor, major, errata, uintn_size = reader.take(4, "the specification's version")
    count = reader.u32("the number of algorithms")
    if not 0 < count <= MAX_BANKS:
        reader.fail(f"the header declares {count} digest algorithms, 1 to {MAX_BANKS} are read.")
    banks = tuple(_read_bank(reader) for _index in range(count))
    if len({bank.algorithm for bank in banks}) != count:
        reader.fail("the header declares a digest algorithm twice.")
    vendor_info = reader.take(reader.u8("the vendor information's size"), "the vendor information")
    return SpecId(platform_class, f"{major}.{minor}.{errata}", uintn_size, banks, vendor_info)


def _read_bank(reader: Reader) -> Bank:
    algorithm = reader.u16("a digest algorithm")
    size = reader.u16("a digest's size")
    name, right = BANKS.get(algorithm, (f"0x{algorithm:04x}", size))
    if size != right or not 0 < size <= 64:
        reader.fail(f"the header gives {name} digests {size} bytes" + (f", not {right}." if size != right else "."))
    return Bank(algorithm, name, size)


__all__ = ["BANKS", "FIELD", "MAX_BANKS", "MAX_EVENTS", "read_counted", "read_events"]
