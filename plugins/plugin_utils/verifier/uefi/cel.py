# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Canonical Event Log in its TLV encoding (TCG Canonical Event Log Format 1.0, revision 0.41, section 5.1).

A TLV is a type of one byte, a size of four in big endian, and a value; numbers have the bytes that they need. This
package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import cel_record as cel
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import MAX_EVENTS

_NUMBER: Final = 0
_PCR: Final = 1
_NV_INDEX: Final = 2
_DIGESTS: Final = 3
_MAX_NUMBER: Final = 8


def is_cel_tlv(data: bytes) -> bool:
    """Tell whether data begins with a record's number, its PCR or NV index, and its digests."""
    reader = Reader(data, "")
    try:
        _number(reader, _NUMBER)
        _number(reader, _PCR, _NV_INDEX)
        return reader.u8() == _DIGESTS
    except EvidenceError:
        return False


def read_cel_tlv(data: bytes, field: str) -> tuple[cel.Record, ...]:
    """Return the records of a log.

    Raises:
        EvidenceError: the log is truncated or malformed, or holds more than :data:`.wire.MAX_EVENTS` records.
    """
    reader = Reader(data, field)
    records: list[cel.Record] = []
    while reader.remaining:
        if len(records) == MAX_EVENTS:
            reader.fail(f"holds more than {MAX_EVENTS} records.")
        records.append(_read_record(reader, len(records)))
    return tuple(records)


def _read_record(reader: Reader, index: int) -> cel.Record:
    _kind, number = _number(reader, _NUMBER)
    offset = reader.offset
    place, handle = _number(reader, _PCR, _NV_INDEX)
    pcr, nv_index = (handle, None) if place == _PCR else (None, handle)
    where = cel.register(pcr, nv_index, reader.field, offset)
    kind, body = _tlv(reader, "digests")
    if kind != _DIGESTS:
        body.fail(f"record {index} has no digests behind its PCR.")
    offset = body.offset
    pairs: list[tuple[int, bytes]] = []
    while body.remaining and len(pairs) <= cel.MAX_DIGESTS:
        algorithm, digest = _tlv(body, "a digest")
        pairs.append((algorithm, digest.rest()))
    digests = cel.digests_of(pairs, reader.field, offset)
    return cel.Record(number, _read_content(reader, index, where, digests))


def _read_content(reader: Reader, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
    kind, content = _tlv(reader, "a record's content")
    if kind == cel.CONTENT_CEL:
        offset = content.offset
        return cel.management(index, pcr, digests, content.rest(), reader.field, offset)
    if kind == cel.CONTENT_PC_CLIENT:
        _kind, number = _number(content, 0)
        data = _member(content, 1)
        content.end("record's content")
        return Logged(index, pcr, _event_type(number, content), digests, data)
    if kind == cel.CONTENT_IMA_TEMPLATE:
        name = _member(content, 0).decode("utf-8", "replace")
        data = _member(content, 1)
        content.end("record's content")
        return Logged(index, pcr, ev.CEL_IMA_TEMPLATE, digests, data, cel.ImaTemplate(name))
    plain = {cel.CONTENT_IMA_TLV: ev.CEL_IMA_TLV, cel.CONTENT_SYSTEMD: ev.CEL_SYSTEMD}
    return Logged(index, pcr, plain.get(kind, ev.CEL_OTHER), digests, content.rest())


def _event_type(number: int, reader: Reader) -> int:
    if number >= 1 << 32:
        reader.fail(f"an event's type is {number}, which 32 bits do not hold.")
    return number


def _tlv(reader: Reader, what: str) -> tuple[int, Reader]:
    kind = reader.u8(f"the type of {what}")
    return kind, reader.sub(reader.u32be(f"the size of {what}"), what)


def _member(reader: Reader, wanted: int) -> bytes:
    kind, value = _tlv(reader, "a part of a record's content")
    if kind != wanted:
        value.fail(f"a record's content has part {kind} where part {wanted} belongs.")
    return value.rest()


def _number(reader: Reader, *wanted: int) -> tuple[int, int]:
    kind = reader.u8("a number's type")
    if kind not in wanted:
        reader.fail(f"a number has type {kind}, not {' or '.join(map(str, wanted))}.")
    size = reader.u32be("a number's size")
    if not 0 < size <= _MAX_NUMBER:
        reader.fail(f"a number has {size} bytes, 1 to {_MAX_NUMBER} are read.")
    return kind, int.from_bytes(reader.take(size, "a number"), "big")


__all__ = ["is_cel_tlv", "read_cel_tlv"]
