# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making a Reference Value document of one kind from an image on the controller.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.boot import boot_reference_values
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
    accepted,
    load,
    write,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.image import digest_image
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.tree import digest_tree


def make(kind: str, name: str, source: Path, created: datetime) -> ReferenceDocument:
    """Return the Reference Values of an image.

    Args:
        kind: ``host`` (root file system: directory or tar), ``boot`` (the ESP's tree) or ``sc`` (docker-archive).
        name: name of the document; for an SC, the SC's name.
        source: where the image is, on the controller.
        created: time of the document.

    Raises:
        ReferenceValueError: the image cannot be read, or holds nothing of that kind.
    """
    if kind == "boot":
        return boot_reference_values(source, name=name, created=created, source=source.name)
    files = digest_tree(source) if kind == "host" else digest_image(source).files
    if not files:
        raise ReferenceValueError(str(source), "holds no file.", f"check that it is the image of kind {kind!r}.")
    return ReferenceDocument(name=name, kind=kind, created=created, source=source.name, files=accepted(files))


def write_if_changed(document: ReferenceDocument, path: Path) -> bool:
    """Write a document unless the file holds the same values already; return whether it was written.

    A file that holds no document is replaced: to make it again is what its own error advises.

    Raises:
        ReferenceValueError: the file cannot be written.
    """
    try:
        known = load(path)
    except ReferenceValueError:
        known = None
    same = ("name", "kind", "source", "files", "events", "texts", "modules")
    if known and known.expires is None and all(getattr(known, key) == getattr(document, key) for key in same):
        return False
    write(document, path)
    return True


__all__ = ["make", "write_if_changed"]
