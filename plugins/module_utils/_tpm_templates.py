# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key templates as marshalled bytes: EK by the TCG profile, AK by this collection.

Structures: TPM 2.0 Library Part 2, section 12.2.4 (TPMT_PUBLIC). Templates, NV indices and policies: TCG EK
Credential Profile for TPM Family 2.0 version 2.5, sections 2.2.1.4, 2.2.1.5 and annex B. Persistent handles: TCG
Registry of Reserved TPM 2.0 Handles and Localities; H-3's is the one that swtpm_setup uses.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Optional, Tuple

ALG_RSA, ALG_SHA256, ALG_SHA384, ALG_NULL = 0x0001, 0x000B, 0x000C, 0x0010
ALG_RSASSA, ALG_ECDSA, ALG_ECC, ALG_AES, ALG_CFB = 0x0014, 0x0018, 0x0023, 0x0006, 0x0043
CURVE_P256, CURVE_P384 = 0x0003, 0x0004
_COORDINATE_BYTES = {CURVE_P256: 32, CURVE_P384: 48}

FIXED_TPM, FIXED_PARENT, SENSITIVE_DATA_ORIGIN = 1 << 1, 1 << 4, 1 << 5
USER_WITH_AUTH, ADMIN_WITH_POLICY, NO_DA = 1 << 6, 1 << 7, 1 << 10
RESTRICTED, DECRYPT, SIGN = 1 << 16, 1 << 17, 1 << 18

_BOUND_TO_TPM = FIXED_TPM | FIXED_PARENT | SENSITIVE_DATA_ORIGIN
_EK_LOW = _BOUND_TO_TPM | ADMIN_WITH_POLICY | RESTRICTED | DECRYPT
_EK_HIGH = _EK_LOW | USER_WITH_AUTH
# NO_DA: the AK has no secret to guess, so a TPM in dictionary-attack lockout can still quote.
_AK_ATTRIBUTES = _BOUND_TO_TPM | USER_WITH_AUTH | NO_DA | RESTRICTED | SIGN
_AK_ESSENTIAL = FIXED_TPM | RESTRICTED | SIGN

_POLICY_A_SHA256 = bytes.fromhex("837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa")
_POLICY_B_SHA384 = bytes.fromhex(
    "b26e7d28d11a50bc53d882bcf5fd3a1a074148bb35d3b4e4cb1c0ad9bde419cacb47ba09699646150f9fc000f3f80e12"
)


