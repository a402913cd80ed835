# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures that are appended to a file: PKCS #7 messages without content (RFC 5652, section 5).

The kernel puts the message into the field ``modsig``, and into ``d-modsig`` the digest that its signer signed: of the
file without the signature or, where the message has signed attributes, of these, after it has compared the digest
that they name with the file's (ima_collect_modsig(), pkcs7_digest() in crypto/asymmetric_keys/pkcs7_verify.c).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier import der
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signature import (
    MAX_SIGNATURE,
    SignatureFormError,
    hashed,
)

MAX_MESSAGE: Final = 64 * 1024
"""Largest message that is read, in bytes; one with a chain of certificates has some 5,000."""
MAX_SIGNERS: Final = 8

_SIGNED_DATA: Final = bytes.fromhex("2a864886f70d010702")
_MESSAGE_DIGEST: Final = bytes.fromhex("2a864886f70d010904")
_DIGESTS: Final[Mapping[bytes, str]] = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_ANY: Final = frozenset(_DIGESTS.values())
_SIGNATURES: Final[Mapping[bytes, frozenset[str]]] = {
    bytes.fromhex("2a864886f70d010101"): _ANY,  # rsaEncryption
    bytes.fromhex("2a864886f70d01010b"): frozenset({"sha256"}),  # sha*WithRSAEncryption
    bytes.fromhex("2a864886f70d01010c"): frozenset({"sha384"}),
    bytes.fromhex("2a864886f70d01010d"): frozenset({"sha512"}),
    bytes.fromhex("2a8648ce3d040302"): frozenset({"sha256"}),  # ecdsa-with-SHA*
    bytes.fromhex("2a8648ce3d040303"): frozenset({"sha384"}),
    bytes.fromhex("2a8648ce3d040304"): frozenset({"sha512"}),
}
"""Signature algorithm → the hashes that it may be used with."""


@dataclass(frozen=True, slots=True)
class AppendedSignature:
    """One signer's signature over the digest that the kernel calculated.

    Attributes:
        algorithm: hash by its kernel name.
        digest: what is signed.
        value: the signature itself.
        key_identifier: the signer's subject key identifier; empty where the message names issuer and serial number.
        issuer: the name in DER of who issued the signer's certificate; empty where the message has an identifier.
        serial: that certificate's serial number.
    """

    algorithm: str
    digest: bytes
    value: bytes
    key_identifier: bytes = b""
    issuer: bytes = b""
    serial: int = 0


def read_modsig(message: bytes, digest: str) -> list[AppendedSignature]:
    """Return the signatures of a message over a digest.

    Args:
        message: field ``modsig``.
        digest: field ``d-modsig``, ``algorithm:hex``.

    Raises:
        SignatureFormError: the message is malformed, of a kind that is not supported, or over something else.
    """
    if len(message) > MAX_MESSAGE:
        raise SignatureFormError(f"a message of {len(message)} bytes, over the limit of {MAX_MESSAGE}")
    try:
        return [_signature(signer, digest) for signer in _signers(message)]
    except SignatureFormError:
        raise
    except (ValueError, IndexError) as error:
        raise SignatureFormError("no PKCS #7 message") from error


def _signers(message: bytes) -> list[bytes]:
    kind, wrapped = der.children(der.read_value(message, der.SEQUENCE).content)
    if kind.content != _SIGNED_DATA or wrapped.tag != der.CONTEXT_0:
        raise SignatureFormError("no signed PKCS #7 message")
    parts = der.children(der.read_value(wrapped.content, der.SEQUENCE).content)
    if len(der.children(parts[2].content)) != 1:
        raise SignatureFormError("a message with content of its own")
    if parts[-1].tag != der.SET:
        raise der.DerError("no signers")
    signers = der.children(parts[-1].content)
    if not 0 < len(signers) <= MAX_SIGNERS:
        raise SignatureFormError(f"a message of {len(signers)} signers")
    return [signer.content for signer in signers]


def _signature(signer: bytes, digest: str) -> AppendedSignature:
    _version, named, hash_, *rest = der.children(signer)
    algorithm = _DIGESTS.get(der.children(hash_.content)[0].content)
    attributes = rest.pop(0) if rest[0].tag == der.CONTEXT_0 else None
    kind, value = rest[0], rest[1]
    if algorithm not in _SIGNATURES.get(der.children(kind.content)[0].content, frozenset()) or algorithm is None:
        raise SignatureFormError("of an algorithm that is not supported")
    if value.tag != der.OCTET_STRING or len(value.content) > MAX_SIGNATURE:
        raise der.DerError("no signature")
    name, _colon, measured = digest.partition(":")
    if name != algorithm:
        raise SignatureFormError("over a digest of another algorithm")
    signed = _signed(attributes, algorithm, bytes.fromhex(measured))
    if named.tag == der.PRIMITIVE_CONTEXT_0:
        return AppendedSignature(algorithm, signed, value.content, key_identifier=named.content)
    issuer, serial = der.children(named.content)
    number = der.integer(serial.content)
    return AppendedSignature(algorithm, signed, value.content, issuer=issuer.raw, serial=number)


def _signed(attributes: der.Value | None, algorithm: str, measured: bytes) -> bytes:
    """Return the digest that was signed (RFC 5652, section 5.4)."""
    if attributes is None:
        return measured
    signed = hashed(algorithm, bytes((der.SET,)) + attributes.raw[1:])
    if not compare_digest(signed, measured) and not compare_digest(_message_digest(attributes), measured):
        raise SignatureFormError("over another file")
    return signed


def _message_digest(attributes: der.Value) -> bytes:
    for attribute in der.children(attributes.content):
        kind, values = der.children(attribute.content)
        if kind.content == _MESSAGE_DIGEST:
            return der.read_value(values.content, der.OCTET_STRING).content
    return b""


__all__ = ["MAX_MESSAGE", "MAX_SIGNERS", "AppendedSignature", "read_modsig"]
