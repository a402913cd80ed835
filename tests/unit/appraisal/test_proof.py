# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the quote proves, what it refutes, and what it leaves open."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import abridged
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.recorded import record
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from tests.unit.appraisal.scene import (
    BASE,
    HARDWARE,
    RETIRED,
    TEMPLATE,
    Guest,
    clean_boot,
    found,
    instance,
    recorded_events,
    statuses,
)

SC = "sc:dns-filter-1"
BELOW_HARDWARE = ("firmware", "os", "runtime", SC)


def changed(evidence: dict[str, Any], name: str, data: bytes) -> dict[str, Any]:
    return evidence | {name: base64.b64encode(data).decode()}


def assert_forged(ear: dict[str, Any], code: str) -> None:
    assert [(layer, c, t) for layer, c, t in found(ear) if t != "none"] == [("hardware", code, "contraindicated")]
    assert set(statuses(ear).values()) == {"contraindicated"}
    for layer in BELOW_HARDWARE:
        submod = ear["submods"][layer]
        assert set(submod["ear_trustworthiness_vector"].values()) == {99}
        assert submod["palantir.void_by"] == "hardware"
        assert submod["palantir.findings"] == []
    assert ear["submods"]["hardware"]["ear_trustworthiness_vector"]["instance-identity"] == 99
    assert ear["palantir.boot"] is None


def test_field_row_2_a_quote_for_another_nonce_proves_nothing() -> None:
    assert_forged(Guest().appraise(Guest().evidence() | {"nonce": "ff" * 32}), "nonce_mismatch")


def test_facts_that_were_changed_after_the_quote_prove_nothing() -> None:
    evidence = Guest().evidence()
    assert_forged(Guest().appraise(evidence | {"facts": evidence["facts"] | {"modules": []}}), "nonce_mismatch")


def test_field_row_3_a_quote_by_another_ak_proves_nothing_and_says_that_the_tpm_changed() -> None:
    ear = Guest(key="p384").appraise()
    assert ("hardware", "ak_replaced", "none") in found(ear)
    codes = {code for _layer, code, tier in found(ear) if tier == "contraindicated"}
    assert "bad_signature" in codes


def test_field_row_1_a_quote_over_other_pcrs_than_asked_for_proves_nothing() -> None:
    policy = {"selection": {"sha256": [*range(11), 14, 17]}}
    ear = Guest().appraise(policy=policy)
    assert ("hardware", "selection_mismatch", "contraindicated") in found(ear)
    assert set(statuses(ear).values()) == {"contraindicated"}


def test_field_row_7_a_list_longer_than_the_quote_is_appraised_as_far_as_it_is_quoted() -> None:
    guest = Guest()
    quoted = guest.pcrs()
    ear = guest.ran("/usr/local/bin/evil", b"evil").appraise(guest.evidence(quoted))
    assert found(ear) == [("os", "ima_tail_held", "none")]
    assert ear["palantir.boot"]["ima_tail_entries"] == 1
    assert ear["ear_status"] == "affirming"
    assert ("os", "unknown_executable", "contraindicated") in found(guest.appraise())


def test_field_row_7_a_list_too_far_ahead_of_its_quote_is_refused() -> None:
    guest = Guest()
    quoted = guest.pcrs()
    for n in range(4):
        guest.ran(f"/usr/bin/{n}", b"x")
    ear = guest.appraise(guest.evidence(quoted), policy={"ima": {"max_tail": 3}})
    assert ("os", "ima_replay_mismatch", "contraindicated") in found(ear)


def test_field_row_7_a_shortened_list_contraindicates_os_and_leaves_firmware_open() -> None:
    guest, shorter = Guest().ran("/usr/local/bin/evil", b"evil"), Guest()
    ear = guest.appraise(changed_list(guest.evidence(), shorter.kernel.binary))
    assert found(ear) == [("firmware", "log_unproven", "none"), ("os", "ima_replay_mismatch", "contraindicated")]
    assert ear["submods"]["os"]["ear_trustworthiness_vector"] == {"executables": 99, "configuration": 99}
    assert statuses(ear) == {
        "hardware": "affirming",
        "firmware": "none",
        "os": "contraindicated",
        "runtime": "contraindicated",
        SC: "contraindicated",
    }
    assert ear["submods"][SC]["palantir.void_by"] == "os"


