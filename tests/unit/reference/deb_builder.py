# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages as a test tells them, written byte by byte: no dpkg is asked."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

Content = bytes | tuple[bytes, str] | None
"""A file's bytes; a tar type with a link's target; or None for a directory."""


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def ar(*members: tuple[str, bytes]) -> bytes:
    archive = b"!<arch>\n"
    for name, data in members:
        archive += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode() + data + b"\n" * (len(data) & 1)
        )
    return archive


def tar(members: Mapping[str, Content], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", **options) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type = tarfile.DIRTYPE
            elif isinstance(content, tuple):
                member.type, member.linkname = content
            else:
                member.size = len(content)
            archive.addfile(member, io.BytesIO(content) if isinstance(content, bytes) else None)
    return buffer.getvalue()


def packed(data: bytes, suffix: str) -> bytes:
    if suffix == ".zst":
        done = subprocess.run([str(shutil.which("zstd")), "-c"], input=data, capture_output=True, check=True)
        return done.stdout
    if suffix == ".lzma":
        return lzma.compress(data, lzma.FORMAT_ALONE)
    pack: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}
    return pack[suffix](data) if suffix else data


def control(name: str = "tool", version: str = "1.0-1", architecture: str = "amd64", more: str = "") -> bytes:
    return (
        f"Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n{more}"
        "Description: a tool\n that does: nothing\n"
    ).encode()


def deb(
    files: Mapping[str, Content],
    *,
    scripts: Mapping[str, bytes] | None = None,
    description: bytes | None = None,
    control_suffix: str = ".xz",
    data_suffix: str = ".xz",
) -> bytes:
    """Return a package; its files are named from the root, without a dot."""
    inside: dict[str, Content] = {"./control": control() if description is None else description, "./md5sums": b""}
    inside |= {f"./{name}": data for name, data in (scripts or {}).items()}
    return ar(
        ("debian-binary", b"2.0\n"),
        (f"control.tar{control_suffix}", packed(tar(inside), control_suffix)),
        (f"data.tar{data_suffix}", packed(tar({f".{path}": data for path, data in files.items()}), data_suffix)),
    )


def write_deb(path: Path, files: Mapping[str, Content], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(deb(files, **options))
    return path
