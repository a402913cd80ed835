# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD.md row 10: what a broken log is."""

from __future__ import annotations

from struct import pack

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import Separator
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Raw, Verified
from tests.unit.verifier.event_log_builder import LogBuilder, boot_log, codes, parse

CONFIG = ev.EV_EFI_VARIABLE_DRIVER_CONFIG


def test_a_verified_structure_that_cannot_be_read_stays_raw() -> None:
    log = parse(LogBuilder().add(7, CONFIG, b"\0" * 31))
    assert log.events[1].verified == Verified(Raw(b"\0" * 31), "data")
    assert "event_data_malformed" in codes(log)


def test_a_sha1_log_is_read_and_said_to_be_weak() -> None:
    events = [(0, ev.EV_SEPARATOR), (4, ev.EV_SEPARATOR)]
    digest = bytes.fromhex("9069ca78e7450a285173431b3e52c5c25299e473")
    blob = b"".join(pack("<II20sI", pcr, kind, digest, 4) + bytes(4) for pcr, kind in events)
    log = parse_event_log(blob)
    assert (log.spec, log.algorithms, len(log.events)) == (None, ("sha1",), 2)
    assert log.events[1].verified == Verified(Separator(0), "data")
    assert codes(log)[0] == "event_log_sha1_only"


@pytest.mark.parametrize("padding", [b"\xff" * 4, b"\xff" * 4096, b"\0" * 64])
def test_field_row_10_padding_ends_the_log_with_a_finding(padding: bytes) -> None:
    log = parse_event_log(boot_log() + padding)
    assert codes(log) == ["event_log_padding"]
    assert log.events == parse_event_log(boot_log()).events


def test_every_finding_code_is_registered() -> None:
    assert all(code == code.lower() and meaning.endswith(".") for code, meaning in CODES.items())


@pytest.mark.parametrize(
    ("blob", "message"),
    [
        (b"", "event_log at offset 0: is empty. Next: check that the node's kernel exposes its firmware log."),
        (b"\xff" * 64, "event_log at offset 0: holds nothing but padding."),
        (b"\1" * 20, "event_log at offset 0: event 0's header wants 32 bytes, 20 remain."),
        (boot_log()[:-1], "event_log at offset 2093: event 19's data wants 40 bytes, 39 remain."),
        (boot_log() + b"\1", "event_log at offset 2133: event 20's header wants 12 bytes, 1 remain."),
        (
            LogBuilder().build() + pack("<III", 99, 1, 0) + bytes(4),
            "event_log at offset 69: event 1 names PCR 99, the last is 23.",
        ),
        (
            LogBuilder().build() + pack("<III", 1, 1, 0xFFFFFFFF) + b"x",
            "event_log at offset 77: event 1 claims 4294967295 digests, the log's header declares 2 banks.",
        ),
        (
            LogBuilder().build() + pack("<IIIH", 1, 1, 1, 0x12) + b"x",
            (
                "event_log at offset 81: event 1 has a digest of algorithm 0x0012, "
                "which the log's header does not declare."
            ),
        ),
        (
            LogBuilder().build() + pack("<IIII", 1, 1, 0, 0xFFFFFFF0) + b"x",
            "event_log at offset 85: event 1's data wants 4294967280 bytes, 1 remain.",
        ),
        (
            LogBuilder().build().replace(pack("<I", 2) + pack("<H", 4), pack("<I", 0xFFFFFFFF) + pack("<H", 4)),
            "event_log at offset 60: the header declares 4294967295 digest algorithms, 1 to 16 are read.",
        ),
        (
            LogBuilder().build().replace(pack("<HH", 0x0B, 32), pack("<HH", 0x0B, 20)),
            "event_log at offset 68: the header gives sha256 digests 20 bytes, not 32.",
        ),
    ],
)
def test_field_row_10_a_malformed_log_is_an_error_that_names_the_offset(blob: bytes, message: str) -> None:
    with pytest.raises(EvidenceError) as error:
        parse_event_log(blob)
    assert str(error.value) == message


def test_field_row_10_a_log_with_too_many_events_is_refused() -> None:
    with pytest.raises(EvidenceError, match="holds more than 16384 events"):
        parse_event_log(LogBuilder().build() + pack("<IIII", 1, 1, 0, 0) * 20_000 + b"\1")
