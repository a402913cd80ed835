# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``ar`` archive, as a Debian package is one (deb(5)); member names of 16 characters, no long names.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MEMBERS: Final = 64
"""Most members that an archive may have; a Debian package has three, and a few more when it is signed."""

_MAGIC: Final = b"!<arch>\n"
_HEADER: Final = 60
_SIZE_DIGITS: Final = slice(48, 58)
_END: Final = slice(58, 60)
_NEXT: Final = "fetch it again."


@dataclass(frozen=True, slots=True)
class ArMember:
    """Where a member's content lies.

    Attributes:
        name: without the blanks or the slash that fill it up.
        offset: of the content, in bytes from the archive's begin.
        size: of the content, in bytes.
    """

    name: str
    offset: int
    size: int


def read_ar(stream: IO[bytes], where: str) -> tuple[ArMember, ...]:
    """Return the members of an archive in their order; no content is read.

    Args:
        stream: the archive, which can be sought in.
        where: its name, for errors.

    Raises:
        ReferenceValueError: it is no such archive, ends within a member, or has more than :data:`MEMBERS`.
    """
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if stream.read(len(_MAGIC)) != _MAGIC:
        raise ReferenceValueError(where, "is no ar archive.", "give a .deb file.")
    return tuple(_members(stream, length, where))


def _members(stream: IO[bytes], length: int, where: str) -> Iterator[ArMember]:
    at = len(_MAGIC)
    for _number in range(MEMBERS):
        if at >= length:
            return
        stream.seek(at)
        member = _member(stream.read(_HEADER), at, where)
        at = member.offset + member.size
        if at > length:
            raise ReferenceValueError(where, f"ends within its member {member.name!r}.", _NEXT)
        yield member
        at += at & 1
    if at < length:
        raise ReferenceValueError(where, f"has more than {MEMBERS} members.", "give a .deb file.")


def _member(header: bytes, at: int, where: str) -> ArMember:
    digits = header[_SIZE_DIGITS].rstrip(b" ")
    if header[_END] != b"`\n" or not digits.isdigit():
        raise ReferenceValueError(where, f"has no member header at offset {at}.", _NEXT)
    name = printable(header[:16].rstrip(b" ").removesuffix(b"/"))
    return ArMember(name, at + _HEADER, int(digits))


class Section(io.RawIOBase):
    """A part of a stream that can be sought in, as a stream of its own."""

    def __init__(self, stream: IO[bytes], offset: int, size: int) -> None:
        """Begin at ``offset`` of the stream, and end ``size`` bytes later."""
        super().__init__()
        self._stream = stream
        self._at = offset
        self._end = offset + size

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read what is left, as far as the buffer goes; the stream's own position does not matter."""
        with memoryview(buffer).cast("B") as view:
            self._stream.seek(self._at)
            data = self._stream.read(min(len(view), self._end - self._at))
            view[: len(data)] = data
            self._at += len(data)
            return len(data)


__all__ = ["MEMBERS", "ArMember", "Section", "read_ar"]
