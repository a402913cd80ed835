# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""TPM structures, quotes, and the certificates of TPMs."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final

from cryptography import x509

from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.ek import verify_ek_certificate
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.identity import begin_enrolment
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.path import load_ca_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import (
    load_ak,
    parse_attest,
    parse_public,
    parse_signature,
)
from tests.fuzz.entry.plain import plain
from tests.fuzz.entry.scratch import CORPUS, scratch
from tests.fuzz.examine import Target
from tests.unit.verifier.soft_tpm import pem, private_key

NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
LARGEST_CHALLENGE: Final = 1024


def read_public(data: bytes) -> object:
    """Read a public area, its name and its key."""
    public = parse_public(data)
    return public, public.name, public.key() is None


def read_ak(data: bytes) -> object:
    """Read a key of any form."""
    return load_ak(data).public


def read_quote(data: bytes) -> object:
    """Verify a quote: size of the TPMS_ATTEST (2 bytes, big endian), TPMS_ATTEST, TPMT_SIGNATURE."""
    end = 2 + int.from_bytes(data[:2], "big")
    quotes = [
        verify_quote(data[2:end], data[end:], _ak(kind), b"nonce", {"sha256": (0, 1, 10)}) for kind in ("p256", "p384")
    ]
    assert not any(quote.valid for quote in quotes), "a quote of a key that nobody has is valid"
    return quotes


@cache
def _ak(kind: str) -> bytes:
    return pem(private_key(kind))


def read_ek_certificate(data: bytes) -> object:
    """Verify an EK certificate out of NV against the corpus's own manufacturer."""
    found = verify_ek_certificate(data, _authorities(), NOW)
    return found.der, found.tpm, found.chain, found.findings


@cache
def _authorities() -> tuple[x509.Certificate, ...]:
    return load_ca_directory(CORPUS / "ca_file")


def read_ca_file(data: bytes) -> object:
    """Read a file of the CA directory."""
    file = scratch() / "ca" / "hostile.pem"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    return len(load_ca_directory(file.parent))


def read_enrolment(data: bytes) -> object:
    """Read what a node says of its EK and AK, and make the challenge for it."""
    pending = begin_enrolment(plain(data), _authorities(), NOW)
    assert len(pending.credential_blob) + len(pending.encrypted_secret) <= LARGEST_CHALLENGE
    return pending.ek_kind


TARGETS: Final = (
    Target("attest", "TPMS_ATTEST", parse_attest, numbers="big"),
    Target("public", "TPM2B_PUBLIC, TPMT_PUBLIC", read_public, numbers="big"),
    Target("signature", "TPMT_SIGNATURE", parse_signature, numbers="big"),
    Target("ak", "attestation key of any form", read_ak, numbers="big"),
    Target("quote", "quote with its signature", read_quote, numbers="big"),
    Target("ek_certificate", "EK certificate out of NV, and its chain", read_ek_certificate, numbers="big"),
    Target("enrolment", "what a node says of its EK and AK", read_enrolment, form="json"),
    Target("ca_file", "certificate file of the CA directory", read_ca_file),
)

__all__ = ["NOW", "TARGETS"]
