# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeds of TPM structures, quotes and certificates. Their keys are made anew each time, and thrown away."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from struct import pack

from cryptography.hazmat.primitives.serialization import Encoding

from tests.fuzz.seeds.boot import Seed
from tests.unit.enrolment.pki import Authority, EkRequest, ek_key
from tests.unit.verifier.soft_tpm import Attestation, pem, private_key, public_area, sign, tpm2b


def seeds() -> Iterator[Seed]:
    quote = Attestation()
    banks = quote.but(selections=(("sha1", (0,)), ("sha256", (0, 1, 10)), ("sha384", ())))
    for name, attest in (
        ("quote", quote),
        ("banks", banks),
        ("other", quote.but(type=0x8017)),
        ("forged", quote.but(magic=1)),
    ):
        yield "attest", name, attest.encode()
    for kind in ("p256", "p384", "p521", "rsa2048"):
        area, message = public_area(private_key(kind)), quote.encode()
        yield "public", kind, tpm2b(area)
        yield "ak", kind, tpm2b(area)
        yield "ak", f"{kind}-pem", pem(private_key(kind))
        yield "signature", kind, sign(private_key(kind), message)
        yield "quote", kind, pack(">H", len(message)) + message + sign(private_key(kind), message)
    yield "public", "bare", public_area(private_key("p256"), scheme="null")
    yield "signature", "rsapss", sign(private_key("rsa2048"), b"", "sha512", "rsapss")
    yield from _certificates()


def _certificates() -> Iterator[Seed]:
    root = Authority("TPM Root")
    issuer = Authority("TPM Intermediate", parent=root, path_length=0)
    yield "ca_file", "root.pem", root.pem()
    yield "ca_file", "intermediate.pem", issuer.pem()
    yield "ca_file", "both.pem", root.pem() + issuer.pem()
    yield "ca_file", "root.der", root.certificate().public_bytes(Encoding.DER)
    certificate = EkRequest().issue(issuer, ek_key().public_key())
    yield "ek_certificate", "plain", certificate
    yield "ek_certificate", "trailing", certificate + b"\xff" * 32
    wrapped = bytes.fromhex("100100") + pack(">H", len(certificate) + 2) + bytes.fromhex("1002") + certificate
    yield "ek_certificate", "wrapped", wrapped
    yield "ek_certificate", "critical", EkRequest(critical_extra=True).issue(issuer, ek_key().public_key())
    yield "ek_certificate", "ca", EkRequest(is_ca=True, tpm_names=False).issue(root, ek_key().public_key())
    yield "enrolment", "described.json", _description(issuer)
    yield "ek_certificate", "rsa", EkRequest(usages=()).issue(root, private_key("rsa2048").public_key())


def _description(issuer: Authority) -> bytes:
    key = ek_key()
    numbers = key.public_key().public_numbers()
    coordinates = b"".join(tpm2b(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    head = pack(">HHI", 0x23, 0x0B, 0x000300B2) + tpm2b(bytes(32)) + pack(">HHH", 0x06, 128, 0x43)
    area = head + pack(">HHH", 0x10, 0x03, 0x10) + coordinates
    parts: dict[str, dict[str, str | bytes]] = {
        "ek": {
            "kind": "ecc_nist_p256",
            "certificate": EkRequest().issue(issuer, key.public_key()),
            "public": tpm2b(area),
        },
        "ak": {"public": tpm2b(public_area(private_key("p256")))},
    }
    described = {
        part: {name: value if isinstance(value, str) else b64encode(value).decode() for name, value in its.items()}
        for part, its in parts.items()
    }
    return json.dumps({**described, "tpm": {"manufacturer": "IBM", "vendor": "SW", "firmware_version": 7}}).encode()


__all__ = ["seeds"]
