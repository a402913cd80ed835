# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a container image, layer upon layer: OCI Image Specification 1.1, "Image Layer Filesystem Changeset".

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Final, cast

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import Limits, read_tar
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.unpack import compression_of, unpacked

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

LAYERS: Final = 512
"""Most layers that an image may have; overlayfs takes fewer."""
_LIMITS: Final = Limits(members=1_000_000, file=16_384 * MIB, total=32_768 * MIB)
_WHITEOUT: Final = ".wh."
_RESERVED: Final = ".wh..wh."
_OPAQUE: Final = ".wh..wh..opq"
_HEAD: Final = 16

_Folder = dict[str, "_Folder | str"]


class LayeredFiles:
    """Files by their digests, in folders: what a layer removes goes at once, however much lies below it."""

    def __init__(self, limits: Limits = _LIMITS, most: int | None = None) -> None:
        """Begin without a file.

        Args:
            limits: the most that each layer may hold.
            most: the most that all layers may have, unpacked, in bytes; None for what each may.
        """
        self._root: _Folder = {}
        self._limits = limits
        self._left = most

    def apply(self, layer: IO[bytes], where: str) -> str:
        """Change the files as a layer says, and return ``sha256:hex`` of the layer as it is when it is unpacked.

        Args:
            layer: tar archive, plain or compressed with gzip, zstd, xz or bzip2, from its begin; it can be sought in.
            where: its name, for errors.

        Raises:
            ReferenceValueError: the layer is damaged, over a limit, or has a hard link without a file.
        """
        added: dict[str, str] = {}
        compression = compression_of(layer.read(_HEAD))
        layer.seek(0)
        with unpacked(layer, compression, where) as content:
            hashed = _Hashed(content)
            for entry in read_tar(cast(IO[bytes], hashed), where, self._allowed()):
                folder, name = posixpath.split(entry.path)
                if name == _OPAQUE:
                    self._empty(folder)
                elif f"/{_RESERVED}" in entry.path:
                    continue
                elif name.startswith(_WHITEOUT):
                    self._remove(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
                elif entry.kind == "file":
                    added[entry.path] = entry.digest
                elif entry.kind == "link":
                    added[entry.path] = self._linked(entry.path, entry.target, added, where)
                else:
                    added.pop(entry.path, None)
                    if entry.kind == "other" or isinstance(self._find(entry.path), str):
                        self._remove(entry.path)
        for path, digest in added.items():
            self._put(path, digest)
        if self._left is not None:
            self._left -= hashed.size
        return "sha256:" + hashed.state.hexdigest()

    def _allowed(self) -> Limits:
        if self._left is None:
            return self._limits
        return replace(self._limits, total=min(self._left, self._limits.total))

    def files(self) -> dict[str, str]:
        """Return absolute path → ``sha256:hex``."""
        return dict(sorted(self._walk()))

    def _walk(self) -> Iterator[tuple[str, str]]:
        left: list[tuple[str, _Folder]] = [("", self._root)]
        while left:
            prefix, folder = left.pop()
            for name, inside in folder.items():
                if isinstance(inside, str):
                    yield f"{prefix}/{name}", inside
                else:
                    left.append((f"{prefix}/{name}", inside))

    def _linked(self, path: str, target: str, added: dict[str, str], where: str) -> str:
        digest = added.get(target) or self._find(target)
        if not isinstance(digest, str):
            raise ReferenceValueError(where, f"hard link {printable(path)!r} has no file.", "make the image again.")
        return digest

    def _find(self, path: str) -> _Folder | str | None:
        found: _Folder | str | None = self._root
        for name in _names(path):
            if not isinstance(found, dict):
                return None
            found = found.get(name)
        return found

    def _empty(self, folder: str) -> None:
        found = self._find(folder)
        if isinstance(found, dict):
            found.clear()

    def _remove(self, path: str) -> None:
        folder, name = posixpath.split(path)
        found = self._find(folder)
        if isinstance(found, dict):
            found.pop(name, None)

    def _put(self, path: str, digest: str) -> None:
        folder = self._root
        *above, last = _names(path) or [""]
        for name in above:
            inside = folder.get(name)
            if not isinstance(inside, dict):
                inside = folder[name] = {}
            folder = inside
        folder[last] = digest


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name]


class _Hashed(io.RawIOBase):
    """A stream that is hashed as it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self.state = hashlib.sha256()
        self.size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        with memoryview(buffer).cast("B") as view:
            data = self._stream.read(len(view))
            view[: len(data)] = data
            self.state.update(data)
            self.size += len(data)
            return len(data)


__all__ = ["LAYERS", "LayeredFiles"]
