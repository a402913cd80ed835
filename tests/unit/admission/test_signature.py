# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The detached JWS: verified by us, by hand as RFC 7515 has it, and by openssl; and no other signature passes."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.signature import (
    SIGNATURE_LIMIT,
    TYPE,
    is_by,
    parse_signature,
    read_private_key,
    read_public_key,
    sign,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import AdmissionError
from tests.unit.admission.developer import key, private_pem, public_pem
from tests.unit.support.examples import examples

KINDS = ("p256", "ed25519")
PAYLOAD = b'{"schema": "palantir.trust/package/1"}\n'


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jws(header: dict[str, Any] | str, signature: bytes = bytes(64)) -> bytes:
    text = header if isinstance(header, str) else json.dumps(header)
    return f"{encode(text.encode())}..{encode(signature)}".encode()


def verified(jws: bytes, kind: str = "p256", number: int = 0, payload: bytes = PAYLOAD) -> bool:
    return is_by(parse_signature(jws, "manifest.jws"), key(kind, number).public_key(), payload)


@pytest.mark.parametrize("kind", KINDS)
def test_a_signature_is_by_its_key_over_its_payload(kind: str) -> None:
    made = sign(PAYLOAD, key(kind), "acme")
    assert verified(made, kind)
    assert not verified(made, kind, number=1)
    assert not verified(made, kind, payload=PAYLOAD + b" ")
    assert parse_signature(made, "x").signer == "acme"


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_payload_and_key_give_the_same_bytes(kind: str) -> None:
    assert sign(PAYLOAD, key(kind), "acme") == sign(PAYLOAD, key(kind), "acme")


def signing_input(made: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    """Return header, signing input and signature, as a JOSE library finds them once the payload is put back."""
    attached = made.replace(b"..", b"." + encode(PAYLOAD).encode() + b".").decode()
    header, payload, signature = attached.split(".")
    assert decode(payload) == PAYLOAD
    return json.loads(decode(header)), f"{header}.{payload}".encode(), decode(signature)


def test_rfc_7515_by_hand_es256() -> None:
    header, message, signature = signing_input(sign(PAYLOAD, key("p256"), "acme"))
    assert header == {"alg": "ES256", "kid": "acme", "typ": TYPE}
    r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    public = key("p256").public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


def test_rfc_7515_by_hand_eddsa() -> None:
    header, message, signature = signing_input(sign(PAYLOAD, key("ed25519"), "acme"))
    assert header == {"alg": "EdDSA", "kid": "acme", "typ": TYPE}
    public = key("ed25519").public_key()
    assert isinstance(public, ed25519.Ed25519PublicKey)
    public.verify(signature, message)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl program")
@pytest.mark.parametrize("kind", KINDS)
def test_openssl_verifies_it(kind: str, tmp_path: Path) -> None:
    _header, message, signature = signing_input(sign(PAYLOAD, key(kind), "acme"))
    if kind == "p256":
        signature = encode_dss_signature(*(int.from_bytes(part, "big") for part in (signature[:32], signature[32:])))
    (tmp_path / "key.pem").write_bytes(public_pem(key(kind)))
    (tmp_path / "signature").write_bytes(signature)

    def openssl(message: bytes) -> int:
        (tmp_path / "message").write_bytes(message)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message"]
        command += ["-sigfile", "signature", *(["-digest", "sha256"] if kind == "p256" else [])]
        return subprocess.run(command, cwd=tmp_path, check=False, capture_output=True).returncode

    assert openssl(message) == 0
    assert openssl(message + b"A") != 0


def test_the_newer_name_of_eddsa_is_read() -> None:
    header = encode(json.dumps({"alg": "Ed25519", "kid": "acme", "typ": TYPE}).encode())
    private = key("ed25519")
    assert isinstance(private, ed25519.Ed25519PrivateKey)
    signature = private.sign(f"{header}.{encode(PAYLOAD)}".encode())
    assert verified(f"{header}..{encode(signature)}".encode(), "ed25519")


# Confusion


def test_the_algorithm_is_the_keys_and_not_the_headers() -> None:
    assert not verified(sign(PAYLOAD, key("ed25519"), "acme"), "p256")
    assert not verified(sign(PAYLOAD, key("p256"), "acme"), "ed25519")
    for algorithm in ("none", "HS256", "ES384", "RS256", "EdDSA", ""):
        head = encode(json.dumps({"alg": algorithm, "kid": "acme", "typ": TYPE}).encode())
        private = key("p256")
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        message = f"{head}.{encode(PAYLOAD)}".encode()
        good = sign(PAYLOAD, private, "acme").split(b"..")[1]
        assert not verified(head.encode() + b".." + good)
        # The public key as the secret of an HMAC, which everybody has.
        secret = hmac.new(public_pem(private), message, hashlib.sha256).digest()
        assert not verified(f"{head}..{encode(secret)}".encode())


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "ES256", "kid": "acme"},
        {"alg": "ES256", "kid": "acme", "typ": "JWT"},
        {"alg": "ES256", "kid": "acme", "typ": TYPE, "b64": False, "crit": ["b64"]},
        {"alg": "ES256", "kid": "acme", "typ": TYPE, "jwk": {"kty": "EC"}},
        {"alg": "ES256", "kid": "acme", "typ": TYPE, "x5u": "https://attacker.example/"},
        {"alg": "ES256", "kid": "../acme", "typ": TYPE},
        {"alg": ["ES256"], "kid": "acme", "typ": TYPE},
        f'{{"alg": "none", "alg": "ES256", "kid": "acme", "typ": "{TYPE}"}}',
        "[]",
        "{",
        "[" * 600,
    ],
    ids=str,
)
def test_any_other_header_is_refused(header: dict[str, Any] | str) -> None:
    with pytest.raises(AdmissionError, match=r"^manifest\.jws: "):
        parse_signature(jws(header), "manifest.jws")


