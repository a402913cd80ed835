# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fs-verity digest of a file: what a kernel measures in place of the content's, where its IMA policy says so.

Documentation/filesystems/fsverity.rst, "Merkle tree" and "fs-verity descriptor".

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from struct import Struct
from typing import IO, Final

BLOCK: Final = 4096
"""Size of data and tree blocks, in bytes: the default of the program ``fsverity``."""

_ALGORITHMS: Final = {"sha256": (1, 64), "sha512": (2, 128)}
"""Hash → FS_VERITY_HASH_ALG_*, and the size of its input blocks, to which a salt is padded."""
_DESCRIPTOR: Final = Struct("<BBBBIQ64s32s144x")
_CHUNK: Final = 1 << 20


def fsverity_digest(stream: IO[bytes], *, algorithm: str = "sha256", salt: bytes = b"") -> str:
    """Return the digest of all that is left in a stream, in constant memory.

    Args:
        stream: the file's content.
        algorithm: ``sha256`` or ``sha512``.
        salt: of 32 bytes at most; a file system image that was made with one has it in its files' descriptors.

    Returns:
        ``verity:algorithm:hex``, as the field ``d-ngv2`` of IMA has it.
    """
    number, input_block = _ALGORITHMS[algorithm]
    tree = _Tree(algorithm, salt.ljust(-(-len(salt) // input_block) * input_block, b"\0"))
    size = 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        tree.add_data(chunk)
    descriptor = _DESCRIPTOR.pack(1, number, BLOCK.bit_length() - 1, len(salt), 0, size, tree.root(), salt)
    return f"verity:{algorithm}:{hashlib.new(algorithm, descriptor).hexdigest()}"


class _Tree:
    """A Merkle tree that keeps one block of each level."""

    def __init__(self, algorithm: str, salt: bytes) -> None:
        self._start = hashlib.new(algorithm, salt)
        self._rest = b""
        self._levels: list[bytes] = []

    def add_data(self, data: bytes) -> None:
        """Add what follows in the file."""
        data = self._rest + data
        whole = len(data) - len(data) % BLOCK
        for at in range(0, whole, BLOCK):
            self._add(0, self._hash(data[at : at + BLOCK]))
        self._rest = data[whole:]

    def root(self) -> bytes:
        """Return the root hash of what was added; zeros for an empty file."""
        if self._rest:
            self._add(0, self._hash(self._rest))
            self._rest = b""
        if not self._levels:
            return b""
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > self._start.digest_size:
            if self._levels[level]:
                self._add(level + 1, self._hash(self._levels[level]))
            level += 1
        return self._levels[level]

    def _add(self, level: int, digest: bytes) -> None:
        if level == len(self._levels):
            self._levels.append(b"")
        block = self._levels[level] + digest
        if len(block) == BLOCK:
            self._add(level + 1, self._hash(block))
            block = b""
        self._levels[level] = block

    def _hash(self, block: bytes) -> bytes:
        state = self._start.copy()
        state.update(block.ljust(BLOCK, b"\0"))
        return state.digest()


__all__ = ["BLOCK", "fsverity_digest"]
