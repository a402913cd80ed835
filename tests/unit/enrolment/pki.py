# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TPM manufacturer in miniature: CAs and EK certificates with any fault that a test wants."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID, ObjectIdentifier

NOW = datetime(2026, 6, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
EK_USAGE = ObjectIdentifier("2.23.133.8.1")
TPM_NAMES = {"2.23.133.2.1": "id:00001014", "2.23.133.2.2": "swtpm", "2.23.133.2.3": "id:20191023"}

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey


def name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])


@dataclass
class Authority:
    """A CA; without ``parent`` it signs itself."""

    common: str = "Root"
    parent: Authority | None = None
    since: datetime = NOW - timedelta(days=3650)
    until: datetime = NOW + timedelta(days=3650)
    is_ca: bool = True
    path_length: int | None = None
    signs: bool = True
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def certificate(self) -> x509.Certificate:
        issuer = self.parent or self
        usage = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"), False
        ) | dict.fromkeys(("key_agreement", "crl_sign", "encipher_only", "decipher_only"), False)
        return (
            x509.CertificateBuilder()
            .subject_name(name(self.common))
            .issuer_name(name(issuer.common))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.until)
            .add_extension(x509.BasicConstraints(self.is_ca, self.path_length if self.is_ca else None), critical=True)
            .add_extension(x509.KeyUsage(**usage, key_cert_sign=self.signs), critical=True)
            .sign(issuer.key, hashes.SHA256())
        )

    def pem(self) -> bytes:
        return self.certificate().public_bytes(serialization.Encoding.PEM)


@dataclass
class EkRequest:
    """What an EK certificate says; as the TCG profile wants it unless told otherwise."""

    usages: tuple[ObjectIdentifier, ...] = (EK_USAGE,)
    since: datetime = NOW - timedelta(days=30)
    until: datetime = FOREVER
    is_ca: bool = False
    tpm_names: bool = True
    key_agreement: bool = True
    critical_extra: bool = False

    def issue(self, authority: Authority, key: PublicKey) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(""))
            .issuer_name(name(authority.common))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.since)
            .not_valid_after(self.until)
            .add_extension(x509.BasicConstraints(self.is_ca, None), critical=True)
            .add_extension(self._key_usage(), critical=True)
        )
        if self.usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(list(self.usages)), critical=False)
        if self.tpm_names:
            attributes = [x509.NameAttribute(ObjectIdentifier(oid), text) for oid, text in TPM_NAMES.items()]
            alternative = x509.SubjectAlternativeName([x509.DirectoryName(x509.Name(attributes))])
            builder = builder.add_extension(alternative, critical=True)
        if self.critical_extra:
            unknown = x509.UnrecognizedExtension(ObjectIdentifier("1.2.3.4"), b"\x05\x00")
            builder = builder.add_extension(unknown, critical=True)
        return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _key_usage(self) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=not self.key_agreement,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=self.key_agreement,
            key_cert_sign=False,
            crl_sign=False,
            encipher_only=False,
            decipher_only=False,
        )


def ek_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
