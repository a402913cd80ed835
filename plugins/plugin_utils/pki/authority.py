# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's own CA: certificates for instances and roles, and the list of those that it took back.

Certificates are X.509-SVIDs: a leaf has one URI, a SPIFFE ID, and may sign but not issue (X509-SVID sections 2 to 4).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import SpiffeId, trust_domain

REQUEST_LIMIT: Final = 16384
"""Longest request that is read, in bytes: it comes from a node."""

_CA_LIFETIME: Final = timedelta(days=3650)
_NAME_IT: Final = "give it one URI, spiffe://DOMAIN, as its subject's alternative name, or have one made."
_EARLIER: Final = timedelta(minutes=5)
"""Clocks differ: a certificate is valid from a little before it was issued."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: its certificate, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that was taken back: its serial number, and when, in seconds since the epoch."""

    serial: int
    at: float


def make(domain: str, now: datetime) -> bytes:
    """Return a new CA as PEM, key and certificate: ECDSA P-256, valid for ten years.

    Raises:
        PkiError: the trust domain is none.
    """
    uri = f"spiffe://{domain}"
    trust_domain(uri)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"palantir.trust CA of {domain}"[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + _CA_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(issues=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def load(pem: bytes, subject: str) -> Authority:
    """Return the CA that a PEM text is.

    Raises:
        PkiError: it has no ECDSA P-256 key, no certificate of a CA for one trust domain, or they are not of each other.
    """
    next_step = "restore it, or remove it to have a new one made: all certificates of the old one are void then."
    try:
        key = serialization.load_pem_private_key(pem, password=None)
        certificate = x509.load_pem_x509_certificate(pem)
        issues = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        raise PkiError(subject, "holds no key and certificate of a CA in PEM without a password.", next_step) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key() or not issues:
        raise PkiError(subject, "holds a key and a certificate that are not a CA's, or not of each other.", next_step)
    if not isinstance(key.curve, ec.SECP256R1):
        raise PkiError(subject, f"has a key on the curve {key.curve.name}.", "use a CA with an ECDSA P-256 key.")
    found = Authority(certificate, key)
    try:
        domain_of(found)
    except PkiError:
        raise PkiError(subject, "has a certificate that names no trust domain.", _NAME_IT) from None
    return found


def domain_of(authority: Authority) -> str:
    """Return the trust domain of a CA: the URI without a path in its certificate (X509-SVID section 3.2).

    Raises:
        PkiError: the certificate has no such URI, or several. None that was loaded.
    """
    try:
        names = authority.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        uris = []
    return trust_domain(str(uris[0]) if len(uris) == 1 else "")


def public_key_of(request: bytes, subject: str) -> ec.EllipticCurvePublicKey:
    """Return the key of a certification request (PKCS #10, PEM) that its holder has signed with it.

    Nothing else of the request counts: what the holder is called, its issuer knows.

    Raises:
        PkiError: it is none, too long, of another kind of key than ECDSA P-256, or not signed by it.
    """
    if len(request) > REQUEST_LIMIT:
        raise PkiError(subject, f"sends a request of {len(request)} bytes; {REQUEST_LIMIT} are read at most.")
    try:
        found = x509.load_pem_x509_csr(request)
        key, signed = found.public_key(), found.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature):
        raise PkiError(subject, "sends something else than a certification request.") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1) or not signed:
        raise PkiError(subject, "sends a request that no ECDSA P-256 key has signed.")
    return key


def issue(
    authority: Authority, name: SpiffeId, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """Return a certificate for a key's holder.

    Args:
        authority: who issues it.
        name: what its holder is: an instance, which serves, or a role, which asks.
        key: the holder's public key.
        now: the time.
        lifetime: how long it is valid; never longer than the CA.
    """
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if name.role is None else ExtendedKeyUsageOID.CLIENT_AUTH
    return (
        x509.CertificateBuilder()
        # RFC 5280 section 4.1.2.6: a name without a subject has it in the extension, critical.
        .subject_name(x509.Name([]))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(min(now + lifetime, authority.certificate.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(issues=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(str(name))]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )


def revocation_list(authority: Authority, revoked: Iterable[Revoked], number: int, now: datetime) -> bytes:
    """Return the CRL as PEM (RFC 5280 section 5).

    It holds until the CA's end: instances ask nobody for a newer one. They are given one when a certificate is revoked.

    Args:
        authority: whose certificates they were.
        revoked: the certificates that no longer count.
        number: greater than that of every list before.
        now: the time.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - _EARLIER)
        .next_update(authority.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    for item in sorted(revoked, key=lambda item: item.serial):
        entry = x509.RevokedCertificateBuilder().serial_number(item.serial)
        builder = builder.add_revoked_certificate(entry.revocation_date(datetime.fromtimestamp(item.at, UTC)).build())
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _usage(*, issues: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not issues,
        key_cert_sign=issues,
        crl_sign=issues,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


__all__ = [
    "REQUEST_LIMIT",
    "Authority",
    "Revoked",
    "domain_of",
    "issue",
    "load",
    "make",
    "public_key_of",
    "revocation_list",
]