def _sized(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _head(kind: int, name_alg: int, attributes: int, policy: bytes) -> bytes:
    return struct.pack(">HHI", kind, name_alg, attributes) + _sized(policy)


def _rsa_ek(unique: bytes) -> bytes:
    parameters = struct.pack(">HHHHHI", ALG_AES, 128, ALG_CFB, ALG_NULL, 2048, 0)
    return _sized(_head(ALG_RSA, ALG_SHA256, _EK_LOW, _POLICY_A_SHA256) + parameters + _sized(unique))


def _ecc_p256_ek(x: bytes, y: bytes) -> bytes:
    parameters = struct.pack(">6H", ALG_AES, 128, ALG_CFB, ALG_NULL, CURVE_P256, ALG_NULL)
    return _sized(_head(ALG_ECC, ALG_SHA256, _EK_LOW, _POLICY_A_SHA256) + parameters + _sized(x) + _sized(y))


def _ecc_p384_ek(x: bytes, y: bytes) -> bytes:
    parameters = struct.pack(">6H", ALG_AES, 256, ALG_CFB, ALG_NULL, CURVE_P384, ALG_NULL)
    return _sized(_head(ALG_ECC, ALG_SHA384, _EK_HIGH, _POLICY_B_SHA384) + parameters + _sized(x) + _sized(y))


@dataclass(frozen=True)
class EkKind:
    """One kind of EK: where its certificate, nonce, template and key may be kept, and how it is made again.

    ``templates`` are TPM2B_PUBLIC candidates in order of likelihood; ``needs_policy`` tells that the key is used
    by PolicySecret over the endorsement hierarchy, not by its (empty) authorization value.
    """

    name: str
    certificate_index: int
    nonce_index: Optional[int]
    template_index: int
    persistent_handle: int
    needs_policy: bool
    templates: Tuple[bytes, ...]

    def template_with_nonce(self, nonce: bytes) -> bytes:
        """Return the default template with the manufacturer's EK nonce in ``unique``, padded with zeros."""
        if self.name == "rsa_2048":
            return _rsa_ek(nonce.ljust(256, b"\0"))
        return _ecc_p256_ek(nonce.ljust(32, b"\0"), bytes(32))


EK_KINDS = (
    EkKind(
        "ecc_nist_p256", 0x01C0000A, 0x01C0000B, 0x01C0000C, 0x81010002, True, (_ecc_p256_ek(bytes(32), bytes(32)),)
    ),
    # Annex B wants an empty unique field; swtpm_setup fills it with zeros.
    EkKind(
        "ecc_nist_p384",
        0x01C00016,
        None,
        0x01C00017,
        0x81010016,
        False,
        (_ecc_p384_ek(b"", b""), _ecc_p384_ek(bytes(48), bytes(48))),
    ),
    EkKind("rsa_2048", 0x01C00002, 0x01C00003, 0x01C00004, 0x81010001, True, (_rsa_ek(bytes(256)),)),
)
"""In order of preference: creating an ECC primary key takes milliseconds, an RSA one up to half a minute."""

AK_TEMPLATES = {
    "ecdsa_p256": _sized(
        _head(ALG_ECC, ALG_SHA256, _AK_ATTRIBUTES, b"")
        + struct.pack(">5H", ALG_NULL, ALG_ECDSA, ALG_SHA256, CURVE_P256, ALG_NULL)
        + _sized(b"")
        + _sized(b"")
    ),
    "rsa_2048": _sized(
        _head(ALG_RSA, ALG_SHA256, _AK_ATTRIBUTES, b"")
        + struct.pack(">4HI", ALG_NULL, ALG_RSASSA, ALG_SHA256, 2048, 0)
        + _sized(b"")
    ),
}
"""TPM2B_PUBLIC by the name of the AK's algorithm: a restricted signing key that never leaves its TPM."""


def public_key_bytes(public: bytes) -> bytes:
    """Return the key itself of a TPM2B_PUBLIC: an RSA modulus, or an ECC point as ``x || y``, both big endian.

    An X.509 SubjectPublicKeyInfo of the same key holds these bytes in one piece.
    """
    kind, policy_size = struct.unpack_from(">H6xH", public, 2)
    parameters = 12 + policy_size
    if kind == ALG_RSA:
        return public[-256:]
    symmetric = struct.unpack_from(">H", public, parameters)[0]
    scheme_offset = parameters + (2 if symmetric == ALG_NULL else 6)
    scheme = struct.unpack_from(">H", public, scheme_offset)[0]
    curve_offset = scheme_offset + (2 if scheme == ALG_NULL else 4)
    size = _COORDINATE_BYTES[struct.unpack_from(">H", public, curve_offset)[0]]
    x, y_offset = _read_sized(public, curve_offset + 4)
    y, _end = _read_sized(public, y_offset)
    return x.rjust(size, b"\0") + y.rjust(size, b"\0")


def _read_sized(data: bytes, offset: int) -> Tuple[bytes, int]:
    end = offset + 2 + int(struct.unpack_from(">H", data, offset)[0])
    return data[offset + 2 : end], end


def is_ak(public: bytes, algorithm: str) -> bool:
    """Tell whether a TPM2B_PUBLIC has the type and the attributes of this collection's AK of that algorithm."""
    kind, attributes = (int(number) for number in struct.unpack_from(">H2xI", public, 2))
    wanted_kind = int(struct.unpack_from(">H", AK_TEMPLATES[algorithm], 2)[0])
    return kind == wanted_kind and attributes & (_AK_ESSENTIAL | DECRYPT) == _AK_ESSENTIAL


__all__ = ["AK_TEMPLATES", "EK_KINDS", "EkKind", "is_ak", "public_key_bytes"]
