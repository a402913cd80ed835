# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotes by an HMAC key, and the storage key by which it came into the TPM: every byte of them counts."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import storage_key_public
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import HmacKey, Quote, verify_hmac_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.storage_key import verify_storage_key
from tests.unit.verifier.soft_tpm import (
    AK_ATTRIBUTES,
    Attestation,
    Certification,
    hmac_sign,
    private_key,
    public_area,
    sign,
    tpm2b,
)

NONCE = bytes(range(32))
SELECTION = {"sha256": [0, 1, 10]}
KEY = HmacKey(b"\x17" * 32, b"\x00\x0b" + b"\x42" * 32)
SOUND = Attestation(signer=KEY.qualified_name, extra=NONCE)


def check(attestation: Attestation = SOUND, key: HmacKey = KEY, nonce: bytes = NONCE) -> Quote:
    """Have a soft TPM that has the key sign, and check."""
    blob = attestation.encode()
    return verify_hmac_quote(blob, hmac_sign(KEY.secret, blob), key, nonce, SELECTION)


def codes(quote: Quote) -> list[str]:
    return [finding.code for finding in quote.findings]


def test_a_quote_by_the_key_is_valid_and_says_what_it_says() -> None:
    quote = check()
    assert (quote.valid, quote.findings) == (True, ())
    assert (quote.hash_alg, quote.pcr_digest, quote.qualified_signer) == ("sha256", SOUND.digest, KEY.qualified_name)
    assert (quote.clock, quote.reset_count, quote.restart_count, quote.safe) == (1000, 3, 0, True)


@pytest.mark.parametrize(
    ("attestation", "code"),
    [
        (SOUND.but(extra=bytes(32)), "nonce_mismatch"),
        (SOUND.but(signer=b"\x00\x0b" + bytes(32)), "signer_mismatch"),
        (SOUND.but(selections=(("sha256", (0, 1)),)), "selection_mismatch"),
        (SOUND.but(selections=(("sha256", (0, 1, 16)),)), "selection_mismatch"),
    ],
)
def test_a_quote_of_something_else_is_not_valid(attestation: Attestation, code: str) -> None:
    quote = check(attestation)
    assert (quote.valid, codes(quote)) == (False, [code])


def test_what_no_tpm_made_is_no_quote() -> None:
    for forged in (SOUND.but(magic=0xFF544348), SOUND.but(type=0x8017)):
        assert "not_a_quote" in codes(check(forged))


def test_another_secret_signs_nothing() -> None:
    assert codes(check(key=HmacKey(bytes(32), KEY.qualified_name))) == ["bad_signature"]


def test_the_ak_does_not_sign_for_the_key() -> None:
    blob = SOUND.encode()
    assert codes(verify_hmac_quote(blob, sign(private_key("p256"), blob), KEY, NONCE, SELECTION)) == ["bad_signature"]


@given(st.data())
def test_no_byte_of_a_quote_can_be_another(data: st.DataObject) -> None:
    blob = SOUND.encode()
    parts = [bytearray(blob), bytearray(hmac_sign(KEY.secret, blob))]
    part = data.draw(st.sampled_from(parts))
    part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        quote = verify_hmac_quote(bytes(parts[0]), bytes(parts[1]), KEY, NONCE, SELECTION)
    except EvidenceError:
        return
    assert "bad_signature" in codes(quote)
    assert not quote.valid


def test_the_secret_is_not_shown() -> None:
    assert "17" * 4 not in repr(KEY)
    assert repr(KEY.secret) not in repr(KEY)


# The storage key

AK = tpm2b(public_area(private_key("p256")))


def offered(certification: Certification | None = None, public: bytes | None = None) -> tuple[bytes, bytes, bytes]:
    """Return what a node offers: public area, and the AK's statement over it."""
    public = storage_key(1) if public is None else public
    attest = (certification or Certification(public, extra=NONCE)).encode()
    return public, attest, sign(private_key("p256"), attest)


