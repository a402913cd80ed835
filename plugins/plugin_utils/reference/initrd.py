# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of the files inside an initial RAM disk, and the names of its kernel modules.

The kernel measures what it runs from there under the paths inside the disk (``/init``), which no image tree
knows. Where the disk lies on a file system that the IMA policy leaves out, the boot loader's measurement of
the whole disk still explains its modules, by their names.

Form: Linux Documentation/driver-api/early-userspace/buffer-format.rst: cpio archives in the "newc" form, one
after another, each plain or compressed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import bz2
import hashlib
import lzma
import re
import shutil
import stat
import subprocess
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import absolute

LIMIT: Final = 1024 * MIB
"""Most that an initial RAM disk may unpack to, all its archives together."""
_DICTIONARY: Final = 128 * MIB
"""Most memory for a compressor's dictionary, whose size the disk claims; ``xz -9`` needs 65 MiB."""
_HEADER: Final = 110
_NUMBERS: Final = re.compile(rb"[0-9A-Fa-f]{104}")
_PADDING: Final = re.compile(rb"\0*")
_MAGICS: Final = (b"070701", b"070702")
_SUFFIXES: Final = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")
_PROGRAMS: Final = {
    b"\x28\xb5\x2f\xfd": ("zstd", "-dc"),
    b"\x02\x21\x4c\x18": ("lz4", "-dc"),
    b"\x89LZO": ("lzop", "-dc"),
}
_TIMEOUT: Final = 120


@dataclass(frozen=True, slots=True)
class Initrd:
    """What an initial RAM disk holds.

    Attributes:
        files: absolute path → ``sha256:hex`` of its regular files.
        modules: sorted names of its kernel modules, with ``_`` for ``-`` as /proc/modules shows them.
    """

    files: dict[str, str]
    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Member:
    path: str
    inode: tuple[bytes, bytes, bytes]
    regular: bool
    content: bytes
    end: int


def read_initrd(data: bytes, what: str = "initial RAM disk") -> Initrd:
    """Return the files and modules in a disk.

    Args:
        data: the file's content.
        what: its name, for errors.

    Raises:
        ReferenceValueError: the disk is malformed, too large, or compressed by a program that is missing here.
    """
    files: dict[str, str] = {}
    room, at = LIMIT, _after_padding(data, 0)
    while at < len(data):
        if data[at : at + 6] not in _MAGICS:
            data = _unpacked(data[at:], what, room)
            room, at = room - len(data), 0
        found, at = _archive(data, at, what)
        files.update(found)
        at = _after_padding(data, at)
    return Initrd(files, tuple(sorted({module_name(path) for path in files if is_module(path)})))


def module_name(path: str) -> str:
    """Return a module's name as the kernel shows it: ``/…/dm-mod.ko.xz`` → ``dm_mod``."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def is_module(path: str) -> bool:
    """Tell whether a path is that of a kernel module."""
    return path.endswith(_SUFFIXES)


def _after_padding(data: bytes, at: int) -> int:
    padding = _PADDING.match(data, at)
    return padding.end() if padding else at


def _archive(data: bytes, at: int, what: str) -> tuple[dict[str, str], int]:
    """Return the files of the archive at an offset, and the offset behind it."""
    paths: dict[tuple[bytes, bytes, bytes], list[str]] = {}
    digests: dict[tuple[bytes, bytes, bytes], str] = {}
    while (member := _member(data, at, what)).path != "/TRAILER!!!":
        at = member.end
        if member.regular:
            paths.setdefault(member.inode, []).append(member.path)
            # Of several hard links only one, usually the last, carries the content.
            if member.content or member.inode not in digests:
                digests[member.inode] = "sha256:" + hashlib.sha256(member.content).hexdigest()
    return {path: digests[inode] for inode, links in paths.items() for path in links}, member.end


def _member(data: bytes, at: int, what: str) -> _Member:
    header = data[at : at + _HEADER]
    if len(header) < _HEADER or header[:6] not in _MAGICS:
        raise ReferenceValueError(what, f"has no cpio header at offset {at}.")
    if not _NUMBERS.fullmatch(header, 6):  # int() also takes signs, spaces and underscores: a size could be negative
        raise ReferenceValueError(what, f"has a malformed cpio header at offset {at}.")
    mode, size, name_size = (int(header[i : i + 8], 16) for i in (14, 54, 94))
    start = at + _HEADER
    body = _aligned(start + name_size)
    if not name_size or body + size > len(data):
        raise ReferenceValueError(what, f"ends within the cpio member at offset {at}.")
    name = data[start : start + name_size].rstrip(b"\0").decode("utf-8", "surrogateescape")
    return _Member(
        path=absolute(name),
        inode=(header[6:14], header[62:70], header[70:78]),
        regular=stat.S_ISREG(mode),
        content=data[body : body + size],
        end=_aligned(body + size),
    )


def _aligned(offset: int) -> int:
    return (offset + 3) & ~3


def _unpacked(data: bytes, what: str, room: int) -> bytes:
    try:
        if data[:2] == b"\x1f\x8b":
            unpacked = zlib.decompressobj(wbits=31).decompress(data, room + 1)
        elif data[:6] == b"\xfd7zXZ\0" or data[:3] == b"\x5d\0\0":
            unpacked = lzma.LZMADecompressor(memlimit=_DICTIONARY).decompress(data, room + 1)
        elif data[:3] == b"BZh":
            unpacked = bz2.BZ2Decompressor().decompress(data, room + 1)
        else:
            unpacked = _by_program(data, what, room)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise ReferenceValueError(what, "cannot be unpacked.") from error
    if len(unpacked) > room:
        raise ReferenceValueError(what, f"unpacks to more than {LIMIT} bytes.")
    return unpacked


def _read_to(room: int, stream: IO[bytes] | None) -> Iterator[bytes]:
    """Yield what a stream holds, until it is more than there is room for."""
    while room >= 0 and stream is not None and (chunk := stream.read(MIB)):
        room -= len(chunk)
        yield chunk


def _by_program(data: bytes, what: str, room: int) -> bytes:
    command = _PROGRAMS.get(data[:4])
    if command is None:
        raise ReferenceValueError(what, f"begins with unknown bytes {data[:4].hex()}.")
    program = shutil.which(command[0])
    if program is None:
        raise ReferenceValueError(what, f"is compressed with {command[0]}.", f"install the package {command[0]}.")
    with TemporaryFile() as packed:
        packed.write(data)
        packed.seek(0)
        process = subprocess.Popen(  # noqa: S603 - a fixed program on bytes of the operator's own image
            [program, *command[1:]], stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        watch = threading.Timer(_TIMEOUT, process.kill)
        watch.start()
        try:
            with process:
                unpacked = b"".join(_read_to(room, process.stdout))
                if len(unpacked) > room:
                    process.kill()
        finally:
            watch.cancel()
    if process.returncode != 0 and len(unpacked) <= room:
        raise ReferenceValueError(what, f"cannot be unpacked by {command[0]} in {_TIMEOUT} seconds.")
    return unpacked


__all__ = ["LIMIT", "Initrd", "is_module", "module_name", "read_initrd"]
