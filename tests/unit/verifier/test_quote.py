# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import struct
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, PolicyError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.clock import Tick, continuity
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import Quote, pcr_digest, verify_quote
from tests.unit.verifier.soft_tpm import (
    AK_ATTRIBUTES,
    Attestation,
    guest_sample,
    pem,
    private_key,
    public_area,
    sign,
    tpm2b,
)

NONCE = b"nonce"
SELECTION = {"sha256": [0, 1, 10]}
SAMPLE_SELECTION = {"sha256": [*range(11), 14], "sha1": [*range(11), 14]}


def check(
    attestation: Attestation | None = None,
    *,
    kind: str = "p256",
    hash_alg: str = "sha256",
    scheme: str | None = None,
    ak: bytes | None = None,
    nonce: bytes = NONCE,
    selection: Any = SELECTION,
) -> Quote:
    """Have a soft TPM sign, and check."""
    key, blob = private_key(kind), (attestation or Attestation()).encode()
    ak = public_area(key, hash_alg, scheme) if ak is None else ak
    return verify_quote(blob, sign(key, blob, hash_alg, scheme), ak, nonce, selection)


def codes(quote: Quote) -> list[str]:
    return [finding.code for finding in quote.findings]


@pytest.mark.parametrize("hash_alg", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize(
    ("kind", "scheme"),
    [("p256", "ecdsa"), ("p384", "ecdsa"), ("rsa2048", "rsassa"), ("rsa2048", "rsapss"), ("rsa3072", "rsapss")],
)
def test_every_scheme_over_every_hash(kind: str, scheme: str, hash_alg: str) -> None:
    quote = check(kind=kind, hash_alg=hash_alg, scheme=scheme)
    assert (quote.valid, quote.findings, quote.hash_alg) == (True, (), hash_alg)


@pytest.mark.parametrize("name", ["clean", "attacked"])
def test_quote_of_a_real_guest(name: str) -> None:
    folder = guest_sample(name)
    nonce = bytes.fromhex((folder / "nonce.hex").read_text())
    attest, signature = ((folder / part).read_bytes() for part in ("quote.tpms_attest", "quote.tpmt_signature"))
    for ak in ("ak.pub", "ak.pem"):
        quote = verify_quote(attest, signature, (folder / ak).read_bytes(), nonce, SAMPLE_SELECTION)
        assert (quote.valid, quote.findings) == (True, ())
        assert (quote.reset_count, quote.restart_count, quote.safe) == (3, 0, True)
    other = "attacked" if name == "clean" else "clean"
    swapped = verify_quote(
        attest, (folder.parent / other / "quote.tpmt_signature").read_bytes(), (folder / "ak.pub").read_bytes(),
        nonce, SAMPLE_SELECTION,
    )  # fmt: skip
    assert codes(swapped) == ["bad_signature"]


def test_text_forms_are_the_same() -> None:
    key, blob = private_key("p256"), Attestation().encode()
    attest, signature, ak = (
        base64.b64encode(part).decode() for part in (blob, sign(key, blob), tpm2b(public_area(key)))
    )
    assert verify_quote(attest, signature, ak, NONCE, SELECTION).valid


def test_field_row_1_not_a_quote() -> None:
    certify = check(Attestation(type=0x8017))
    assert (certify.valid, codes(certify), certify.pcr_select) == (False, ["not_a_quote", "selection_mismatch"], {})
    forged = check(Attestation(magic=0xFF544348))
    assert (forged.valid, codes(forged)) == (False, ["not_a_quote", "selection_mismatch"])


@pytest.mark.parametrize(
    "signed",
    [
        (("sha256", (0, 1)),),
        (("sha256", (0, 1, 10, 16)),),
        (("sha256", (0, 1, 23)),),
        (("sha1", (0, 1, 10)),),
        (("sha256", (0, 1, 10)), ("sha1", (0,))),
        (("sha256", (0, 1, 10)), ("sha256", (0, 1, 10))),
        (),
    ],
    ids=str,
)
def test_field_row_1_the_signed_selection_is_what_was_asked_for(
    signed: tuple[tuple[str, tuple[int, ...]], ...],
) -> None:
    assert codes(check(Attestation(selections=signed))) == ["selection_mismatch"]


def test_field_row_1_order_of_banks_and_empty_banks_do_not_matter() -> None:
    quote = check(
        Attestation(selections=(("sha1", (10,)), ("sha384", ()), ("sha256", (0, 1, 10)))),
        selection={"sha256": [10, 0, 1], "sha1": [10], "sha512": []},
    )
    assert quote.valid
    assert list(quote.pcr_select) == ["sha1", "sha384", "sha256"]


@pytest.mark.parametrize("nonce", [b"", b"nonc", b"noncf", b"nonce\0"])
def test_field_row_2_nonce_mismatch(nonce: bytes) -> None:
    assert codes(check(nonce=nonce)) == ["nonce_mismatch"]


@pytest.mark.parametrize(
    "attributes",
    [
        AK_ATTRIBUTES & ~(1 << 16),
        AK_ATTRIBUTES & ~(1 << 1),
        AK_ATTRIBUTES & ~(1 << 18),
        AK_ATTRIBUTES | 1 << 17,
    ],
    ids=["unrestricted", "not fixedTPM", "no sign", "decrypt"],
)
def test_field_row_3_attributes_of_the_ak(attributes: int) -> None:
    assert codes(check(ak=public_area(private_key("p256"), attributes=attributes))) == ["ak_attributes"]


def test_field_row_3_another_key_signed() -> None:
    quote = check(ak=public_area(private_key("p384")))
    assert (quote.valid, codes(quote)) == (False, ["bad_signature"])
    assert codes(check(ak=pem(private_key("rsa2048")))) == ["bad_signature"]


def test_scheme_of_the_key_binds_the_signature() -> None:
    key = private_key("rsa2048")
    assert codes(check(kind="rsa2048", scheme="rsapss", ak=public_area(key))) == ["scheme_mismatch"]
    assert codes(check(kind="rsa2048", hash_alg="sha512", ak=public_area(key))) == ["scheme_mismatch"]
    assert check(kind="rsa2048", hash_alg="sha512", ak=public_area(key, scheme="null")).valid
    assert check(kind="rsa2048", scheme="rsapss", ak=pem(key)).valid


def test_signer_with_another_name_algorithm() -> None:
    assert codes(check(Attestation(signer=b"\x00\x0c" + bytes(48)))) == ["signer_mismatch"]


def test_sha1_only_by_policy() -> None:
    blob, key = Attestation().encode(), private_key("rsa2048")
    rest = (sign(key, blob, "sha1"), public_area(key, "sha1"), NONCE, SELECTION)
    assert codes(verify_quote(blob, *rest)) == ["weak_hash"]
    assert verify_quote(blob, *rest, allow_sha1=True).valid


def test_short_rsa_key() -> None:
    assert codes(check(kind="rsa1024")) == ["ak_weak"]


def test_all_reasons_are_named() -> None:
    quote = check(Attestation(type=0x8017, extra=b"x"), ak=public_area(private_key("p384"), "sha384", attributes=0))
    assert codes(quote) == [
        "ak_attributes", "scheme_mismatch", "bad_signature", "not_a_quote", "nonce_mismatch", "selection_mismatch",
    ]  # fmt: skip
    assert [finding.message for finding in quote.findings] == [CODES[code] for code in codes(quote)]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({}, "selection: names no PCR."),
        ({"sha256": []}, "selection: names no PCR."),
        ({"sha257": [0]}, "selection: names no known PCR bank: sha257."),
        ({"sha256": [24]}, "selection: sha256 is not a list of PCR numbers from 0 to 23."),
        ({"sha256": ["0"]}, "selection: sha256 is not a list of PCR numbers from 0 to 23."),
        ({"sha256": 7}, "selection: is not a mapping of PCR banks to lists of PCR numbers."),
        ([0, 1], "selection: is not a mapping of PCR banks to lists of PCR numbers."),
    ],
)
def test_a_selection_that_cannot_be_asked_for(selection: Any, message: str) -> None:
    with pytest.raises(PolicyError) as caught:
        check(selection=selection)
    assert str(caught.value).startswith(message)


