# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd's own log: its words are verified, its notes claimed, and its events continue the firmware's."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import (
    PHASES,
    SEPARATED_PCRS,
    SystemdClaims,
    explained,
    extended,
    is_known,
    parse_userspace_log,
    systemd_claims,
)
from tests.unit.support.examples import examples
from tests.unit.verifier.cel_builder import sequence, systemd
from tests.unit.verifier.event_log_builder import boot_log

MACHINE = "machine-id:" + "0123456789abcdef" * 2
BOOT = [
    systemd(11, "enter-initrd"),
    systemd(11, "leave-initrd"),
    systemd(15, MACHINE, "machine-id"),
    systemd(15, "file-system:/:uuid:ext4:::", "filesystem"),
    systemd(15, "cryptsetup:root:uuid", "volume-key", secret=b"key"),
    systemd(11, "sysinit"),
    systemd(11, "ready"),
]


def replayed(records: list[dict[str, Any]], pcr: int) -> bytes:
    value = bytes(32)
    for record in records:
        if record["pcr"] == pcr:
            value = hashlib.sha256(value + bytes.fromhex(record["digests"][1]["digest"])).digest()
    return value


def test_the_words_of_a_boot_are_claims_and_lead_to_pcr_11_and_15() -> None:
    events = parse_userspace_log(sequence(BOOT))
    assert systemd_claims(events) == SystemdClaims(
        phases=("enter-initrd", "leave-initrd", "sysinit", "ready"),
        machine_id="0123456789abcdef" * 2,
        file_systems=("/:uuid:ext4:::",),
        volume_keys=("cryptsetup:root:uuid",),
    )
    pcrs = extended({}, events)["sha256"]
    assert pcrs == {11: replayed(BOOT, 11), 15: replayed(BOOT, 15)}
    assert all(is_known(event) for event in events)


def test_the_events_continue_what_the_firmware_extended() -> None:
    firmware = parse_event_log(boot_log()).pcrs
    events = parse_userspace_log(sequence([systemd(pcr, "os-separator", "os-separator") for pcr in SEPARATED_PCRS]))
    word = hashlib.sha256(b"os-separator").digest()
    pcrs = extended(firmware, events)["sha256"]
    assert pcrs[4] == hashlib.sha256(firmware["sha256"][4] + word).digest()
    assert pcrs[12] == hashlib.sha256(bytes(32) + word).digest()
    assert pcrs[8] == firmware["sha256"][8]
    assert all(is_known(event) for event in events)


def test_a_text_that_does_not_hash_is_no_claim() -> None:
    forged = [systemd(11, "ready") | {"digests": systemd(11, "other")["digests"]}]
    forged.append(systemd(15, MACHINE, "machine-id") | {"digests": systemd(15, "x")["digests"]})
    claims = systemd_claims(parse_userspace_log(sequence(forged)))
    assert (claims.phases, claims.machine_id) == ((), None)


def test_two_machine_ids_are_none() -> None:
    other = systemd(15, "machine-id:" + "f" * 32, "machine-id")
    assert systemd_claims(parse_userspace_log(sequence([*BOOT, other]))).machine_id is None


@pytest.mark.parametrize(
    ("pcr", "word", "known"),
    [
        *((11, word, True) for word in PHASES),
        (11, "os-separator", False),
        (11, "custom", False),
        (4, "os-separator", True),
        (4, "ready", False),
        (8, "os-separator", False),
        (10, "os-separator", False),
        (12, "quiet\0", False),
        (15, "anything", True),
        (23, "anything", True),
    ],
)
def test_only_systemds_own_words_are_known_in_the_pcrs_of_the_boot(pcr: int, word: str, *, known: bool) -> None:
    (event,) = parse_userspace_log(sequence([systemd(pcr, word)]))
    assert is_known(event) is known


def test_a_bank_that_systemd_did_not_extend_stays_as_it_is() -> None:
    record = systemd(11, "ready")
    record["digests"] = record["digests"][1:]
    pcrs = extended({"sha1": {11: b"x" * 20}, "sha256": {}}, parse_userspace_log(sequence([record])))
    assert pcrs == {"sha1": {11: b"x" * 20}, "sha256": {11: replayed([systemd(11, "ready")], 11)}}


def test_a_quote_may_cover_less_than_the_log_that_was_read_after_it() -> None:
    events = parse_userspace_log(sequence(BOOT))
    counts = [count for count, _pcrs in explained({}, events, {"sha256": [11]})]
    assert counts == [7, 6, 5, 1, 0]
    assert [count for count, _pcrs in explained({}, events, {"sha256": [10, 16]})] == [7]
    many = parse_userspace_log(sequence([systemd(11, "ready")] * 50))
    assert [count for count, _pcrs in explained({}, many, {"sha256": [11]})] == [50, 49, 48, 47, 46]


def test_an_nv_index_of_systemds_is_no_pcr() -> None:
    record = systemd(0, "product-id:1", "product-id") | {"nv_index": 0x01D10200}
    del record["pcr"]
    assert extended({}, parse_userspace_log(sequence([record]))) == {}


@pytest.mark.parametrize("tail", [b"\x1e", b'\x1e{"pcr"', b"\x1e{"])
def test_a_record_that_is_being_written_is_left_out(tail: bytes) -> None:
    assert len(parse_userspace_log(sequence(BOOT) + tail)) == len(BOOT)
    assert parse_userspace_log(b"") == ()


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b'\x1e{"pcr"\x1e{"pcr": 11}', "userspace_log at offset 1: holds something that is no JSON."),
        (b'\x1e{"pcr": 99}', "userspace_log at offset 1: has a record of PCR 99, NV index None: out of range."),
        (b"\x1e[]" + b'\x1e{"pcr": 1}' * 17_000, "holds more than 16384 records."),
    ],
)
def test_field_row_10_a_malformed_log_of_systemd_is_an_error(blob: bytes, message: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_userspace_log(blob)
    assert message in str(error.value)


@examples(200, deadline=1000)
@given(st.integers(0, 500), st.binary(max_size=6))
def test_field_row_10_any_damage_to_systemds_log_is_read_or_refused(at: int, data: bytes) -> None:
    blob = sequence(BOOT[:3])
    damaged = blob[:at] + data + blob[at + len(data) :]
    try:
        events = parse_userspace_log(damaged)
    except EvidenceError:
        return
    json.dumps([event.data.hex() for event in events])
    assert len(events) <= len(damaged)


def test_the_filter_reads_systemds_log() -> None:
    log = parse_event_log(sequence(BOOT))
    assert log.format == "cel_json"
    assert (log.claims.boot_phases, log.claims.machine_id) == (
        ("enter-initrd", "leave-initrd", "sysinit", "ready"),
        "0123456789abcdef" * 2,
    )
