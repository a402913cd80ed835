# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node's identity: EK verified up to a root, AK proven to live beside it.

Two steps, because only the TPM can close the proof: :func:`begin_enrolment` checks what the node describes and makes
the challenge, :func:`finish_enrolment` compares the answer. An Identity exists only after the second.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.credential import make_credential
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.ek import EkCertificate, verify_ek_certificate
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import (
    Attributes,
    Public,
    parse_public,
)

_MAX_CERTIFICATE: Final = 16 * 1024
_MAX_PUBLIC: Final = 4096
_CREDENTIAL_BYTES: Final = 32
_MIN_RSA_BITS: Final = 2048
_SIGNING: Final = {"ecdsa", "rsassa", "rsapss"}
_STRONG: Final = {"sha256", "sha384", "sha512"}
_BOUND: Final = Attributes.FIXED_TPM | Attributes.FIXED_PARENT | Attributes.SENSITIVE_DATA_ORIGIN
_AK_SET: Final = _BOUND | Attributes.RESTRICTED | Attributes.SIGN
_EK_SET: Final = _BOUND | Attributes.RESTRICTED | Attributes.DECRYPT


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a node is, once its TPM has proven it.

    Attributes:
        ak_public: the AK's TPM2B_PUBLIC, as the node gave it.
        ek_public: the EK's TPM2B_PUBLIC.
        ek_certificate: the verified EK certificate.
        tpm: ``manufacturer``, ``model``, ``version`` as certified; ``vendor``, ``firmware_version`` as the TPM said.
    """

    ak_public: bytes
    ek_public: bytes
    ek_certificate: EkCertificate
    tpm: Mapping[str, str]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Quirks that were accepted on the way."""
        return self.ek_certificate.findings

    def record(self) -> dict[str, Any]:
        """Return the identity as plain data for the store: binary parts as base64."""
        return {
            "ak_public": _text(self.ak_public),
            "ek_certificate": _text(self.ek_certificate.der),
            "ek_certificate_sha256": self.ek_certificate.sha256,
            "tpm": dict(self.tpm),
        }


@dataclass(frozen=True, slots=True)
class PendingEnrolment:
    """An enrolment that waits for the TPM's answer. What it expects is in no representation of it.

    Attributes:
        ek_kind: the kind of EK that the node described.
        credential_blob: TPM2B_ID_OBJECT for the node.
        encrypted_secret: TPM2B_ENCRYPTED_SECRET for the node.
    """

    ek_kind: str
    credential_blob: bytes
    encrypted_secret: bytes
    _expected: bytes = field(repr=False)
    _claimed: Identity = field(repr=False)

    def challenge(self) -> dict[str, str]:
        """Return the arguments of the module ``enrolment`` with ``operation: activate``."""
        return {
            "ek": self.ek_kind,
            "credential_blob": _text(self.credential_blob),
            "encrypted_secret": _text(self.encrypted_secret),
        }

    def identity_for(self, answer: bytes) -> Identity:
        """Return the identity that a right answer proves.

        Raises:
            EnrolmentError: the answer is wrong.
        """
        if not hmac.compare_digest(answer, self._expected):
            raise EnrolmentError(
                "credential activation",
                "the node's answer is wrong, so its AK and its EK are not proven to be in one TPM.",
                "treat the node as tampered with, and inspect it before enrolling it again.",
            )
        return self._claimed


def begin_enrolment(
    description: Mapping[str, Any], ca_certificates: Iterable[x509.Certificate], now: datetime
) -> PendingEnrolment:
    """Check the identity that a node describes, and make the challenge that only its TPM can answer.

    Args:
        description: result ``description`` of the module ``enrolment``, hostile.
        ca_certificates: the operator's trusted CAs, from :func:`~.ek.load_ca_directory`.
        now: the time to verify for, with a time zone.

    Raises:
        EnrolmentError: the EK certificate, the EK or the AK is not as it must be.
        EvidenceError: a part of the description is missing or malformed.
    """
    kind, certificate_nv, ek_public = _ek_parts(description)
    ak_public = binary(_part(description, "ak", "public"), "description.ak.public", _MAX_PUBLIC)
    certificate = verify_ek_certificate(certificate_nv, ca_certificates, now)
    ek = parse_public(ek_public, "description.ek.public")
    ak = parse_public(ak_public, "description.ak.public")
    _require_ek(ek, certificate)
    _require_ak(ak)
    expected = secrets.token_bytes(_CREDENTIAL_BYTES)
    credential = make_credential(ek, ak.name, expected)
    claimed = Identity(ak_public, ek_public, certificate, {**_tpm_said(description), **certificate.tpm})
    return PendingEnrolment(kind, credential.blob, credential.encrypted_secret, expected, claimed)


def finish_enrolment(pending: PendingEnrolment, answer: object) -> Identity:
    """Return the identity that the TPM's answer proves.

    Args:
        pending: from :func:`begin_enrolment`.
        answer: result ``answer`` of the module ``enrolment``, bytes or base64 text.

    Raises:
        EnrolmentError: the answer is wrong.
        EvidenceError: it is neither bytes nor base64 text.
    """
    return pending.identity_for(binary(answer, "answer", _MAX_PUBLIC))


def _ek_parts(description: Mapping[str, Any]) -> tuple[str, bytes, bytes]:
    certificate = binary(_part(description, "ek", "certificate"), "description.ek.certificate", _MAX_CERTIFICATE)
    public = binary(_part(description, "ek", "public"), "description.ek.public", _MAX_PUBLIC)
    return printable(_part(description, "ek", "kind"), 32), certificate, public


def _part(description: Mapping[str, Any], *names: str) -> Any:
    value: Any = description
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _tpm_said(description: Mapping[str, Any]) -> dict[str, str]:
    said = {name: _part(description, "tpm", name) for name in ("manufacturer", "vendor", "firmware_version")}
    return {name: printable(value, 64) for name, value in said.items() if value is not None}


def _require_ek(ek: Public, certificate: EkCertificate) -> None:
    if ek.key().public_numbers() != certificate.key.public_numbers():
        raise EnrolmentError(
            "EK",
            "is not the key that its certificate names.",
            "treat the node as tampered with, unless its TPM was given a new certificate.",
        )
    if ek.attributes & (_EK_SET | Attributes.SIGN) != _EK_SET:
        raise EnrolmentError("EK", "has not the attributes of an EK (restricted, decrypt, fixedTPM).")


def _require_ak(ak: Public) -> None:
    again = "describe the node again with replace: true, which makes an AK as it must be."
    if ak.attributes & (_AK_SET | Attributes.DECRYPT) != _AK_SET:
        raise EnrolmentError("AK", "is no restricted signing key that is bound to its TPM.", again)
    if ak.scheme not in _SIGNING or ak.scheme_hash not in _STRONG or ak.name_alg not in _STRONG:
        raise EnrolmentError("AK", f"signs by {ak.scheme} over {ak.scheme_hash}, which is not supported.", again)
    key = ak.key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS:
        raise EnrolmentError("AK", f"is an RSA key of only {key.key_size} bits.", again)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


__all__ = ["Identity", "PendingEnrolment", "begin_enrolment", "finish_enrolment"]
