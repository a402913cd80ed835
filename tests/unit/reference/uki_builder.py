# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds unified kernel images for tests, section by section as ukify does."""

from __future__ import annotations

import struct

_ALIGNMENT = 0x200
_OPTIONAL = 240
_CHECKSUM = 0x58 + 64
_CERTIFICATES = 0x58 + 112 + 4 * 8


def image(*sections: tuple[str, bytes], larger: int = 0) -> bytes:
    """Return a PE32+ image; a section's virtual size is its content's, and of the first one by ``larger`` more."""
    table, body = b"", b""
    headers = -(-(0x58 + _OPTIONAL + 40 * len(sections)) // _ALIGNMENT) * _ALIGNMENT
    for number, (name, content) in enumerate(sections):
        size = -(-len(content) // _ALIGNMENT) * _ALIGNMENT
        virtual = len(content) + (larger if number == 0 else 0)
        where = headers + len(body)
        table += struct.pack("<8sIIIIIIHHI", name.encode(), virtual, 0x1000 * number, size, where, 0, 0, 0, 0, 0)
        body += content.ljust(size, b"\0")
    head = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    head += b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, len(sections), 0, 0, 0, _OPTIONAL, 0)
    optional = struct.pack("<H", 0x20B).ljust(60, b"\1") + struct.pack("<I", headers)
    optional = optional.ljust(108, b"\0") + struct.pack("<I", 16)
    return (head + optional.ljust(_OPTIONAL, b"\0") + table).ljust(headers, b"\0") + body


def hashed(built: bytes) -> bytes:
    """Return what Authenticode hashes of an image that is not signed: all but checksum and certificate entry."""
    return built[:_CHECKSUM] + built[_CHECKSUM + 4 : _CERTIFICATES] + built[_CERTIFICATES + 8 :]
