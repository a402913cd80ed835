# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Canonical Event Log says no more and no less than the log that it was made from."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_record import (
    CelManagement,
    ImaTemplate,
    SystemdRecord,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Claimed, Raw, Text, Verified
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.plain import plain_event_log
from tests.unit.support.examples import examples
from tests.unit.verifier.cel_builder import json_log, measured, number, record, sequence, systemd, tlv, tlv_log
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, firmware, grub
from tests.unit.verifier.test_event_log_vectors import TRUNCATED, VECTORS, expected

VECTOR_NAMES: list[str | None] = [name for name in expected() if name != TRUNCATED] or [None]


def codes(log: EventLog) -> list[str]:
    return [finding.code for finding in log.findings]


def encodings(log: EventLog) -> dict[str, bytes]:
    records = json_log(log.events)
    return {
        "cel_tlv": tlv_log(log.events),
        "cel_json": json.dumps(records).encode(),
        "lines": b"\n".join(json.dumps(each).encode() for each in records),
        "sequence": sequence(records),
    }


def original(name: str | None) -> EventLog:
    if name is None:
        return parse_event_log(boot_log())
    return parse_event_log((VECTORS / name).read_bytes())


@pytest.mark.parametrize("name", VECTOR_NAMES)
def test_real_logs_say_the_same_in_every_encoding(name: str | None) -> None:
    log = original(name)
    sha1_only = log.algorithms == ("sha1",)
    for form, blob in encodings(log).items():
        same = parse_event_log(blob)
        assert same.format == ("cel_tlv" if form == "cel_tlv" else "cel_json")
        for bank, values in same.pcrs.items():
            assert values == log.pcrs[bank]
        assert {bank for bank, values in log.pcrs.items() if values} <= same.pcrs.keys()
        assert same.startup_locality == log.startup_locality
        assert same.claims == log.claims
        assert [(e.pcr, e.type, e.verified) for e in same.events] == [(e.pcr, e.type, e.verified) for e in log.events]
        assert ("event_log_sha1_only" in codes(same)) is sha1_only
        known = {"event_log_padding", "event_bank_not_replayed"}
        assert set(codes(same)) - known == set(codes(log)) - known


def test_data_that_does_not_hash_is_only_claimed_in_a_canonical_log_too() -> None:
    builder = firmware(LogBuilder()).add(5, ev.EV_EFI_ACTION, b"Exit Boot Services Invocation", b"something else")
    log = parse_event_log(builder.build())
    for blob in encodings(log).values():
        same = parse_event_log(blob)
        assert same.events[-1].verified is None
        assert codes(same) == ["event_data_mismatch"]


def test_a_changed_digest_leads_elsewhere() -> None:
    records = json_log(parse_event_log(boot_log()).events)
    records[2]["digests"][1]["digest"] = "00" * 32
    assert parse_event_log(json.dumps(records).encode()).pcrs != parse_event_log(boot_log()).pcrs


@pytest.mark.parametrize("name", ["EV_EFI_ACTION", "ev_efi_action", "2147483655", 2147483655, "0x80000007"])
def test_a_type_is_read_by_name_or_number(name: Any) -> None:
    (plain,) = json_log(parse_event_log(LogBuilder().add(5, ev.EV_EFI_ACTION, b"UEFI Debug Mode").build()).events[1:])
    plain["content"]["event_type"] = name
    log = parse_event_log(json.dumps(plain).encode())
    assert log.events[0].type == ev.EV_EFI_ACTION
    assert "firmware_debug_mode" in codes(log)


def test_an_ima_record_is_verified_by_its_template_data_and_named_by_a_claim() -> None:
    content = tlv(7, tlv(0, b"ima-ng") + tlv(1, b"template data"))
    log = parse_event_log(record(0, 10, measured(b"template data"), content))
    (event,) = log.events
    assert (event.type_name, event.verified) == ("ima_template", Verified(Text("template data"), "data"))
    assert event.claimed == Claimed(ImaTemplate("ima-ng"))
    assert list(log.pcrs["sha256"]) == [10]
    plain = {"recnum": 0, "pcr": 10, "digests": [], "content_type": "ima_template"}
    named = plain | {"content": {"template_name": "ima-ng", "template_data": b"template data".hex()}}
    assert parse_event_log(json.dumps(named).encode()).events[0].verified is None


