# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence over a size limit is refused by name, on every way in; nothing of it is read before."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.palantir.trust.plugins.filter.appraise import FilterModule as Appraise
from ansible_collections.palantir.trust.plugins.filter.event_log import FilterModule as EventLog
from ansible_collections.palantir.trust.plugins.filter.ima_log import FilterModule as ImaLog
from ansible_collections.palantir.trust.plugins.filter.quote import FilterModule as Quote
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.plain import ima_bytes
from tests.unit.appraisal.scene import Guest, reference_values
from tests.unit.verifier.soft_tpm import Attestation, pem, private_key, public_area, sign, tpm2b

SMALL = 4096
SELECTION = {"sha256": [0, 1, 10]}
ATTEST = Attestation().encode()
SIGNATURE = sign(private_key("p256"), ATTEST)
AK = pem(private_key("p256"))


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the limits small, so that to be over one costs no time."""
    for name in LIMITS:
        monkeypatch.setitem(LIMITS, name, SMALL)


OVER = [bytes(SMALL + 1), text(bytes(SMALL + 1)), " " * (2 * SMALL)]


@pytest.mark.parametrize("blob", OVER, ids=["bytes", "base64", "spaces"])
def test_the_filter_event_log_refuses_a_larger_log(blob: bytes | str) -> None:
    read = EventLog().filters()["event_log"]
    with pytest.raises(AnsibleFilterError, match=r"^event_log: is .*limit of 4096"):
        read(blob)
    with pytest.raises(AnsibleFilterError, match=r"^final_events: is .*limit of 4096"):
        read(bytes(40), blob)


@pytest.mark.parametrize(
    "blob", [*OVER, f"10 {'a' * 40} ima-ng sha1:" + "b" * SMALL], ids=["bytes", "base64", "spaces", "ascii"]
)
def test_the_filter_ima_log_refuses_a_larger_list(blob: bytes | str) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^ima_log: is .*limit of 4096"):
        ImaLog().filters()["ima_log"](blob)


def test_a_list_in_characters_that_no_list_has_is_no_list() -> None:
    with pytest.raises(EvidenceError, match=r"^ima_log at offset 52: holds characters that no list has\.$"):
        ima_bytes(f"10 {'a' * 40} ima-ng \udcff\ud800")


@pytest.mark.parametrize("blob", OVER, ids=["bytes", "base64", "spaces"])
@pytest.mark.parametrize(("place", "field"), [(0, "quote.attest"), (1, "quote.signature"), (2, "ak_public")])
def test_the_filter_quote_refuses_larger_parts(place: int, field: str, blob: bytes | str) -> None:
    parts: list[Any] = [ATTEST, SIGNATURE, AK]
    parts[place] = blob
    with pytest.raises(AnsibleFilterError, match=rf"^{field}: is .*limit of 4096"):
        Quote().filters()["quote"](*parts, b"nonce", SELECTION)


@pytest.mark.parametrize("blob", OVER, ids=["bytes", "base64", "spaces"])
@pytest.mark.parametrize(
    "field", ["event_log", "userspace_log", "ima_log", "quote.attest", "quote.signature", "quote.ak_public"]
)
def test_the_filter_appraise_refuses_larger_evidence(field: str, blob: bytes | str) -> None:
    guest = Guest()
    evidence = guest.evidence()
    for name in ("event_log", "ima_log", "userspace_log"):
        evidence[name] = None
    if field in {"event_log", "userspace_log"}:
        evidence[field] = blob
    elif field == "ima_log":
        evidence["ima_log"] = {"offset": 0, "data": blob}
    else:
        evidence["quote"][field.partition(".")[2]] = blob
    with pytest.raises(AnsibleFilterError, match=rf"^{field}: is .*limit of 4096"):
        Appraise().filters()["appraise"](evidence, guest.record, {}, reference_values())


def test_the_filter_appraise_refuses_larger_facts() -> None:
    guest = Guest(event_log=False, ima_log=False)
    evidence = guest.evidence()
    evidence["facts"] = {"modules": ["m" * SMALL]}
    with pytest.raises(AnsibleFilterError, match=r"^facts: are over the limit of 4096 bytes\."):
        Appraise().filters()["appraise"](evidence, guest.record, {}, reference_values())


def test_the_filter_appraise_refuses_a_larger_key_in_the_record() -> None:
    guest = Guest()
    record = guest.record | {"ak_public": text(tpm2b(public_area(private_key("p256"))) + bytes(SMALL))}
    with pytest.raises(AnsibleFilterError, match=r"^node\.ak_public: is .*limit of 4096"):
        Appraise().filters()["appraise"](guest.evidence(), record, {}, reference_values())
