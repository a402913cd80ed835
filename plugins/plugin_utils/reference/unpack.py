# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed streams, unpacked as they are read: never more in memory than a few chunks, whatever they unpack to.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

FAULTS: Final = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What reading an unpacked stream raises where it is damaged."""

_CHUNK: Final = 1 << 18
_MEMORY: Final = 256 * MIB
"""For a dictionary of xz; ``xz -9`` needs 65 MiB."""
_MAGICS: Final = {
    b"\x1f\x8b": "gz",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zst",
    b"BZh": "bz2",
}


def compression_of(head: bytes) -> str:
    """Return the compression that content begins like: ``gz``, ``xz``, ``zst``, ``bz2``, or an empty text for none."""
    return next((name for magic, name in _MAGICS.items() if head.startswith(magic)), "")


@contextmanager
def unpacked(stream: IO[bytes], compression: str, where: str) -> Iterator[IO[bytes]]:
    """Give what a stream unpacks to.

    Args:
        stream: the compressed content, from where it is.
        compression: ``gz``, ``xz``, ``lzma``, ``bz2``, ``zst``, or empty for none.
        where: its name, for errors.

    Raises:
        ReferenceValueError: another compression, or one whose program is missing here.
        FAULTS: while it is read, where the content is damaged.
    """
    if compression == "zst":
        with _by_program("zstd", stream, where) as out:
            yield out
    elif not compression:
        yield stream
    elif compression == "gz":
        yield cast(IO[bytes], gzip.GzipFile(fileobj=stream))
    elif compression == "bz2":
        yield cast(IO[bytes], bz2.BZ2File(stream))
    elif compression in {"xz", "lzma"}:
        yield io.BufferedReader(_Xz(stream, compression), _CHUNK)
    else:
        raise ReferenceValueError(where, f"has an unknown compression {compression!r}.", "use xz, gz, zst or bz2.")


class _Xz(io.RawIOBase):
    """As lzma.LZMAFile, which takes no limit to the memory that the content asks for."""

    def __init__(self, stream: IO[bytes], compression: str) -> None:
        super().__init__()
        self._stream = stream
        self._form = lzma.FORMAT_XZ if compression == "xz" else lzma.FORMAT_ALONE
        self._state = self._begin()

    def _begin(self) -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(self._form, memlimit=_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer).cast("B") as view:
            while True:
                if self._state.eof:  # pylint: disable=using-constant-test  # it takes lzma's attributes for constants
                    # The format allows several streams, one after another, with padding of zeros between.
                    rest = (self._state.unused_data or self._stream.read(_CHUNK)).lstrip(b"\0")
                    if not rest:
                        return 0
                    self._state = self._begin()
                elif self._state.needs_input:  # pylint: disable=using-constant-test
                    rest = self._stream.read(_CHUNK)
                    if not rest:
                        raise EOFError("it ends before its end marker")
                else:
                    rest = b""
                data = self._state.decompress(rest, len(view))
                if data:
                    view[: len(data)] = data
                    return len(data)


class _Output(io.RawIOBase):
    """What a program writes; its failure is told at the end, where a damaged file shows."""

    def __init__(self, process: subprocess.Popen[bytes], program: str) -> None:
        super().__init__()
        self._process = process
        self._stream = cast(IO[bytes], process.stdout)
        self._program = program

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer).cast("B") as view:
            data = self._stream.read(len(view))
            view[: len(data)] = data
            if not data and self._process.wait() != 0:
                raise OSError(f"{self._program} cannot unpack it")
            return len(data)


@contextmanager
def _by_program(program: str, stream: IO[bytes], where: str) -> Iterator[IO[bytes]]:
    path = shutil.which(program)
    if path is None:
        raise ReferenceValueError(where, f"is compressed with {program}.", f"install the package {program}.")
    with tempfile.TemporaryFile() as packed:
        shutil.copyfileobj(stream, packed, _CHUNK)
        packed.seek(0)
        process = subprocess.Popen(  # noqa: S603 - a fixed program on bytes of the operator's own file
            [path, "-dc"], stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        with process:
            try:
                yield io.BufferedReader(_Output(process, program), _CHUNK)
            finally:
                process.kill()


__all__ = ["FAULTS", "compression_of", "unpacked"]