def changed_list(evidence: dict[str, Any], data: bytes) -> dict[str, Any]:
    return evidence | {"ima_log": {"offset": 0, "data": base64.b64encode(data).decode()}}


def test_a_rewritten_entry_of_the_list_contraindicates_os() -> None:
    guest, rewritten = Guest().ran("/bin/dropper", b"evil", owner=BASE), Guest().ran("/bin/sh", b"shell", owner=BASE)
    ear = guest.appraise(changed_list(guest.evidence(), rewritten.kernel.binary))
    assert ("os", "ima_replay_mismatch", "contraindicated") in found(ear)


def test_an_event_log_that_does_not_lead_to_the_quote_contraindicates_firmware() -> None:
    guest = Guest(boot=clean_boot(secure_boot=b"\0"))
    ear = guest.appraise(changed(guest.evidence(), "event_log", clean_boot().build()))
    assert found(ear) == [("firmware", "event_log_replay_mismatch", "contraindicated"), ("os", "log_unproven", "none")]
    assert statuses(ear)["os"] == "contraindicated"


def test_a_withheld_event_log_leaves_everything_below_hardware_open() -> None:
    ear = Guest(event_log=False).appraise()
    assert statuses(ear) == {"hardware": "affirming", **dict.fromkeys(BELOW_HARDWARE, "none")}
    assert ("firmware", "event_log_missing", "none") in found(ear)


def test_a_withheld_ima_list_leaves_everything_below_hardware_open() -> None:
    ear = Guest(ima_log=False).appraise()
    assert statuses(ear) == {"hardware": "affirming", **dict.fromkeys(BELOW_HARDWARE, "none")}
    assert ("os", "ima_log_missing", "none") in found(ear)


def test_a_list_of_another_boot_does_not_begin_with_the_digest_of_this_one() -> None:
    guest, other = Guest(), Guest(boot=clean_boot("/vmlinuz other"))
    pcrs = {**guest.boot.pcrs["sha256"], 10: other.kernel.pcrs["sha256"][10]}
    ear = guest.appraise(changed_list(guest.evidence(pcrs), other.kernel.binary))
    assert ("os", "boot_aggregate_mismatch", "contraindicated") in found(ear)


def test_what_is_recorded_at_enrolment_makes_the_next_appraisal_clean() -> None:
    guest = Guest()
    recorded = record(guest.evidence(), guest.record["ak_public"], {})
    assert recorded == {"hardware": HARDWARE, "events": recorded_events(clean_boot()), "ssh_host_keys": []}
    guest.record["recorded"] = recorded
    assert found(guest.appraise()) == []


def test_nothing_is_recorded_from_evidence_that_does_not_prove_itself() -> None:
    guest = Guest()
    with pytest.raises(EvidenceError, match=r"does not prove what should be recorded: The quote answers another"):
        record(guest.evidence() | {"nonce": "00" * 32}, guest.record["ak_public"], {})
    other = clean_boot("/vmlinuz other").build()
    with pytest.raises(EvidenceError, match="The event log does not lead to the quoted PCRs"):
        record(changed(guest.evidence(), "event_log", other), guest.record["ak_public"], {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format: is 2, not 1."),
        ({"quote": None}, "quote: must be a mapping"),
        ({"quote": {"attest": "!", "signature": "", "ak_public": ""}}, "quote.attest: is neither bytes nor base64"),
        ({"nonce": "xyz"}, "nonce: is not hexadecimal"),
        ({"nonce": None}, "facts: cannot be bound to the quote: the nonce is 0 bytes, not 32"),
        ({"facts": [1]}, "facts: must be a mapping"),
        ({"facts": {"x": float("nan")}}, "facts: cannot be bound to the quote"),
        ({"ima_log": {"offset": 10, "data": ""}}, "ima_log.offset: is 10: what comes before it is missing."),
        ({"ima_log": {"offset": 0, "data": "AAAA"}}, "ima_log at offset 0"),
        ({"event_log": "AAAA"}, "event_log at offset"),
    ],
)
def test_evidence_that_cannot_be_read_is_an_error_that_names_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(EvidenceError) as raised:
        Guest().appraise(Guest().evidence() | change)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": ""}, "node.name: must be a text"),
        ({"ak_public": 7}, "node.ak_public: must be bytes or base64"),
        ({"recorded": {"events": [{"pcr": 99}]}}, "node.recorded.events[0].pcr: must be a number from 0 to 23"),
        ({"last": {"clock": -1, "safe": True}}, "node.last.clock: must be a number"),
        ({"instances": [{"instance": "a", "sc": "b", "state": "lives"}]}, "node.instances[0].state: is 'lives'"),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error_that_names_the_field(change: dict[str, Any], message: str) -> None:
    guest = Guest()
    guest.record |= change
    with pytest.raises(EvidenceError) as raised:
        guest.appraise()
    assert message in str(raised.value)


