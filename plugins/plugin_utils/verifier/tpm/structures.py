# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TPM 2.0 structures of a quote and of its key, read from bytes that nobody vouches for.

Sections are those of "TPM 2.0 Library, Part 2: Structures". All integers are big endian.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

TPM_GENERATED: Final = 0xFF544347
ST_ATTEST_QUOTE: Final = 0x8018

HASH_NAMES: Final = {
    0x0004: "sha1",
    0x000B: "sha256",
    0x000C: "sha384",
    0x000D: "sha512",
    0x0012: "sm3_256",
    0x0027: "sha3_256",
    0x0028: "sha3_384",
    0x0029: "sha3_512",
}
"""TPM_ALG_ID of each hash (section 6.3) to its name, which is also hashlib's where hashlib has it."""

HASH_IDS: Final = {name: number for number, name in HASH_NAMES.items()}

MAX_PUBLIC: Final = 4096
"""Largest accepted public area, in bytes; a real one stays under 1 KiB."""

_ALG_RSA, _ALG_ECC, _ALG_NULL = 0x0001, 0x0023, 0x0010
_TYPES: Final = {_ALG_RSA: "rsa", _ALG_ECC: "ecc"}
_SCHEMES: Final = {
    0x0010: "null",
    0x0014: "rsassa",
    0x0015: "rsaes",
    0x0016: "rsapss",
    0x0017: "oaep",
    0x0018: "ecdsa",
    0x0019: "ecdh",
    0x001A: "ecdaa",
    0x001B: "sm2",
    0x001C: "ecschnorr",
    0x001D: "ecmqv",
}
_CURVES: Final[dict[int, Callable[[], ec.EllipticCurve]]] = {0x0003: ec.SECP256R1, 0x0004: ec.SECP384R1}
_MAGIC_TYPE = Struct(">IH")
_CLOCK = Struct(">QIIBQ")  # TPMS_CLOCK_INFO (section 10.11.1) and the firmware version
_BANK = Struct(">HB")
_MAX_BANKS = 16  # TPM2_NUM_PCR_BANKS
_MAX_SELECT = 4  # PCR_SELECT_MAX: 32 PCRs
_DEFAULT_EXPONENT = 65537


class Attributes(IntFlag):
    """TPMA_OBJECT (section 8.3.2)."""

    FIXED_TPM = 1 << 1
    ST_CLEAR = 1 << 2
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    USER_WITH_AUTH = 1 << 6
    ADMIN_WITH_POLICY = 1 << 7
    NO_DA = 1 << 10
    ENCRYPTED_DUPLICATION = 1 << 11
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18
    X509_SIGN = 1 << 19


@dataclass(frozen=True, slots=True)
class Public:
    """TPMT_PUBLIC (section 12.2.4) of an RSA or elliptic-curve key.

    Attributes:
        type: ``rsa`` or ``ecc``.
        name_alg: hash of the key's name (``sha256``).
        attributes: flags of TPMA_OBJECT.
        auth_policy: digest of the policy, empty where there is none.
        scheme: signing scheme (``rsassa``, ``rsapss``, ``ecdsa``, ...), ``null`` where the caller chooses.
        scheme_hash: hash of the scheme, ``None`` with ``null``.
        bits: size of the RSA modulus, or ``None``.
        exponent: RSA public exponent, or ``None``.
        curve: TPM_ECC_CURVE number, or ``None``.
        unique: (modulus,) or (x, y), big endian.
        encoded: the TPMT_PUBLIC as it was read.
    """

    type: str
    name_alg: str
    attributes: Attributes
    auth_policy: bytes
    scheme: str
    scheme_hash: str | None
    bits: int | None
    exponent: int | None
    curve: int | None
    unique: tuple[bytes, ...]
    encoded: bytes

    @property
    def name(self) -> bytes:
        """Name of the key: nameAlg ‖ H(TPMT_PUBLIC) (Part 1, section 16)."""
        return HASH_IDS[self.name_alg].to_bytes(2, "big") + hashlib.new(self.name_alg, self.encoded).digest()

    def key(self) -> PublicKey:
        """Return the key for :mod:`cryptography`.

        Raises:
            EvidenceError: the numbers are no key of a supported curve or size.
        """
        try:
            if self.type == "rsa":
                exponent = self.exponent or _DEFAULT_EXPONENT
                return rsa.RSAPublicNumbers(exponent, int.from_bytes(self.unique[0], "big")).public_key()
            curve = _CURVES.get(self.curve or 0)
            if curve is None:
                raise EvidenceError("ak_public", f"curve 0x{self.curve:04x} is none of P-256, P-384.")
            x, y = (int.from_bytes(part, "big") for part in self.unique)
            return ec.EllipticCurvePublicNumbers(x, y, curve()).public_key()
        except (ValueError, UnsupportedAlgorithm) as error:
            raise EvidenceError("ak_public", "holds numbers that are no valid key.") from error


