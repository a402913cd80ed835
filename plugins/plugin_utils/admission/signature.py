# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of a package: a JWS in compact serialisation with detached content (RFC 7515 section 7.1, appendix F).

``manifest.jws`` is ``BASE64URL(header) || '..' || BASE64URL(signature)``. What is signed has the manifest's bytes in
BASE64URL between the two dots, as of every JWS. The unencoded payload of RFC 7797 (``b64``, ``crit``) is not used, so
any JOSE library verifies a package once the manifest is put back.

The algorithm is the key's: ES256 for ECDSA on P-256 (RFC 7518 section 3.4), EdDSA for Ed25519 (RFC 8037 section 3.1;
its newer name is ``Ed25519``, RFC 9864 section 2.2). The header is read to find the signer, and believed in nothing:
one that names another algorithm is refused (RFC 8725 section 3.1).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import once
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name

TYPE: Final = "palantir.trust.package+jws"
"""``typ`` of the header (RFC 8725 section 3.11): a signature of anything else is none of a package."""
SIGNATURE_LIMIT: Final = 1024
"""Largest ``manifest.jws``, in bytes."""
ES256: Final = ("ES256",)
EDDSA: Final = ("EdDSA", "Ed25519")

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

_COORDINATE: Final = 32
_COMPACT: Final = re.compile(rb"([A-Za-z0-9_-]+)\.\.([A-Za-z0-9_-]+)")
_AGAIN: Final = "have its developer sign it again with palantir.trust.package."
_KINDS: Final = "make one of kind ECDSA P-256 or Ed25519."


@dataclass(frozen=True, slots=True)
class Signed:
    """A detached JWS that was read, and not verified.

    Attributes:
        signer: whom the header names (``kid``).
        algorithm: what the header names (``alg``).
        protected: the header as it was encoded.
        signature: its bytes, as JOSE has them.
    """

    signer: str
    algorithm: str
    protected: bytes
    signature: bytes


def sign(payload: bytes, key: PrivateKey, signer: str) -> bytes:
    """Return the detached JWS of a payload: with the same key always the same bytes, where the library can.

    Args:
        payload: what is signed.
        key: ECDSA P-256 (signed as RFC 6979 has it) or Ed25519.
        signer: the developer's name, by which a site finds the key.

    Raises:
        AdmissionError: the name is none.
    """
    if not is_name(signer):
        raise AdmissionError(f"signer {printable(signer, 80)!r}", "is not a name.", RULE)
    algorithm = algorithms(key.public_key())[0]
    header = json.dumps({"alg": algorithm, "kid": signer, "typ": TYPE}, separators=(",", ":"))
    protected = _encode(header.encode("ascii"))
    return protected + b".." + _encode(_signature(key, protected + b"." + _encode(payload)))


def parse_signature(data: bytes, where: str) -> Signed:
    """Read a detached JWS.

    Raises:
        AdmissionError: it is none, or its header has anything but ``alg``, ``kid`` and our ``typ``.
    """
    found = _COMPACT.fullmatch(data) if len(data) <= SIGNATURE_LIMIT else None
    if found is None:
        raise AdmissionError(where, "is no JWS in compact serialisation with detached content.", _AGAIN)
    header, signature = (_decode(part, where) for part in found.groups())
    try:
        fields = json.loads(header.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise AdmissionError(where, "has a header that is no JSON.", _AGAIN) from error
    if not isinstance(fields, dict) or sorted(fields) != ["alg", "kid", "typ"] or fields["typ"] != TYPE:
        raise AdmissionError(where, f"must have a header of alg, kid and typ, which is {TYPE!r}.", _AGAIN)
    if not is_name(fields["kid"]) or not isinstance(fields["alg"], str):
        raise AdmissionError(where, f"names the signer {printable(fields['kid'], 80)!r}.", RULE)
    return Signed(fields["kid"], fields["alg"], found[1], signature)


def is_by(signed: Signed, key: PublicKey, payload: bytes) -> bool:
    """Tell whether a signature is by a key over a payload, and names the algorithm of that key and no other."""
    if signed.algorithm not in algorithms(key):
        return False
    message = signed.protected + b"." + _encode(payload)
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signed.signature, message)
        elif len(signed.signature) != 2 * _COORDINATE:
            return False
        else:
            r, s = (int.from_bytes(signed.signature[at : at + _COORDINATE], "big") for at in (0, _COORDINATE))
            key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def algorithms(key: PublicKey) -> tuple[str, ...]:
    """Return the names that JOSE has for the one algorithm of a key, the one that is written first."""
    return EDDSA if isinstance(key, ed25519.Ed25519PublicKey) else ES256


def read_public_key(pem: bytes, where: str) -> PublicKey:
    """Read a public key in PEM (SubjectPublicKeyInfo, RFC 5480, RFC 8410).

    Raises:
        AdmissionError: it is none, or of a kind that signs no package.
    """
    if b"PRIVATE KEY" in pem:
        raise AdmissionError(where, "holds a private key.", "take it away from here, and give its public half.")
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AdmissionError(where, "holds no public key in PEM.", "give one: openssl pkey -pubout.") from error
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise AdmissionError(where, "holds a key of another kind.", _KINDS)


def read_private_key(pem: bytes, password: bytes | None, where: str) -> PrivateKey:
    """Read a private key in PEM.

    Raises:
        AdmissionError: it is none, its password is another, or it is of a kind that signs no package.
    """
    try:
        key = serialization.load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # Its cause may show a part of the key.
        raise AdmissionError(
            where, "holds no private key in PEM that can be read.", "give one, and its password where it has one."
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise AdmissionError(where, "holds a key of another kind.", _KINDS)


def _signature(key: PrivateKey, message: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    try:
        der = key.sign(message, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:  # with an OpenSSL older than 3.2
        der = key.sign(message, ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes, where: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise AdmissionError(where, "is not base64url.", _AGAIN) from error
    # The last character has bits that are not used: only one of its values is the encoding (RFC 4648 section 3.5).
    if _encode(data) != text:
        raise AdmissionError(where, "is not base64url in its one form.", _AGAIN)
    return data


__all__ = [
    "SIGNATURE_LIMIT",
    "TYPE",
    "PrivateKey",
    "PublicKey",
    "Signed",
    "algorithms",
    "is_by",
    "parse_signature",
    "read_private_key",
    "read_public_key",
    "sign",
]
