# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A vendor who signs files as evmctl and the kernel's sign-file do; shares nothing with the code under test."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

HASHES = {
    "sha1": (2, hashes.SHA1()),  # noqa: S303
    "sha256": (4, hashes.SHA256()),
    "sha384": (5, hashes.SHA384()),
    "sha512": (6, hashes.SHA512()),
    "sha3-256": (20, hashes.SHA3_256()),
}
"""Name → number of enum hash_algo, and the hash."""

IMA, PORTABLE, VERITY = 3, 5, 6


@lru_cache
def private_key(kind: str, _which: int = 0) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key({"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}[kind])


@dataclass(frozen=True)
class Vendor:
    """A signing key and its certificate."""

    name: str = "Vendor"
    kind: str = "p256"
    which: int = 0
    key_identifier: bytes | None = None
    with_key_identifier: bool = True
    digital_signature: bool = True
    until: datetime = datetime(2046, 1, 1, tzinfo=UTC)

    @property
    def key(self) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
        return private_key(self.kind, self.which)

    @cached_property
    def certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        usage = dict.fromkeys(
            ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign"), False
        ) | dict.fromkeys(("crl_sign", "encipher_only", "decipher_only"), False)
        usage |= {"digital_signature": self.digital_signature, "key_cert_sign": not self.digital_signature}
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(4711)
            .not_valid_before(datetime(2016, 1, 1, tzinfo=UTC))
            .not_valid_after(self.until)
            .add_extension(x509.KeyUsage(**usage), critical=True)
        )
        if self.with_key_identifier:
            identifier = self.key_identifier or hashlib.sha1(self.name.encode()).digest()  # noqa: S324
            builder = builder.add_extension(x509.SubjectKeyIdentifier(identifier), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_id(self) -> bytes:
        if not self.with_key_identifier:
            return x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()).digest[-4:]
        return self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest[-4:]

    def raw(self, digest: bytes, algorithm: str = "sha256") -> bytes:
        """Sign a digest."""
        prehashed = Prehashed(HASHES[algorithm][1])
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(digest, padding.PKCS1v15(), prehashed)
        return self.key.sign(digest, ec.ECDSA(prehashed))

    def attribute(self, digest: bytes, algorithm: str = "sha256", *, kind: int = IMA, version: int = 2) -> bytes:
        """Return the extended attribute: signature_v2_hdr and the signature."""
        number = HASHES[algorithm][0]
        if version == 3:  # struct ima_file_id
            digest = hashlib.new(algorithm.replace("-", "_"), bytes((kind, number)) + digest).digest()
        value = self.raw(digest, algorithm)
        return bytes((kind, version, number)) + self.key_id + struct.pack(">H", len(value)) + value

    def sign(self, data: bytes, algorithm: str = "sha256", *, version: int = 2) -> bytes:
        """Return the attribute of a file with that content."""
        return self.attribute(hashlib.new(algorithm.replace("-", "_"), data).digest(), algorithm, version=version)

    def appended(self, data: bytes, *options: pkcs7.PKCS7Options) -> bytes:
        """Return the PKCS #7 message that sign-file appends to a module."""
        return (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(data)
            .add_signer(self.certificate, self.key, hashes.SHA256())
            .sign(
                serialization.Encoding.DER,
                [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.DetachedSignature, *options],
            )
        )
