# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotes by the TPM's own commands: with an emulator, as tpm2-pytss would take them; and TPMs that refuse."""

from __future__ import annotations

import os
import struct
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils import _tpm_quote
from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, describe
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Tpm, open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_quote import Quoting, open_quoting
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote
from tests.lab.light.node import LightNode
from tests.unit.support.examples import examples

AK = 0x81010020
SELECTION = {"sha256": [0, 1, 2, 3, 4, 5, 6, 7, 10], "sha1": [10]}
CHALLENGE = bytes(range(32))


@pytest.fixture
def enrolled(node: LightNode) -> LightNode:
    describe(node.tcti, hex(AK), "auto", AkRequest("ecdsa_p256", replace=False, create=True))
    return node


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_tpm_quote, "_PAUSE_S", 0.0)


@pytest.mark.slow
def test_a_quote_is_what_tpm2_pytss_would_have_got(enrolled: LightNode) -> None:
    with open_quoting(enrolled.tcti) as tpm:
        assert isinstance(tpm, Quoting)
        ours = [tpm.quote(AK, SELECTION, CHALLENGE) for _ in range(2)]
    with open_tpm(enrolled.tcti) as library:
        theirs = library.quote(AK, SELECTION, CHALLENGE)
    for quote in (*ours, theirs):
        assert quote.ak_public == theirs.ak_public
        checked = verify_quote(quote.attest, quote.signature, theirs.ak_public, CHALLENGE, SELECTION)
        assert (checked.valid, checked.findings) == (True, ())
    assert ours[0].signature != ours[1].signature


@pytest.mark.slow
def test_a_tpm_without_the_ak_says_so(node: LightNode) -> None:
    node.clear_tpm()
    with open_quoting(node.tcti) as tpm, pytest.raises(NodeError) as caught:
        tpm.quote(AK, SELECTION, CHALLENGE)
    assert caught.value.code == "ak_missing"


@pytest.mark.slow
def test_a_bank_that_is_not_there_is_missed(enrolled: LightNode) -> None:
    with open_quoting(enrolled.tcti) as tpm, pytest.raises(NodeError) as caught:
        tpm.quote(AK, {**SELECTION, "sha512": [0]}, CHALLENGE)
    assert caught.value.code == "pcr_bank_missing"


@pytest.mark.slow
def test_any_other_tcti_goes_through_tpm2_pytss(enrolled: LightNode) -> None:
    # The same socket, said in another way of tpm2-tss.
    with open_quoting(f"libtss2-tcti-swtpm.so.0:{enrolled.tcti.partition(':')[2]}") as tpm:
        assert isinstance(tpm, Tpm)
        quote = tpm.quote(AK, SELECTION, CHALLENGE)
    assert verify_quote(quote.attest, quote.signature, quote.ak_public, CHALLENGE, SELECTION).valid


@pytest.mark.parametrize("tcti", ["swtpm:path=/nowhere/socket", "device:/nowhere/tpmrm0"])
def test_where_no_tpm_is_none_answers(tcti: str) -> None:
    with pytest.raises(NodeError) as caught, open_quoting(tcti) as tpm:
        tpm.quote(AK, SELECTION, CHALLENGE)
    assert caught.value.code == "no_tpm"


def test_a_device_is_written_to_once_and_read_once_for_each_command(tmp_path: Path) -> None:
    # A terminal in raw mode has what a pipe has not: one file to write to and to read from.
    controller, device = os.openpty()
    os.set_blocking(controller, True)

    tty.setraw(device)
    asked: list[bytes] = []

    def answer() -> None:
        for response in responses(refuses=0x922):
            asked.append(os.read(controller, 4096))
            os.write(controller, response)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    with open_quoting(f"device:{os.ttyname(device)}") as tpm:
        quote = tpm.quote(AK, SELECTION, CHALLENGE)
    thread.join(5)
    os.close(controller)
    os.close(device)
    assert [struct.unpack_from(">HII", command)[2] for command in asked] == [0x173, 0x158, 0x158], "and once more"
    assert quote.signature == b"signature"
    assert CHALLENGE in asked[-1]


def responses(*, refuses: int) -> Iterator[bytes]:
    """What a TPM answers: the AK's public area, a refusal, and then a quote."""
    yield framed(struct.pack(">H", 6) + b"public" + struct.pack(">H", 4) + b"name" + struct.pack(">H", 0))
    yield struct.pack(">HII", 0x8001, 10, refuses)
    wanted = struct.pack(">IHB3sHB3s", 2, 0x0B, 3, b"\xff\x04\x00", 0x04, 3, b"\x00\x04\x00")
    attest = b"\xffTCG" + wanted + struct.pack(">H", 32) + bytes(32)
    parameters = struct.pack(">H", len(attest)) + attest + b"signature"
    yield framed(struct.pack(">I", len(parameters)) + parameters + bytes(5))


def framed(body: bytes) -> bytes:
    return struct.pack(">HII", 0x8002, 10 + len(body), 0) + body


@pytest.mark.parametrize(
    ("code", "name"), [(0x18B, "ak_missing"), (0x9A2, "tpm_error"), (0x921, "tpm_error"), (0x922, "tpm_error")]
)
def test_a_tpm_that_refuses_is_told_by_its_code(code: int, name: str) -> None:
    quoting = Quoting(lambda _command: struct.pack(">HII", 0x8001, 10, code))
    with pytest.raises(NodeError) as caught:
        quoting.quote(AK, SELECTION, CHALLENGE)
    assert caught.value.code == name
    if name == "tpm_error":
        assert f"TPM_RC 0x{code:03x}" in str(caught.value)


@given(st.binary(max_size=80) | st.binary(max_size=80).map(framed))
@examples(200)
def test_whatever_a_tpm_answers_is_a_quote_or_an_error_with_a_name(response: bytes) -> None:
    with pytest.raises(NodeError):
        Quoting(lambda _command: response).quote(AK, SELECTION, CHALLENGE)
