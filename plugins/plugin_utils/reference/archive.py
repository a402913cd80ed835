# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tar archives, read as they come by: each member's digest, in bounded time and memory. Nothing is unpacked to disk.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final, Literal, cast

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.unpack import FAULTS

_BLOCK: Final = 512
_READ: Final = 1 << 16
_CHUNK: Final = 1 << 20
_KEPT_LIMIT: Final = MIB
_HEADER_LIMIT: Final = 16 * MIB
"""For all headers of one member, which tarfile keeps in memory: long names, attributes, maps of sparse files."""
_EXTENSIONS: Final = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
_NEXT: Final = "fetch or make it again."


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may ask of the reader.

    Attributes:
        members: how many members it may have.
        file: largest file, in bytes.
        total: all of it, unpacked, in bytes.
    """

    members: int = 2_000_000
    file: int = 16_384 * MIB
    total: int = 65_536 * MIB


@dataclass(frozen=True, slots=True)
class TarEntry:
    """One member of an archive.

    Attributes:
        path: absolute and normal.
        kind: ``file``, ``link`` (a hard link), ``directory``, or ``other`` (symbolic link, device, pipe).
        digest: ``sha256:hex`` of a file's content; empty for the rest.
        target: absolute path of the file that a hard link shares its content with; empty for the rest.
        content: of a file that was asked to be kept; empty for the rest.
    """

    path: str
    kind: Literal["file", "link", "directory", "other"]
    digest: str = ""
    target: str = ""
    content: bytes = b""


def read_tar(
    stream: IO[bytes],
    where: str,
    limits: Limits | None = None,
    keep: Container[str] = (),
    digest: Callable[[IO[bytes]], str] | None = None,
) -> Iterator[TarEntry]:
    """Yield the members of an archive in their order, and read it to its very end.

    Args:
        stream: the archive, not compressed; it need not be one that can be sought in.
        where: its name, for errors.
        limits: the most that it may hold; more is refused by name.
        keep: paths of small files whose content is wanted.
        digest: what to compute of each other file; by default :func:`digest_stream`.

    Raises:
        ReferenceValueError: the archive is damaged, over a limit, or has a member that lies outside of its root.
    """
    source = _Counted(stream, limits or Limits())
    try:
        with tarfile.open(fileobj=cast(IO[bytes], source), mode="r|", bufsize=_READ) as tar:
            for number, member in enumerate(tar):
                if number >= source.limits.members:
                    raise ReferenceValueError(where, f"has more than {source.limits.members} members.", _NEXT)
                source.read_content()
                yield _entry(tar, member, where, source.limits, keep, digest or digest_stream)
                _forget(tar)
                source.read_headers()
            source.finish(tar.offset)
    except (*FAULTS, tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise ReferenceValueError(where, f"cannot be read: {printable(error)}.", _NEXT) from error


def _forget(tar: tarfile.TarFile) -> None:
    """Keep tarfile from remembering what it has read: every member, and headers for all that follow."""
    tar.members.clear()  # type: ignore[attr-defined]
    if sum(len(key) + len(value) for key, value in tar.pax_headers.items()) > _KEPT_LIMIT:
        raise tarfile.ReadError("its global headers are too large")


def absolute(member: str) -> str:
    """Return a member's name as absolute, normal path: ``./usr/bin/ls`` → ``/usr/bin/ls``."""
    name = posixpath.normpath("/" + member.lstrip("/"))
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def digest_stream(stream: IO[bytes]) -> str:
    """Return ``sha256:hex`` of all that is left in the stream, in constant memory."""
    state = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        state.update(chunk)
    return "sha256:" + state.hexdigest()


def _entry(
    tar: tarfile.TarFile,
    member: tarfile.TarInfo,
    where: str,
    limits: Limits,
    keep: Container[str],
    digest: Callable[[IO[bytes]], str],
) -> TarEntry:
    path = _inside(member.name, where)
    if member.islnk():
        return TarEntry(path, "link", target=_inside(member.linkname, where))
    if member.isdir():
        return TarEntry(path, "directory")
    stream = tar.extractfile(member) if member.isreg() else None
    if stream is None:
        return TarEntry(path, "other")
    limit = _KEPT_LIMIT if path in keep else limits.file
    # A sparse file claims any size, and reads as so many zeros.
    if member.size > limit:
        raise ReferenceValueError(
            where, f"its member {printable(path)} has {member.size} bytes, over the limit of {limit}.", _NEXT
        )
    if path not in keep:
        return TarEntry(path, "file", digest(stream))
    content = stream.read()
    return TarEntry(path, "file", "sha256:" + hashlib.sha256(content).hexdigest(), content=content)


def _inside(name: str, where: str) -> str:
    if ".." in name.split("/"):
        raise ReferenceValueError(where, f"its member {printable(name)!r} leads out of it.", _NEXT)
    return absolute(name)


class BoundedTarInfo(tarfile.TarInfo):
    """A member of an archive that can be sought in, whose extended headers are bounded as well."""

    def _proc_member(self, *arguments: Any) -> tarfile.TarInfo:
        # A sparse file's map has any length.
        if self.type == tarfile.GNUTYPE_SPARSE or (self.type in _EXTENSIONS and not 0 <= self.size <= _KEPT_LIMIT):
            raise tarfile.ReadError(f"it has an extended header of {self.size} bytes, or a sparse file")
        return cast(tarfile.TarInfo, super()._proc_member(*arguments))  # type: ignore[misc]

    def _proc_gnusparse_10(self, *_arguments: object) -> None:
        raise tarfile.ReadError("it has a sparse file")


class _Counted:
    """A stream that ends at a limit, and knows what lay around the place where tarfile stopped."""

    def __init__(self, stream: IO[bytes], limits: Limits) -> None:
        self.limits = limits
        self._stream = stream
        self._total = 0
        self._tail = b""
        self._end = _HEADER_LIMIT

    def read_headers(self) -> None:
        """Expect headers from now on."""
        self._end = self._total + _HEADER_LIMIT

    def read_content(self) -> None:
        """Expect a file's content from now on, which is bounded by its own size."""
        self._end = self.limits.total

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._total += len(data)
        if self._total > self.limits.total:
            raise OSError(f"it unpacks to more than {self.limits.total} bytes")
        if self._total > self._end:
            raise OSError(f"the headers of one member have more than {_HEADER_LIMIT} bytes")
        self._tail = (self._tail + data)[-2 * _READ :]
        return data

    def finish(self, offset: int) -> None:
        """Read the rest, which shows damage at the end, and see that the archive ends where tarfile says it does.

        tarfile takes a damaged header for the end of the archive.
        """
        self.read_content()
        behind = self._tail[len(self._tail) - (self._total - offset) :][:_BLOCK]
        if any(behind) or 0 < len(behind) < _BLOCK:
            raise OSError(f"it has no header at offset {offset}")
        while self.read(_CHUNK):
            pass


__all__ = ["BoundedTarInfo", "Limits", "TarEntry", "absolute", "digest_stream", "read_tar"]
