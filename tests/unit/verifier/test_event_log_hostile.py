# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD.md row 10: any bytes give a log or an EvidenceError, in bounded time."""

from __future__ import annotations

import json
import time
from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog, parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.plain import plain_event_log
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, firmware, signature_list, variable

REAL = boot_log()
TYPES = st.sampled_from(sorted(ev.EVENT_TYPES)) | st.integers(0, 2**32 - 1)
EDITS = st.lists(
    st.tuples(st.integers(0, len(REAL) - 1), st.sampled_from(["set", "cut", "insert", "drop"]), st.binary(max_size=8)),
    min_size=1,
    max_size=4,
)
from tests.unit.support.examples import examples


def attempt(blob: bytes) -> EventLog | EvidenceError:
    try:
        return parse_event_log(blob)
    except EvidenceError as error:
        return error


def read(blob: bytes) -> None:
    """Parse, and check what holds for every log that is refused, and for every log that is accepted."""
    log = attempt(blob)
    if isinstance(log, EvidenceError):
        assert log.field == "event_log"
        assert log.offset is not None
        assert 0 <= log.offset <= len(blob)
        return
    assert all(finding.code in CODES for finding in log.findings)
    assert json.dumps(plain_event_log(log)).isascii()
    assert sum(len(event.data) for event in log.events) <= len(blob)


def mutate(blob: bytes, edits: list[tuple[int, str, bytes]]) -> bytes:
    for at, edit, data in edits:
        if edit == "set":
            blob = blob[:at] + data + blob[at + len(data) :]
        elif edit == "cut":
            blob = blob[:at]
        elif edit == "insert":
            blob = blob[:at] + data + blob[at:]
        else:
            blob = blob[:at] + blob[at + len(data) :]
    return blob


@examples(150, deadline=1000)
@given(st.binary(max_size=600))
def test_field_row_10_any_bytes(blob: bytes) -> None:
    read(blob)
    read(LogBuilder().build() + blob)


@examples(300, deadline=1000)
@given(EDITS)
def test_field_row_10_any_mutation_of_a_log(edits: list[tuple[int, str, bytes]]) -> None:
    read(mutate(REAL, edits))


@examples(300, deadline=1000)
@given(st.lists(st.tuples(st.integers(1, 23), TYPES, st.binary(max_size=120), st.booleans()), max_size=6))
def test_field_row_10_any_data_under_any_type(events: list[tuple[int, int, bytes, bool]]) -> None:
    builder = LogBuilder()
    for pcr, kind, data, honest in events:
        builder.add(pcr, kind, data, None if honest else b"other")
    read(builder.build())
    assert parse_event_log(builder.build()).pcrs == {bank: builder.pcrs.get(bank, {}) for bank in builder.banks}


@examples(100, deadline=1000)
@given(st.integers(0, 1500), st.binary(min_size=1, max_size=4))
def test_field_row_9_no_edit_of_the_log_turns_secure_boot_on(at: int, data: bytes) -> None:
    """The PCRs still being those of the boot, the claim is still off or gone."""
    builder = firmware(LogBuilder(), b"\0")
    blob = builder.build()
    log = attempt(mutate(blob, [(at, "set", data)]))
    if isinstance(log, EventLog) and log.pcrs == builder.pcrs:
        assert log.claims.secure_boot is not True


def test_field_row_10_large_logs_take_bounded_time() -> None:
    mib = 1 << 20
    database = variable("d719b2cb-3d3a-4596-a3bc-dad00e67656f", "db", signature_list([b"x"] * (mib // 17)))
    zeros = (pack("<IIII", 0, 0, 0, 0) * 16_000) + pack("<IIII", 4, 1, 0, 0)
    text = b"grub_cmd: linux " + b"\\' " * (mib // 3)
    logs = [
        LogBuilder().add(7, ev.EV_EFI_VARIABLE_DRIVER_CONFIG, database).build(),
        LogBuilder().build() + zeros,
        LogBuilder().add(8, ev.EV_IPL, text, text[10:]).build(),
        LogBuilder().build() + b"\0" * (4 * mib),
    ]
    for blob in logs:
        start = time.process_time()
        read(blob)
        assert time.process_time() - start < 5
