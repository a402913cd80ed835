# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotes as a TPM makes them, with keys of `cryptography`, so that every scheme and every fault can be had."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALG = {"sha1": 0x04, "sha256": 0x0B, "sha384": 0x0C, "sha512": 0x0D}
HASH = {name: getattr(hashes, name.upper())() for name in ALG}
SCHEME = {"rsassa": 0x14, "rsapss": 0x16, "ecdsa": 0x18, "null": 0x10}
CURVE = {"p256": (0x03, ec.SECP256R1), "p384": (0x04, ec.SECP384R1), "p521": (0x05, ec.SECP521R1)}
AK_ATTRIBUTES = 0x00050072  # fixedTPM fixedParent sensitiveDataOrigin userWithAuth restricted sign

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def guest_sample(name: str) -> Path:
    """Return the folder of evidence of a real guest, or skip the test."""
    root = Path(os.environ.get("PALANTIR_TRUST_SHARED", Path(__file__).parents[4] / "shared"))
    folder = root / "samples" / "guest" / name
    if not folder.is_dir():
        pytest.skip(f"no sample of a guest at {folder}; set PALANTIR_TRUST_SHARED")
    return folder


def tpm2b(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


@dataclass(frozen=True)
class Attestation:
    """The fields of a TPMS_ATTEST; `encode` writes them."""

    magic: int = 0xFF544347
    type: int = 0x8018
    signer: bytes = b"\x00\x0b" + bytes(32)
    extra: bytes = b"nonce"
    clock: int = 1000
    resets: int = 3
    restarts: int = 0
    safe: int = 1
    firmware: int = 7
    selections: tuple[tuple[str, tuple[int, ...]], ...] = (("sha256", (0, 1, 10)),)
    digest: bytes = bytes(32)

    def encode(self) -> bytes:
        head = struct.pack(">IH", self.magic, self.type) + tpm2b(self.signer) + tpm2b(self.extra)
        clock = struct.pack(">QIIBQ", self.clock, self.resets, self.restarts, self.safe, self.firmware)
        banks = [struct.pack(">HB", ALG[bank], 3) + mask(numbers) for bank, numbers in self.selections]
        return head + clock + struct.pack(">I", len(banks)) + b"".join(banks) + tpm2b(self.digest)

    def but(self, **changes: Any) -> Attestation:
        return replace(self, **changes)


@dataclass(frozen=True)
class Certification:
    """The fields of a TPMS_ATTEST of TPM2_Certify over a primary key; `encode` writes them."""

    public: bytes
    extra: bytes = b"nonce"
    hierarchy: int = 0x4000000B
    magic: int = 0xFF544347
    type: int = 0x8017
    signer: bytes = b"\x00\x0b" + bytes(32)
    behind: bytes = b""

    def encode(self) -> bytes:
        name = b"\x00\x0b" + hashlib.sha256(self.public[2:]).digest()
        qualified = b"\x00\x0b" + hashlib.sha256(struct.pack(">I", self.hierarchy) + name).digest()
        head = struct.pack(">IH", self.magic, self.type) + tpm2b(self.signer) + tpm2b(self.extra)
        return head + struct.pack(">QIIBQ", 1000, 3, 0, 1, 7) + tpm2b(name) + tpm2b(qualified) + self.behind


def mask(numbers: tuple[int, ...]) -> bytes:
    return sum(1 << number for number in numbers).to_bytes(3, "little")


@cache
def private_key(kind: str) -> Key:
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key(CURVE[kind][1]())


def sign(key: Key, message: bytes, hash_alg: str = "sha256", scheme: str | None = None) -> bytes:
    """Return a TPMT_SIGNATURE."""
    algorithm = HASH[hash_alg]
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.key_size + 7) // 8
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(algorithm)))
        body = tpm2b(r.to_bytes(size, "big")) + tpm2b(s.to_bytes(size, "big"))
        return struct.pack(">HH", SCHEME["ecdsa"], ALG[hash_alg]) + body
    scheme = scheme or "rsassa"
    salt = padding.PSS(padding.MGF1(algorithm), padding.PSS.MAX_LENGTH)
    value = key.sign(message, salt if scheme == "rsapss" else padding.PKCS1v15(), algorithm)
    return struct.pack(">HH", SCHEME[scheme], ALG[hash_alg]) + tpm2b(value)


def hmac_sign(secret: bytes, message: bytes) -> bytes:
    """Return a TPMT_SIGNATURE by an HMAC-SHA256 key, which is over the message's hash."""
    return struct.pack(">HH", 0x05, ALG["sha256"]) + hmac.digest(secret, hashlib.sha256(message).digest(), "sha256")


def public_area(
    key: Key, hash_alg: str = "sha256", scheme: str | None = None, attributes: int = AK_ATTRIBUTES
) -> bytes:
    """Return a TPMT_PUBLIC of an attestation key."""
    is_ecc = isinstance(key, ec.EllipticCurvePrivateKey)
    scheme = scheme or ("ecdsa" if is_ecc else "rsassa")
    area = struct.pack(">HHIHH", 0x23 if is_ecc else 0x01, ALG["sha256"], attributes, 0, 0x10)
    area += struct.pack(">H", SCHEME[scheme]) + (b"" if scheme == "null" else struct.pack(">H", ALG[hash_alg]))
    if isinstance(key, rsa.RSAPrivateKey):
        modulus = key.public_key().public_numbers().n.to_bytes(key.key_size // 8, "big")
        return area + struct.pack(">HI", key.key_size, 0) + tpm2b(modulus)
    numbers = key.public_key().public_numbers()
    size = (key.key_size + 7) // 8
    curve = next(number for number, kind in CURVE.values() if kind is type(key.curve))
    return (
        area
        + struct.pack(">HH", curve, 0x10)
        + b"".join(tpm2b(number.to_bytes(size, "big")) for number in (numbers.x, numbers.y))
    )


def pem(key: Key) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
