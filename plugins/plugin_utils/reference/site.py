# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Reference Values of a site: the JSON documents of one directory.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.values import load_values
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, load
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet


def load_site(directory: Path, now: datetime) -> ReferenceSet:
    """Read and index every ``*.json`` of a directory, and those of admitted packages.

    A document of kind ``sc`` is named after its SC.

    Raises:
        AdmissionError: what was admitted cannot be read.
        ReferenceValueError: the directory or a document cannot be read.
    """
    if not directory.is_dir():
        raise ReferenceValueError(
            f"Reference Values {directory}", "is not a directory.", "make them with palantir.trust.reference_values."
        )
    documents = [*(load(path) for path in sorted(directory.glob("*.json"))), *load_values(directory)]
    by_sc: dict[str, list[ReferenceDocument]] = {}
    for document in documents:
        if document.kind == "sc":
            by_sc.setdefault(document.name, []).append(document)
    return ReferenceSet.from_plain(
        {
            "host": [d for d in documents if d.kind == "host"],
            "boot": [d for d in documents if d.kind == "boot"],
            "sc": by_sc,
        },
        now,
    )


@dataclass
class SiteValues:
    """The Reference Values of a site for a while: read again once one of the documents has expired.

    Attributes:
        directory: of :func:`load_site`.
    """

    directory: Path
    _read: ReferenceSet | None = None

    def __call__(self, now: datetime) -> ReferenceSet:
        """Return what counts at a time; times only go forward.

        Raises:
            AdmissionError: see :func:`load_site`.
            ReferenceValueError: see :func:`load_site`.
        """
        if self._read is None or (self._read.until is not None and now >= self._read.until):
            self._read = load_site(self.directory, now)
        return self._read


__all__ = ["SiteValues", "load_site"]
