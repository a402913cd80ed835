# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole catalogue of a site: what it describes itself, and what was admitted, each held against the policy anew.

A package whose signer or content was denied since, or from whom a grant was taken, stays in the catalogue, marked as
withdrawn: its instances are known, and no new one is made.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.admission import contents
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.layout import (
    ADMITTED,
    AGAIN,
    PACKAGES,
    POLICY,
    VALUES,
    Record,
    admitted_of,
    packages_of,
    read_manifest,
    read_records,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import Manifest, parse_manifest
from ansible_collections.palantir.trust.plugins.plugin_utils.admission.policy import (
    AdmissionPolicy,
    load_policy,
    missing_grants,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Descriptor, Package
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.archive import digest_stream
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import load


def load_catalogue(catalogue: Path) -> dict[str, Descriptor]:
    """Read every descriptor of a site, its own and those of admitted packages; their paths are below the catalogue.

    Raises:
        CatalogueError: the catalogue cannot be read, or describes an SC that a package brought.
        AdmissionError: a record, an admitted package or the policy cannot be read.
    """
    return load_directory(catalogue, load_admitted(catalogue))


def load_admitted(catalogue: Path) -> dict[str, Descriptor]:
    """Read the descriptors of the packages that count.

    Raises:
        AdmissionError: a record, a package or the policy cannot be read.
        CatalogueError: a descriptor cannot be read.
    """
    admitted = admitted_of(catalogue)
    records = list(read_records(admitted))
    if not records:
        return {}
    policy = load_policy(packages_of(catalogue) / POLICY)
    return {record.sc: _descriptor(admitted, record, policy) for record in records}


def _descriptor(admitted: Path, record: Record, policy: AdmissionPolicy) -> Descriptor:
    manifest = parse_manifest(read_manifest(admitted, record), f"{record.sc}: manifest.json")
    inside = record.current.directory
    descriptor = contents.read_descriptor(admitted / record.sc / inside, record.sc)
    _check_unaltered(admitted / record.sc / inside, manifest, {flavour.archive for flavour in descriptor.flavours})
    package = Package(
        record.current.digest,
        record.current.signer,
        withdrawal(policy, record, descriptor, _digests(admitted, record, manifest, policy)),
    )
    moved = contents.relocated(
        descriptor, f"{PACKAGES}/{ADMITTED}/{record.sc}/{inside}", f"{PACKAGES}/{record.sc}/{inside}"
    )
    return replace(moved, package=package)


def _check_unaltered(directory: Path, manifest: Manifest, images: set[str]) -> None:
    """Require that all but the images is what was signed; those are held against the Reference Values when they run."""
    for path, digest in manifest.files.items():
        if path in images:
            continue
        try:
            with (directory / path).open("rb") as stream:
                found = digest_stream(stream)
        except OSError as error:
            raise AdmissionError(str(directory / path), f"cannot be read: {error.strerror}.", AGAIN) from error
        if found != digest:
            raise AdmissionError(str(directory / path), "is not what was admitted.", AGAIN)


def withdrawal(policy: AdmissionPolicy, record: Record, descriptor: Descriptor, digests: set[str]) -> str:
    """Return why an admitted package counts no more; empty where it does.

    A signer whose time has passed takes nothing back: it was in time when it signed.
    """
    current = record.current
    denied = policy.denial(record.sc, current.version, current.signer, sorted(digests))
    if denied:
        return denied
    signer = policy.signers.get(current.signer)
    if signer is None:
        return f"signer {current.signer} is not trusted any more"
    if not signer.may_sign(record.sc) or descriptor.function not in signer.functions:
        return f"signer {current.signer} may not sign {record.sc} any more"
    missing = missing_grants(policy, descriptor, current.signer)
    return f"the site does not grant {', '.join(missing)} any more" if missing else ""


def _digests(admitted: Path, record: Record, manifest: Manifest, policy: AdmissionPolicy) -> set[str]:
    """Return all digests of a package that a policy may deny; those of files in images only where it denies any."""
    found = {record.current.digest, *record.current.images, *manifest.files.values()}
    if policy.denied.digests:
        directory = admitted / record.sc / record.current.directory / VALUES
        for file in directory.glob("*.json"):
            found.update(digest for digests in load(file).files.values() for digest in digests)
    return found


__all__ = ["load_admitted", "load_catalogue", "withdrawal"]
