# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Canonical Event Log in its JSON encoding (TCG Canonical Event Log Format 1.0, revision 0.41, section 5.3).

Three forms are read: an array of records (systemd-pcrlock, tpm2-tss), one record a line, and a JSON text sequence
(RFC 7464), in which systemd keeps its own log. This package is private to the collection: its interfaces may change in
any release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import cel_record as cel
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import BANKS, MAX_EVENTS

_SEPARATOR: Final = b"\x1e"
_SPACE: Final = b" \t\r\n"
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})*")
_NUMBER: Final = re.compile(r"0x[0-9A-Fa-f]{1,16}|[0-9]{1,20}")
_ALGORITHMS: Final[Mapping[str, int]] = {name: number for number, (name, _size) in BANKS.items()} | {
    name.replace("_", "-"): number for number, (name, _size) in BANKS.items()
}
_EVENT_TYPES: Final[Mapping[str, int]] = {name.lower(): number for number, name in ev.EVENT_TYPES.items()} | {
    "ev_efi_spdm_device_blob": ev.EV_EFI_SPDM_FIRMWARE_BLOB,
    "ev_efi_spdm_device_config": ev.EV_EFI_SPDM_FIRMWARE_CONFIG,
}
_CONTENTS: Final[Mapping[str, int]] = {
    "cel": cel.CONTENT_CEL,
    "pcclient_std": cel.CONTENT_PC_CLIENT,
    "ima_template": cel.CONTENT_IMA_TEMPLATE,
    "ima_tlv": cel.CONTENT_IMA_TLV,
    "systemd": cel.CONTENT_SYSTEMD,
}


def is_cel_json(data: bytes) -> bool:
    """Tell whether data begins as JSON does: no other form of a log can begin so."""
    return data[:1] == _SEPARATOR or data.lstrip(_SPACE)[:1] in (b"[", b"{")


def read_cel_json(data: bytes, field: str, *, cut: bool = False) -> tuple[cel.Record, ...]:
    """Return the records of a log; none of an empty one.

    Args:
        data: the log.
        field: name of the evidence's field, for errors.
        cut: leave out the last text of a sequence where it is cut, as RFC 7464 has it for a log that is being written.

    Raises:
        EvidenceError: it is no JSON, a record is malformed, or there are more than :data:`.wire.MAX_EVENTS`.
    """
    records: list[cel.Record] = []
    for offset, plain in _texts(data, field, cut=cut):
        for value in plain if isinstance(plain, list) else (plain,):
            if len(records) == MAX_EVENTS:
                raise EvidenceError(field, f"holds more than {MAX_EVENTS} records.", offset=offset)
            records.append(_Part(value, field, offset).record(len(records)))
    return tuple(records)


def _texts(data: bytes, field: str, *, cut: bool) -> Iterator[tuple[int, Any]]:
    """Yield each JSON text with its offset: those of a sequence, else of the lines, else the only one."""
    start = data.lstrip(_SPACE)[:1]
    mark = _SEPARATOR if data[:1] == _SEPARATOR else b"\n" if start == b"{" else None
    offset = 0
    for part in data.split(mark) if mark else (data,):
        if part.strip(_SPACE):
            try:
                yield offset, json.loads(part.strip(_SPACE))
            except (ValueError, RecursionError) as error:
                if cut and mark == _SEPARATOR and offset + len(part) == len(data):
                    return
                raise EvidenceError(field, "holds something that is no JSON.", offset=offset) from error
        offset += len(part) + 1


