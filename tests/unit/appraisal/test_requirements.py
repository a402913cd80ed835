# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requirements on a verifier (docs/verifier.md) by the whole appraisal; more of them are tested where they are met.

Where a published vulnerability of another verifier is named, the test does what its attacker did.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import qualifying_data
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy, load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from tests.unit.appraisal.scene import BASE, NONCE, PCRS, Guest, found, statuses, text
from tests.unit.verifier.ima_kernel import Kernel
from tests.unit.verifier.soft_tpm import Attestation, private_key, sign


def attested(guest: Guest, **changes: Any) -> dict[str, Any]:
    """Return evidence with a quote of other content, signed by the AK all the same."""
    values = guest.pcrs()
    content = {
        "extra": qualifying_data(NONCE, guest.facts),
        "selections": (("sha256", PCRS),),
        "digest": hashlib.sha256(b"".join(values.get(pcr, bytes(32)) for pcr in PCRS)).digest(),
    }
    attest = Attestation(**(content | changes)).encode()
    evidence = guest.evidence()
    signature = text(sign(private_key("p256"), attest))
    return evidence | {"quote": evidence["quote"] | {"attest": text(attest), "signature": signature}}


# -- 1: the quote's content


@pytest.mark.parametrize("change", [{"magic": 0}, {"magic": 0xFF544348}, {"type": 0x8017}])
def test_field_row_1_what_no_tpm_made_is_no_quote_though_its_signature_is_right(change: dict[str, int]) -> None:
    """CVE-2024-29038 and CVE-2024-29040: the magic number of attestation data was not looked at."""
    guest = Guest()
    ear = guest.appraise(attested(guest, **change))
    assert ("hardware", "not_a_quote", "contraindicated") in found(ear)
    assert set(statuses(ear).values()) == {"contraindicated"}


def test_field_row_1_clean_values_in_a_resettable_pcr_do_not_stand_for_the_real_one() -> None:
    """CVE-2024-29039: PCR numbers were taken from a list beside the quote, not from what was signed."""
    guest = Guest()
    clean = guest.pcrs()[10]
    guest.ran("/usr/local/bin/evil", b"evil")
    # PCR 16 was reset, extended as PCR 10 of a clean node, and is quoted in its stead, with a clean node's list.
    numbers = tuple(16 if pcr == 10 else pcr for pcr in PCRS)
    values = {**guest.pcrs(), 16: clean}
    digest = hashlib.sha256(b"".join(values.get(pcr, bytes(32)) for pcr in numbers)).digest()
    evidence = attested(guest, selections=(("sha256", numbers),), digest=digest)
    evidence["ima_log"] = Guest().evidence()["ima_log"]
    for labels in ({}, {"selection": {"sha256": list(PCRS)}, "pcrs": {"sha256": {"10": clean.hex()}}}):
        ear = guest.appraise(evidence | {"quote": evidence["quote"] | labels} | labels)
        assert ("hardware", "selection_mismatch", "contraindicated") in found(ear)


@pytest.mark.parametrize("pcr", [16, 23])
def test_field_row_1_a_policy_that_asks_for_a_resettable_pcr_is_refused(pcr: int) -> None:
    with pytest.raises(PolicyError, match=f"names PCR {pcr}, which any program can reset"):
        load_policy({"selection": {"sha256": [*PCRS, pcr]}})


# -- 2: the nonce


def test_field_row_2_nonces_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    in_constant_time = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return in_constant_time(one, other)

    guest = Guest()
    evidence, wanted = guest.evidence(), qualifying_data(NONCE, guest.facts)
    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert found(guest.appraise(evidence)) == []
    assert (wanted, wanted) in compared


