# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A strict reader of DER (ITU-T X.690), for the few structures that the cryptographic library does not read.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final, NamedTuple

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
SET: Final = 0x31
CONTEXT_0: Final = 0xA0
CONTEXT_1: Final = 0xA1
PRIMITIVE_CONTEXT_0: Final = 0x80

MAX_CHILDREN: Final = 256
"""Most values in one that is read; a PKCS #7 message has some ten."""


class DerError(ValueError):
    """Bytes that are no DER, or not the value that was wanted."""


class Value(NamedTuple):
    """One value.

    Attributes:
        tag: its first byte: class, form and number.
        content: what is in it.
        raw: all of it, with tag and length.
    """

    tag: int
    content: bytes
    raw: bytes


def read_value(data: bytes, tag: int | None = None) -> Value:
    """Return the one value that data consists of.

    Raises:
        DerError: it is none, another follows, or its tag is not the one wanted.
    """
    value = _first(data)
    if len(value.raw) != len(data):
        raise DerError(f"{len(data) - len(value.raw)} bytes follow the value")
    if tag is not None and value.tag != tag:
        raise DerError(f"a value of tag {value.tag:#x} stands where {tag:#x} should")
    return value


def children(content: bytes) -> list[Value]:
    """Return the values that follow one another in a value's content.

    Raises:
        DerError: they are none, or more than :data:`MAX_CHILDREN`.
    """
    values: list[Value] = []
    at = 0
    while at < len(content):
        if len(values) >= MAX_CHILDREN:
            raise DerError(f"more than {MAX_CHILDREN} values follow one another")
        values.append(_first(content, at))
        at += len(values[-1].raw)
    return values


def integer(content: bytes) -> int:
    """Return a number (X.690, section 8.3).

    Raises:
        DerError: it has no byte, or one too many.
    """
    if not content or (len(content) > 1 and content[0] in (0x00, 0xFF) and (content[0] ^ content[1]) < 0x80):
        raise DerError("a number is not in its shortest form")
    return int.from_bytes(content, "big", signed=True)


def _first(data: bytes, at: int = 0) -> Value:
    if len(data) - at < 2:
        raise DerError("a value is cut short")
    tag, size, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise DerError("a tag of more than one byte")
    if size >= 0x80:
        octets = size & 0x7F
        size, start = int.from_bytes(data[start : start + octets], "big"), start + octets
        if not 1 <= octets <= 4 or size < 0x80 or size >> (8 * (octets - 1)) == 0:
            raise DerError("a length that is not in its shortest form")
    if start + size > len(data):
        raise DerError("a value is cut short")
    return Value(tag, data[start : start + size], data[at : start + size])


__all__ = [
    "CONTEXT_0",
    "CONTEXT_1",
    "INTEGER",
    "MAX_CHILDREN",
    "OBJECT_IDENTIFIER",
    "OCTET_STRING",
    "PRIMITIVE_CONTEXT_0",
    "SEQUENCE",
    "SET",
    "DerError",
    "Value",
    "children",
    "integer",
    "read_value",
]