def test_hostile_names_reach_the_result_only_as_printable_text() -> None:
    path = "/tmp/\x1b[2J{{ 7*7 }}\n../../etc/\u202epasswd"  # noqa: S108
    ear = Guest().ran(path, b"evil").appraise()
    (finding,) = ear["submods"]["os"]["palantir.findings"]
    assert "\x1b" not in finding["message"] + finding["path"]
    assert "\n" not in finding["message"] + finding["path"]
    assert "\u202e" not in finding["message"] + finding["path"]


def relabelled(guest: Guest, old: str, new: str) -> dict[str, Any]:
    names = [len(name).to_bytes(4, "little") + name.encode() for name in (old, new)]
    head, last = guest.kernel.binary.rsplit(names[0], 1)
    return changed_list(guest.evidence(), head + names[1] + last)


def test_no_pcr_covers_a_template_name_so_a_file_cannot_be_passed_off_as_a_buffer() -> None:
    guest = Guest(template="ima-sig").ran("/usr/local/bin/evil", b"evil")
    ear = guest.appraise(relabelled(guest, "ima-sig", "ima-buf"))
    assert found(ear) == [
        ("os", "ima_buffer_digest", "contraindicated"),
        ("os", "unknown_executable", "contraindicated"),
    ]


# Two contents with the MD5 digest 79054025255fb1a26e4bc422aef54eb4 (Wang and Yu, "How to Break MD5", 2005)
PROGRAM = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a"
    "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70"
)
BUFFER = bytes.fromhex(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f8955ad340609f4b30283e4888325f1415a"
    "085125e8f7cdc99fd91dbd7280373c5bd8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0"
    "e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70"
)


def test_a_program_whose_attribute_has_its_digest_by_a_broken_hash_is_no_buffer() -> None:
    guest = Guest(template="ima-sig").ran("/usr/local/bin/evil", PROGRAM, algorithm="md5", sig=BUFFER)
    assert hashlib.md5(PROGRAM).digest() == hashlib.md5(BUFFER).digest()  # noqa: S324
    ear = guest.appraise(relabelled(guest, "ima-sig", "ima-buf"))
    assert [finding for finding in found(ear) if finding[1] != "ima_other_template"] == [
        ("os", "digest_algorithm_unknown", "none")
    ]


@pytest.mark.parametrize("algorithm", [b"shake_128", b"blake2b", b"md5-sha1", b"no-hash", b"sha3-256", b"sm3"])
@pytest.mark.parametrize("proven", [True, False])
def test_a_hash_that_is_no_hash_of_files_is_no_reason_to_stumble(algorithm: bytes, proven: bool) -> None:
    guest = Guest()
    quoted = guest.pcrs()
    guest.kernel.measure("ima-buf", d_ng=(algorithm + b":\0" + bytes(32), ""), n_ng=(b"kexec_load\0", ""))
    ear = guest.appraise(None if proven else guest.evidence(quoted))
    assert ear["palantir.boot"]["ima_tail_entries"] == (0 if proven else 1)
    assert not proven or ear["submods"]["os"]["ear_status"] != "affirming"


@pytest.mark.parametrize("template", ["buf|n-ng|sig|iuid|igid|imode", "dep|n-ng|sig|iuid|igid|imode", "x|n-ng"])
def test_a_template_that_nobody_asked_for_contraindicates_os(template: str) -> None:
    guest = Guest().ran("/usr/local/bin/evil", b"evil")
    ear = guest.appraise(relabelled(guest, TEMPLATE, template))
    assert ("os", "ima_template_unexpected", "contraindicated") in found(ear)


def test_entries_of_another_pcr_prove_nothing_and_stand_for_nothing() -> None:
    guest = Guest(instances=[instance(), instance(instance="dns-filter-2", uid_base=RETIRED)])
    quoted = guest.pcrs()
    made_up = Guest().ran("/usr/sbin/dnsmasq", b"dnsmasq", owner=RETIRED)
    entry = made_up.kernel.binary[len(Guest().kernel.binary) :]
    ear = guest.appraise(
        changed_list(guest.evidence(quoted), guest.kernel.binary + (11).to_bytes(4, "little") + entry[4:])
    )
    assert ("sc:dns-filter-2", "no_measurements", "warning") in found(ear)
    assert ("os", "ima_other_pcr", "warning") in found(ear)


