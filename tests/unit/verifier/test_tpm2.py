# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import (
    Attributes,
    load_ak,
    parse_attest,
    parse_public,
    parse_signature,
    qualified_name,
)
from tests.unit.verifier.soft_tpm import Attestation, guest_sample, pem, private_key, public_area, sign, tpm2b

ENDORSEMENT = 0x4000000B


@pytest.mark.parametrize("kind", ["rsa2048", "rsa3072", "p256", "p384"])
@pytest.mark.parametrize("wrap", [lambda area: area, tpm2b], ids=["TPMT_PUBLIC", "TPM2B_PUBLIC"])
def test_public_area_gives_the_key(kind: str, wrap: Callable[[bytes], bytes]) -> None:
    key = private_key(kind)
    public = parse_public(wrap(public_area(key)))

    assert public.key().public_numbers() == key.public_key().public_numbers()
    assert public.type == ("rsa" if kind.startswith("rsa") else "ecc")
    assert public.encoded == public_area(key)
    assert Attributes.RESTRICTED in public.attributes
    assert Attributes.DECRYPT not in public.attributes


def test_ak_comes_in_every_form() -> None:
    key = private_key("p256")
    area = public_area(key)
    forms = [pem(key), pem(key).decode(), "\n" + pem(key).decode(), area, tpm2b(area), base64.b64encode(area).decode()]

    assert {load_ak(form).key.public_numbers() for form in forms} == {key.public_key().public_numbers()}
    assert load_ak(pem(key)).public is None
    assert load_ak(area).public == parse_public(area)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "at offset 0: key type wants 2 bytes, 0 remain."),
        (public_area(private_key("p256"))[:-1], "at offset 56: y wants 32 bytes, 31 remain."),
        (public_area(private_key("p256")) + b"\0", "at offset 88: 1 bytes remain after the public area."),
        (b"\x00\x08" + bytes(86), "at offset 2: key type 0x0008 is not known."),
        (public_area(private_key("p521")), ": curve 0x0005 is none of P-256, P-384."),
        (pem(private_key("p521")), ": is neither an RSA key nor one of P-256 or P-384."),
        (
            b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
            ": is no PEM of a public key that can be read.",
        ),
        ("not base64!", ": is neither bytes nor base64 text. Next: pass bytes, or base64 of them."),
        (None, ": must be bytes or base64 text, not NoneType."),
        (bytes(5000), ": is 5000 bytes, over the limit of 4096."),
    ],
)
def test_an_ak_that_is_none_is_named(value: object, message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        load_ak(value)
    assert str(caught.value) == f"ak_public{'' if message.startswith(':') else ' '}{message}"


def test_a_point_off_the_curve_is_no_key() -> None:
    area = bytearray(public_area(private_key("p256")))
    area[-1] ^= 1
    with pytest.raises(EvidenceError, match="holds numbers that are no valid key"):
        load_ak(bytes(area))


def test_attest_of_a_quote() -> None:
    attest = parse_attest(Attestation(clock=5, restarts=2, safe=0, digest=b"d" * 32).encode())

    assert attest.is_quote
    assert (attest.clock, attest.reset_count, attest.restart_count, attest.safe) == (5, 3, 2, False)
    assert attest.selections == (("sha256", (0, 1, 10)),)
    assert attest.digest == b"d" * 32
    assert attest.extra_data == b"nonce"


@pytest.mark.parametrize("attestation", [Attestation(type=0x8017), Attestation(magic=0xFF544346)])
def test_field_row_1_what_is_no_quote_shows_no_selection(attestation: Attestation) -> None:
    attest = parse_attest(attestation.encode())
    assert not attest.is_quote
    assert attest.selections == ()


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (Attestation().encode() + b"\0", "1 bytes remain after the quote"),
        (Attestation(safe=2).encode(), "safe is 2, neither 0 nor 1"),
        (Attestation(extra=bytes(67)).encode(), "extra data of 67 bytes is over the limit of 66"),
        (Attestation(selections=(("sha256", (0,)),) * 17).encode(), "17 PCR banks are more than the 16"),
        (Attestation(selections=()).encode()[:-38] + b"\xff\xff\xff\xff", "4294967295 PCR banks are more than"),
    ],
)
def test_field_row_1_malformed_attest(blob: bytes, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        parse_attest(blob)


def test_signature_forms() -> None:
    key = private_key("p384")
    signature = parse_signature(sign(key, b"message", "sha384"))
    assert (signature.scheme, signature.hash_alg, [len(part) for part in signature.value]) == (
        "ecdsa",
        "sha384",
        [48] * 2,
    )
    signature = parse_signature(sign(private_key("rsa2048"), b"message", "sha512", "rsapss"))
    assert (signature.scheme, signature.hash_alg, [len(part) for part in signature.value]) == (
        "rsapss",
        "sha512",
        [256],
    )


def test_signature_of_another_scheme() -> None:
    with pytest.raises(EvidenceError, match="signature scheme ecdaa is none of RSASSA, RSAPSS, ECDSA"):
        parse_signature(b"\x00\x1a\x00\x0b")


def test_names_of_a_real_tpm() -> None:
    folder = guest_sample("clean")
    ek, ak = (parse_public((folder / name).read_bytes()) for name in ("ek.pub", "ak.pub"))
    attest = parse_attest((folder / "quote.tpms_attest").read_bytes())

    assert qualified_name(ENDORSEMENT, ek, ak) == attest.qualified_signer
    assert ek.attributes == Attributes(0x000300B2)
    assert load_ak((folder / "ak.pem").read_bytes()).key.public_numbers() == ak.key().public_numbers()


@pytest.mark.parametrize("parse", [parse_public, parse_attest, parse_signature])
@given(blob=st.binary(max_size=300))
def test_any_bytes_give_a_structure_or_an_evidence_error(parse: Callable[[bytes], object], blob: bytes) -> None:
    with suppress(EvidenceError):
        parse(blob)


@given(cut=st.integers(0, 400), place=st.integers(0, 400), byte=st.integers(0, 255))
def test_any_change_of_a_public_area_gives_a_key_or_an_evidence_error(cut: int, place: int, byte: int) -> None:
    area = bytearray(public_area(private_key("p256")))
    area[place % len(area)] = byte
    with suppress(EvidenceError):
        load_ak(bytes(area[: cut + 1]))
