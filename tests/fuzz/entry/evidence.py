# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole evidence, node records, Attestation Results and answers of servers."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ansible_collections.palantir.trust.plugins.module_utils._dns import _HEADER, _query, _read_response
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import qualifying_data
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise, appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import (
    abridged,
    sign_ear,
    summary,
    verify_ear,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.evidence import read_evidence
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import read_record
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import binary
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import replay
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import (
    extended,
    parse_userspace_log,
)
from tests.fuzz.entry.plain import plain
from tests.fuzz.examine import Target
from tests.unit.appraisal.scene import NOW, PCRS, Guest, reference_values, text
from tests.unit.verifier.soft_tpm import Attestation, pem, private_key, sign

FIELD_LIMIT: Final = 4096


def read_text_field(data: bytes) -> object:
    """Read a field of the evidence that came as text."""
    return binary(data.decode("latin-1"), "event_log", FIELD_LIMIT)


def read_whole(data: bytes) -> object:
    """Appraise evidence as it is, and again with a quote by the node's own TPM over what it now says."""
    evidence = plain(data)
    with contextlib.suppress(TrustError):
        appraise(evidence, _record(), {}, reference_values(), now=NOW)
    ear = appraise(_quoted(evidence), _record(), {}, reference_values(), now=NOW)
    json.dumps(ear)
    return ear, summary(ear), abridged(ear, 2000)


@cache
def _record() -> dict[str, Any]:
    return Guest().record


def _quoted(evidence: Any) -> Any:
    """Return evidence with a valid quote over its own logs and facts, as far as they can be read."""
    try:
        pcrs: dict[int, bytes] = {}
        if evidence.get("event_log") is not None:
            pcrs.update(parse_event_log(base64.b64decode(evidence["event_log"])).pcrs.get("sha256", {}))
        if evidence.get("userspace_log") is not None:
            words = parse_userspace_log(base64.b64decode(evidence["userspace_log"]))
            pcrs = extended({"sha256": pcrs}, words)["sha256"]
        if evidence.get("ima_log") is not None:
            pcrs[10] = replay(parse_ima_log(base64.b64decode(evidence["ima_log"]["data"])), "sha256")
        return _signed(evidence, pcrs)
    except _NOT_SIGNED:
        return evidence


def read_part(data: bytes) -> object:
    """Appraise a part of a list that follows a round of the same boot, with a valid quote over both."""
    began, past = _round()
    evidence = plain(data)
    try:
        part = base64.b64decode(evidence["ima_log"]["data"])
        pcrs = {**began.pcrs(), 10: replay(parse_ima_log(began.kernel.binary + part), "sha256")}
        evidence = _signed(evidence, pcrs)
    except _NOT_SIGNED:
        pass
    found = appraise_round(evidence, began.record, {}, reference_values(), past, whole=False, now=NOW)
    json.dumps(found.ear)
    return found.ear


@cache
def _round() -> tuple[Guest, Progress | None]:
    began = Guest()
    return began, appraise_round(began.evidence(), began.record, {}, reference_values(), now=NOW).progress


_NOT_SIGNED: Final = (AttributeError, KeyError, TypeError, ValueError, TrustError)


def _signed(evidence: Any, pcrs: Mapping[int, bytes]) -> Any:
    """Return evidence with a quote of the node's own TPM over its facts and these PCRs."""
    attest = Attestation(
        extra=qualifying_data(bytes.fromhex(evidence["nonce"]), evidence["facts"]),
        selections=(("sha256", PCRS),),
        digest=hashlib.sha256(b"".join(pcrs.get(pcr, bytes(32)) for pcr in PCRS)).digest(),
    ).encode()
    signature = sign(private_key("p256"), attest)
    return {**evidence, "quote": {**evidence["quote"], "attest": text(attest), "signature": text(signature)}}


def read_token(data: bytes) -> object:
    """Verify an EAR's token as it is, and its claims signed by the key that is trusted."""
    public, private = pem(private_key("p256")), _private_pem()
    token = data.decode("utf-8", "replace")
    try:
        verify_ear(token, public)
    except TrustError:
        pass
    else:
        raise AssertionError("a token of a key that nobody has is valid")
    try:
        claims = plain(base64.urlsafe_b64decode(token.split(".")[1].encode("ascii", "replace") + b"==="))
    except (IndexError, binascii.Error):
        return None
    return verify_ear(sign_ear(claims, private), public) if isinstance(claims, dict) else None


@cache
def _private_pem() -> bytes:
    key = private_key("p256")
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


DNS_QUESTION: Final = _query(0x1234, "block.example")


def read_dns(data: bytes) -> object:
    """Read a DNS server's answer, which is never shorter than its head."""
    return _read_response(data.ljust(_HEADER.size, b"\0"), DNS_QUESTION)


TARGETS: Final = (
    Target("text_field", "evidence as base64 text", read_text_field, form="text"),
    Target("evidence", "evidence, its fields", lambda data: read_evidence(plain(data)), form="json"),
    Target("appraise", "whole evidence, appraised", read_whole, form="json", plain=True, longest=32 * 1024),
    Target("part", "a part of a list, appraised after the round before", read_part, form="json", plain=True),
    Target("record", "node record", lambda data: read_record(plain(data)), form="json"),
    Target("ear_token", "EAR as a signed JWT", read_token, form="text"),
    Target("dns_answer", "answer of a DNS server", read_dns, plain=True, numbers="big"),
)

__all__ = ["DNS_QUESTION", "TARGETS"]