def test_what_systemd_measured_is_verified_and_what_it_notes_is_claimed() -> None:
    log = parse_event_log(json.dumps([systemd(11, "enter-initrd")]).encode())
    (event,) = log.events
    assert (event.type_name, event.verified) == ("systemd", Verified(Text("enter-initrd"), "data"))
    assert event.claimed == Claimed(SystemdRecord("phase", "0123456789abcdef" * 2, 4_000_000))
    forged = systemd(11, "enter-initrd") | {"digests": systemd(11, "other")["digests"]}
    log = parse_event_log(json.dumps([forged]).encode())
    assert log.events[0].verified is None
    assert "event_data_mismatch" in codes(log)
    assert log.events[0].claimed == Claimed(SystemdRecord("phase", "0123456789abcdef" * 2, 4_000_000, "enter-initrd"))


def test_a_digest_that_is_keyed_with_a_volume_key_is_no_mismatch_and_no_proof() -> None:
    keyed = systemd(15, "cryptsetup:root:uuid", "volume-key", secret=b"secret")
    log = parse_event_log(json.dumps([keyed]).encode())
    assert log.events[0].verified is None
    assert "event_data_mismatch" not in codes(log)


def test_systemds_separator_is_no_command_line() -> None:
    log = parse_event_log(json.dumps([systemd(12, "os-separator", "os-separator")]).encode())
    assert log.claims.command_lines == ()


@pytest.mark.parametrize(
    ("content", "plain", "says", "extended"),
    [
        (tlv(1, number(0, 1) + number(1, 0)), {"type": "cel_version", "data": {"major": 1, "minor": 0}}, "1.0", False),
        (tlv(2, b""), {"type": "firmware_end"}, "", False),
        (number(80, 1795415122), {"type": "cel_timestamp", "data": 1795415122}, "1795415122", True),
        (number(81, 2), {"type": "state_trans", "data": "kexec"}, "kexec", True),
    ],
)
def test_what_the_log_says_of_itself_is_read_and_its_version_never_extended(
    content: bytes, plain: dict[str, Any], says: str, *, extended: bool
) -> None:
    digests = measured(content)
    written = {"recnum": 0, "pcr": 1, "digests": [{"hashAlg": "sha256", "digest": digests["sha256"].hex()}]}
    in_json = written | {"content_type": "cel", "content": [plain]}
    for blob in (record(0, 1, digests, tlv(4, content)), json.dumps(in_json).encode()):
        log = parse_event_log(blob)
        (event,) = log.events
        found = event.verified if extended else event.claimed
        assert found is not None
        assert found.data == CelManagement(str(plain["type"]), says)
        assert bool(log.pcrs.get("sha256")) is extended


def test_content_that_is_not_known_is_extended_and_kept_as_it_is() -> None:
    log = parse_event_log(record(0, 4, measured(b"\xff\xfe"), tlv(200, b"\xff\xfe")))
    assert log.events[0].verified == Verified(Raw(b"\xff\xfe"), "data")
    assert 4 in log.pcrs["sha256"]


def test_an_nv_index_is_no_pcr() -> None:
    event = tlv(5, number(0, ev.EV_EFI_ACTION) + tlv(1, b"x"))
    log = parse_event_log(record(0, 0x01C40200, measured(b"x"), event))
    assert (log.events[0].pcr, log.pcrs["sha256"]) == (0x01C40200, {})


