# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of the files of a host image, from a directory or a tar archive, on the controller.

A running node is no source of Reference Values: it would vouch for itself. An image tree is.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import (
    Limits,
    absolute,
    digest_stream,
    read_tar,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.deb import INFO, SCRIPTS
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.unpack import FAULTS, compression_of, unpacked

INCLUDE: Final = ("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/sbin", "/usr", INFO)
"""Where executables, libraries, kernel modules and configuration live (FHS 3.0), and dpkg's maintainer scripts."""
EXCLUDE: Final = ("/usr/share/doc", "/usr/share/info", "/usr/share/locale", "/usr/share/man", "/usr/src")
"""What is never executed, mapped or read as configuration."""

_HEAD: Final = 16


def digest_tree(
    source: Path | str,
    *,
    include: tuple[str, ...] = INCLUDE,
    exclude: tuple[str, ...] = EXCLUDE,
    digest: Callable[[IO[bytes]], str] = digest_stream,
    limits: Limits | None = None,
) -> dict[str, str]:
    """Return the digest of every regular file of an image tree.

    Symbolic links are left out: the kernel measures a file under its resolved path. Hard links each appear
    with the content they share.

    Args:
        source: directory, or tar archive (plain, gzip, bzip2, xz or zstd), of the image's root file system.
        include: absolute directories or files to take; ``("/",)`` takes all.
        exclude: absolute directories or files to leave out.
        digest: what to compute of each file's content.
        limits: the most that an archive may hold; None for those of :func:`~.archive.read_tar`.

    Returns:
        absolute path → its digest, ``sha256:hex`` by default.

    Raises:
        ReferenceValueError: the source cannot be read, or holds no such file.
    """
    path = Path(source)
    wanted = Selection(include, exclude)
    try:
        digests = dict(_directory(path, wanted, digest) if path.is_dir() else _archive(path, wanted, digest, limits))
    except FAULTS as error:
        raise ReferenceValueError(str(path), f"cannot be read: {error}.") from error
    if not digests:
        raise ReferenceValueError(
            str(path), f"holds no file under {', '.join(include)}.", "give the root of an image tree."
        )
    return digests


class Selection:
    """Paths that count: below directories that are included, and not below those that are excluded.

    Of what dpkg keeps of each package, the maintainer scripts count alone where it is named: the rest is never run.
    """

    def __init__(self, include: tuple[str, ...] = INCLUDE, exclude: tuple[str, ...] = EXCLUDE) -> None:
        """Take absolute directories or files."""
        self._include = tuple(d.rstrip("/") + "/" for d in include)
        self._exclude = tuple(d.rstrip("/") + "/" for d in exclude)
        self._scripts_alone = INFO in include

    def __contains__(self, path: str) -> bool:
        """Tell whether a path counts."""
        # The slash makes a name in the lists match a directory's contents as well as a file itself.
        named = path + "/"
        if self._scripts_alone and named.startswith(INFO + "/") and path.rpartition(".")[2] not in SCRIPTS:
            return False
        return named.startswith(self._include) and not named.startswith(self._exclude)


def _directory(root: Path, wanted: Selection, digest: Callable[[IO[bytes]], str]) -> Iterator[tuple[str, str]]:
    for folder, _folders, names in os.walk(root):
        inside = "/" + os.path.relpath(folder, root).lstrip(".").lstrip("/")
        for name in names:
            path = absolute(posixpath.join(inside, name))
            if path not in wanted:
                continue
            file = Path(folder, name)
            if stat.S_ISREG(file.lstat().st_mode):
                with file.open("rb") as stream:
                    yield path, digest(stream)


def _archive(
    archive: Path, wanted: Selection, digest: Callable[[IO[bytes]], str], limits: Limits | None
) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    where = str(archive)
    with archive.open("rb") as file, unpacked(file, compression_of(file.peek(_HEAD)), where) as stream:
        for entry in read_tar(stream, where, limits, digest=digest):
            if entry.kind == "file":
                # A wanted hard link may point to an unwanted file, so every file is remembered.
                seen[entry.path] = entry.digest
            elif entry.kind == "link":
                if entry.target not in seen:
                    raise ReferenceValueError(
                        where,
                        f"hard link {printable(entry.path)!r} comes before its file {printable(entry.target)!r}.",
                        "make the archive again.",
                    )
                seen[entry.path] = seen[entry.target]
            else:
                seen.pop(entry.path, None)
    return ((path, found) for path, found in seen.items() if path in wanted)


__all__ = ["EXCLUDE", "INCLUDE", "Selection", "digest_tree"]
