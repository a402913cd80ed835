# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""File signatures of IMA and EVM, as extended attributes carry them (digsig version 2 and 3).

``struct signature_v2_hdr`` and ``struct ima_file_id`` in security/integrity/integrity.h; what is signed:
xattr_verify() in security/integrity/ima/ima_appraise.c and asymmetric_verify_v3() in digsig_asymmetric.c.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from struct import Struct
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

DIGSIG: Final = 3
"""EVM_IMA_XATTR_DIGSIG: of a file's content."""
PORTABLE_DIGSIG: Final = 5
"""EVM_XATTR_PORTABLE_DIGSIG: of a file's metadata, with the digest of its content among them."""
VERITY_DIGSIG: Final = 6
"""IMA_VERITY_DIGSIG: of a file's fs-verity digest."""

MAX_SIGNATURE: Final = 1024
"""Largest signature that is read, in bytes: that of an RSA key of 8192 bits."""

_HEAD: Final = Struct(">BBBIH")  # type, version, hash algorithm, key id, size of the signature
_HASHES: Final = (
    *("md4", "md5", "sha1", "rmd160", "sha256", "sha384", "sha512", "sha224", "rmd128", "rmd256", "rmd320"),
    *("wp256", "wp384", "wp512", "tgr128", "tgr160", "tgr192", "sm3", "streebog256", "streebog512"),
    *("sha3-256", "sha3-384", "sha3-512"),
)
"""Names by number: enum hash_algo in include/uapi/linux/hash_info.h, hash_algo_name in crypto/hash_info.c."""
_SUPPORTED: Final[Mapping[str, hashes.HashAlgorithm]] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
    "sha3-256": hashes.SHA3_256(),
    "sha3-384": hashes.SHA3_384(),
    "sha3-512": hashes.SHA3_512(),
}
_NO_SIGNATURES: Final = {1: "a bare digest", 2: "an HMAC of EVM", 4: "a bare digest"}
_VERSIONS: Final = {DIGSIG: (2, 3), PORTABLE_DIGSIG: (2, 3), VERITY_DIGSIG: (3,)}


class SignatureFormError(ValueError):
    """An attribute that is no signature, or one that cannot be verified here; the message completes "it is ..."."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that names its key.

    Attributes:
        type: :data:`DIGSIG`, :data:`PORTABLE_DIGSIG` or :data:`VERITY_DIGSIG`.
        version: 2 (the digest is signed) or 3 (its type and algorithm are signed with it).
        algorithm: hash by its kernel name, ``sha256``.
        key_id: last four bytes of the key's identifier, as eight hexadecimal digits.
        value: the signature itself.
    """

    type: int
    version: int
    algorithm: str
    key_id: str
    value: bytes


def read_signature(data: bytes) -> Signature:
    """Read a signature with its header.

    Raises:
        SignatureFormError: it is none, malformed, or of a kind that is not supported.
    """
    if not data:
        raise SignatureFormError("empty")
    if data[0] in _NO_SIGNATURES:
        raise SignatureFormError(f"{_NO_SIGNATURES[data[0]]}, which nobody signed")
    if data[0] not in _VERSIONS:
        raise SignatureFormError(f"of type {data[0]}, which is not known")
    if len(data) <= _HEAD.size:
        raise SignatureFormError(f"cut short after {len(data)} bytes")
    kind, version, number, key_id, size = _HEAD.unpack_from(data)
    if version == 1:
        raise SignatureFormError("of version 1, whose keys have no certificates")
    if version not in _VERSIONS[kind]:
        raise SignatureFormError(f"of version {version}, which does not exist for its type")
    value = data[_HEAD.size :]
    if size != len(value) or size > MAX_SIGNATURE:
        raise SignatureFormError(f"said to have {size} bytes, and has {len(value)}")
    algorithm = hash_name(number)
    if algorithm not in _SUPPORTED:
        raise SignatureFormError(f"over the hash {algorithm}, which is too weak or not supported")
    return Signature(kind, version, algorithm, f"{key_id:08x}", value)


def signed_digest(signature: Signature, digest: str) -> bytes | None:
    """Return the digest that a signature is over, where it is one of the file that was measured.

    Args:
        signature: the signature.
        digest: ``algorithm:hex`` or ``verity:algorithm:hex``; of a portable signature, that of the metadata.

    Returns:
        digest of the signature's own algorithm; None where file and signature were hashed in other ways, so that
        neither speaks of the other.
    """
    name, _colon, value = digest.rpartition(":")
    wanted = f"verity:{signature.algorithm}" if signature.type == VERITY_DIGSIG else signature.algorithm
    try:
        measured = bytes.fromhex(value)
    except ValueError:
        return None
    if name != wanted or len(measured) != _SUPPORTED[signature.algorithm].digest_size:
        return None
    if signature.version == 2:
        return measured
    file_id = bytes((signature.type, _HASHES.index(signature.algorithm))) + measured
    return hashed(signature.algorithm, file_id)


def hashed(algorithm: str, data: bytes) -> bytes:
    """Return the digest of data in a hash that signatures may have."""
    return hashlib.new(algorithm.replace("-", "_"), data).digest()


def verifies(key: PublicKey, algorithm: str, digest: bytes, value: bytes) -> bool:
    """Tell whether a key signed a digest: RSA by PKCS #1 version 1.5, elliptic curves by ECDSA.

    Args:
        key: the public key.
        algorithm: hash by its kernel name, one of those of :func:`read_signature`.
        digest: of that hash.
        value: the signature.
    """
    hash_ = Prehashed(_SUPPORTED[algorithm])
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, digest, padding.PKCS1v15(), hash_)
        else:
            key.verify(value, digest, ec.ECDSA(hash_))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def hash_name(number: int) -> str:
    """Return the kernel's name of a hash; the number itself where it has none here."""
    return _HASHES[number] if number < len(_HASHES) else str(number)


__all__ = [
    "DIGSIG",
    "MAX_SIGNATURE",
    "PORTABLE_DIGSIG",
    "VERITY_DIGSIG",
    "PublicKey",
    "Signature",
    "SignatureFormError",
    "hash_name",
    "hashed",
    "read_signature",
    "signed_digest",
    "verifies",
]
