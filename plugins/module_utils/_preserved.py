# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all drivers share of preserving how an instance was changed: bounds, and paths that stay in its root.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import io
import os
import stat
import tarfile
from typing import IO, Iterable, Optional

LIMIT = 32 << 20
"""Most bytes of each file that is preserved."""
_HEADER = 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# What waits for a writer, or does something when it is opened, is not waited for.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def inside(root: str, path: str) -> Optional[str]:
    """Return where a path of an instance is on the node, or None where a link would lead out of its root."""
    joined, real_root = os.path.join(root, path.lstrip("/")), os.path.realpath(root)
    real = os.path.realpath(os.path.dirname(joined))
    return joined if real == real_root or real.startswith(real_root.rstrip("/") + "/") else None


def opened(root: str, path: str) -> Optional[IO[bytes]]:
    """Return a file of an instance, open; None where it is no file, or a link is anywhere on the way to it.

    Nothing that its instance changes meanwhile leads elsewhere.
    """
    *folders, name = path.strip("/").split("/")
    try:
        place = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for folder in folders:
                inner = os.open(_part(folder), _FOLDER, dir_fd=place)
                os.close(place)
                place = inner
            stream = os.fdopen(os.open(_part(name), _FILE, dir_fd=place), "rb")
        finally:
            os.close(place)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        return stream
    stream.close()
    return None


def packed(root: str, paths: Iterable[str]) -> bytes:
    """Return a tar of those of an instance's paths that are files, each that finds room in :data:`LIMIT`."""
    buffer, room = io.BytesIO(), LIMIT
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path in paths:
            stream = opened(root, path)
            if stream is None:
                continue
            with stream:
                info = tar.gettarinfo(arcname=path.lstrip("/"), fileobj=stream)
                # One that is too large hides no other.
                if info.size + _HEADER > room:
                    continue
                before = tar.offset
                try:
                    tar.addfile(info, stream if info.isreg() else None)
                    room -= info.size + _HEADER
                except OSError:  # it became shorter meanwhile: what is half there is taken back
                    tar.offset = buffer.seek(before)
                    buffer.truncate()
    return buffer.getvalue()


def _part(name: str) -> str:
    if name in ("", ".", ".."):
        raise OSError("not the name of a file")
    return name


__all__ = ["LIMIT", "inside", "opened", "packed"]
