# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that sign files: X.509 certificates as the kernel's keyrings take them, and by what they are named.

crypto/asymmetric_keys/x509_public_key.c and asymmetric_type.c. A signature names its key by the last four bytes of an
identifier: of the certificate's subject key identifier or, by ``evmctl`` without a certificate, of the SHA-1 of
the public key, which is how such an identifier is usually made (RFC 5280, section 4.2.1.2).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signature import PublicKey

MAX_CERTIFICATE: Final = 16 * 1024
"""Largest certificate that is read, in bytes of DER."""

_MIN_RSA_BITS: Final = 2048
_MAX_RSA_BITS: Final = 8192
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_UNREADABLE: Final = (
    ValueError,
    TypeError,  # a name whose text is of the wrong string type
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)


class KeyFormError(ValueError):
    """A certificate whose key cannot sign files here; the message completes "the certificate ..."."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key of a certificate.

    Attributes:
        public: the key.
        ids: what a signature may name it by, eight hexadecimal digits each.
        subject: the certificate's subject, printable.
        sha256: ``sha256:hex`` of the certificate in DER.
        key_identifier: the subject key identifier, or the SHA-1 of the public key where the certificate has none.
        issuer: the issuer's name in DER, with which PKCS #7 names a key together with :attr:`serial`.
        serial: the certificate's serial number.
        digital_signature: whether its key usage, where it states one, allows to sign.
    """

    public: PublicKey
    ids: frozenset[str]
    subject: str
    sha256: str
    key_identifier: bytes
    issuer: bytes
    serial: int
    digital_signature: bool

    @property
    def cost(self) -> int:
        """What one verification takes, in those of RSA with 2048 bits, as OpenSSL 3 does them."""
        if isinstance(self.public, rsa.RSAPublicKey):
            return -(-(self.public.key_size**2) // 2048**2)
        return 2 if isinstance(self.public.curve, ec.SECP256R1) else 10


def key_of_pem(text: str) -> SigningKey:
    """Return the key of the one certificate in a PEM text.

    Raises:
        KeyFormError: none, several, or not one that can sign files here.
    """
    if text.count("-----BEGIN CERTIFICATE-----") != 1:
        raise KeyFormError("must be exactly one, in PEM")
    return _key_of(partial(x509.load_pem_x509_certificate, text.encode()))


def key_of_der(data: bytes) -> SigningKey:
    """Return the key of a certificate in DER.

    Raises:
        KeyFormError: no certificate, or not one that can sign files here.
    """
    if len(data) > MAX_CERTIFICATE:
        raise KeyFormError(f"has {len(data)} bytes, over the limit of {MAX_CERTIFICATE}")
    return _key_of(partial(x509.load_der_x509_certificate, data))


def _key_of(load: Callable[[], x509.Certificate]) -> SigningKey:
    try:
        certificate = load()
        public = certificate.public_key()
        own, stated = _own_identifier(certificate), _stated_identifier(certificate)
        der = certificate.public_bytes(Encoding.DER)
        return SigningKey(
            public=_supported(public),
            ids=frozenset({own[-4:].hex(), (stated or own)[-4:].hex()}),
            subject=printable(certificate.subject.rfc4514_string(), 120) or "(empty name)",
            sha256="sha256:" + hashlib.sha256(der).hexdigest(),
            key_identifier=stated or own,
            issuer=certificate.issuer.public_bytes(),
            serial=certificate.serial_number,
            digital_signature=_may_sign(certificate),
        )
    except KeyFormError:
        raise
    except (*_UNREADABLE, UnsupportedAlgorithm) as error:
        raise KeyFormError("cannot be read, or has a key of a kind that is not supported") from error


def _supported(key: object) -> PublicKey:
    if isinstance(key, rsa.RSAPublicKey):
        if not _MIN_RSA_BITS <= key.key_size <= _MAX_RSA_BITS:
            raise KeyFormError(f"has an RSA key of {key.key_size} bits, not of {_MIN_RSA_BITS} to {_MAX_RSA_BITS}")
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, _CURVES):
        return key
    raise KeyFormError("has neither an RSA key nor one on P-256, P-384 or P-521")


def _own_identifier(certificate: x509.Certificate) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _stated_identifier(certificate: x509.Certificate) -> bytes:
    """Return the subject key identifier; empty where there is none that four bytes can be taken of."""
    try:
        digest = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return b""
    return digest if len(digest) >= 4 else b""


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    except x509.ExtensionNotFound:
        return True


__all__ = ["MAX_CERTIFICATE", "KeyFormError", "SigningKey", "key_of_der", "key_of_pem"]
