# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certification path from an EK certificate to a root of the operator's CA directory.

RFC 5280, section 6, as far as EK certificates need it. The general path validators want server names or e-mail
addresses, which an EK certificate does not have, and refuse its critical directory name.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtensionOID

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError

_SUFFIXES: Final = {".pem", ".crt", ".cer", ".der"}
_MAX_FILES: Final = 4096
_MAX_DEPTH: Final = 8
_MIN_RSA_BITS: Final = 2048
_WEAK_HASHES: Final = {"md5", "sha1"}
_UNDERSTOOD: Final = {
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
    ExtensionOID.CERTIFICATE_POLICIES,  # no policy is asked for (RFC 5280, 6.1.1: any-policy)
}

UNREADABLE: Final = (
    ValueError,
    TypeError,  # a name whose text is of the wrong string type
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
"""What :mod:`cryptography` raises for a certificate with an encoding that it cannot read."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def load_ca_directory(path: str | Path) -> tuple[x509.Certificate, ...]:
    """Return the certificates of every .pem, .crt, .cer and .der file in a directory, roots and intermediates.

    Raises:
        EnrolmentError: no such directory, a file that cannot be read, or no certificate at all.
    """
    directory = Path(path)
    subject = f"CA directory {directory}"
    try:
        files = sorted(file for file in directory.iterdir() if file.suffix.lower() in _SUFFIXES)
    except OSError as error:
        raise EnrolmentError(
            subject, f"cannot be read: {error.strerror}.", "put the TPM manufacturers' CA certificates there."
        ) from error
    if len(files) > _MAX_FILES:
        raise EnrolmentError(subject, f"holds more than {_MAX_FILES} files.", "keep only the CAs of your own TPMs.")
    certificates = tuple(certificate for file in files for certificate in _read_certificates(file))
    if not certificates:
        raise EnrolmentError(
            subject, "holds no certificate.", "put the TPM manufacturers' CA certificates there, as PEM or DER files."
        )
    return certificates


def _read_certificates(file: Path) -> list[x509.Certificate]:
    try:
        with file.open("rb") as stream:
            certificates = _parse(stream.read(MIB))
        for certificate in certificates:
            name_of(certificate.subject), name_of(certificate.issuer)  # read lazily, and needed by every search
    except OSError as error:
        raise EnrolmentError(f"CA file {file}", f"cannot be read: {error.strerror}.") from error
    except UNREADABLE as error:
        raise EnrolmentError(
            f"CA file {file}", "is no certificate in PEM or DER.", "convert it, or take it out of the directory."
        ) from error
    return certificates


def _parse(data: bytes) -> list[x509.Certificate]:
    if b"-----BEGIN" not in data:
        return [x509.load_der_x509_certificate(data)]
    # A CA's own directory holds its keys too: they are not for us.
    return x509.load_pem_x509_certificates(data) if b"-----BEGIN CERTIFICATE-----" in data else []


def find_path(
    leaf: x509.Certificate, certificates: Iterable[x509.Certificate], now: datetime
) -> tuple[x509.Certificate, ...]:
    """Return the path from ``leaf`` (not included) to a self-signed root, all valid at ``now``.

    Raises:
        EnrolmentError: no path; the message says where the most promising one ends.
        UNREADABLE: the leaf's issuer cannot be read.
    """
    known = tuple(certificates)
    refusals: list[str] = []
    path = next(_paths(leaf, known, now, (), refusals), None)
    if path is not None:
        return path
    raise EnrolmentError(
        "EK certificate",
        "does not lead to a trusted root: "
        + (refusals[0] if refusals else f"no CA certificate is there for its issuer {name_of(leaf.issuer)}."),
        "add the missing CA certificates to the CA directory, if you trust them.",
    )


def _paths(
    child: x509.Certificate,
    known: tuple[x509.Certificate, ...],
    now: datetime,
    below: tuple[x509.Certificate, ...],
    refusals: list[str],
) -> Iterator[tuple[x509.Certificate, ...]]:
    if len(below) >= _MAX_DEPTH:
        return
    for issuer in known:
        if issuer.subject != child.issuer or issuer in below:
            continue
        refusal = _refusal(child, issuer, now, len(below))
        if refusal:
            refusals.append(f"{name_of(issuer.subject)} {refusal}.")
        elif issuer.subject == issuer.issuer:
            yield (*below, issuer)
        else:
            yield from _paths(issuer, known, now, (*below, issuer), refusals)
            refusals.append(f"no CA certificate is there for {name_of(issuer.issuer)}.")


def _refusal(child: x509.Certificate, issuer: x509.Certificate, now: datetime, below: int) -> str | None:
    """Say why ``issuer`` may not have issued ``child``, with ``below`` CA certificates between it and the leaf."""
    try:
        return (
            why_not_valid(issuer, now)
            or _why_no_ca(issuer, below)
            or _why_not_signed(child, issuer)
            or (_why_not_signed(issuer, issuer) if issuer.subject == issuer.issuer else None)
        )
    except UNREADABLE:
        return "has an extension that cannot be read"


def why_not_valid(certificate: x509.Certificate, now: datetime) -> str | None:
    """Say why a certificate does not hold at ``now``, apart from its signature.

    Raises:
        UNREADABLE: an extension cannot be read.
    """
    if now < certificate.not_valid_before_utc:
        return f"is valid only from {certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
    if now > certificate.not_valid_after_utc:
        return f"has been out of date since {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    for extension in certificate.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            return f"has a critical extension {extension.oid.dotted_string} that is not understood"
    return None


def _why_no_ca(certificate: x509.Certificate, below: int) -> str | None:
    constraints = extension_of(certificate, x509.BasicConstraints)
    if constraints is None or not constraints.ca:
        return "is no CA certificate"
    if constraints.path_length is not None and below > constraints.path_length:
        return f"allows only {constraints.path_length} CA certificates below it"
    usage = extension_of(certificate, x509.KeyUsage)
    if usage is not None and not usage.key_cert_sign:
        return "may not sign certificates by its key usage"
    return None


def _why_not_signed(child: x509.Certificate, issuer: x509.Certificate) -> str | None:
    try:
        algorithm = child.signature_hash_algorithm
        if algorithm is not None and algorithm.name in _WEAK_HASHES:
            return f"signed with {algorithm.name}, which is broken"
        key = issuer.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
            return f"has an RSA key of only {key.key_size} bits"
        child.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return "has the issuer's name, but not its key: the signature does not verify"
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "has a key that cannot have made the signature, or one of a kind that is not supported"
    return None


def extension_of(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """Return a certificate's extension of one kind, or None.

    Raises:
        UNREADABLE: the extensions cannot be read.
    """
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def name_of(name: x509.Name) -> str:
    """Return a certificate's name as one line of printable text."""
    return printable(name.rfc4514_string()) or "(empty name)"


__all__ = ["UNREADABLE", "extension_of", "find_path", "load_ca_directory", "name_of", "why_not_valid"]
