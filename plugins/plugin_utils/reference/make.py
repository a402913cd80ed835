# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a Reference Value document of one kind from an image or packages on the controller.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.boot import boot_reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, accepted
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.fsverity import fsverity_digest
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image, is_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.package import package_reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pinned import check_sha256, expected_sha256
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.tree import digest_tree


def make(
    kind: str,
    name: str,
    sources: Path | Sequence[Path],
    created: datetime,
    *,
    sha256: Mapping[str, str] | None = None,
    fsverity: bool = False,
    architecture: str | None = None,
) -> ReferenceDocument:
    """Return the Reference Values of an image or of packages.

    Args:
        kind: ``host`` (root file system: directory or tar), ``package`` (.deb files and directories of such),
            ``boot`` (the ESP's tree) or ``sc`` (docker-archive, OCI image layout, or a tar archive of a root file
            system).
        name: name of the document; for an SC, the SC's name.
        sources: where the image is, on the controller; one, but for packages.
        created: time of the document.
        sha256: file name → digest in hexadecimal digits that each source must have; None asks for none.
        fsverity: add the fs-verity digest of each file; of kind ``host`` alone.
        architecture: which image of an OCI image layout is meant, as :func:`~.image.digest_image` takes it.

    Raises:
        ReferenceValueError: the source cannot be read, is not the one that was asked for, or holds nothing of that
            kind; there is not exactly one.
    """
    if fsverity and kind != "host":
        raise ReferenceValueError("fsverity", f"is not for kind {kind!r}.", "use it with kind 'host'.")
    if architecture is not None and kind != "sc":
        raise ReferenceValueError("architecture", f"means nothing for kind {kind!r}.", "leave it out.")
    paths = [sources] if isinstance(sources, Path) else list(sources)
    if kind == "package":
        return package_reference_values(paths, name=name, created=created, sha256=sha256)
    if len(paths) != 1:
        raise ReferenceValueError(
            "source", f"has {len(paths)} paths.", f"give one for kind {kind!r}, or make packages of kind 'package'."
        )
    (source,) = paths
    if sha256 is not None:
        _check(source, sha256)
    if kind == "boot":
        return boot_reference_values(source, name=name, created=created, source=source.name)
    files = digest_tree(source) if kind == "host" else _sc_files(source, architecture)
    if not files:
        raise ReferenceValueError(str(source), "holds no file.", f"check that it is the image of kind {kind!r}.")
    values = accepted(files)
    if fsverity:
        verity = digest_tree(source, digest=fsverity_digest)
        values = {path: (*digests, verity[path]) for path, digests in values.items()}
    return ReferenceDocument(name=name, kind=kind, created=created, source=source.name, files=values)


def _sc_files(source: Path, architecture: str | None) -> Mapping[str, str]:
    if is_image(source):
        return digest_image(source, architecture).files
    if architecture is not None:
        raise ReferenceValueError(
            "architecture", f"means nothing for {source.name}, a root file system.", "leave it out."
        )
    # Of an SC all counts, wherever it is: no other package brings files there.
    return digest_tree(source, include=("/",), exclude=())


def _check(source: Path, sha256: Mapping[str, str]) -> None:
    expected = expected_sha256(source, sha256)
    try:
        with source.open("rb") as stream:
            check_sha256(stream, expected, str(source))
    except OSError as error:
        raise ReferenceValueError(str(source), f"has no SHA-256: {error.strerror}.", "give an archive.") from error


__all__ = ["make"]
