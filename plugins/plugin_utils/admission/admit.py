# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission: a package is unpacked aside, checked there, and then counts by the replacement of one file, or not at all.

What a killed run leaves aside is removed by the next; no record names it, so nobody ever sees it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.admitted import load_catalogue
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.checks import Report
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.examine import Examination, Site
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import (
    ADMITTED,
    PACKAGES,
    POLICY,
    RECORD,
    Admitted,
    Record,
    admitted_of,
    packages_of,
    read_record,
    read_records,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

KIND: Final = "admission"
"""Kind of the ledger's entries: ``begun``, ``done`` or ``refused``."""
KEPT: Final = 16
"""Most replaced packages of an SC whose Reference Values are kept."""
_STAGING: Final = ".staging-"
_LOCK: Final = ".lock"
_PARTIAL: Final = ".partial"
_PACKAGE: Final = re.compile(r"[0-9a-f]{64}")
"""Name of the directory of an admitted package: its digest."""


@dataclass(frozen=True, slots=True)
class Place:
    """Directories of a site: its catalogue, and its Reference Values."""

    catalogue: Path
    reference_values: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an admission came to: the report, and whether anything was changed or, in check mode, would be."""

    report: Report
    changed: bool


def examine(package: Path, place: Place, now: datetime, *, allow_rollback: bool = False) -> Outcome:
    """Check a package, and change nothing: it is unpacked to a directory of the system's for temporary files.

    Raises:
        AdmissionError: the package cannot be opened, or the site's policy or records cannot be read.
        CatalogueError: the catalogue cannot be read.
    """
    with _opened(package) as stream, _temporary(None) as staging:
        return _examined(stream, package, place, staging, now, allow_rollback=allow_rollback)[0]


def admit(
    package: Path, place: Place, store: Store, now: datetime, *, allow_rollback: bool = False, person: str = ""
) -> Outcome:
    """Check a package, and have it count if it passes. Either is recorded in the ledger.

    Args:
        package: the file.
        place: the site.
        store: whose ledger records the admission.
        now: the time, with a zone.
        allow_rollback: whether an older version may take the place of a newer one.
        person: who admits it, for the record.

    Raises:
        AdmissionError: as :func:`examine`; or another admission is running, or the catalogue cannot be written.
        CatalogueError: the catalogue cannot be read.
        StoreError: the store fails. The package does not count then.
    """
    with (
        _opened(package) as stream,
        _alone(packages_of(place.catalogue)) as directory,
        _temporary(directory) as staging,
    ):
        outcome, examination = _examined(stream, package, place, staging, now, allow_rollback=allow_rollback)
        told = {"package": package.name, "person": person, **_told(outcome.report)}
        if not outcome.report.passed:
            _write(store, now, outcome.report, {"outcome": "refused", **told})
            return outcome
        if outcome.changed:
            _write(store, now, outcome.report, {"outcome": "begun", **told})
            with _translated(directory):
                _put(examination, place, now)
        with store.transaction() as connection:
            # Where the run that put it there was killed before it could say so, this one says it.
            if outcome.changed or _is_open(connection, outcome.report):
                ledger.append(connection, now.timestamp(), KIND, outcome.report.sc, {"outcome": "done", **told})
        with _translated(directory):
            _link(place)
            _clean(admitted_of(place.catalogue))
        return outcome


def _examined(
    stream: IO[bytes], package: Path, place: Place, staging: Path, now: datetime, *, allow_rollback: bool
) -> tuple[Outcome, Examination]:
    site = Site(
        policy=load_policy(packages_of(place.catalogue) / POLICY),
        own=load_catalogue(place.catalogue),
        records={record.sc: record for record in read_records(admitted_of(place.catalogue))},
        now=now,
        catalogue=place.catalogue,
        allow_rollback=allow_rollback,
    )
    examination = Examination(stream, package.name, site, staging)
    report = examination.run()
    record = site.records.get(report.sc)
    same = record is not None and record.current.digest == report.digest
    return Outcome(report, report.passed and not same), examination


def _put(examination: Examination, place: Place, now: datetime) -> None:
    """Have what was checked count: all before the last line is seen by nobody."""
    admitted = admitted_of(place.catalogue)
    manifest, signed = examination.manifest, examination.signed
    before = read_record(admitted, manifest.sc)
    package = Admitted(
        digest=examination.digest,
        version=manifest.version,
        signer=signed.signer if signed else "",
        images=tuple(sorted({image.id for image in examination.images.values()})),
        admitted_at=now.astimezone(UTC).replace(microsecond=0),
    )
    directory = admitted / manifest.sc
    target = directory / package.directory
    directory.mkdir(parents=True, exist_ok=True)
    _link(place)
    # One that is there already is in the record: its values still count, and may not be gone for a moment.
    if not target.exists():
        examination.staging.chmod(0o755)
        for folder in (examination.staging, *(path for path in examination.staging.rglob("*") if path.is_dir())):
            _sync(folder)
        os.rename(examination.staging, target)
        _sync(directory)
    record = Record(manifest.sc, (*_replaced(before, package, now, examination.overlap), package))
    _replace(directory / RECORD, record.encode())


def _replaced(before: Record | None, package: Admitted, now: datetime, overlap: timedelta) -> list[Admitted]:
    """Return the packages whose values go on counting for a while beside those of a new one."""
    end = (now + overlap).astimezone(UTC).replace(microsecond=0)
    kept = [
        replace(old, until=end if old.until is None else min(old.until, end))
        for old in (before.packages if before else ())
        if old.digest != package.digest and (old.until is None or old.until > now)
    ]
    return kept[-KEPT:]


def _link(place: Place) -> None:
    """Lead the directory of Reference Values to what is admitted."""
    admitted = admitted_of(place.catalogue)
    link = place.reference_values / PACKAGES
    if not admitted.is_dir() or (link.is_dir() and link.samefile(admitted)):
        return
    if link.exists() or link.is_symlink():
        raise AdmissionError(
            str(link), f"is not the link to {admitted}.", "move it away: Reference Values of packages are read there."
        )
    place.reference_values.mkdir(parents=True, exist_ok=True)
    aim = os.path.relpath(admitted.resolve(), place.reference_values.resolve())
    link.symlink_to(aim, target_is_directory=True)


def _clean(admitted: Path) -> None:
    """Remove what admissions have made and no record names, and nothing of anybody else's."""
    for directory in admitted.iterdir() if admitted.is_dir() else ():
        if not is_name(directory.name) or directory.is_symlink() or not directory.is_dir():
            continue
        record = read_record(admitted, directory.name)
        named = {package.directory for package in record.packages} if record else set()
        for entry in directory.iterdir():
            if entry.name == RECORD + _PARTIAL or (_PACKAGE.fullmatch(entry.name) and entry.name not in named):
                _remove(entry)
        if record is None and not any(directory.iterdir()):
            directory.rmdir()


def _replace(file: Path, data: bytes) -> None:
    partial = file.with_name(file.name + _PARTIAL)
    with partial.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, file)
    _sync(file.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()


@contextlib.contextmanager
def _opened(package: Path) -> Iterator[IO[bytes]]:
    try:
        # A pipe would wait for a writer for ever.
        stream = os.fdopen(os.open(package, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    except OSError as error:
        raise AdmissionError(str(package), f"cannot be read: {error.strerror or error}.", "check its path.") from error
    with stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise AdmissionError(str(package), "is not a file.", "give the path of a package, NAME.scpkg.")
        yield stream


@contextlib.contextmanager
def _alone(packages: Path) -> Iterator[Path]:
    """Have no other admission run beside this one, and remove what killed ones left aside."""
    with _translated(packages):
        packages.mkdir(parents=True, exist_ok=True)
        lock = (packages / _LOCK).open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AdmissionError(str(packages), "another admission is running there.", "wait for its end.") from None
        with _translated(packages):
            for left in packages.glob(f"{_STAGING}*"):
                _remove(left)
            _clean(packages / ADMITTED)
        yield packages


@contextlib.contextmanager
def _temporary(directory: Path | None) -> Iterator[Path]:
    """Give an empty directory, and remove it in the end, if it is still there."""
    outer = Path(tempfile.mkdtemp(prefix=_STAGING, dir=directory))
    inner = outer / "package"
    inner.mkdir()
    try:
        yield inner
    finally:
        shutil.rmtree(outer, ignore_errors=True)


@contextlib.contextmanager
def _translated(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AdmissionError(
            str(error.filename or place), f"cannot be written: {error.strerror or error}.", "check rights and space."
        ) from error


def _told(report: Report) -> dict[str, Any]:
    return {
        "sc": report.sc,
        "version": report.version,
        "signer": report.signer,
        "digest": report.digest,
        "failed": [check.code for check in report.failures],
    }


def _write(store: Store, now: datetime, report: Report, body: dict[str, Any]) -> None:
    with store.transaction() as connection:
        ledger.append(connection, now.timestamp(), KIND, report.sc or "package", body)


def _is_open(connection: Connection, report: Report) -> bool:
    """Tell whether the newest entry of an SC is an admission of this package that has no end."""
    _at, body = ledger.newest(connection, KIND, report.sc) or (0.0, {})
    return body.get("outcome") == "begun" and body.get("digest") == report.digest


__all__ = ["KIND", "Outcome", "Place", "admit", "examine"]
