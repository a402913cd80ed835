# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of the files of an SC's container image, from its archive, on the controller.

Reads the ``docker-archive`` form (``podman save``, ``docker save``): ``manifest.json``, the image's
configuration, and layers whose whiteouts follow the OCI Image Specification 1.1, "Image Layer Filesystem
Changeset". Nothing is unpacked to disk.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import absolute, digest_stream

_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"
_JSON_LIMIT: Final = 16 * MIB


@dataclass(frozen=True, slots=True)
class ImageDigests:
    """What a container image holds.

    Attributes:
        image_id: ``sha256:hex`` of the image's configuration, as podman shows it.
        names: repository names and tags in the archive.
        files: absolute path inside the container → ``sha256:hex``, of regular files.
    """

    image_id: str
    names: tuple[str, ...]
    files: dict[str, str]


def digest_image(archive: Path | str) -> ImageDigests:
    """Return the digests of all regular files of the image in an archive.

    Args:
        archive: tar file in docker-archive form, holding one image.

    Raises:
        ReferenceValueError: the archive cannot be read, or holds not exactly one image.
    """
    where = str(archive)
    try:
        with tarfile.open(archive, "r:*") as tar:
            entry = _manifest(tar, where)
            config = _member(tar, str(entry.get("Config")), where).read(_JSON_LIMIT)
            files: dict[str, str] = {}
            for layer in entry["Layers"]:
                _apply(files, _member(tar, str(layer), where), f"{where}, layer {printable(layer)}")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ReferenceValueError(where, f"cannot be read: {error}.", "save the image again.") from error
    image_id = "sha256:" + hashlib.sha256(config).hexdigest()
    return ImageDigests(image_id, tuple(str(n) for n in entry.get("RepoTags") or ()), files)


def _manifest(tar: tarfile.TarFile, where: str) -> dict[str, Any]:
    try:
        manifest = json.loads(_member(tar, "manifest.json", where).read(_JSON_LIMIT))
    except (ValueError, RecursionError) as error:
        raise ReferenceValueError(where, "manifest.json is no JSON.", "save the image again.") from error
    if not isinstance(manifest, list) or len(manifest) != 1:
        raise ReferenceValueError(where, "does not hold exactly one image.", "save one image per archive.")
    entry = manifest[0]
    if not isinstance(entry, dict) or not isinstance(entry.get("Layers"), list):
        raise ReferenceValueError(where, "manifest.json names no layers.", "save the image again.")
    return entry


def _member(tar: tarfile.TarFile, name: str, where: str) -> IO[bytes]:
    try:
        stream = tar.extractfile(name)
    except KeyError:
        stream = None
    if stream is None:
        raise ReferenceValueError(
            where, f"has no member {printable(name)!r}.", "save the image with --format docker-archive."
        )
    return stream


def _apply(files: dict[str, str], layer: IO[bytes], where: str) -> None:
    """Change ``files`` as the layer says; its whiteouts speak of lower layers only."""
    added: dict[str, str] = {}
    with tarfile.open(fileobj=layer, mode="r|*") as tar:
        for member in tar:
            path = absolute(member.name)
            folder, name = posixpath.split(path)
            if name == _OPAQUE:
                _remove_below(files, folder)
            elif name.startswith(_WHITEOUT):
                _remove(files, posixpath.join(folder, name.removeprefix(_WHITEOUT)))
            elif member.isreg():
                stream = tar.extractfile(member)
                if stream is not None:
                    added[path] = digest_stream(stream)
                    _remove_below(files, path)
            elif member.islnk():
                target = absolute(member.linkname)
                digest = added.get(target) or files.get(target)
                if digest is None:
                    raise ReferenceValueError(where, f"hard link {printable(path)!r} has no file.")
                added[path] = digest
            elif not member.isdir():
                _remove(files, path)
            else:
                files.pop(path, None)
    files.update(added)


def _remove(files: dict[str, str], path: str) -> None:
    files.pop(path, None)
    _remove_below(files, path)


def _remove_below(files: dict[str, str], folder: str) -> None:
    prefix = folder.rstrip("/") + "/"
    for path in [p for p in files if p.startswith(prefix)]:
        del files[path]


__all__ = ["ImageDigests", "digest_image"]
