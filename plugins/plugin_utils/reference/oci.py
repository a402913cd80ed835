# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI image layout, as a directory or as a tar archive: which image it holds, each blob checked by its digest.

Form: OCI Image Specification 1.1, "Image Layout", "Image Index", "Image Manifest" and "Descriptor".

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pinned import check_sha256

JSON_LIMIT: Final = 16 * MIB
DEFAULT_ARCHITECTURE: Final = "amd64"

_DEPTH: Final = 4
_IMAGES: Final = 1024
_MEMBERS: Final = 10_000
_INDEXES: Final = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_NAME: Final = "org.opencontainers.image.ref.name"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_AGAIN: Final = "save the image again."


class Members(Protocol):
    """Where an image's parts are: a directory or an archive."""

    where: str

    def open(self, name: str) -> IO[bytes] | None:
        """Open a regular file by its relative name, so that it can be sought in; None where there is none."""


class DirectoryMembers:
    """The files of a directory."""

    def __init__(self, directory: Path) -> None:
        """Take the directory's path."""
        self.where = str(directory)
        self._directory = directory

    def open(self, name: str) -> IO[bytes] | None:
        """Open a file."""
        path = self._directory / name
        return path.open("rb") if path.is_file() else None


class TarMembers:
    """The members of a tar archive."""

    def __init__(self, tar: tarfile.TarFile, where: str) -> None:
        """Read the archive's headers.

        Args:
            tar: opened with :class:`~.archive.BoundedTarInfo`.
            where: its name, for errors.
        """
        self.where = where
        self._tar = tar
        self._members: dict[str, tarfile.TarInfo] = {}
        for member in tar:
            self._members[member.name.removeprefix("./")] = member
            if len(self._members) > _MEMBERS or len(tar.pax_headers) > _MEMBERS:
                raise ReferenceValueError(where, f"has more than {_MEMBERS} members.", "save one image alone.")

    def open(self, name: str) -> IO[bytes] | None:
        """Open a member, or the one that it links to."""
        member = self._members.get(name)
        try:
            return None if member is None else self._tar.extractfile(member)
        except KeyError:  # a link to what is not there
            return None


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What names a blob.

    Attributes:
        digest: ``sha256:hex``.
        size: in bytes.
        media_type: what it is.
        platform: ``architecture`` or ``architecture/variant``; empty where none is named.
        name: tag or name of an image; empty where none is named.
    """

    digest: str
    size: int
    media_type: str
    platform: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class OciImage:
    """One image of a layout.

    Attributes:
        config: of its configuration.
        layers: of its layers, the lowest first.
        name: tag or name; empty where none is named.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    name: str


def select_image(members: Members, architecture: str | None) -> OciImage:
    """Return the image of an architecture.

    Args:
        members: the layout.
        architecture: as Go names it, with a variant if wanted (``arm64``, ``arm/v7``); None takes the only image, and
            ``amd64`` of several.

    Raises:
        ReferenceValueError: the layout is malformed, or holds no such image, or several.
    """
    found = list(_images(members, _json(members, "index.json"), 0))
    wanted = architecture or (DEFAULT_ARCHITECTURE if len(found) > 1 else None)
    chosen = [d for d in found if wanted is None or _is_of(members, d, wanted)]
    if len({d.digest for d in chosen}) != 1:
        of = f" of architecture {printable(wanted)}" if wanted else ""
        has = ", ".join(sorted({d.platform or "unnamed" for d in found})) or "none"
        raise ReferenceValueError(
            members.where,
            f"holds {len(chosen)} images{of}, not one; it has: {printable(has)}.",
            "name the architecture, or save one image alone.",
        )
    return _image(members, chosen[0])


def open_blob(members: Members, descriptor: Descriptor) -> IO[bytes]:
    """Open a blob whose size and digest are those of its descriptor.

    Raises:
        ReferenceValueError: it is missing, or another.
    """
    algorithm, _colon, value = descriptor.digest.partition(":")
    stream = members.open(f"blobs/{algorithm}/{value}")
    where = f"{members.where}, blob {descriptor.digest}"
    if stream is None:
        raise ReferenceValueError(where, "is missing.", _AGAIN)
    size = stream.seek(0, os.SEEK_END)
    if size != descriptor.size:
        raise ReferenceValueError(where, f"has {size} bytes, not {descriptor.size}.", _AGAIN)
    stream.seek(0)
    check_sha256(stream, descriptor.digest, where)
    stream.seek(0)
    return stream