@given(bit=st.integers(0, 10_000), part=st.sampled_from(["attest", "signature", "nonce"]))
def test_no_flipped_bit_is_valid(bit: int, part: str) -> None:
    key, blob = private_key("p256"), Attestation(digest=hashlib.sha256(b"").digest()).encode()
    parts = {
        "attest": bytearray(blob),
        "signature": bytearray(SIGNED.setdefault("p256", sign(key, blob))),
        "nonce": bytearray(NONCE),
    }
    bit %= 8 * len(parts[part])
    parts[part][bit // 8] ^= 1 << bit % 8
    try:
        quote = verify_quote(
            bytes(parts["attest"]), bytes(parts["signature"]), public_area(key), bytes(parts["nonce"]), SELECTION
        )
    except EvidenceError:
        return
    assert not quote.valid
    assert quote.findings


SIGNED: dict[str, bytes] = {}


@given(attest=st.binary(max_size=200), signature=st.binary(max_size=200), ak=st.binary(max_size=200))
def test_any_bytes_are_refused(attest: bytes, signature: bytes, ak: bytes) -> None:
    for parts in ((attest, signature, ak), (attest, signature, public_area(private_key("p256")))):
        with suppress(TrustError):
            assert not verify_quote(*parts, NONCE, SELECTION).valid


@pytest.mark.parametrize("size", [0, 1, 31, 33, 128])
def test_odd_sizes_of_r_and_s(size: int) -> None:
    blob = Attestation().encode()
    signature = struct.pack(">HHH", 0x18, 0x0B, size) + bytes(size) + tpm2b(b"\x01")
    assert codes(verify_quote(blob, signature, public_area(private_key("p256")), NONCE, SELECTION)) == ["bad_signature"]


@pytest.mark.parametrize("name", ["clean", "attacked"])
def test_quoted_digest_is_that_of_the_pcrs(name: str) -> None:
    folder = guest_sample(name)
    recorded = yaml.safe_load((folder / "pcrs.yaml").read_text())["sha256"]
    values = {number: value.to_bytes(32, "big") for number, value in recorded.items()}
    attest = Attestation(
        selections=(("sha256", tuple(values)),), digest=pcr_digest({"sha256": tuple(values)}, {"sha256": values})
    )
    assert check(attest, selection={"sha256": list(values)}).pcr_digest == hashlib.sha256(
        b"".join(values[number] for number in sorted(values))
    ).digest()  # fmt: skip


def test_a_pcr_without_events_has_its_first_value() -> None:
    assert pcr_digest({"sha256": [8, 17], "sha1": [10]}, {"sha1": {10: b"\x07" * 20}}, "sha384") == hashlib.sha384(
        bytes(32) + b"\xff" * 32 + b"\x07" * 20
    ).digest()  # fmt: skip


def test_a_bank_that_cannot_be_hashed() -> None:
    with pytest.raises(EvidenceError, match="covers a PCR bank whose hash is not available here"):
        pcr_digest({"0x1234": [1]}, {})


LAST = Tick(clock=5000, reset_count=3, restart_count=2, safe=True)


@pytest.mark.parametrize(
    ("tick", "new_boot", "expected"),
    [
        (Tick(5001, 3, 2, True), False, []),
        (Tick(6000, 3, 3, True), False, []),
        (Tick(6000, 4, 0, True), True, []),
        (Tick(4000, 4, 0, False), True, ["clock_unsafe"]),
        (Tick(4000, 4, 0, True), True, ["clock_decreased"]),
        (Tick(4999, 3, 2, True), False, ["clock_decreased"]),
        (Tick(4999, 3, 2, False), False, ["clock_unsafe", "clock_decreased"]),
        (Tick(6000, 3, 1, True), False, ["restart_count_decreased"]),
        (Tick(6000, 2, 0, True), True, ["reset_count_decreased"]),
    ],
)
def test_field_row_5_counters(tick: Tick, new_boot: bool, expected: list[str]) -> None:
    result = continuity(LAST, tick)
    assert (result.new_boot, [finding.code for finding in result.findings]) == (new_boot, expected)


def test_field_row_5_first_quote() -> None:
    assert continuity(None, LAST).new_boot
    assert continuity(None, LAST).findings == ()
