# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where admitted packages are, and which of them count: one small file for each SC, which is replaced in one step.

::

    CATALOGUE/packages/policy.yml, keys/…          the site's policy
    CATALOGUE/packages/admitted/SC/admitted.json   which package counts: the record
    CATALOGUE/packages/admitted/SC/HEX/…           a package, unpacked, by its digest
    REFERENCE_VALUES/packages                      a link to CATALOGUE/packages/admitted

What no record names is not there. The verifier and the catalogue read the same record, so a package is in both or in
neither, at any moment. The Reference Values of a replaced package count until the time that the record gives it:
instances of it still run.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import MANIFEST, once, package_digest
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.version import is_version
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import is_name

FORMAT: Final = "palantir.trust/admitted/1"
PACKAGES: Final = "packages"
ADMITTED: Final = "admitted"
POLICY: Final = "policy.yml"
RECORD: Final = "admitted.json"
VALUES: Final = "reference_values"
"""Directory of a package with its Reference Values."""

_LIMIT: Final = MIB
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
AGAIN: Final = "restore it from the site's repository, or remove its directory and admit the package again."
_KEYS: Final = ("digest", "version", "signer", "images", "admitted_at", "until")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A package that was admitted.

    Attributes:
        digest: ``sha256:hex`` of its manifest.
        version: of the SC.
        signer: who signed it.
        images: ids of its images, ``sha256:hex``.
        admitted_at: when.
        until: until when its Reference Values count, where another took its place; None for no end.
    """

    digest: str
    version: str
    signer: str
    images: tuple[str, ...]
    admitted_at: datetime
    until: datetime | None = None

    @property
    def directory(self) -> str:
        """The name of its directory."""
        return self.digest.removeprefix("sha256:")

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "digest": self.digest,
            "version": self.version,
            "signer": self.signer,
            "images": list(self.images),
            "admitted_at": self.admitted_at.isoformat(),
            "until": self.until.isoformat() if self.until else None,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """The packages of an SC whose values count, the one that is deployed last."""

    sc: str
    packages: tuple[Admitted, ...]

    @property
    def current(self) -> Admitted:
        """The package that is deployed."""
        return self.packages[-1]

    def encode(self) -> bytes:
        """Return the text of the record."""
        plain = {"format": FORMAT, "sc": self.sc, "packages": [package.plain() for package in self.packages]}
        return (json.dumps(plain, indent=1) + "\n").encode("ascii")


def packages_of(catalogue: Path) -> Path:
    """Return the directory of a catalogue's packages."""
    return catalogue / PACKAGES


def admitted_of(catalogue: Path) -> Path:
    """Return the directory of what was admitted to a catalogue."""
    return packages_of(catalogue) / ADMITTED


def read_records(admitted: Path) -> Iterator[Record]:
    """Yield the records below a directory, in the order of their SCs; none where there is no such directory.

    Raises:
        AdmissionError: one cannot be read.
    """
    try:
        names = sorted(entry.name for entry in admitted.iterdir()) if admitted.is_dir() else []
    except OSError as error:
        raise AdmissionError(str(admitted), f"cannot be read: {error.strerror}.", AGAIN) from error
    for name in names:
        record = read_record(admitted, name) if is_name(name) else None
        if record is not None:
            yield record


def read_record(admitted: Path, sc: str) -> Record | None:
    """Return the record of an SC; None where nothing of it was admitted.

    Raises:
        AdmissionError: it cannot be read.
    """
    file = admitted / sc / RECORD
    try:
        with file.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise AdmissionError(str(file), f"cannot be read: {error.strerror}.", AGAIN) from error
    try:
        return _record(json.loads(data.decode("utf-8"), object_pairs_hook=once), sc)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise AdmissionError(str(file), "is no record of admitted packages.", AGAIN) from error


def read_manifest(admitted: Path, record: Record) -> bytes:
    """Return the manifest of the package that counts.

    Raises:
        AdmissionError: it cannot be read, or is another than the record says.
    """
    file = admitted / record.sc / record.current.directory / MANIFEST
    try:
        data = file.read_bytes()
    except OSError as error:
        raise AdmissionError(str(file), f"cannot be read: {error.strerror}.", AGAIN) from error
    if package_digest(data) != record.current.digest:
        raise AdmissionError(str(file), "is not what was admitted.", AGAIN)
    return data


def _record(plain: Any, sc: str) -> Record:
    """Raises ValueError, TypeError or KeyError for what is no record."""
    if plain["format"] != FORMAT or plain["sc"] != sc or not plain["packages"]:
        raise ValueError("another format, another SC, or no package")
    return Record(sc, tuple(_admitted(item) for item in plain["packages"]))


def _admitted(plain: Any) -> Admitted:
    if sorted(plain) != sorted(_KEYS):
        raise ValueError("other keys")
    # The digest becomes a path.
    if not all(_DIGEST.fullmatch(digest) for digest in (plain["digest"], *plain["images"])):
        raise ValueError("no digest")
    if not is_version(plain["version"]) or not is_name(plain["signer"]):
        raise ValueError("no version, or no name")
    return Admitted(
        digest=plain["digest"],
        version=plain["version"],
        signer=plain["signer"],
        images=tuple(plain["images"]),
        admitted_at=_time(plain["admitted_at"]),
        until=None if plain["until"] is None else _time(plain["until"]),
    )


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment


__all__ = [
    "ADMITTED",
    "AGAIN",
    "FORMAT",
    "PACKAGES",
    "POLICY",
    "RECORD",
    "VALUES",
    "Admitted",
    "Record",
    "admitted_of",
    "packages_of",
    "read_manifest",
    "read_record",
    "read_records",
]
