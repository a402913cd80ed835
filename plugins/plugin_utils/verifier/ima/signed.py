# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signatures of an entry, whatever template carries them: each as a digest that a named key signed.

All of them stand in fields that the template hash covers, so a node cannot give an entry another one afterwards. But
root of the node chose them: they prove what a key signed, never that it signed it for this path or as the newest.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct, iter_unpack
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.keys import SigningKey
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.modsig import read_modsig
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.signature import (
    PORTABLE_DIGSIG,
    SignatureFormError,
    hash_name,
    hashed,
    read_signature,
    signed_digest,
    verifies,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

_IMA: Final = "security.ima"
_DIGEST_NG: Final = 4
_METADATA: Final = Struct("<QIIIHxx")
"""Inode number and generation, both 0 in portable signatures, user, group and mode: ``struct h_misc`` in
security/integrity/evm/evm_crypto.c, as 64-bit machines lay it out."""


@dataclass(frozen=True, slots=True)
class FileSignature:
    """A signature that speaks of the content which an entry measured.

    Attributes:
        algorithm: hash by its kernel name.
        digest: what is signed.
        value: the signature itself.
        key_id: how the key is named: eight hexadecimal digits,
        key_identifier: or by the subject key identifier,
        issuer: or by its certificate's issuer in DER
        serial: and serial number.
    """

    algorithm: str
    digest: bytes
    value: bytes
    key_id: str = ""
    key_identifier: bytes = b""
    issuer: bytes = b""
    serial: int = 0

    def names(self, key: SigningKey) -> bool:
        """Tell whether a key is the one that is named."""
        if self.key_id:
            return self.key_id in key.ids
        if self.key_identifier:
            return self.key_identifier == key.key_identifier
        return (self.issuer, self.serial) == (key.issuer, key.serial)

    def made_by(self, key: SigningKey) -> bool:
        """Tell whether a key made the signature."""
        return verifies(key.public, self.algorithm, self.digest, self.value)

    @property
    def key_name(self) -> str:
        """How the key is named, for people."""
        return self.key_id or self.key_identifier.hex() or f"number {self.serial:x} of its issuer"


@dataclass(frozen=True, slots=True)
class Signatures:
    """What an entry has of signatures.

    Attributes:
        readable: those that can be verified.
        unreadable: why others cannot, each completing "its signature is ...".
    """

    readable: tuple[FileSignature, ...] = ()
    unreadable: tuple[str, ...] = ()


def signatures_of(entry: Entry) -> Signatures:
    """Return the signatures of an entry that speak of its content."""
    readable: list[FileSignature] = []
    unreadable: list[str] = []
    for read in (_of_content, _appended, _of_metadata):
        try:
            readable.extend(read(entry))
        except SignatureFormError as error:
            unreadable.append(str(error))
    return Signatures(tuple(readable), tuple(unreadable))


def _of_content(entry: Entry) -> Iterator[FileSignature]:
    if entry.sig:
        yield _attribute(entry.sig, entry.digest)


def _attribute(data: bytes, digest: str) -> FileSignature:
    signature = read_signature(data)
    if signature.type == PORTABLE_DIGSIG:
        raise SignatureFormError("one over metadata that this template does not have")
    signed = signed_digest(signature, digest)
    if signed is None:
        raise SignatureFormError("over a digest of another kind than the one that was measured")
    return FileSignature(signature.algorithm, signed, signature.value, signature.key_id)


def _appended(entry: Entry) -> Iterator[FileSignature]:
    message, digest = entry.others.get("modsig"), entry.others.get("d-modsig")
    if isinstance(message, bytes) and message and isinstance(digest, str):
        for one in read_modsig(message, digest):
            yield FileSignature(
                one.algorithm,
                one.digest,
                one.value,
                key_identifier=one.key_identifier,
                issuer=one.issuer,
                serial=one.serial,
            )


def _of_metadata(entry: Entry) -> Iterator[FileSignature]:
    """Yield what the template ``evm-sig`` has: a signature over the metadata, or that of the content among them.

    evm_calc_hmac_or_hash() and hmac_add_misc() in security/integrity/evm/evm_crypto.c.
    """
    data, values = entry.others.get("evmsig"), entry.others.get("xattrvalues")
    if not isinstance(data, bytes) or not isinstance(values, bytes):
        return
    content = _xattrs(entry, values).get(_IMA, b"")
    if content[:1] and content[0] != _DIGEST_NG:
        yield _attribute(content, entry.digest)
    if not data or entry.iuid is None or entry.igid is None or entry.imode is None:
        return
    signature = read_signature(data)
    if signature.type != PORTABLE_DIGSIG:
        raise SignatureFormError("no portable one of EVM")
    if not _is_digest_of_content(content, entry.digest):
        raise SignatureFormError("over metadata that do not have the digest which was measured")
    if max(entry.iuid, entry.igid) >= 1 << 32 or entry.imode >= 1 << 16:
        raise SignatureFormError("over metadata that cannot be read")
    misc = _METADATA.pack(0, 0, entry.iuid, entry.igid, entry.imode)
    metadata = hashed(signature.algorithm, values + misc)
    signed = signed_digest(signature, f"{signature.algorithm}:{metadata.hex()}")
    if signed is not None:
        yield FileSignature(signature.algorithm, signed, signature.value, signature.key_id)


def _xattrs(entry: Entry, values: bytes) -> dict[str, bytes]:
    names, lengths = entry.others.get("xattrnames"), entry.others.get("xattrlengths")
    if not isinstance(names, str) or not isinstance(lengths, bytes) or len(lengths) % 4:
        raise SignatureFormError("over metadata that cannot be read")
    sizes = [size for (size,) in iter_unpack("<I", lengths)]
    each = names.split("|") if names else []
    if len(each) != len(sizes) or sum(sizes) != len(values):
        raise SignatureFormError("over metadata that cannot be read")
    found, at = {}, 0
    for name, size in zip(each, sizes, strict=True):
        found[name] = values[at : at + size]
        at += size
    return found


def _is_digest_of_content(content: bytes, digest: str) -> bool:
    """Tell whether the attribute ``security.ima`` is the digest that was measured, with its algorithm."""
    if len(content) < 3 or content[0] != _DIGEST_NG:
        return False
    return f"{hash_name(content[1])}:{content[2:].hex()}" == digest


__all__ = ["FileSignature", "Signatures", "signatures_of"]
