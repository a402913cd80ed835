# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the kernel modules inside an initial RAM disk.

The boot loader's measurement proves the disk as a whole; IMA's usual policy measures nothing on its file
system. So a module loaded from there is known by its disk, and only its name has to be known here.

Form: Linux Documentation/driver-api/early-userspace/buffer-format.rst: cpio archives in the "newc" form, one
after another, each plain or compressed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import bz2
import lzma
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError

LIMIT: Final = 1024 * MIB
"""Largest initial RAM disk accepted, unpacked."""
_HEADER: Final = 110
_SUFFIXES: Final = (".ko", ".ko.xz", ".ko.zst", ".ko.gz")
_PROGRAMS: Final = {
    b"\x28\xb5\x2f\xfd": ("zstd", "-dc"),
    b"\x02\x21\x4c\x18": ("lz4", "-dc"),
    b"\x89LZO": ("lzop", "-dc"),
}
_TIMEOUT: Final = 120


def initrd_modules(data: bytes, what: str = "initial RAM disk") -> tuple[str, ...]:
    """Return the sorted names of the kernel modules in a disk, with ``_`` for ``-`` as /proc/modules shows them.

    Args:
        data: the file's content.
        what: its name, for errors.

    Raises:
        ReferenceValueError: the disk is malformed, too large, or compressed by a program that is missing here.
    """
    modules: set[str] = set()
    while data := data.lstrip(b"\0"):
        if data[:6] not in (b"070701", b"070702"):
            data = _unpacked(data, what)
        paths, data = _archive(data, what)
        modules.update(module_name(path) for path in paths if path.endswith(_SUFFIXES))
    return tuple(sorted(modules))


def module_name(path: str) -> str:
    """Return a module's name as the kernel shows it: ``/…/dm-mod.ko.xz`` → ``dm_mod``."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def is_module(path: str) -> bool:
    """Tell whether a path is that of a kernel module."""
    return path.endswith(_SUFFIXES)


def _archive(data: bytes, what: str) -> tuple[list[str], bytes]:
    """Return the paths of the first archive, and what follows it."""
    paths: list[str] = []
    members = _members(data, what)
    path, end = next(members)
    while path != "TRAILER!!!":
        paths.append(path)
        path, end = next(members)
    return paths, data[end:]


def _members(data: bytes, what: str) -> Iterator[tuple[str, int]]:
    """Yield each member's name and the offset after it; a malformed or missing one is an error, never the end."""
    at = 0
    while True:
        header = data[at : at + _HEADER]
        if len(header) < _HEADER or header[:6] not in (b"070701", b"070702"):
            raise ReferenceValueError(what, f"has no cpio header at offset {at}.")
        try:
            size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        except ValueError as error:
            raise ReferenceValueError(what, f"has a malformed cpio header at offset {at}.") from error
        name = data[at + _HEADER : at + _HEADER + name_size]
        at = _aligned(_aligned(at + _HEADER + name_size) + size)
        if len(name) < name_size or not name_size:
            raise ReferenceValueError(what, "ends within a cpio member.")
        yield name.rstrip(b"\0").decode("utf-8", "surrogateescape"), at


def _aligned(offset: int) -> int:
    return (offset + 3) & ~3


def _unpacked(data: bytes, what: str) -> bytes:
    try:
        if data[:2] == b"\x1f\x8b":
            unpacked = zlib.decompressobj(wbits=31).decompress(data, LIMIT)
        elif data[:6] == b"\xfd7zXZ\0" or data[:3] == b"\x5d\0\0":
            unpacked = lzma.LZMADecompressor().decompress(data, LIMIT)
        elif data[:3] == b"BZh":
            unpacked = bz2.BZ2Decompressor().decompress(data, LIMIT)
        else:
            unpacked = _by_program(data, what)
    except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
        raise ReferenceValueError(what, "cannot be unpacked.") from error
    if len(unpacked) >= LIMIT:
        raise ReferenceValueError(what, f"unpacks to more than {LIMIT} bytes.")
    return unpacked


def _by_program(data: bytes, what: str) -> bytes:
    command = _PROGRAMS.get(data[:4])
    if command is None:
        raise ReferenceValueError(what, f"begins with unknown bytes {data[:4].hex()}.")
    program = shutil.which(command[0])
    if program is None:
        raise ReferenceValueError(what, f"is compressed with {command[0]}.", f"install the package {command[0]}.")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program on bytes of the operator's own image
            [program, *command[1:]], input=data, capture_output=True, timeout=_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ReferenceValueError(what, f"took {command[0]} more than {_TIMEOUT} seconds.") from error
    if done.returncode != 0:
        raise ReferenceValueError(what, f"cannot be unpacked by {command[0]}.")
    return done.stdout


__all__ = ["LIMIT", "initrd_modules", "is_module", "module_name"]
