# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.module_utils._enrolment import AkRequest, answer, describe
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.ek import load_ca_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.identity import (
    PendingEnrolment,
    begin_enrolment,
    finish_enrolment,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import parse_public
from tests.lab.light.node import LightNode
from tests.unit.enrolment.pki import NOW, Authority, EkRequest, ek_key

HANDLE = "0x81010031"
MAKE = AkRequest("ecdsa_p256", replace=False, create=True)
FIXED_TPM = 1 << 1


def begin(node: LightNode, description: dict[str, Any]) -> PendingEnrolment:
    return begin_enrolment(description, load_ca_directory(node.ca), datetime.now(UTC))


def changed(description: dict[str, Any], key: str, change: Callable[[bytes], bytes]) -> dict[str, Any]:
    """The description with another public area of its EK or AK."""
    altered = copy.deepcopy(description)
    altered[key]["public"] = base64.b64encode(change(base64.b64decode(altered[key]["public"]))).decode()
    return altered


def without_attribute(attribute: int) -> Callable[[bytes], bytes]:
    def change(public: bytes) -> bytes:
        attributes = int.from_bytes(public[6:10], "big") & ~attribute
        return public[:6] + attributes.to_bytes(4, "big") + public[10:]

    return change


@pytest.fixture(scope="module")
def description(node: LightNode) -> dict[str, Any]:
    return describe(node.tcti, HANDLE, "auto", MAKE)


@pytest.mark.parametrize("kind", ["ecc_nist_p384", "rsa_2048"])
@pytest.mark.parametrize("algorithm", ["ecdsa_p256", "rsa_2048"])
def test_field_row_3_a_node_is_enrolled_by_two_questions(node: LightNode, kind: str, algorithm: str) -> None:
    handle = {"ecdsa_p256": "0x81010032", "rsa_2048": "0x81010033"}[algorithm]
    said = describe(node.tcti, handle, kind, AkRequest(algorithm, replace=False, create=True))
    pending = begin(node, json.loads(json.dumps(said)))
    proof = answer(node.tcti, handle, *pending.challenge().values())
    identity = finish_enrolment(pending, proof)
    assert identity.ak_public == base64.b64decode(said["ak"]["public"])
    assert identity.record() == {
        "ak_public": said["ak"]["public"],
        "ek_certificate": said["ek"]["certificate"],
        "ek_certificate_sha256": identity.ek_certificate.sha256,
        "tpm": {
            "manufacturer": "id:00001014",
            "model": "swtpm",
            "version": identity.tpm["version"],
            "vendor": "SW TPM",
            "firmware_version": said["tpm"]["firmware_version"],
        },
    }
    assert identity.ek_certificate.chain == ("CN=swtpm-localca", "CN=swtpm-localca-rootca")
    assert identity.findings == ()


def test_a_second_description_finds_the_same_ak(node: LightNode, description: dict[str, Any]) -> None:
    again = describe(node.tcti, HANDLE, "auto", MAKE)
    assert again["ak"] == {**description["ak"], "created": False}


def test_replace_makes_another_ak(node: LightNode) -> None:
    first = describe(node.tcti, "0x81010034", "auto", MAKE)
    second = describe(node.tcti, "0x81010034", "auto", AkRequest("rsa_2048", replace=True, create=True))
    assert second["ak"]["created"] is True
    assert parse_public(base64.b64decode(second["ak"]["public"])).type == "rsa"
    assert first["ak"]["public"] != second["ak"]["public"]
    with pytest.raises(NodeError, match="holds a key that is no ecdsa_p256 AK") as caught:
        describe(node.tcti, "0x81010034", "auto", MAKE)
    assert caught.value.code == "ak_occupied"


def test_check_mode_makes_no_ak(node: LightNode) -> None:
    with pytest.raises(NodeError, match="no AK at handle 0x81010035") as caught:
        describe(node.tcti, "0x81010035", "auto", AkRequest("ecdsa_p256", replace=False, create=False))
    assert caught.value.code == "ak_missing"


def test_field_row_3_a_wrong_answer_enrols_nobody(node: LightNode, description: dict[str, Any]) -> None:
    pending = begin(node, description)
    for wrong in (bytes(32), b"", base64.b64encode(bytes(31)).decode()):
        with pytest.raises(EnrolmentError, match="its AK and its EK are not proven to be in one TPM"):
            finish_enrolment(pending, wrong)


def test_field_row_3_a_refusal_does_not_echo_the_answer(node: LightNode, description: dict[str, Any]) -> None:
    pending = begin(node, description)
    right = base64.b64decode(answer(node.tcti, HANDLE, *pending.challenge().values()))
    with pytest.raises(EnrolmentError) as refusal:
        finish_enrolment(pending, bytes(32))
    for shown in (str(refusal.value), repr(refusal.value), repr(refusal.value.__cause__)):
        assert right.hex() not in shown
        assert base64.b64encode(right).decode() not in shown


def test_field_row_3_the_answer_of_an_earlier_enrolment_is_wrong(node: LightNode, description: dict[str, Any]) -> None:
    earlier = begin(node, description)
    proof = answer(node.tcti, HANDLE, *earlier.challenge().values())
    with pytest.raises(EnrolmentError):
        finish_enrolment(begin(node, description), proof)
    assert finish_enrolment(earlier, proof)


def test_field_row_3_what_is_expected_shows_nowhere(node: LightNode, description: dict[str, Any]) -> None:
    pending = begin(node, description)
    proof = base64.b64decode(answer(node.tcti, HANDLE, *pending.challenge().values()))
    for shown in (repr(pending), str(pending), json.dumps(pending.challenge())):
        assert proof.hex() not in shown
        assert repr(proof)[2:-1] not in shown
        assert base64.b64encode(proof).decode() not in shown


def test_field_row_3_an_ek_that_is_not_the_certificate_s_is_refused(
    node: LightNode, description: dict[str, Any]
) -> None:
    other = describe(node.tcti, HANDLE, "rsa_2048", MAKE)
    swapped = copy.deepcopy(description)
    swapped["ek"]["public"] = other["ek"]["public"]
    with pytest.raises(EnrolmentError, match="EK: is not the key that its certificate names"):
        begin(node, swapped)


def test_an_ek_with_other_attributes_is_refused(node: LightNode, description: dict[str, Any]) -> None:
    with pytest.raises(EnrolmentError, match="EK: has not the attributes of an EK"):
        begin(node, changed(description, "ek", without_attribute(FIXED_TPM)))


@pytest.mark.parametrize("attribute", [1 << 1, 1 << 4, 1 << 5, 1 << 16, 1 << 18])
def test_field_row_3_an_ak_with_other_attributes_is_refused(
    node: LightNode, description: dict[str, Any], attribute: int
) -> None:
    with pytest.raises(EnrolmentError, match="AK: is no restricted signing key that is bound to its TPM"):
        begin(node, changed(description, "ak", without_attribute(attribute)))


def test_field_row_3_an_ak_that_a_program_made_up_is_never_proven(node: LightNode, description: dict[str, Any]) -> None:
    """CVE-2021-3406: an attacker presents a key of his own beside the genuine EK."""
    numbers = ek_key().public_key().public_numbers()
    point = b"".join(b"\x00\x20" + n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
    pending = begin(node, changed(description, "ak", lambda public: public[: -len(point)] + point))
    with pytest.raises(NodeError) as caught:
        answer(node.tcti, HANDLE, *pending.challenge().values())
    assert caught.value.code == "activation_refused"


def test_a_ca_that_did_not_issue_the_certificate_is_not_enough(description: dict[str, Any]) -> None:
    with pytest.raises(EnrolmentError, match="no CA certificate is there for its issuer CN=swtpm-localca"):
        begin_enrolment(description, (Authority("Root").certificate(),), datetime.now(UTC))


def test_field_row_3_a_forged_certificate_for_the_genuine_ek_is_refused(
    node: LightNode, description: dict[str, Any]
) -> None:
    forger = Authority("swtpm-localca")
    public = parse_public(base64.b64decode(description["ek"]["public"])).key()
    forged = copy.deepcopy(description)
    forged["ek"]["certificate"] = base64.b64encode(EkRequest().issue(forger, public)).decode()
    with pytest.raises(EnrolmentError, match="CN=swtpm-localca has a key that cannot have made the signature"):
        begin_enrolment(forged, load_ca_directory(node.ca), NOW.replace(year=2027))


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=40)
    | st.binary(max_size=40).map(lambda data: base64.b64encode(data).decode())
)
names = st.sampled_from(["ek", "ak", "tpm", "public", "kind", "certificate"])


@given(st.recursive(leaves, lambda inner: st.dictionaries(names, inner)))
def test_a_made_up_description_is_refused_in_words(made_up: Any) -> None:
    with pytest.raises(TrustError) as caught:
        begin_enrolment(made_up, (Authority("Root").certificate(),), NOW)
    assert str(caught.value).isprintable()
