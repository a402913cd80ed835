# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SC's image, pinned: what the catalogue's archive holds is what the Reference Values know, or it does not run.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Flavour
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import Limits, digest_stream
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import load
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.tree import digest_tree

TREES: Final = ("nspawn", "systemd")
"""Drivers whose image is the root file system itself, as a tar archive."""


def pinned_image_id(flavour: Flavour, archive: Path, reference_values: Path) -> str:
    """Return the id (``sha256:hex``) of the image in an archive whose every file the Reference Values know.

    Args:
        flavour: the flavour that names the Reference Values.
        archive: the image archive, in docker-archive or oci-archive form; of several images, that for amd64. For a
            driver of :data:`TREES` the root file system as a tar archive, whose id is the archive's own digest.
        reference_values: directory of the site's Reference Values.

    Raises:
        CatalogueError: the image has no file, or one that is not known, or known by another digest.
        ReferenceValueError: the archive or the Reference Values cannot be read.
    """
    document = load(reference_values / f"{flavour.reference_values}.json")
    if document.kind != "sc":
        raise CatalogueError(
            f"flavour {flavour.name}",
            f"its Reference Values {flavour.reference_values} are of kind {document.kind}, not sc.",
            "name those of the SC's image.",
        )
    image_id, files = image_contents(flavour, archive)
    if not files:
        raise CatalogueError(f"image {archive}", "holds no file.", "check which image it was saved from.")
    for path, digest in files.items():
        if digest not in document.files.get(path, ()):
            raise CatalogueError(
                f"image {archive}",
                f"its file {printable(path)} is not what Reference Values {document.name} know.",
                "if the new image is wanted, review it and make its Reference Values again.",
            )
    return image_id


def image_contents(flavour: Flavour, archive: Path, most: int | None = None) -> tuple[str, Mapping[str, str]]:
    """Return the id of a flavour's image, and its files: absolute path → ``sha256:hex``.

    Args:
        flavour: its driver says what kind of archive it is.
        archive: the archive.
        most: the most that it may have, unpacked, in bytes; None for the limits of each kind.

    Raises:
        CatalogueError: it cannot be read.
        ReferenceValueError: it is damaged, or over a limit.
    """
    if flavour.driver not in TREES:
        image = digest_image(archive, most=most)
        return image.image_id, image.files
    limits = None if most is None else Limits(total=most)
    files = digest_tree(archive, include=("/",), exclude=(), limits=limits)
    try:
        with archive.open("rb") as stream:
            return digest_stream(stream), files
    except OSError as error:
        raise CatalogueError(f"image {archive}", f"cannot be read: {error.strerror}.", "give an archive.") from error


__all__ = ["TREES", "image_contents", "pinned_image_id"]
