# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference Values of packages: what they bring to a host, beside what its image knows.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.deb import INFO, read_deb
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.pinned import expected_sha256
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.tree import Selection


def package_reference_values(
    sources: Iterable[Path], *, name: str, created: datetime, sha256: Mapping[str, str] | None = None
) -> ReferenceDocument:
    """Return one document of kind ``host`` with all that packages bring.

    Args:
        sources: .deb files, and directories of such.
        name: name of the document.
        created: time of the document.
        sha256: file name → digest in hexadecimal digits that each package must have; None asks for none.

    Raises:
        ReferenceValueError: a package cannot be read, or is not the one that was asked for; a directory has none.
    """
    wanted = Selection(include=("/", INFO))
    files: dict[str, dict[str, None]] = {}
    packages: set[str] = set()
    for path in _paths(sources):
        deb = read_deb(path, None if sha256 is None else expected_sha256(path, sha256))
        packages.add(str(deb))
        for file, digest in (*((f, d) for f, d in deb.files.items() if f in wanted), *deb.run_by_dpkg()):
            files.setdefault(file, {})[digest] = None
    return ReferenceDocument(
        name=name,
        kind="host",
        created=created,
        source=f"{len(packages)} packages" if len(packages) != 1 else next(iter(packages)),
        files={path: tuple(sorted(digests)) for path, digests in files.items()},
        packages=tuple(sorted(packages)),
    )


def _paths(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        if not source.is_dir():
            yield source
            continue
        found = sorted(source.glob("*.deb"))
        if not found:
            raise ReferenceValueError(str(source), "holds no .deb file.", "give the directory of the packages.")
        yield from found


__all__ = ["package_reference_values"]
