# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digests of the files of an SC's container image, from what it was saved as, on the controller.

Reads the ``docker-archive`` form (``podman save``, ``docker save``) and the OCI image layout, as a directory or as
``oci-archive``. Nothing is unpacked to disk.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import BoundedTarInfo, read_tar
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.layers import LAYERS, LayeredFiles
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.oci import (
    JSON_LIMIT,
    DirectoryMembers,
    Members,
    TarMembers,
    open_blob,
    select_image,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.unpack import FAULTS, compression_of, unpacked

_HEAD: Final = 16
_CHUNK: Final = 1 << 20
_IMAGES: Final = ("/manifest.json", "/oci-layout")


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


def digest_image(source: Path | str, architecture: str | None = None, most: int | None = None) -> ImageDigests:
    """Return the digests of all regular files of an image.

    Args:
        source: tar file in docker-archive form, holding one image; or an OCI image layout as a tar file or directory.
        architecture: which image of an OCI image layout is meant (``arm64``, ``arm/v7``); None takes the only image,
            and ``amd64`` of several.
        most: the most that all layers may have, unpacked, in bytes; None for the limits of each.

    Raises:
        ReferenceValueError: the source cannot be read, a blob is not that of its digest, a layer is not the one that
            the image's configuration names, or there is not exactly one image.
    """
    path = Path(source)
    try:
        if path.is_dir():
            return _oci(DirectoryMembers(path), architecture, most)
        with tarfile.open(path, "r:*", tarinfo=BoundedTarInfo) as tar:
            members = TarMembers(tar, str(path))
            # Newer versions of docker save both forms side by side.
            if members.open("manifest.json") is None and members.open("oci-layout") is not None:
                return _oci(members, architecture, most)
            return _docker(members, most)
    except (*FAULTS, tarfile.TarError, ValueError, RecursionError) as error:
        raise ReferenceValueError(str(path), f"cannot be read: {printable(error)}.", "save the image again.") from error


def is_image(source: Path | str) -> bool:
    """Tell whether a source is a container image, and not the archive of a root file system.

    Args:
        source: directory, which counts as an image, or tar archive (plain, gzip, bzip2, xz or zstd).

    Raises:
        ReferenceValueError: the archive cannot be read, is over a limit, or has a member that lies outside of its root.
    """
    path = Path(source)
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file, unpacked(file, compression_of(file.peek(_HEAD)), str(path)) as stream:
            return any(entry.path in _IMAGES for entry in read_tar(stream, str(path), digest=_passed))
    except FAULTS as error:
        raise ReferenceValueError(str(path), f"cannot be read: {printable(error)}.", "save the image again.") from error


def _passed(content: IO[bytes]) -> str:
    """Read a member to its end, which tells the next, without a digest that nobody asks for."""
    while content.read(_CHUNK):
        pass
    return ""


def _oci(members: Members, architecture: str | None, most: int | None) -> ImageDigests:
    image = select_image(members, architecture)
    config = open_blob(members, image.config).read(JSON_LIMIT)
    layers = ((open_blob(members, layer), layer.digest) for layer in image.layers)
    names = (image.name,) if image.name else ()
    return ImageDigests(image.config.digest, names, _files(layers, config, members.where, most))


def _docker(members: Members, most: int | None) -> ImageDigests:
    entry = _manifest(members)
    config = _member(members, str(entry.get("Config"))).read(JSON_LIMIT)
    layers = ((_member(members, str(layer)), str(layer)) for layer in entry["Layers"])
    image_id = "sha256:" + hashlib.sha256(config).hexdigest()
    tags = entry.get("RepoTags")
    names = tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
    return ImageDigests(image_id, names, _files(layers, config, members.where, most))


def _files(layers: Iterable[tuple[IO[bytes], str]], config: bytes, where: str, most: int | None) -> dict[str, str]:
    """Return the files of an image whose layers are those that its configuration names."""
    files = LayeredFiles(most=most)
    digests: list[str] = []
    for layer, name in layers:
        if len(digests) == LAYERS:
            raise ReferenceValueError(where, f"has more than {LAYERS} layers.", "build the image with fewer.")
        digests.append(files.apply(layer, f"{where}, layer {printable(name)}"))
    named = _diff_ids(config)
    # A configuration that names none belongs to no image that an engine runs.
    if named is not None and named != digests:
        raise ReferenceValueError(where, "has other layers than its configuration names.", "save the image again.")
    return files.files()


def _diff_ids(config: bytes) -> list[object] | None:
    plain = json.loads(config)
    root = plain.get("rootfs") if isinstance(plain, dict) else None
    diff_ids = root.get("diff_ids") if isinstance(root, dict) else None
    return diff_ids if isinstance(diff_ids, list) else None


def _manifest(members: Members) -> dict[str, Any]:
    where = members.where
    try:
        manifest = json.loads(_member(members, "manifest.json").read(JSON_LIMIT))
    except (ValueError, RecursionError) as error:
        raise ReferenceValueError(where, "manifest.json is no JSON.", "save the image again.") from error
    if not isinstance(manifest, list) or len(manifest) != 1:
        raise ReferenceValueError(where, "does not hold exactly one image.", "save one image per archive.")
    entry = manifest[0]
    if not isinstance(entry, dict) or not isinstance(entry.get("Layers"), list):
        raise ReferenceValueError(where, "manifest.json names no layers.", "save the image again.")
    return entry


def _member(members: Members, name: str) -> IO[bytes]:
    stream = members.open(name)
    if stream is None:
        raise ReferenceValueError(
            members.where,
            f"has no member {printable(name)!r}.",
            "save the image with --format docker-archive or oci-archive.",
        )
    return stream


__all__ = ["ImageDigests", "digest_image", "is_image"]
