# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authenticode digest of a PE/COFF image: what UEFI firmware and shim extend into PCR 4.

"Windows Authenticode Portable Executable Signature Format" 1.0, "Calculating the PE Image Hash", as UEFI
2.10 section 32.5.4 applies it: all of the file except the checksum, the certificate table's directory
entry and the certificate table itself. A signature may be added or changed without changing the digest.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError

_PE32: Final = 0x10B
_PE32_PLUS: Final = 0x20B
_CHECKSUM: Final = 64
"""Offset of CheckSum in the optional header, both forms (PE format, "Optional Header Windows-Specific Fields")."""
_SECTION: Final = struct.Struct("<8sIIIIIIHHI")
_MAX_SECTIONS: Final = 96


@dataclass(frozen=True, slots=True, order=True)
class PeSection:
    """A section: where its content is in the file, its sizes there and in memory in bytes, and its name."""

    offset: int
    size: int
    virtual_size: int
    name: str


@dataclass(frozen=True, slots=True)
class _Layout:
    checksum: int
    certificate_entry: int | None
    certificate_size: int
    headers_end: int
    sections: tuple[PeSection, ...]


def is_pe(data: bytes) -> bool:
    """Tell whether data begins as a PE image does."""
    if data[:2] != b"MZ" or len(data) < 0x40:
        return False
    start = int.from_bytes(data[0x3C:0x40], "little")
    return data[start : start + 4] == b"PE\0\0"


def authenticode_sha256(data: bytes, what: str = "PE image") -> str:
    """Return the Authenticode SHA-256 digest of a PE image as ``sha256:hex``.

    Args:
        data: the whole file.
        what: its name, for errors.

    Raises:
        ReferenceValueError: not a PE image, or one whose headers point outside of the file.
    """
    return authenticode(data, ("sha256",), what)[0]


def authenticode(data: bytes, algorithms: Iterable[str], what: str = "PE image") -> tuple[str, ...]:
    """Return the Authenticode digest of a PE image in each of some algorithms, as ``algorithm:hex``.

    Raises:
        ReferenceValueError: not a PE image, or one whose headers point outside of the file.
    """
    layout = _read_layout(data, what)
    hashed = layout.headers_end + sum(section.size for section in layout.sections)
    trailer = max(len(data) - layout.certificate_size - hashed, 0)
    parts = [
        *_header_parts(layout),
        *((section.offset, section.offset + section.size) for section in layout.sections),
        (hashed, hashed + trailer),
    ]
    digests = []
    for algorithm in algorithms:
        state = hashlib.new(algorithm)
        for start, end in parts:
            state.update(memoryview(data)[start:end])
        digests.append(f"{algorithm}:{state.hexdigest()}")
    return tuple(digests)


def pe_sections(data: bytes, what: str = "PE image") -> tuple[PeSection, ...]:
    """Return the sections of a PE image that have content, by their place in the file.

    Raises:
        ReferenceValueError: not a PE image, or one whose headers point outside of the file.
    """
    return _read_layout(data, what).sections


def _read_layout(data: bytes, what: str) -> _Layout:
    if not is_pe(data):
        raise ReferenceValueError(what, "is no PE image.", "give the EFI program or kernel itself.")
    try:
        return _layout(data, what)
    except struct.error as error:
        raise ReferenceValueError(what, "ends within its headers.") from error


def _header_parts(layout: _Layout) -> tuple[tuple[int, int], ...]:
    after = layout.checksum + 4
    if layout.certificate_entry is None:
        return (0, layout.checksum), (after, layout.headers_end)
    entry = layout.certificate_entry
    return (0, layout.checksum), (after, entry), (entry + 8, layout.headers_end)


def _layout(data: bytes, what: str) -> _Layout:
    pe = int.from_bytes(data[0x3C:0x40], "little")
    section_count, optional_size = (
        struct.unpack_from("<H", data, pe + 6)[0],
        struct.unpack_from("<H", data, pe + 20)[0],
    )
    optional = pe + 24
    magic = struct.unpack_from("<H", data, optional)[0]
    if magic not in (_PE32, _PE32_PLUS):
        raise ReferenceValueError(what, f"has an unknown optional header (0x{magic:04x}).")
    directories = optional + (108 if magic == _PE32_PLUS else 92)
    headers_end = struct.unpack_from("<I", data, optional + 60)[0]
    entry, size = _certificates(data, directories, what)
    if section_count > _MAX_SECTIONS or headers_end > len(data):
        raise ReferenceValueError(what, "has headers larger than the file allows.")
    table = optional + optional_size
    sections = sorted(
        PeSection(offset, size, virtual_size, name.rstrip(b"\0").decode("ascii", "replace"))
        for name, virtual_size, _address, size, offset, *_rest in (
            _SECTION.unpack_from(data, table + i * _SECTION.size) for i in range(section_count)
        )
        if size
    )
    if any(section.offset + section.size > len(data) for section in sections):
        raise ReferenceValueError(what, "has a section outside of the file.")
    return _Layout(optional + _CHECKSUM, entry, size, headers_end, tuple(sections))


def _certificates(data: bytes, directories: int, what: str) -> tuple[int | None, int]:
    """Return where the certificate table's directory entry is, and the table's size."""
    count = struct.unpack_from("<I", data, directories)[0]
    if count <= 4:
        return None, 0
    entry = directories + 4 + 4 * 8
    _offset, size = struct.unpack_from("<II", data, entry)
    if size > len(data):
        raise ReferenceValueError(what, "has a certificate table outside of the file.")
    return entry, size


__all__ = ["PeSection", "authenticode", "authenticode_sha256", "is_pe", "pe_sections"]