def test_records_out_of_their_order_are_a_finding() -> None:
    events = json_log(parse_event_log(boot_log()).events)
    events[3]["recnum"], events[4]["recnum"] = events[4]["recnum"], events[3]["recnum"]
    assert "cel_order" in codes(parse_event_log(json.dumps(events).encode()))
    per_pcr: dict[int, int] = {}
    for each in events:
        each["recnum"] = per_pcr[each["pcr"]] = per_pcr.get(each["pcr"], -1) + 1
    assert "cel_order" not in codes(parse_event_log(json.dumps(events).encode()))


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"[{", "event_log at offset 0: holds something that is no JSON."),
        (b"[" * 5000, "event_log at offset 0: holds something that is no JSON."),
        (b'\x1e{"pcr": 1}\n\x1e{"pcr"', "event_log at offset 13: holds something that is no JSON."),
        (b"[3]", "event_log at offset 0: has int where an object belongs."),
        (b'[{"pcr": 24}]', "event_log at offset 0: has a record of PCR 24, NV index None: out of range."),
        (b'[{"pcr": 1, "nv_index": 30}]', "has a record that names not one PCR or NV index."),
        (b'[{"pcr": true}]', "event_log at offset 0: pcr is no number: True."),
        (b'[{"pcr": 1, "digests": 3}]', "event_log at offset 0: digests is no array."),
        (b'[{"pcr": 1, "digests": [{"hashAlg": "sha256", "digest": "00"}]}]', "has a sha256 digest of 1 bytes."),
        (b'[{"pcr": 1, "digests": [{"hashAlg": "sha256", "digest": "xy"}]}]', "digest is not hexadecimal."),
        (
            b'[{"pcr": 1, "content_type": "pcclient_std", "content": {"event_type": "EV_X\\u001b"}}]',
            "event_log at offset 0: event_type EV_X\\x1b is none that is specified.",
        ),
        (b'[{"pcr": 1, "content_type": "cel", "content": {"type": 300}}]', "type 300 is none that is specified."),
        (
            number(0, 0) + number(1, 1) + tlv(3, b"\x0b\xff\xff\xff\xff"),
            "event_log at offset 22: a digest wants 4294967295 bytes, 0 remain.",
        ),
        (record(0, 1, {}, tlv(5, tlv(1, b"x"))), "a number has type 1, not 0."),
        (record(0, 1, {}, tlv(5, number(0, 1 << 33) + tlv(1, b""))), "an event's type is 8589934592"),
        (record(0, 1, {}, tlv(7, tlv(0, b"n") + tlv(2, b"x"))), "has part 2 where part 1 belongs."),
    ],
)
def test_field_row_10_a_malformed_canonical_log_is_an_error_that_names_the_offset(blob: bytes, message: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_event_log(blob)
    assert message in str(error.value)


def test_field_row_10_a_canonical_log_with_too_many_records_is_refused() -> None:
    for blob in (b'[{"pcr":1}' + b',{"pcr":1}' * 20_000 + b"]", record(0, 1, {}, tlv(4, tlv(2, b""))) * 20_000):
        with pytest.raises(EvidenceError, match="holds more than 16384 records"):
            parse_event_log(blob)


KEYS = ["pcr", "recnum", "nv_index", "digests", "content_type", "content", "hashAlg", "digest", "type", "string"]
RECORDS = st.builds(lambda tail: record(0, 1, measured(b"x"), b"") + tail, st.binary(max_size=60))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["sha256", "ab" * 32, "cel"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["pcr", "recnum", "nv_index", "digests", "content_type", "content", "hashAlg", "digest", "type"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@examples(200, deadline=1000)
@given(
    st.binary(max_size=120) | st.builds(lambda tail: record(0, 1, measured(b"x"), b"") + tail, st.binary(max_size=60))
)
def test_field_row_10_any_bytes_as_a_canonical_log(blob: bytes) -> None:
    read(blob)


@examples(200, deadline=1000)
@given(JSON, st.sampled_from(["cel", "pcclient_std", "ima_template", "ima_tlv", "systemd", 4, 9]))
def test_field_row_10_any_json_as_a_canonical_log(value: Any, kind: Any) -> None:
    read(json.dumps([value]).encode())
    read(json.dumps([{"pcr": 1, "content_type": kind, "content": value}]).encode())


def attempt(blob: bytes) -> EventLog | EvidenceError:
    try:
        return parse_event_log(blob)
    except EvidenceError as error:
        return error


def read(blob: bytes) -> None:
    log = attempt(blob)
    if isinstance(log, EvidenceError):
        assert log.field == "event_log"
        return
    assert all(finding.code in CODES for finding in log.findings)
    assert json.dumps(plain_event_log(log)).isascii()


def test_grubs_texts_are_found_in_a_canonical_log() -> None:
    log = parse_event_log(tlv_log(parse_event_log(grub(firmware(LogBuilder())).build()).events))
    assert [line.text for line in log.claims.command_lines] == ["/vmlinuz root=/dev/vda ro quiet"]
