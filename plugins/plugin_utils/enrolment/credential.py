# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TPM2_MakeCredential without a TPM: a secret that only the TPM with this EK and this AK can recover.

And what it has in common with TPM2_Duplicate: the protection of a secret by a storage key.

TPM 2.0 Library, Part 1: sections 23.3 (duplication) and 24 (credential protection), 11.4.10 (KDFa, KDFe), annexes
B.10.4 (RSA) and C.6.4 (ECC) for the seed's exchange.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

try:  # its home since cryptography 47
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
except ImportError:
    from cryptography.hazmat.primitives.ciphers.modes import CFB

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import Public

_HASHES: Final[dict[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ALG_AES, _ALG_CFB = 0x0006, 0x0043
_AES_BITS: Final = (128, 192, 256)
_POLICY_SIZE_OFFSET: Final = 8  # in TPMT_PUBLIC: after type, nameAlg and objectAttributes


@dataclass(frozen=True, slots=True)
class Credential:
    """What TPM2_ActivateCredential or TPM2_Import takes, marshalled.

    Attributes:
        blob: TPM2B_ID_OBJECT, or TPM2B_PRIVATE.
        encrypted_secret: TPM2B_ENCRYPTED_SECRET.
    """

    blob: bytes
    encrypted_secret: bytes


def make_credential(ek: Public, ak_name: bytes, credential: bytes) -> Credential:
    """Encrypt a credential to an EK so that it is released only beside the key named ``ak_name``.

    Args:
        ek: a storage key: RSA, or ECC on P-256 or P-384, with AES in CFB mode.
        ak_name: the other key's name.
        credential: the secret, at most as long as a digest of the EK's name algorithm.

    Raises:
        EnrolmentError: the EK is no storage key of a supported kind.
        EvidenceError: the EK's numbers are no valid key.
    """
    return protect(ek, b"IDENTITY", ak_name, credential)


def protect(ek: Public, label: bytes, name: bytes, secret: bytes) -> Credential:
    """Encrypt a secret to a storage key, and bind it to a name.

    Args:
        ek: a storage key, as that of :func:`make_credential`.
        label: what the secret is for, so that no command of the TPM takes what is meant for another one.
        name: of what it is bound to.
        secret: as it goes into a TPM2B.

    Raises:
        EnrolmentError: the key is no storage key of a supported kind.
        EvidenceError: its numbers are no valid key.
    """
    if ek.name_alg not in _HASHES:
        raise EnrolmentError("EK", f"its name algorithm {ek.name_alg} is none of {', '.join(_HASHES)}.")
    aes_bits = _aes_bits(ek)
    seed, encrypted_secret = _share_seed(ek, label)
    digest_bits = hashlib.new(ek.name_alg).digest_size * 8
    encryption_key = kdfa(ek.name_alg, seed, b"STORAGE", name, b"", aes_bits)
    integrity_key = kdfa(ek.name_alg, seed, b"INTEGRITY", b"", b"", digest_bits)
    encryptor = Cipher(algorithms.AES(encryption_key), CFB(bytes(16))).encryptor()
    encrypted = encryptor.update(_sized(secret)) + encryptor.finalize()
    integrity = hmac.digest(integrity_key, encrypted + name, ek.name_alg)
    return Credential(_sized(_sized(integrity) + encrypted), _sized(encrypted_secret))


def kdfa(hash_name: str, key: bytes, label: bytes, context_u: bytes, context_v: bytes, bits: int) -> bytes:
    """KDFa of section 11.4.10.2: SP 800-108 in counter mode over HMAC. ``bits`` is a multiple of 8."""
    fixed = label + b"\0" + context_u + context_v + bits.to_bytes(4, "big")
    size = hashlib.new(hash_name).digest_size
    rounds = -(-bits // (8 * size))
    stream = b"".join(hmac.digest(key, i.to_bytes(4, "big") + fixed, hash_name) for i in range(1, rounds + 1))
    return stream[: bits // 8]


def kdfe(hash_name: str, z: bytes, label: bytes, party_u: bytes, party_v: bytes, bits: int) -> bytes:
    """KDFe of section 11.4.10.3: SP 800-56A over the x coordinate of an ECDH. ``bits`` is a multiple of 8."""
    fixed = z + label + b"\0" + party_u + party_v
    size = hashlib.new(hash_name).digest_size
    rounds = -(-bits // (8 * size))
    stream = b"".join(hashlib.new(hash_name, i.to_bytes(4, "big") + fixed).digest() for i in range(1, rounds + 1))
    return stream[: bits // 8]


def _share_seed(ek: Public, label: bytes) -> tuple[bytes, bytes]:
    """Return a fresh seed, and the same for the EK's holder alone: OAEP text, or an ephemeral TPMS_ECC_POINT."""
    key = ek.key()
    size = hashlib.new(ek.name_alg).digest_size
    if isinstance(key, rsa.RSAPublicKey):
        seed = secrets.token_bytes(size)
        algorithm = _HASHES[ek.name_alg]
        return seed, key.encrypt(seed, padding.OAEP(padding.MGF1(algorithm), algorithm, label + b"\0"))
    ephemeral = ec.generate_private_key(key.curve)
    width = (key.curve.key_size + 7) // 8
    numbers = ephemeral.public_key().public_numbers()
    x, y = numbers.x.to_bytes(width, "big"), numbers.y.to_bytes(width, "big")
    ek_x = key.public_numbers().x.to_bytes(width, "big")
    z = ephemeral.exchange(ec.ECDH(), key)
    return kdfe(ek.name_alg, z, label, x, ek_x, size * 8), _sized(x) + _sized(y)


def _aes_bits(ek: Public) -> int:
    start = _POLICY_SIZE_OFFSET + 2 + len(ek.auth_policy)
    algorithm, bits, mode = (int.from_bytes(ek.encoded[start + i : start + i + 2], "big") for i in (0, 2, 4))
    if algorithm != _ALG_AES or mode != _ALG_CFB or bits not in _AES_BITS:
        raise EnrolmentError("EK", "it is no storage key with AES in CFB mode.")
    return bits


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data


__all__ = ["Credential", "kdfa", "kdfe", "make_credential", "protect"]