def test_field_row_2_evidence_of_one_challenge_is_never_good_for_the_next() -> None:
    """CVE-2026-6420: a released verifier asked with the same nonce each time, so an old quote stayed good."""
    guest = Guest()
    evidence = guest.evidence()
    assert guest.appraise(evidence)["ear_status"] == "affirming"
    for nonce in (bytes(32), bytes(reversed(NONCE)), NONCE[:-1] + b"\0"):
        ear = guest.appraise(evidence | {"nonce": nonce.hex()})
        assert ("hardware", "nonce_mismatch", "contraindicated") in found(ear)


# -- 3: the attestation key


def test_field_row_3_the_key_that_comes_with_the_evidence_verifies_nothing() -> None:
    """CVE-2022-1053: the identity was checked with one key, and the quote with another that the node gave."""
    guest, other = Guest(), Guest(key="p384")
    evidence = other.evidence()
    for given in (evidence, evidence | {"quote": evidence["quote"] | {"ak_public": guest.record["ak_public"]}}):
        ear = guest.appraise(given)
        assert ("hardware", "bad_signature", "contraindicated") in found(ear)
        assert ear["palantir.boot"] is None


# -- 5: counters


def test_field_row_5_a_power_loss_is_at_most_a_warning() -> None:
    guest = Guest()
    ear = guest.appraise(attested(guest, safe=0))
    assert "contraindicated" not in statuses(ear).values()


# -- 6: digests per bank


def test_field_row_6_no_verdict_rests_on_the_lists_column() -> None:
    guest = Guest().ran("/usr/local/bin/evil", b"evil").ran("/bin/dropper", b"evil", owner=BASE)
    evidence = guest.evidence()
    data = bytearray(guest.kernel.binary)
    starts = [0, *parse_ima_log(guest.kernel.binary).ends[:-1]]
    for start in starts:
        data[start + 4 : start + 24] = b"\x5a" * 20
    forged = evidence | {"ima_log": {"offset": 0, "data": base64.b64encode(bytes(data)).decode()}}
    assert guest.appraise(forged) == guest.appraise(evidence)


def test_field_row_6_sha1_padded_into_another_bank_is_found_out() -> None:
    assert found(Guest(kernel=Kernel(zero_padding=True)).appraise()) == [("os", "ima_zero_padded", "warning")]


# -- 8: violations


@pytest.mark.parametrize("tier", ["none", "warning", "contraindicated"])
@pytest.mark.parametrize(("owner", "layer"), [(0, "os"), (BASE, "sc:dns-filter-1")])
def test_field_row_8_unknown_content_lowers_its_layer_as_far_as_the_policy_says(
    owner: int, layer: str, tier: str
) -> None:
    ear = (
        Guest()
        .ran("/usr/sbin/dnsmasq", b"", owner=owner, violation=True)
        .appraise(policy={"ima": {"violations": tier}})
    )
    assert found(ear) == [(layer, "ima_violation", tier)]
    assert ear["submods"][layer]["ear_status"] == tier


# -- 9: PCRs that are extended at run time


def test_field_row_9_pcrs_that_systemd_extends_at_run_time_are_not_asked_for() -> None:
    assert not {11, 12, 13, 15} & set(AppraisalPolicy().selection["sha256"])


# -- 11: blind spots


def test_field_row_11_what_interpreters_read_and_what_lies_in_memory_is_named_and_not_taken_for_clean() -> None:
    coverage = Guest().appraise()["submods"]["os"]["palantir.coverage"]
    unread = [item for item in coverage["not_measured"] if item["what"] == "files read"]
    assert any("ext4" in item["file_systems"] and item["users"][0][0] == 0 for item in unread), "scripts of the host"
    assert any("tmpfs" in item["file_systems"] for item in unread)


# -- 13: states


def test_field_row_13_an_untrusted_node_has_a_verdict_and_one_that_proves_nothing_has_none() -> None:
    untrusted = Guest().ran("/usr/local/bin/evil", b"evil").appraise()
    unproven = Guest(event_log=False).appraise()
    assert statuses(untrusted)["os"] == "contraindicated"
    assert "contraindicated" not in statuses(unproven).values()
    assert statuses(unproven)["os"] == "none"
