# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader of bytes that nobody vouches for: it never reads past the end and never allocates what is not there.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from struct import Struct
from typing import NoReturn

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError

_U16_LE = Struct("<H")
_U32_LE = Struct("<I")
_U64_LE = Struct("<Q")
_U16_BE = Struct(">H")
_U32_BE = Struct(">I")
_U64_BE = Struct(">Q")


class Reader:
    """Reads integers and runs of bytes in order; every shortage is an error that names the field and offset.

    The integers come in little endian (``u16``, ``u32``, ``u64``: UEFI, IMA) and big endian (``u16be``, ...: TPM).

    Args:
        data: the bytes to read.
        field: the field of the evidence, for errors (``event_log``).
        base: offset of ``data`` within that field, so that errors in a nested structure name the outer offset.
    """

    __slots__ = ("_base", "_data", "_position", "field")

    def __init__(self, data: bytes, field: str, base: int = 0) -> None:
        """Start at the first byte of ``data``."""
        self._data = data
        self._position = 0
        self._base = base
        self.field = field

    @property
    def offset(self) -> int:
        """Offset of the next byte within the field."""
        return self._base + self._position

    @property
    def remaining(self) -> int:
        """Number of bytes not read yet."""
        return len(self._data) - self._position

    def fail(self, cause: str, next_step: str = "") -> NoReturn:
        """Raise an EvidenceError with ``cause`` at the current offset."""
        raise EvidenceError(self.field, cause, offset=self.offset, next_step=next_step)

    def take(self, size: int, what: str = "data") -> bytes:
        """Return the next ``size`` bytes; ``what`` names them in an error.

        Raises:
            EvidenceError: fewer than ``size`` bytes remain, or ``size`` is negative.
        """
        start = self._position
        end = start + size
        if size < 0 or end > len(self._data):
            self.fail(f"{what} wants {size} bytes, {len(self._data) - start} remain.")
        self._position = end
        return self._data[start:end]

    def peek(self, size: int) -> bytes:
        """Return up to ``size`` next bytes without reading them; fewer at the end of the data."""
        return self._data[self._position : self._position + max(size, 0)]

    def rest(self) -> bytes:
        """Return all bytes not read yet."""
        return self.take(self.remaining)

    def sub(self, size: int, what: str = "structure") -> Reader:
        """Return a reader of the next ``size`` bytes, which counts offsets as this one does."""
        base = self.offset
        return Reader(self.take(size, what), self.field, base)

    def end(self, what: str = "structure") -> None:
        """Check that everything has been read.

        Raises:
            EvidenceError: bytes remain.
        """
        if self.remaining:
            self.fail(f"{self.remaining} bytes remain after the {what}.")

    def u8(self, what: str = "an 8-bit number") -> int:
        """Return the next byte as a number."""
        return self.take(1, what)[0]

    def u16(self, what: str = "a 16-bit number") -> int:
        """Return the next little-endian 16-bit number."""
        return self._number(_U16_LE, what)

    def u32(self, what: str = "a 32-bit number") -> int:
        """Return the next little-endian 32-bit number."""
        return self._number(_U32_LE, what)

    def u64(self, what: str = "a 64-bit number") -> int:
        """Return the next little-endian 64-bit number."""
        return self._number(_U64_LE, what)

    def u16be(self, what: str = "a 16-bit number") -> int:
        """Return the next big-endian 16-bit number."""
        return self._number(_U16_BE, what)

    def u32be(self, what: str = "a 32-bit number") -> int:
        """Return the next big-endian 32-bit number."""
        return self._number(_U32_BE, what)

    def u64be(self, what: str = "a 64-bit number") -> int:
        """Return the next big-endian 64-bit number."""
        return self._number(_U64_BE, what)

    def _number(self, kind: Struct, what: str) -> int:
        start = self._position
        end = start + kind.size
        if end > len(self._data):
            self.fail(f"{what} wants {kind.size} bytes, {len(self._data) - start} remain.")
        self._position = end
        value: int = kind.unpack_from(self._data, start)[0]
        return value


__all__ = ["Reader"]
