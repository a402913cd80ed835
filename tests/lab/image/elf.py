# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an ELF program needs at run time: its loader and its shared libraries, transitively."""

from __future__ import annotations

import posixpath
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.lab.errors import LabError

_PT_LOAD, _PT_DYNAMIC, _PT_INTERP = 1, 2, 3
_DT_NEEDED, _DT_STRTAB = 1, 5
# Where Debian's loader on amd64 looks without a cache file.
LIBRARY_DIRECTORIES = ("usr/lib/x86_64-linux-gnu", "usr/lib")
_MAX_LINKS = 40


@dataclass(frozen=True)
class Needs:
    """Loader (absolute path, empty for a library) and names of shared libraries of one ELF file."""

    interpreter: str
    libraries: tuple[str, ...]


def read_needs(data: bytes) -> Needs:
    """Read program headers and the dynamic section of a little-endian ELF64 file (System V ABI, chapter 5).

    Raises:
        LabError: it is none, or is damaged.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        raise LabError("not a 64-bit little-endian ELF file")
    try:
        return _read_needs(data)
    except (struct.error, ValueError, OverflowError) as error:
        raise LabError(f"damaged ELF file: {error}") from error


def _read_needs(data: bytes) -> Needs:
    (table,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    loads, dynamic, interpreter = [], (0, 0), ""
    for index in range(count):
        kind, _, offset, address, _, in_file, _, _ = struct.unpack_from("<IIQQQQQQ", data, table + index * size)
        if kind == _PT_LOAD:
            loads.append((address, offset, in_file))
        elif kind == _PT_DYNAMIC:
            dynamic = (offset, in_file)
        elif kind == _PT_INTERP:
            interpreter = data[offset : offset + in_file].rstrip(b"\0").decode("ascii")
    entries = [struct.unpack_from("<qQ", data, dynamic[0] + at) for at in range(0, dynamic[1], 16)]
    strings = next((value for tag, value in entries if tag == _DT_STRTAB), None)
    names = [value for tag, value in entries if tag == _DT_NEEDED]
    if not names:
        return Needs(interpreter, ())
    base = next((strings - a + o for a, o, n in loads if strings is not None and a <= strings < a + n), None)
    if base is None:
        raise ValueError("string table outside of the file")
    return Needs(interpreter, tuple(data[base + n : data.index(b"\0", base + n)].decode("ascii") for n in names))


def resolve(path: str, links: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Follow symbolic links, in directories too.

    Args:
        path: without the leading slash.
        links: target of each link by its path.

    Returns:
        The path at the end, and the links passed on the way.

    Raises:
        LabError: a loop.
    """
    passed: list[str] = []
    parts, done = path.split("/"), ""
    while parts:
        done = posixpath.join(done, parts.pop(0))
        if done in links:
            passed.append(done)
            if len(passed) > _MAX_LINKS:
                raise LabError(f"{path}: loop of symbolic links")
            target = posixpath.normpath(posixpath.join("/", posixpath.dirname(done), links[done]))
            parts, done = target.strip("/").split("/") + parts, ""
    return done, tuple(passed)


def closure(program: str, links: Mapping[str, str], read: Callable[[str], bytes | None]) -> tuple[set[str], set[str]]:
    """Files and links that a program needs to be started.

    Args:
        program: absolute path.
        links: target of each symbolic link by its path, without the leading slash.
        read: content of a regular file by such a path, or None where there is none.

    Returns:
        Paths of files and paths of links, the program's own included.

    Raises:
        LabError: a library is not found.
    """
    files: set[str] = set()
    used: set[str] = set()
    pending = [program.lstrip("/")]
    while pending:
        asked = pending.pop()
        real, passed = resolve(asked, links)
        used.update(passed)
        if real in files:
            continue
        data = read(real)
        if data is None:
            raise LabError(f"{program}: needs {asked}, which is in no package of the image")
        files.add(real)
        needs = read_needs(data)
        if needs.interpreter:
            pending.append(needs.interpreter.lstrip("/"))
        pending.extend(_find(name, links, read) for name in needs.libraries)
    return files, used


def _find(name: str, links: Mapping[str, str], read: Callable[[str], bytes | None]) -> str:
    for directory in LIBRARY_DIRECTORIES:
        candidate = f"{directory}/{name}"
        if read(resolve(candidate, links)[0]) is not None:
            return candidate
    raise LabError(f"{name}: in no package of the image")


__all__ = ["LIBRARY_DIRECTORIES", "Needs", "closure", "read_needs", "resolve"]