def storage_key(number: int) -> bytes:
    point = ec.derive_private_key(number, ec.SECP256R1()).public_key().public_numbers()
    return storage_key_public(point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big"))


def with_attributes(change: int, policy: bytes | None = None) -> bytes:
    area = storage_key(1)[2:]
    kind, name_alg, attributes, size = struct.unpack_from(">HHIH", area)
    old = area[10 : 10 + size]
    return tpm2b(struct.pack(">HHI", kind, name_alg, attributes ^ change) + tpm2b(policy or old) + area[10 + size :])


def test_a_storage_key_that_the_ak_certified_is_one() -> None:
    key = verify_storage_key(*offered(), AK, NONCE)
    name = b"\x00\x0b" + hashlib.sha256(storage_key(1)[2:]).digest()
    assert key.public.name == name
    assert key.qualified_name == b"\x00\x0b" + hashlib.sha256(bytes.fromhex("4000000b") + name).digest()


@pytest.mark.parametrize(
    "public",
    [
        *(with_attributes(1 << bit) for bit in (1, 2, 4, 5, 6, 7, 10, 11, 16, 17, 18)),
        with_attributes(0, hashlib.sha256(b"another policy").digest()),
        AK,
        tpm2b(public_area(private_key("rsa2048"))),
        storage_key(1)[2:],
    ],
)
def test_a_key_of_another_kind_is_refused_though_the_ak_certified_it(public: bytes) -> None:
    with pytest.raises(EvidenceError, match="storage_key: is not of the kind that a secret may be wrapped to"):
        verify_storage_key(*offered(public=public), AK, NONCE)


def test_a_point_that_is_not_on_the_curve_is_refused() -> None:
    for public in (storage_key_public(b"\1" * 32, b"\2" * 32), storage_key_public()):
        with pytest.raises(EvidenceError, match="no valid key"):
            verify_storage_key(*offered(public=public), AK, NONCE)


SOUND_CERTIFICATION = Certification(storage_key(1), extra=NONCE)


@pytest.mark.parametrize(
    ("certification", "cause"),
    [
        (replace(SOUND_CERTIFICATION, public=storage_key(2)), "is not the key that the AK certified"),
        (replace(SOUND_CERTIFICATION, hierarchy=0x40000001), "is not the key that the AK certified"),
        (replace(SOUND_CERTIFICATION, hierarchy=0x40000007), "is not the key that the AK certified"),
        (replace(SOUND_CERTIFICATION, magic=0x52544347), "is not the key that the AK certified"),
        (replace(SOUND_CERTIFICATION, type=0x801A), "is not the key that the AK certified"),
        (replace(SOUND_CERTIFICATION, behind=b"\0"), "is not the key that the AK certified"),
        (replace(SOUND_CERTIFICATION, extra=bytes(32)), "is certified for another nonce"),
        (replace(SOUND_CERTIFICATION, extra=b""), "is certified for another nonce"),
    ],
)
def test_what_the_ak_did_not_say_of_the_key_now_is_refused(certification: Certification, cause: str) -> None:
    with pytest.raises(EvidenceError, match=cause):
        verify_storage_key(*offered(certification, storage_key(1)), AK, NONCE)


def test_only_an_ak_certifies() -> None:
    public, attest, _signature = offered()
    with pytest.raises(EvidenceError, match="is not certified by the AK: bad_signature"):
        verify_storage_key(public, attest, sign(ec.generate_private_key(ec.SECP256R1()), attest), AK, NONCE)
    unrestricted = tpm2b(public_area(private_key("p256"), attributes=AK_ATTRIBUTES ^ 1 << 16))
    with pytest.raises(EvidenceError, match="is not certified by the AK: ak_attributes"):
        verify_storage_key(*offered(), unrestricted, NONCE)
    with pytest.raises(EvidenceError, match="weak_hash"):
        verify_storage_key(public, attest, sign(private_key("p256"), attest, "sha1"), AK, NONCE)


@given(st.data())
def test_no_byte_of_an_offer_can_be_another(data: st.DataObject) -> None:
    parts = [bytearray(part) for part in offered()]
    part = data.draw(st.sampled_from(parts))
    part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    public, attest, signature = (bytes(part) for part in parts)
    with pytest.raises(EvidenceError):
        verify_storage_key(public, attest, signature, AK, NONCE)