@cache
def clean_evidence() -> dict[str, Any]:
    return Guest().evidence()


@given(st.sampled_from(["attest", "signature"]), st.data())
def test_whatever_is_changed_in_a_quote_is_never_affirmed(part: str, data: st.DataObject) -> None:
    evidence = clean_evidence()
    blob = flipped(evidence["quote"][part], data)
    try:
        ear = Guest().appraise(evidence | {"quote": evidence["quote"] | {part: blob}})
    except EvidenceError:
        return
    assert set(statuses(ear).values()) == {"contraindicated"}


@given(st.sampled_from(["event_log", "ima_log"]), st.data())
def test_whatever_is_changed_in_a_log_ends_in_a_verdict_or_a_named_field(part: str, data: st.DataObject) -> None:
    evidence = clean_evidence()
    blob = flipped(evidence["event_log"] if part == "event_log" else evidence["ima_log"]["data"], data)
    value = blob if part == "event_log" else {"offset": 0, "data": blob}
    guest = Guest()
    try:
        ear = guest.appraise(evidence | {part: value})
    except EvidenceError as error:
        assert error.field == part  # noqa: PT017 - whether it is an error depends on the byte
        return
    if part == "ima_log":
        # No PCR covers an entry's SHA-1 column, of which nothing is read, and its template's name.
        codes = {code for _layer, code, tier in found(ear) if tier == "contraindicated"}
        mismatches = {"ima_replay_mismatch", "ima_list_trimmed", "event_log_replay_mismatch"}
        assert not found(ear) or codes & {*mismatches, "ima_template_unexpected"}


def flipped(text: str, data: st.DataObject) -> str:
    blob = bytearray(base64.b64decode(text))
    at = data.draw(st.integers(0, len(blob) - 1))
    blob[at] ^= 1 << data.draw(st.integers(0, 7))
    return base64.b64encode(bytes(blob)).decode()


def test_an_inventory_without_end_is_bounded_too() -> None:
    hardware = {**HARDWARE, **{f"part{n}": n for n in range(300)}}
    submod = Guest(facts={"hardware": hardware}).appraise()["submods"]["hardware"]
    assert submod["ear_status"] == "contraindicated"
    assert [f["code"] for f in submod["palantir.findings"]] == ["hardware_changed"] * 200 + ["more_findings"]


def test_a_flood_of_firmware_events_is_bounded_too() -> None:
    boot = clean_boot()
    for n in range(300):
        boot.add(0, ev.EV_POST_CODE, b"%d" % n)
    submod = Guest(boot=boot).appraise()["submods"]["firmware"]
    assert submod["ear_status"] == "contraindicated"
    assert [f["code"] for f in submod["palantir.findings"]] == ["firmware_code_changed"] * 200 + ["more_findings"]


def test_an_ear_is_abridged_for_those_who_cannot_take_it_whole() -> None:
    guest = Guest()
    for n in range(300):
        # Each character of the name becomes ten in a finding.
        guest.ran(f"/{n}".ljust(250, "\U000e0001"), b"evil", owner=BASE if n % 2 else 0)
    ear = guest.appraise()
    assert len(json.dumps(ear)) > 700_000
    short = abridged(ear, 500_000)
    assert len(json.dumps(short)) <= 500_000
    assert statuses(short) == statuses(ear)
    for layer, submod in short["submods"].items():
        whole = ear["submods"][layer]
        assert len(submod["palantir.findings"]) + submod["palantir.left_out"] == len(whole["palantir.findings"])
    assert {f["code"] for f in short["submods"]["os"]["palantir.findings"]} == {"unknown_executable"}
    assert abridged(ear, 10**9) == ear


def test_a_flood_of_findings_is_bounded_and_says_so() -> None:
    guest = Guest()
    for n in range(300):
        guest.ran(f"/usr/local/bin/{n}", b"evil")
    findings = guest.appraise()["submods"]["os"]["palantir.findings"]
    assert len(findings) == 201
    assert findings[-1]["code"] == "more_findings"
    assert "They are 100 more." in findings[-1]["message"]