class _Part:
    """A JSON object of which each member has to be of its form; what is not becomes an error at its text's offset."""

    def __init__(self, value: object, field: str, offset: int) -> None:
        """Take a value that has to be an object."""
        self.field, self.offset = field, offset
        if not isinstance(value, dict):
            self.fail(f"has {type(value).__name__} where an object belongs.")
        self.value: dict[str, Any] = value

    def fail(self, cause: str) -> NoReturn:
        """Raise an EvidenceError."""
        raise EvidenceError(self.field, cause, offset=self.offset)

    def part(self, name: str) -> _Part:
        """Return a member that is an object."""
        return _Part(self.value.get(name), self.field, self.offset)

    def text(self, name: str) -> str:
        """Return a member that is a text; an absent one is empty."""
        value = self.value.get(name, "")
        if not isinstance(value, str):
            self.fail(f"{name} is no text.")
        return value

    def number(self, name: str) -> int | None:
        """Return a member that is a number, or digits, or None where it is absent."""
        value = self.value.get(name)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = int(value, 0 if value.startswith("0x") else 10)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
            self.fail(f"{name} is no number: {printable(value, 40)}.")
        return value

    def hexadecimal(self, *names: str) -> bytes:
        """Return the first of these members that is there, hexadecimal digits, as bytes."""
        name = next((name for name in names if name in self.value), names[0])
        value = self.text(name)
        if not _HEX.fullmatch(value):
            self.fail(f"{name} is not hexadecimal.")
        return bytes.fromhex(value)

    def named(self, name: str, numbers: Mapping[str, int]) -> int | None:
        """Return the number of a member that is a name or a number; None for a name that is not known."""
        value = self.value.get(name)
        if not isinstance(value, str) or _NUMBER.fullmatch(value):
            return self.number(name)
        return numbers.get(value.lower())

    def record(self, index: int) -> cel.Record:
        """Return this object as a record."""
        pcr = cel.register(self.number("pcr"), self.number("nv_index"), self.field, self.offset)
        pairs = [digest for value in self.array("digests") for digest in _Part(value, self.field, self.offset).digest()]
        digests = cel.digests_of(pairs, self.field, self.offset)
        kind = self.named("content_type", _CONTENTS)
        reader = _READERS.get(kind or 0, _Part.other)
        return cel.Record(self.number("recnum"), reader(self, index, pcr, digests))

    def array(self, name: str) -> list[Any]:
        """Return a member that is an array; an absent one is empty."""
        value = self.value.get(name, [])
        if not isinstance(value, list):
            self.fail(f"{name} is no array.")
        return value

    def digest(self) -> Iterator[tuple[int, bytes]]:
        """Yield this object as a digest; none where its algorithm is not known by name."""
        algorithm = self.named("hashAlg", _ALGORITHMS)
        if algorithm is not None:
            yield algorithm, self.hexadecimal("digest")

    def pc_client(self, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
        """Return a record's event of the PC Client."""
        content = self.part("content")
        number = content.named("event_type", _EVENT_TYPES)
        if number is None or number >= 1 << 32:
            self.fail(f"event_type {printable(content.value.get('event_type'), 40)} is none that is specified.")
        return Logged(index, pcr, number, digests, content.hexadecimal("event_data"))

    def ima_template(self, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
        """Return a record's IMA entry."""
        content = self.part("content")
        data = content.hexadecimal("template_data", "template_value")
        template = cel.ImaTemplate(content.text("template_name"))
        return Logged(index, pcr, ev.CEL_IMA_TEMPLATE, digests, data, template)

    def ima_tlv(self, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
        """Return a record's IMA entry in TLV form."""
        return Logged(index, pcr, ev.CEL_IMA_TLV, digests, self.hexadecimal("content"))

    def systemd(self, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
        """Return a record of systemd: the text that it measured, and what it notes beside."""
        content = self.part("content")
        note = cel.SystemdRecord(content.text("eventType"), content.text("bootId"), content.number("timestamp"))
        data = content.text("string").encode("utf-8", "surrogatepass")
        return Logged(index, pcr, ev.CEL_SYSTEMD, digests, data, note)

    def management(self, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
        """Return a record about the log itself, in its TLV form, which is what is measured of it."""
        content = self.value.get("content")
        first = content[0] if isinstance(content, list) and len(content) == 1 else content
        part = _Part(first, self.field, self.offset)
        kind = part.named("type", {name: number for number, name in cel.MANAGEMENT.items()})
        if kind is None or kind > 0xFF:
            self.fail(f"type {printable(part.value.get('type'), 40)} is none that is specified.")
        return cel.management(index, pcr, digests, _tlv(kind, part.management_value(kind)), self.field, self.offset)

    def management_value(self, kind: int) -> bytes:
        """Return the value of a record about the log itself, in its TLV form."""
        if kind == cel.CEL_VERSION:
            version = self.part("data")
            return b"".join(
                _tlv(at, _shortest(version.number(name) or 0)) for at, name in enumerate(("major", "minor"))
            )
        if kind == cel.FIRMWARE_END:
            return b""
        states = {name: number for number, name in enumerate(cel.STATES)}
        return _shortest(self.named("data", states if kind == cel.STATE_TRANS else {}) or 0)

    def other(self, index: int, pcr: int, digests: dict[str, bytes]) -> Logged:
        """Return a record whose content is not known here, as text: systemd-pcrlock leaves it out where it has none."""
        content = self.value.get("content")
        data = b"" if content is None else json.dumps(content).encode()
        return Logged(index, pcr, ev.CEL_OTHER, digests, data)


_READERS: Final = {
    cel.CONTENT_CEL: _Part.management,
    cel.CONTENT_PC_CLIENT: _Part.pc_client,
    cel.CONTENT_IMA_TEMPLATE: _Part.ima_template,
    cel.CONTENT_IMA_TLV: _Part.ima_tlv,
    cel.CONTENT_SYSTEMD: _Part.systemd,
}


def _tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(4, "big") + value


def _shortest(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


__all__ = ["is_cel_json", "read_cel_json"]
