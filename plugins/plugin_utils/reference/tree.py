# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of the files of a host image, from a directory or a tar archive, on the controller.

A running node is no source of Reference Values: it would vouch for itself. An image tree is.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError

INCLUDE: Final = ("/bin", "/boot", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/sbin", "/usr")
"""Where executables, libraries, kernel modules and configuration live (FHS 3.0)."""
EXCLUDE: Final = ("/usr/share/doc", "/usr/share/info", "/usr/share/locale", "/usr/share/man", "/usr/src")
"""What is never executed, mapped or read as configuration."""

_CHUNK = 1 << 20


def digest_tree(
    source: Path | str, *, include: tuple[str, ...] = INCLUDE, exclude: tuple[str, ...] = EXCLUDE
) -> dict[str, str]:
    """Return the digest of every regular file of an image tree.

    Symbolic links are left out: the kernel measures a file under its resolved path. Hard links each appear
    with the content they share.

    Args:
        source: directory, or tar archive (plain, gzip, bzip2 or xz), of the image's root file system.
        include: absolute directories or files to take; ``("/",)`` takes all.
        exclude: absolute directories or files to leave out.

    Returns:
        absolute path → ``sha256:hex``.

    Raises:
        ReferenceValueError: the source cannot be read, or holds no such file.
    """
    path = Path(source)
    wanted = _Selection(include, exclude)
    try:
        digests = dict(_directory(path, wanted) if path.is_dir() else _archive(path, wanted))
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ReferenceValueError(str(path), f"cannot be read: {error}.") from error
    if not digests:
        raise ReferenceValueError(
            str(path), f"holds no file under {', '.join(include)}.", "give the root of an image tree."
        )
    return digests


def digest_stream(stream: IO[bytes]) -> str:
    """Return ``sha256:hex`` of all that is left in the stream, in constant memory."""
    state = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        state.update(chunk)
    return "sha256:" + state.hexdigest()


def absolute(member: str) -> str:
    """Return a member's name as absolute, normal path: ``./usr/bin/ls`` → ``/usr/bin/ls``."""
    name = posixpath.normpath("/" + member.lstrip("/"))
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Selection:
    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self._include = tuple(d.rstrip("/") + "/" for d in include)
        self._exclude = tuple(d.rstrip("/") + "/" for d in exclude)

    def __contains__(self, path: str) -> bool:
        # The slash makes a name in the lists match a directory's contents as well as a file itself.
        named = path + "/"
        return named.startswith(self._include) and not named.startswith(self._exclude)


def _directory(root: Path, wanted: _Selection) -> Iterator[tuple[str, str]]:
    for folder, _folders, names in os.walk(root):
        inside = "/" + os.path.relpath(folder, root).lstrip(".").lstrip("/")
        for name in names:
            path = absolute(posixpath.join(inside, name))
            if path not in wanted:
                continue
            file = Path(folder, name)
            if stat.S_ISREG(file.lstat().st_mode):
                with file.open("rb") as stream:
                    yield path, digest_stream(stream)


def _archive(archive: Path, wanted: _Selection) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    with tarfile.open(archive, "r|*") as tar:
        for member in tar:
            path = absolute(member.name)
            if member.isreg():
                stream = tar.extractfile(member)
                if stream is None:
                    continue
                # A wanted hard link may point to an unwanted file, so every file is remembered.
                seen[path] = digest_stream(stream)
            elif member.islnk():
                target = absolute(member.linkname)
                if target not in seen:
                    raise ReferenceValueError(str(archive), f"hard link {path!r} comes before its file {target!r}.")
                seen[path] = seen[target]
            elif path in seen:
                del seen[path]
    return ((path, digest) for path, digest in seen.items() if path in wanted)


__all__ = ["EXCLUDE", "INCLUDE", "absolute", "digest_stream", "digest_tree"]
