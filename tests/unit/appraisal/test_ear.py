# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
from itertools import product

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, Tier, tier, worse
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import (
    build_ear,
    sign_ear,
    summary,
    verify_ear,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding, LayerVerdict
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from tests.unit.appraisal.scene import NONCE, NOW, Guest

VALUES = st.integers(-128, 127)
KEY = ec.generate_private_key(ec.SECP256R1())
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-128, Tier.CONTRAINDICATED),
        (-97, Tier.CONTRAINDICATED),
        (-96, Tier.WARNING),
        (-33, Tier.WARNING),
        (-32, Tier.AFFIRMING),
        (-2, Tier.AFFIRMING),
        (-1, Tier.NONE),
        (0, Tier.NONE),
        (1, Tier.NONE),
        (2, Tier.AFFIRMING),
        (31, Tier.AFFIRMING),
        (32, Tier.WARNING),
        (95, Tier.WARNING),
        (96, Tier.CONTRAINDICATED),
        (127, Tier.CONTRAINDICATED),
    ],
)
def test_values_lie_in_the_tiers_of_ar4si_section_2_3_2(value: int, expected: Tier) -> None:
    assert tier(value) is expected


@given(VALUES, VALUES, VALUES)
def test_the_worse_of_two_values_never_betters_either(a: int, b: int, c: int) -> None:
    assert tier(worse(a, b)).rank == max(tier(a).rank, tier(b).rank)
    assert worse(a, b) in (a, b)
    assert tier(worse(worse(a, b), c)) is tier(worse(a, worse(b, c)))


def test_a_fault_of_the_verifier_shows_through_an_affirmation() -> None:
    assert worse(ar4si.AFFIRMED, ar4si.VERIFIER_FAULT) == ar4si.VERIFIER_FAULT
    assert worse(ar4si.UNKNOWN_ELEMENTS, ar4si.VERIFIER_FAULT) == ar4si.VERIFIER_FAULT
    assert worse(ar4si.CONTRAINDICATED, ar4si.VERIFIER_FAULT) == ar4si.CONTRAINDICATED


@given(st.lists(VALUES, min_size=5, max_size=5))
def test_a_layer_is_never_better_than_those_above_and_instances_never_limit_each_other(values: list[int]) -> None:
    names = ("hardware", "firmware", "os", "sc:a", "sc:b")
    verdicts = [LayerVerdict(name, {Claim.EXECUTABLES: value}) for name, value in zip(names, values, strict=True)]
    ear = build_ear(verdicts, node="n", policy="p", now=NOW)
    ranks = {name: Tier(ear["submods"][name]["ear_status"]).rank for name in names}
    own = {name: tier(value).rank for name, value in zip(names, values, strict=True)}
    host = max(own[name] for name in names[:3])
    assert ranks["hardware"] == own["hardware"]
    assert ranks["os"] == host
    assert ranks["sc:a"] == max(host, own["sc:a"])
    assert ranks["sc:b"] == max(host, own["sc:b"])
    assert Tier(ear["ear_status"]).rank == max(ranks.values())
    assert (ear["submods"]["sc:a"]["palantir.void_by"] is not None) == (host == Tier.CONTRAINDICATED.rank)


def test_a_finding_lowers_its_own_claim_and_no_other() -> None:
    finding = LayerFinding("unknown_executable", "x", Claim.EXECUTABLES, 96)
    told = LayerFinding("ima_tail_held", "y")
    verdict = LayerVerdict("os", {Claim.EXECUTABLES: 2, Claim.CONFIGURATION: 2}, (finding, told))
    assert verdict.vector == {"executables": 96, "configuration": 2}
    assert verdict.own_status is Tier.CONTRAINDICATED


def test_the_claims_are_those_of_draft_ietf_rats_ear_04() -> None:
    ear = Guest().appraise()
    assert ear["eat_profile"] == "tag:ietf.org,2026:rats/ear#04"
    assert ear["iat"] == int(NOW.timestamp())
    assert set(ear["ear_verifier_id"]) == {"developer", "build"}
    assert base64.urlsafe_b64decode(ear["eat_nonce"] + "=") == NONCE
    claims = {claim.value for claim in Claim}
    for submod in ear["submods"].values():
        assert submod["ear_status"] in {t.value for t in Tier}
        assert submod["ear_appraisal_policy_ids"] == ["default"]
        assert submod["ear_trustworthiness_vector"]
        assert set(submod["ear_trustworthiness_vector"]) <= claims
    assert json.loads(json.dumps(ear)) == ear


def test_the_summary_shows_the_gravest_finding_of_each_layer() -> None:
    ear = Guest().ran("/opt/ls", b"ls").ran("/usr/local/bin/evil", b"evil").appraise()
    assert summary(ear)["status"] == "contraindicated"
    (host,) = [layer for layer in summary(ear)["layers"] if layer["layer"] == "os"]
    assert host["findings"] == 2
    assert host["message"].endswith("It is /usr/local/bin/evil.")


def test_a_signed_ear_is_read_back_and_its_signature_is_plain_es256() -> None:
    ear = Guest().appraise()
    token = sign_ear(ear, PRIVATE)
    assert verify_ear(token, PUBLIC) == ear
    header, _payload, signature = token.split(".")
    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "ES256", "typ": "JWT"}
    assert len(base64.urlsafe_b64decode(signature + "==")) == 64
    assert "=" not in token


def altered(token: str, part: int, value: bytes) -> str:
    parts = token.split(".")
    parts[part] = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
    return ".".join(parts)


def test_whatever_is_changed_in_a_token_is_refused() -> None:
    ear = Guest().appraise()
    token = sign_ear(ear, PRIVATE)
    better = json.dumps(ear | {"ear_status": "affirming", "palantir.node": "other"}).encode()
    for bad, message in [
        (altered(token, 1, better), "has a wrong signature"),
        (altered(token, 0, b'{"alg":"none"}'), "is not signed with plain ES256"),
        (altered(token, 0, b'{"alg":"ES256","crit":["x"]}'), "is not signed with plain ES256"),
        (altered(token, 2, bytes(64)), "has a wrong signature"),
        (altered(token, 2, b""), "has a signature of the wrong length"),
        (token.replace(".", "", 1), "is no JWS"),
        (token[: token.rindex(".")] + ".!!", "is not base64url"),
        (sign_ear(ear | {"eat_profile": "tag:other"}, PRIVATE), "is of another profile"),
    ]:
        with pytest.raises(EvidenceError, match=message):
            verify_ear(bad, PUBLIC)


def test_only_p256_keys_sign() -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())):
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with pytest.raises(EvidenceError, match="is no ECDSA P-256 key"):
            sign_ear({}, pem)
    with pytest.raises(EvidenceError, match="is no private key in PEM"):
        sign_ear({}, b"-----BEGIN NOTHING-----")


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_token(text: str) -> None:
    with pytest.raises(EvidenceError):
        verify_ear(text, PUBLIC)


def test_ranks_are_a_total_order() -> None:
    assert len({t.rank for t in Tier}) == len(Tier)
    assert all((a.rank < b.rank) ^ (b.rank < a.rank) for a, b in product(Tier, Tier) if a is not b)