def read_json(stream: IO[bytes], where: str) -> dict[str, Any]:
    """Read a JSON object of at most :data:`JSON_LIMIT` bytes.

    Raises:
        ReferenceValueError: it is larger, or no JSON object.
    """
    text = stream.read(JSON_LIMIT + 1)
    try:
        plain = json.loads(text) if len(text) <= JSON_LIMIT else None
    except (ValueError, RecursionError):
        plain = None
    if not isinstance(plain, dict):
        raise ReferenceValueError(where, f"is no JSON object of up to {JSON_LIMIT} bytes.", _AGAIN)
    return plain


def _json(members: Members, name: str) -> dict[str, Any]:
    stream = members.open(name)
    if stream is None:
        raise ReferenceValueError(members.where, f"has no {name}.", "save the image as oci-archive or docker-archive.")
    return read_json(stream, f"{members.where}, {name}")


def _images(members: Members, index: Mapping[str, Any], depth: int) -> Iterator[Descriptor]:
    """Yield the descriptors of all images, those of indexes inside the index too."""
    entries = index.get("manifests")
    if not isinstance(entries, list) or len(entries) > _IMAGES or depth > _DEPTH:
        raise ReferenceValueError(
            members.where, f"has an index without manifests, with more than {_IMAGES}, or too deep.", _AGAIN
        )
    for entry in entries:
        descriptor = _descriptor(entry, members.where)
        if descriptor.media_type in _INDEXES:
            inside = read_json(open_blob(members, descriptor), f"{members.where}, index {descriptor.digest}")
            yield from _images(members, inside, depth + 1)
        elif descriptor.media_type in _MANIFESTS and _is_image(entry):
            yield descriptor


def _is_image(entry: Mapping[str, Any]) -> bool:
    """Tell whether a manifest is that of an image for Linux, and not of an artifact or an attestation of one."""
    platform = entry.get("platform")
    system = platform.get("os") if isinstance(platform, Mapping) else None
    return not entry.get("artifactType") and system in {None, "", "linux"}


def _is_of(members: Members, descriptor: Descriptor, wanted: str) -> bool:
    platform = descriptor.platform
    if not platform:
        config = read_json(open_blob(members, _image(members, descriptor).config), f"{members.where}, configuration")
        platform = _platform(config)
    return platform == wanted or platform.partition("/")[0] == wanted


def _image(members: Members, descriptor: Descriptor) -> OciImage:
    where = f"{members.where}, manifest {descriptor.digest}"
    manifest = read_json(open_blob(members, descriptor), where)
    layers = manifest.get("layers")
    if not isinstance(layers, list):
        raise ReferenceValueError(where, "names no layers.", _AGAIN)
    return OciImage(
        config=_descriptor(manifest.get("config"), where),
        layers=tuple(_descriptor(layer, where) for layer in layers),
        name=descriptor.name,
    )


def _descriptor(value: object, where: str) -> Descriptor:
    plain = value if isinstance(value, Mapping) else {}
    digest, size = plain.get("digest"), plain.get("size")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ReferenceValueError(
            where, f"has a descriptor with the digest {printable(digest)!r}.", "save the image with SHA-256 digests."
        )
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ReferenceValueError(where, f"has a descriptor with the size {printable(size)!r}.", _AGAIN)
    platform, annotations = plain.get("platform"), plain.get("annotations")
    return Descriptor(
        digest=digest,
        size=size,
        media_type=str(plain.get("mediaType") or ""),
        platform=_platform(platform) if isinstance(platform, Mapping) else "",
        name=str(annotations.get(_NAME) or "") if isinstance(annotations, Mapping) else "",
    )


def _platform(plain: Mapping[str, Any]) -> str:
    return "/".join(str(plain[key]) for key in ("architecture", "variant") if plain.get(key))


__all__ = [
    "DEFAULT_ARCHITECTURE",
    "JSON_LIMIT",
    "Descriptor",
    "DirectoryMembers",
    "Members",
    "OciImage",
    "TarMembers",
    "open_blob",
    "read_json",
    "select_image",
]