def test_any_other_form_is_refused() -> None:
    good = sign(PAYLOAD, key(), "acme")
    attached = good.replace(b"..", b"." + encode(PAYLOAD).encode() + b".")
    for bad in (b"", b"..", good + b"\n", b" " + good, good + b"=", attached, good + b"A" * SIGNATURE_LIMIT):
        with pytest.raises(AdmissionError):
            parse_signature(bad, "manifest.jws")


def test_the_last_bits_of_base64url_are_not_free() -> None:
    good = sign(PAYLOAD, key(), "acme")  # 64 bytes end in a character with 4 bits that are not used
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(good[-1:]) ^ 1 :][:1]
    with pytest.raises(AdmissionError, match="base64url in its one form"):
        parse_signature(good[:-1] + other, "manifest.jws")


@examples(100)
@given(st.integers(0, 400), st.integers(1, 255), st.sampled_from(KINDS))
def test_no_changed_byte_passes(at: int, bits: int, kind: str) -> None:
    good = sign(PAYLOAD, key(kind), "acme")
    at %= len(good)
    with contextlib.suppress(AdmissionError):
        assert not verified(good[:at] + bytes([good[at] ^ bits]) + good[at + 1 :], kind)


# Keys


def test_a_key_is_read_as_it_is_written() -> None:
    for kind in KINDS:
        assert public_pem(read_private_key(private_pem(key(kind)), None, "k")) == public_pem(key(kind))
        assert read_public_key(public_pem(key(kind)), "k") == key(kind).public_key()


def test_other_keys_are_refused() -> None:
    rsa_key = rsa.generate_private_key(65537, 2048)
    p384 = ec.generate_private_key(ec.SECP384R1())
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for other in (rsa_key, p384):
        with pytest.raises(AdmissionError, match="holds a key of another kind"):
            read_public_key(other.public_key().public_bytes(*form), "key k.pem")
    with pytest.raises(AdmissionError, match=r"key k\.pem: holds a private key"):
        read_public_key(private_pem(key()), "key k.pem")
    with pytest.raises(AdmissionError, match="holds no public key"):
        read_public_key(b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "key k.pem")


def test_a_private_key_that_cannot_be_read_is_not_shown() -> None:
    pem = private_pem(key()).replace(b"M", b"N")
    with pytest.raises(AdmissionError) as refused:
        read_private_key(pem, None, "key k.pem")
    assert pem.split(b"\n")[1].decode() not in str(refused.value)
    assert refused.value.__cause__ is None