class Attest(NamedTuple):
    """TPMS_ATTEST (section 10.12.12).

    Of a structure that no TPM made or that is no quote, ``selections`` and ``digest`` are empty.

    Attributes:
        magic: 0xFF544347 where a TPM made the structure.
        type: 0x8018 for a quote.
        qualified_signer: qualified name of the signing key.
        extra_data: the qualifying data.
        clock: milliseconds; goes back at most by the update interval after a power loss (``safe`` is false then).
        reset_count: number of TPM resets (boots).
        restart_count: number of resumes since the last reset.
        safe: no larger value of ``clock`` has been reported before.
        firmware_version: of the TPM, vendor specific (obfuscated outside the endorsement hierarchy).
        selections: (bank, PCR numbers in ascending order), in the order they were digested.
        digest: hash over the selected PCRs.
    """

    magic: int
    type: int
    qualified_signer: bytes
    extra_data: bytes
    clock: int
    reset_count: int
    restart_count: int
    safe: bool
    firmware_version: int
    selections: tuple[tuple[str, tuple[int, ...]], ...]
    digest: bytes

    @property
    def is_quote(self) -> bool:
        """Whether a TPM made this structure for a quote."""
        return self.magic == TPM_GENERATED and self.type == ST_ATTEST_QUOTE


class Signature(NamedTuple):
    """TPMT_SIGNATURE (section 11.3.4).

    Attributes:
        scheme: ``rsassa``, ``rsapss`` or ``ecdsa``.
        hash_alg: hash of the signed message.
        value: (signature,) for RSA, (r, s) for ECDSA, big endian.
    """

    scheme: str
    hash_alg: str
    value: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AttestationKey:
    """A key that signs quotes; ``public`` is None where only a PEM was given and no attribute is known."""

    key: PublicKey
    public: Public | None


def parse_public(blob: bytes, field: str = "ak_public") -> Public:
    """Read a TPM2B_PUBLIC or TPMT_PUBLIC (sections 12.2.4 and 12.2.5) of an RSA or elliptic-curve key.

    The two differ in their first number: a size that covers the rest, or a key type that never can.

    Raises:
        EvidenceError: malformed, trailing bytes, or no RSA or elliptic-curve key.
    """
    if len(blob) > MAX_PUBLIC:
        raise EvidenceError(field, f"is {len(blob)} bytes, over the limit of {MAX_PUBLIC}.")
    if len(blob) >= 2 and int.from_bytes(blob[:2], "big") == len(blob) - 2:
        return _public(Reader(blob[2:], field, base=2), blob[2:])
    return _public(Reader(blob, field), blob)


def _public(reader: Reader, encoded: bytes) -> Public:
    kind = _known(reader, _TYPES, "key type")
    name_alg = _hash_name(reader)
    attributes = Attributes(reader.u32be("attributes"))
    auth_policy = _sized(reader, "policy digest", 64)
    if reader.u16be("symmetric algorithm") != _ALG_NULL:
        reader.take(4, "symmetric parameters")  # keyBits, mode
    scheme = _known(reader, _SCHEMES, "scheme")
    scheme_hash = None if scheme in {"null", "rsaes"} else _hash_name(reader)
    if scheme == "ecdaa":
        reader.u16be("ECDAA counter")
    bits = exponent = curve = None
    unique: tuple[bytes, ...]
    if kind == "rsa":
        bits, exponent = reader.u16be("key size"), reader.u32be("exponent")
        unique = (_sized(reader, "modulus", 1024),)
    else:
        curve = reader.u16be("curve")
        if reader.u16be("key derivation scheme") != _ALG_NULL:
            reader.u16be("key derivation hash")
        unique = (_sized(reader, "x", 128), _sized(reader, "y", 128))
    reader.end("public area")
    return Public(
        kind, name_alg, attributes, auth_policy, scheme, scheme_hash, bits, exponent, curve, unique, encoded
    )  # fmt: skip


def parse_attest(blob: bytes, field: str = "quote.attest") -> Attest:
    """Read a TPMS_ATTEST (section 10.12.12); :attr:`Attest.is_quote` tells whether it is a quote.

    Raises:
        EvidenceError: malformed or trailing bytes.
    """
    reader = Reader(blob, field)
    magic, kind = _MAGIC_TYPE.unpack(reader.take(_MAGIC_TYPE.size, "magic and type"))
    signer = _sized(reader, "qualified signer", 66)
    extra = _sized(reader, "extra data", 66)
    clock, resets, restarts, safe, firmware = _CLOCK.unpack(reader.take(_CLOCK.size, "clock and firmware version"))
    if safe > 1:
        reader.fail(f"safe is {safe}, neither 0 nor 1.")
    selections: tuple[tuple[str, tuple[int, ...]], ...] = ()
    digest = b""
    if magic == TPM_GENERATED and kind == ST_ATTEST_QUOTE:
        selections = _selections(reader)
        digest = _sized(reader, "PCR digest", 64)
        reader.end("quote")
    return Attest(
        magic, kind, signer, extra, clock, resets, restarts, bool(safe), firmware, selections, digest
    )  # fmt: skip


