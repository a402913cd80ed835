# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a package: a tar archive in one canonical form, so that the same content is always the same bytes.

The form is ustar (POSIX.1-2017, pax, "ustar Interchange Format") without any of its freedom: regular files alone,
owned by nobody, of no time, in a fixed order, and two empty blocks at the end. What another tool would read
differently is no package.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError

BLOCK: Final = 512
MEMBERS: Final = 1024
"""Most files of a package."""
FILE_LIMIT: Final = 8192 * MIB - 1
"""Largest file, in bytes: what 11 octal digits can say."""
TOTAL_LIMIT: Final = 32_768 * MIB
"""Largest package, in bytes."""
PATH_LIMIT: Final = 100

_MAGIC: Final = b"ustar\x0000"
_PATH: Final = re.compile(r"[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)*")
_SIZE: Final = re.compile(rb"[0-7]{11}\0")
_KINDS: Final = {
    ord("1"): "a hard link",
    ord("2"): "a symbolic link",
    ord("3"): "a device",
    ord("4"): "a device",
    ord("5"): "a directory",
    ord("6"): "a pipe",
}
_CHUNK: Final = 1 << 20
_NEXT: Final = "have its developer make it with palantir.trust.package."


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a package: its path, and where its content lies, in bytes from the begin of the package."""

    path: str
    offset: int
    size: int


def is_path(text: str) -> bool:
    """Tell whether a path may stand in a package: relative, in its shortest form, of harmless characters."""
    return (
        len(text) <= PATH_LIMIT
        and _PATH.fullmatch(text) is not None
        and not any(part in (".", "..") for part in text.split("/"))
    )


def header(path: str, size: int) -> bytes:
    """Return the block before a file: all that is not its path and size is the same in every package."""
    fields = (
        path.encode("ascii").ljust(100, b"\0"),
        b"0000644\0" + b"0000000\0" * 2,
        b"%011o\0" % size + b"0" * 11 + b"\0",
        b" " * 8,
        b"0".ljust(101, b"\0"),
        _MAGIC.ljust(247, b"\0"),
    )
    block = b"".join(fields).ljust(BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def read_members(stream: IO[bytes], where: str) -> tuple[Member, ...]:
    """Return the files of a package in their order. Their content is passed over, and nothing is allocated for it.

    Args:
        stream: the package, which can be sought in.
        where: its name, for errors.

    Raises:
        AdmissionError: it is no archive in the canonical form, or over a limit.
        OSError: it cannot be read.
    """
    size = stream.seek(0, os.SEEK_END)
    if size > TOTAL_LIMIT:
        raise AdmissionError(where, f"has {size} bytes, over the limit of {TOTAL_LIMIT}.", _NEXT)
    return tuple(_members(stream, size, where))


def content(stream: IO[bytes], member: Member) -> Iterator[bytes]:
    """Yield the content of a file in pieces.

    Raises:
        OSError: it cannot be read, or ends before its size: somebody is writing to it.
    """
    stream.seek(member.offset)
    left = member.size
    while left:
        piece = stream.read(min(left, _CHUNK))
        if not piece:
            raise OSError("it became shorter while it was read")
        left -= len(piece)
        yield piece


def write(target: IO[bytes], path: str, size: int, pieces: Iterator[bytes]) -> None:
    """Append a file.

    Raises:
        AdmissionError: its path or size has no place in a package, or its content is not of that size.
        OSError: the target cannot be written.
    """
    if not is_path(path) or not 0 <= size <= FILE_LIMIT:
        raise AdmissionError(
            printable(path),
            f"cannot be in a package with {size} bytes.",
            f"use letters, digits and ._+@-, {PATH_LIMIT} characters at most, and files of up to {FILE_LIMIT} bytes.",
        )
    target.write(header(path, size))
    written = 0
    for piece in pieces:
        target.write(piece)
        written += len(piece)
    if written != size:
        raise AdmissionError(path, "changed while it was packed.", "try again.")
    target.write(bytes(-size % BLOCK))


def write_end(target: IO[bytes]) -> None:
    """End the archive."""
    target.write(bytes(2 * BLOCK))


def _members(stream: IO[bytes], size: int, where: str) -> Iterator[Member]:
    offset, seen = 0, set[str]()
    while True:
        stream.seek(offset)
        block = stream.read(BLOCK)
        if not any(block):
            _check_end(block + stream.read(BLOCK + 1), where)
            return
        member = _member(block, offset + BLOCK, where)
        _check_place(member, size, stream, where)
        if member.path in seen:
            raise AdmissionError(where, f"has the file {member.path} twice.", _NEXT)
        if len(seen) == MEMBERS:
            raise AdmissionError(where, f"has more than {MEMBERS} files.", _NEXT)
        seen.add(member.path)
        yield member
        offset = member.offset + member.size + -member.size % BLOCK


def _member(block: bytes, offset: int, where: str) -> Member:
    if len(block) < BLOCK or block[257:265] != _MAGIC:
        raise AdmissionError(where, f"is no package: at offset {offset - BLOCK} there is no header of a file.", _NEXT)
    name = block[:100].rstrip(b"\0").decode("latin-1")
    if block[156] in _KINDS:
        raise AdmissionError(where, f"has {_KINDS[block[156]]}, {printable(name)!r}; only files may be in it.", _NEXT)
    if not is_path(name):
        raise AdmissionError(where, f"has a file whose path is not accepted, {printable(name)!r}.", _NEXT)
    size = int(block[124:135], 8) if _SIZE.fullmatch(block[124:136]) else -1
    if size < 0 or block != header(name, size):
        raise AdmissionError(where, f"has a file, {name}, whose header is not in the canonical form.", _NEXT)
    return Member(name, offset, size)


def _check_place(member: Member, size: int, stream: IO[bytes], where: str) -> None:
    end = member.offset + member.size
    if end > size:
        raise AdmissionError(where, f"ends before its file {member.path} does.", _NEXT)
    stream.seek(end)
    padding = stream.read(-member.size % BLOCK)
    if len(padding) != -member.size % BLOCK or any(padding):
        raise AdmissionError(where, f"has no empty bytes after its file {member.path}.", _NEXT)


def _check_end(tail: bytes, where: str) -> None:
    if tail != bytes(2 * BLOCK):
        raise AdmissionError(where, "does not end with two empty blocks and nothing after them.", _NEXT)


__all__ = [
    "BLOCK",
    "FILE_LIMIT",
    "MEMBERS",
    "TOTAL_LIMIT",
    "Member",
    "content",
    "header",
    "is_path",
    "read_members",
    "write",
    "write_end",
]
