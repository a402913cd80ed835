# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured after the log was asked for: appended by Linux, or in a table of its own."""

from __future__ import annotations

import base64
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.filter.event_log import FilterModule
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.final_events import join
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, firmware

LATE = (
    (9, ev.EV_IPL, b"/initrd.img\0"),
    (5, ev.EV_EFI_ACTION, b"Exit Boot Services Invocation"),
    (5, ev.EV_EFI_ACTION, b"Exit Boot Services Returned with Success"),
)
from tests.unit.support.examples import examples


def late(builder: LogBuilder, start: int, end: int = 3) -> LogBuilder:
    for event in LATE[start:end]:
        builder.add(*event)
    return builder


def whole() -> LogBuilder:
    return late(firmware(LogBuilder()), 0)


def table(start: int = 0, *, version: int = 1, count: int | None = None) -> bytes:
    """Return the table that begins with one of the late events, and the unused space behind it."""
    body = late(LogBuilder(), start).body
    return pack("<QQ", version, 3 - start if count is None else count) + body + bytes(64)


def test_a_log_that_linux_joined_with_its_table_is_a_log() -> None:
    log = parse_event_log(late(firmware(LogBuilder()), 0).build())
    assert (log.pcrs, log.findings) == (whole().pcrs, ())


@pytest.mark.parametrize(("in_log", "begins", "held"), [(0, 0, 0), (1, 0, 1), (1, 1, 0), (3, 0, 3), (2, 1, 1)])
def test_what_the_log_and_the_table_both_hold_is_counted_once(in_log: int, begins: int, held: int) -> None:
    blob = late(firmware(LogBuilder()), 0, in_log).build()
    log = parse_event_log(blob, table(begins))
    assert log.pcrs == whole().pcrs
    assert log.events == parse_event_log(whole().build()).events
    told = [(f.code, f.message.rpartition(" ")[2]) for f in log.findings]
    assert told == ([("final_events_held", f"{held}.")] if held else [])


def test_a_table_that_lacks_an_event_does_not_lead_to_the_pcrs() -> None:
    log = parse_event_log(late(firmware(LogBuilder()), 0, 1).build(), table(2))
    assert log.pcrs != whole().pcrs


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "final_events at offset 0: the table's version wants 8 bytes, 0 remain."),
        (table(version=2), "final_events at offset 0: has version 2, not 1."),
        (table(count=1 << 60), "final_events at offset 8: claims 1152921504606846976 events, at most 16384 are read."),
        (table()[:40], "final_events at offset 30: event 0's sha1 digest wants 20 bytes, 10 remain."),
    ],
)
def test_field_row_10_a_malformed_table_is_an_error_that_names_the_offset(blob: bytes, message: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_event_log(boot_log(), blob)
    assert str(error.value) == message


def test_a_log_in_the_sha1_format_has_no_table() -> None:
    sha1 = pack("<II20sI", 4, ev.EV_SEPARATOR, bytes(20), 4) + bytes(4)
    with pytest.raises(EvidenceError, match="final_events: belongs to a log in the SHA-1 format"):
        parse_event_log(sha1, table())


def test_the_filter_takes_a_table() -> None:
    event_log = FilterModule().filters()["event_log"]
    blob = late(firmware(LogBuilder()), 0, 1).build()
    assert event_log(blob, base64.b64encode(table(1)).decode())["pcrs"] == event_log(whole().build())["pcrs"]


EVENTS = st.lists(st.integers(0, 1), max_size=12)


@examples(200)
@given(EVENTS, EVENTS)
def test_the_longest_overlap_is_taken(log: list[int], final: list[int]) -> None:
    def events(numbers: list[int]) -> list[Logged]:
        return [Logged(at, number, 1, {}, b"") for at, number in enumerate(numbers)]

    joined, held = join(events(log), events(final))
    longest = max(n for n in range(min(len(log), len(final)) + 1) if log[len(log) - n :] == final[:n])
    assert held == longest
    assert [event.pcr for event in joined] == log + final[longest:]
    assert [event.index for event in joined] == list(range(len(joined)))
