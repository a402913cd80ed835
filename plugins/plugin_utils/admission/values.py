# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Reference Values of admitted packages, as the verifier reads them beside those of the site.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import PACKAGES, VALUES, read_records
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
    expire,
    load,
)


def load_values(directory: Path) -> Iterator[ReferenceDocument]:
    """Yield the Reference Values of all packages that count, those of replaced ones with their end.

    Args:
        directory: that of the site's Reference Values.

    Raises:
        AdmissionError: a record cannot be read, or a document is not of its SC.
        ReferenceValueError: a document cannot be read.
    """
    packages = directory / PACKAGES
    if packages.is_symlink() and not packages.is_dir():
        # Nothing of an admitted SC would be known, and each of its instances be accused.
        raise AdmissionError(str(packages), "leads nowhere.", "restore the catalogue's packages, or remove the link.")
    for record in read_records(packages):
        for package in record.packages:
            for file in sorted((packages / record.sc / package.directory / VALUES).glob("*.json")):
                yield _until(load(file), package.until, record.sc, file)


def _until(document: ReferenceDocument, until: datetime | None, sc: str, file: Path) -> ReferenceDocument:
    if document.kind != "sc" or document.name != sc:
        raise AdmissionError(str(file), f"is not of sc {sc}.", "restore what was admitted, or admit it again.")
    return document if until is None else expire(document, until)


__all__ = ["load_values"]
