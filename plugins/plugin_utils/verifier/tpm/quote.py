# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The check of a quote: who signed it, for which challenge, over which PCRs.

A quote that cannot be read is an error. One that can be read and is not what was asked for is a result
with ``valid`` false and a finding that names each reason.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import (
    HASH_IDS,
    Attest,
    AttestationKey,
    Attributes,
    Signature,
    load_ak,
    parse_attest,
    parse_signature,
)

Selection = Mapping[str, Sequence[int]]

_HASHES: Final = {
    "sha1": hashes.SHA1(),  # noqa: S303 - refused unless the policy allows it by name
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ECDSA: Final = {name: ec.ECDSA(algorithm) for name, algorithm in _HASHES.items()}
_WANTED: Final = int(Attributes.FIXED_TPM | Attributes.RESTRICTED | Attributes.SIGN)
_JUDGED: Final = int(_WANTED | Attributes.DECRYPT)
_MIN_RSA_BITS = 2048
_HMAC_SHA256: Final = b"\x00\x05\x00\x0b"  # TPM_ALG_HMAC, TPM_ALG_SHA256: the head of a TPMT_SIGNATURE
_PCRS = range(24)  # PC Client Platform TPM Profile, section 4.6
_RESETTABLE_TO_ONES = range(17, 23)  # PC Client Platform TPM Profile, table "PCR attributes": DRTM PCRs start at -1


class Quote(NamedTuple):
    """What a quote says; to be believed only where ``valid`` is true.

    Attributes:
        valid: signed by the attestation key, for this challenge, over exactly these PCRs.
        pcr_digest: digest over the selected PCRs.
        pcr_select: bank → PCR numbers, in the order in which they were digested.
        hash_alg: hash of ``pcr_digest`` and of the signature (``sha256``).
        clock: milliseconds of the TPM's clock.
        reset_count: number of boots.
        restart_count: number of resumes since the last boot.
        safe: no larger clock has been reported before.
        firmware_version: of the TPM.
        qualified_signer: qualified name of the signing key.
        findings: each reason why the quote is not valid.
    """

    valid: bool
    pcr_digest: bytes
    pcr_select: Mapping[str, tuple[int, ...]]
    hash_alg: str
    clock: int
    reset_count: int
    restart_count: int
    safe: bool
    firmware_version: int
    qualified_signer: bytes
    findings: tuple[Finding, ...]


def verify_quote(
    attest: object,
    signature: object,
    ak_public: object,
    qualifying_data: bytes,
    selection: Selection,
    *,
    allow_sha1: bool = False,
) -> Quote:
    """Check a quote (TPM2_Quote, "TPM 2.0 Library, Part 3", section 18.4).

    Args:
        attest: TPMS_ATTEST, bytes or base64 text.
        signature: TPMT_SIGNATURE, bytes or base64 text.
        ak_public: the enrolled attestation key (never one that came with the quote): PEM, TPM2B_PUBLIC or TPMT_PUBLIC.
        qualifying_data: what the challenge asked the TPM to sign along.
        selection: bank → PCR numbers that were asked for.
        allow_sha1: accept a signature over SHA-1.

    Raises:
        EvidenceError: one of the structures is malformed.
        PolicyError: the selection names no PCR, or something that is no PCR.
    """
    wanted = _normal(selection)
    blob = binary(attest, "quote.attest", LIMITS["quote"])
    parsed = parse_attest(blob)
    signed = parse_signature(binary(signature, "quote.signature", LIMITS["quote"]))
    ak = load_ak(ak_public)
    codes = [
        *signature_faults(ak, parsed, signed, blob, allow_sha1=allow_sha1),
        *_content_faults(parsed, qualifying_data, wanted),
    ]
    return _quote(parsed, signed.hash_alg, codes)


@dataclass(frozen=True, slots=True, eq=False)
class HmacKey:
    """A restricted HMAC-SHA256 key that one TPM shares with the verifier.

    The verifier can make such quotes himself: they are evidence for him alone, and for nobody whom he tells.

    Attributes:
        secret: the key, never shown.
        qualified_name: of the key where the TPM has it.
    """

    secret: bytes = field(repr=False)
    qualified_name: bytes


def verify_hmac_quote(
    attest: object, signature: object, key: HmacKey, qualifying_data: bytes, selection: Selection
) -> Quote:
    """Check a quote that is signed by an HMAC key; the arguments, errors and result are those of a quote by the AK.

    As any signature of a TPM, the HMAC is over the structure's hash, and not over the structure.
    """
    wanted = _normal(selection)
    blob = binary(attest, "quote.attest", LIMITS["quote"])
    parsed = parse_attest(blob)
    expected = _HMAC_SHA256 + hmac.digest(key.secret, hashlib.sha256(blob).digest(), "sha256")
    codes = []
    if not hmac.compare_digest(binary(signature, "quote.signature", LIMITS["quote"]), expected):
        codes.append("bad_signature")
    if not hmac.compare_digest(parsed.qualified_signer, key.qualified_name):
        codes.append("signer_mismatch")
    return _quote(parsed, "sha256", [*codes, *_content_faults(parsed, qualifying_data, wanted)])


def _quote(parsed: Attest, hash_alg: str, codes: Sequence[str]) -> Quote:
    return Quote(
        not codes,
        parsed.digest,
        dict(parsed.selections),
        hash_alg,
        parsed.clock,
        parsed.reset_count,
        parsed.restart_count,
        parsed.safe,
        parsed.firmware_version,
        parsed.qualified_signer,
        tuple(Finding(code, CODES[code]) for code in codes),
    )


def pcr_digest(
    selection: Mapping[str, Iterable[int]], banks: Mapping[str, Mapping[int, bytes]], hash_alg: str = "sha256"
) -> bytes:
    """Return the digest that a quote over these PCR values carries (Part 1, section 17.6.2).

    A PCR that ``banks`` leaves out was never extended: all zeros, and all ones for 17 to 22. A guess
    cannot do harm here: the result is compared with what the TPM signed.

    Args:
        selection: bank → PCR numbers, banks in the order of the quote (:attr:`Quote.pcr_select`).
        banks: bank → PCR number → value.
        hash_alg: hash of the quote (:attr:`Quote.hash_alg`).

    Raises:
        EvidenceError: a bank that this Python cannot hash.
    """
    try:
        digest = hashlib.new(hash_alg)
        for bank, numbers in selection.items():
            values, size = banks.get(bank, {}), hashlib.new(bank).digest_size
            for number in sorted(numbers):
                digest.update(values.get(number) or (b"\xff" if number in _RESETTABLE_TO_ONES else b"\x00") * size)
    except ValueError as error:
        raise EvidenceError("quote", "covers a PCR bank whose hash is not available here.") from error
    return digest.digest()


def signature_faults(
    ak: AttestationKey, attest: Attest, signature: Signature, message: bytes, *, allow_sha1: bool = False
) -> list[str]:
    """Return the code of each reason why a structure is not signed by an attestation key that is one.

    Args:
        ak: the enrolled attestation key.
        attest: the structure, read.
        signature: over it, read.
        message: the structure.
        allow_sha1: accept a signature over SHA-1.
    """
    faults = _signature_faults(ak, signature, message, allow_sha1=allow_sha1)
    return [*_key_faults(ak, attest, signature), *faults]


def _key_faults(ak: AttestationKey, attest: Attest, signature: Signature) -> Iterable[str]:
    if isinstance(ak.key, rsa.RSAPublicKey) and ak.key.key_size < _MIN_RSA_BITS:
        yield "ak_weak"
    public = ak.public
    if public is None:
        return
    if int(public.attributes) & _JUDGED != _WANTED:
        yield "ak_attributes"
    if public.scheme != "null" and (public.scheme, public.scheme_hash) != (signature.scheme, signature.hash_alg):
        yield "scheme_mismatch"
    if int.from_bytes(attest.qualified_signer[:2], "big") != HASH_IDS[public.name_alg]:
        yield "signer_mismatch"


def _signature_faults(ak: AttestationKey, signature: Signature, message: bytes, *, allow_sha1: bool) -> Iterable[str]:
    if signature.hash_alg == "sha1" and not allow_sha1:
        yield "weak_hash"
    if not _verifies(ak, signature, message):
        yield "bad_signature"


def _verifies(ak: AttestationKey, signature: Signature, message: bytes) -> bool:
    key, value = ak.key, signature.value
    algorithm = _HASHES.get(signature.hash_alg)
    if algorithm is None:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            if signature.scheme != "ecdsa":
                return False
            r, s = int.from_bytes(value[0], "big"), int.from_bytes(value[1], "big")
            key.verify(encode_dss_signature(r, s), message, _ECDSA[signature.hash_alg])
        elif signature.scheme == "rsassa":
            key.verify(value[0], message, padding.PKCS1v15(), algorithm)
        elif signature.scheme == "rsapss":
            # TPMs differ in the salt's length: the hash's (FIPS) or the largest (Part 1, annex B.7).
            key.verify(value[0], message, padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True


def _content_faults(attest: Attest, qualifying_data: bytes, wanted: Mapping[str, tuple[int, ...]]) -> Iterable[str]:
    if not attest.is_quote:
        yield "not_a_quote"
    if not hmac.compare_digest(attest.extra_data, qualifying_data):
        yield "nonce_mismatch"
    signed = [(bank, numbers) for bank, numbers in attest.selections if numbers]
    if len(signed) != len(wanted) or dict(signed) != wanted:
        yield "selection_mismatch"


def _normal(selection: Selection) -> dict[str, tuple[int, ...]]:
    """Return the selection with ascending numbers and without empty banks, which a TPM may leave out."""
    try:
        return _normal_items(tuple((bank, tuple(numbers)) for bank, numbers in selection.items()))
    except (AttributeError, TypeError) as error:
        raise PolicyError("selection", "is not a mapping of PCR banks to lists of PCR numbers.") from error


@lru_cache(maxsize=64)
def _normal_items(items: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, tuple[int, ...]]:
    wanted = {}
    for bank, numbers in items:
        if bank not in HASH_IDS:
            raise PolicyError(
                "selection", f"names no known PCR bank: {printable(bank, 40)}.", "use sha256, sha384, ..."
            )
        if not all(isinstance(number, int) and number in _PCRS for number in numbers):
            raise PolicyError("selection", f"{bank} is not a list of PCR numbers from 0 to 23.")
        if numbers:
            wanted[bank] = tuple(sorted(set(numbers)))
    if not wanted:
        raise PolicyError("selection", "names no PCR.", 'name some, as {"sha256": [0, 1, 2, 3, 4, 5, 6, 7]}.')
    return wanted


__all__ = ["HmacKey", "Quote", "Selection", "pcr_digest", "signature_faults", "verify_hmac_quote", "verify_quote"]
