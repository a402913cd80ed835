# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""EK certificates: read with their quirks, verified up to a root, held against the EK.

TCG EK Credential Profile for TPM Family 2.0, section 3.2 (fields) and 2.2.1.4 (NV); RFC 5280.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ObjectIdentifier

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.path import (
    UNREADABLE,
    extension_of,
    find_path,
    load_ca_directory,
    name_of,
    why_not_valid,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import PublicKey

_SUBJECT: Final = "EK certificate"
_EK_CERTIFICATE: Final = ObjectIdentifier("2.23.133.8.1")  # tcg-kp-EKCertificate
_TPM_ATTRIBUTES: Final = {
    "manufacturer": ObjectIdentifier("2.23.133.2.1"),
    "model": ObjectIdentifier("2.23.133.2.2"),
    "version": ObjectIdentifier("2.23.133.2.3"),
}
_MAX_NV: Final = 16 * 1024
_DER_SEQUENCE: Final = 0x30
_STORED_CERT: Final = bytes.fromhex("100100")  # TCG_PCCLIENT_STORED_CERT of TPM 1.2: tag, type, then a size
_FULL_CERT: Final = bytes.fromhex("1002")
_REPORT: Final = "choose another EK of the TPM if it has one, or ask its manufacturer about the certificate."


@dataclass(frozen=True, slots=True)
class EkCertificate:
    """A verified EK certificate.

    Attributes:
        der: the certificate itself, without what stood around it in NV.
        sha256: its SHA-256, in hexadecimal digits.
        key: the EK's public key as the certificate gives it.
        tpm: ``manufacturer``, ``model``, ``version`` as the manufacturer certified them, as far as it did.
        chain: names of the certificates above it, the root last.
        findings: quirks that were accepted.
    """

    der: bytes
    sha256: str
    key: PublicKey
    tpm: dict[str, str]
    chain: tuple[str, ...]
    findings: tuple[Finding, ...]


def verify_ek_certificate(nv: bytes, ca_certificates: Iterable[x509.Certificate], now: datetime) -> EkCertificate:
    """Verify the content of an EK certificate's NV index against the operator's CA certificates.

    Args:
        nv: the NV index as it was read, hostile until the chain is verified.
        ca_certificates: from :func:`load_ca_directory`; the self-signed ones among them are the trust anchors.
        now: the time to verify for, with a time zone.

    Raises:
        EnrolmentError: unreadable, not an EK certificate, out of date, or without a path to a root.
    """
    der, findings = _unwrap(nv)
    try:
        return _verified(x509.load_der_x509_certificate(der), findings, ca_certificates, now)
    except UNREADABLE as error:  # parts of a certificate are read only when they are asked for
        raise EnrolmentError(
            _SUBJECT, f"has an encoding that cannot be read: {printable(error, 120)}.", _REPORT
        ) from error


def _verified(
    certificate: x509.Certificate, findings: list[Finding], ca_certificates: Iterable[x509.Certificate], now: datetime
) -> EkCertificate:
    _require_ek(certificate, now)
    key = _public_key(certificate)
    tpm = _tpm_attributes(certificate)
    chain = find_path(certificate, ca_certificates, now)
    findings = findings + _key_usage(certificate, key)
    if len(tpm) < len(_TPM_ATTRIBUTES):
        findings.append(Finding("ek_certificate_no_tpm_attributes", "The EK certificate does not name its whole TPM."))
    der = certificate.public_bytes(Encoding.DER)
    return EkCertificate(
        der, hashlib.sha256(der).hexdigest(), key, tpm, tuple(name_of(ca.subject) for ca in chain), tuple(findings)
    )


def _unwrap(nv: bytes) -> tuple[bytes, list[Finding]]:
    """Return the DER certificate out of an NV index's content, and what stood around it as findings."""
    findings = []
    if len(nv) > _MAX_NV:
        raise EnrolmentError(_SUBJECT, f"is {len(nv)} bytes, over the limit of {_MAX_NV}.", _REPORT)
    if nv.startswith(_STORED_CERT) and nv[5:7] == _FULL_CERT:
        nv = nv[7:]
        findings.append(Finding("ek_certificate_wrapped", "The EK certificate was wrapped as for TPM 1.2."))
    size = _der_size(nv)
    if size < len(nv):
        message = f"{len(nv) - size} bytes after the EK certificate in NV were left out."
        findings.append(Finding("ek_certificate_trailing_bytes", message))
    return nv[:size], findings


def _der_size(data: bytes) -> int:
    """Return the size of the DER SEQUENCE at the start (X.690, section 8.1.3)."""
    if len(data) < 4 or data[0] != _DER_SEQUENCE:
        raise EnrolmentError(_SUBJECT, "is no DER structure.", _REPORT)
    if data[1] < 0x80:
        size = 2 + data[1]
    else:
        octets = data[1] & 0x7F
        size = 2 + octets + int.from_bytes(data[2 : 2 + octets], "big")
    if size > len(data):
        raise EnrolmentError(_SUBJECT, f"is cut short: {len(data)} bytes of {size}.", _REPORT)
    return size


def _require_ek(certificate: x509.Certificate, now: datetime) -> None:
    invalid = why_not_valid(certificate, now)
    if invalid:
        raise EnrolmentError(_SUBJECT, f"{invalid}.", "check the controller's clock, and ask the TPM's manufacturer.")
    usage = extension_of(certificate, x509.ExtendedKeyUsage)
    if usage is None or _EK_CERTIFICATE not in usage:
        raise EnrolmentError(
            _SUBJECT,
            f"was not issued for an EK: its extended key usage lacks {_EK_CERTIFICATE.dotted_string}.",
            _REPORT,
        )
    constraints = extension_of(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise EnrolmentError(_SUBJECT, "is a CA certificate, not one of an EK.", _REPORT)


def _public_key(certificate: x509.Certificate) -> PublicKey:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EnrolmentError(_SUBJECT, "holds a public key that cannot be read.", _REPORT) from error
    if isinstance(key, (rsa.RSAPublicKey, ec.EllipticCurvePublicKey)):
        return key
    raise EnrolmentError(_SUBJECT, "holds neither an RSA nor an elliptic-curve key.", _REPORT)


def _key_usage(certificate: x509.Certificate, key: PublicKey) -> list[Finding]:
    usage = extension_of(certificate, x509.KeyUsage)
    if usage is None or (usage.key_encipherment if isinstance(key, rsa.RSAPublicKey) else usage.key_agreement):
        return []
    return [Finding("ek_certificate_key_usage", "The EK certificate's key usage is not that of an EK.")]


def _tpm_attributes(certificate: x509.Certificate) -> dict[str, str]:
    alternative = extension_of(certificate, x509.SubjectAlternativeName)
    names = alternative.get_values_for_type(x509.DirectoryName) if alternative is not None else []
    found = {}
    for name in (*names, certificate.subject):
        for what, oid in _TPM_ATTRIBUTES.items():
            values = name.get_attributes_for_oid(oid)
            if values and what not in found:
                found[what] = printable(values[0].value, 64)
    return found


__all__ = ["EkCertificate", "load_ca_directory", "verify_ek_certificate"]