def parse_signature(blob: bytes, field: str = "quote.signature") -> Signature:
    """Read a TPMT_SIGNATURE (section 11.3.4) of scheme RSASSA, RSAPSS or ECDSA.

    Raises:
        EvidenceError: malformed, trailing bytes or another scheme.
    """
    reader = Reader(blob, field)
    scheme = _known(reader, _SCHEMES, "signature scheme")
    if scheme not in {"rsassa", "rsapss", "ecdsa"}:
        reader.fail(f"signature scheme {scheme} is none of RSASSA, RSAPSS, ECDSA.")
    hash_alg = _hash_name(reader)
    value: tuple[bytes, ...]
    if scheme == "ecdsa":
        value = (_sized(reader, "signature r", 128), _sized(reader, "signature s", 128))
    else:
        value = (_sized(reader, "signature", 1024),)
    reader.end("signature")
    return Signature(scheme, hash_alg, value)


def load_ak(value: object, field: str = "ak_public") -> AttestationKey:
    """Return the key of a PEM (text or bytes), TPM2B_PUBLIC or TPMT_PUBLIC (bytes or base64 text).

    Parsed keys are kept in a bounded cache: a fleet asks for the same few keys in every cycle.

    Raises:
        EvidenceError: none of these, or neither an RSA nor a P-256 or P-384 key.
    """
    if isinstance(value, AttestationKey):
        return value
    if isinstance(value, str) and value.lstrip().startswith("-----BEGIN"):
        value = value.encode("utf-8", "replace")
    return _load(binary(value, field, MAX_PUBLIC), field)


@lru_cache(maxsize=4096)
def _load(blob: bytes, field: str) -> AttestationKey:
    if blob.lstrip().startswith(b"-----BEGIN"):
        return AttestationKey(_pem_key(blob, field), None)
    public = parse_public(blob, field)
    return AttestationKey(public.key(), public)


def _pem_key(blob: bytes, field: str) -> PublicKey:
    try:
        key = load_pem_public_key(blob)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise EvidenceError(field, "is no PEM of a public key that can be read.") from error
    if isinstance(key, rsa.RSAPublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, (ec.SECP256R1, ec.SECP384R1))
    ):
        return key
    raise EvidenceError(field, "is neither an RSA key nor one of P-256 or P-384.")


def qualified_name(hierarchy: int, *keys: Public) -> bytes:
    """Return the qualified name of the last of ``keys``, each the parent of the next (Part 1, section 16.3).

    Args:
        hierarchy: handle of the hierarchy (0x4000000B endorsement, 0x40000001 owner).
        keys: public areas from the primary key down.
    """
    name = hierarchy.to_bytes(4, "big")
    for key in keys:
        digest = hashlib.new(key.name_alg, name + key.name).digest()
        name = HASH_IDS[key.name_alg].to_bytes(2, "big") + digest
    return name


def _selections(reader: Reader) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """TPML_PCR_SELECTION (section 10.9.7)."""
    count = reader.u32be("number of PCR banks")
    if count > _MAX_BANKS:
        reader.fail(f"{count} PCR banks are more than the {_MAX_BANKS} that a TPM can have.")
    return tuple(_selection(reader) for _index in range(count))


def _selection(reader: Reader) -> tuple[str, tuple[int, ...]]:
    number, size = _BANK.unpack(reader.take(_BANK.size, "PCR bank"))
    if size > _MAX_SELECT:
        reader.fail(f"a PCR selection of {size} bytes is more than {_MAX_SELECT}.")
    return HASH_NAMES.get(number) or f"0x{number:04x}", _pcrs_of(reader.take(size, "PCR selection"))


@lru_cache(maxsize=256)
def _pcrs_of(mask: bytes) -> tuple[int, ...]:
    bits = int.from_bytes(mask, "little")
    return tuple(number for number in range(8 * len(mask)) if bits >> number & 1)


def _sized(reader: Reader, what: str, limit: int) -> bytes:
    """Read a TPM2B: a size and that many bytes."""
    size = reader.u16be(what)
    if size > limit:
        reader.fail(f"{what} of {size} bytes is over the limit of {limit}.")
    return reader.take(size, what)


def _known(reader: Reader, names: dict[int, str], what: str) -> str:
    number = reader.u16be(what)
    if number not in names:
        reader.fail(f"{what} 0x{number:04x} is not known.")
    return names[number]


def _hash_name(reader: Reader) -> str:
    name = _known(reader, HASH_NAMES, "hash algorithm")
    if name not in hashlib.algorithms_available:
        reader.fail(f"hash algorithm {name} is not available here.")
    return name


__all__ = [
    "HASH_IDS",
    "HASH_NAMES",
    "ST_ATTEST_QUOTE",
    "TPM_GENERATED",
    "Attest",
    "AttestationKey",
    "Attributes",
    "Public",
    "PublicKey",
    "Signature",
    "load_ak",
    "parse_attest",
    "parse_public",
    "parse_signature",
    "qualified_name",
]
