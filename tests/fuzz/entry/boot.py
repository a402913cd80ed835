# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UEFI event log and the structures in its events."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.device_path import device_path_text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.gpt import read_gpt
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.interpret import interpret
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.plain import plain_event_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import (
    extended,
    is_known,
    parse_userspace_log,
    systemd_claims,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    authority_certificate,
    read_load_option,
    read_signature_lists,
    read_variable,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import proven_bytes
from tests.fuzz.examine import Target
from tests.unit.verifier.event_log_builder import LogBuilder

FIELD: Final = "event_log"
EVENT_HEAD: Final = 6
"""What stands before an event's data here: its type (4 bytes), its PCR, and whether its digest is that of its data."""


def read_event_log(data: bytes) -> object:
    """Read as the filter ``event_log`` does."""
    return plain_event_log(parse_event_log(data))


def read_final_events(data: bytes) -> object:
    """Read a final events table beside the log that it belongs to."""
    return plain_event_log(parse_event_log(_log(), data))


def read_userspace_log(data: bytes) -> object:
    """Read systemd's own log, and what it says."""
    events = parse_userspace_log(data)
    assert all(len(value) <= 64 for bank in extended({}, events).values() for value in bank.values())
    known = [is_known(event) for event in events]
    return systemd_claims(events), known, [(event.verified, event.claimed) for event in events]


@cache
def _log() -> bytes:
    return LogBuilder().build()


def read_event_data(data: bytes) -> object:
    """Read one event's data by its type, proven or claimed."""
    kind, pcr, honest = int.from_bytes(data[:4], "little"), data[4:5], data[5:6] > b"\x7f"
    content = data[EVENT_HEAD:]
    digest = hashlib.sha256(content if honest else b"").digest()
    event = Logged(0, pcr[0] % 24 if pcr else 0, kind, {"sha256": digest}, content)
    verified, claimed, error = interpret(event, proven_bytes(event, ("sha256",)))
    return verified, claimed, None if error is None else str(error)


def read_any_variable(data: bytes) -> object:
    """Read a variable, and its value as each thing that a value can be."""
    found = read_variable(data, FIELD, slack=8)
    return found, authority_certificate(found.data)


TARGETS: Final = (
    Target("event_log", "UEFI event log, both formats", read_event_log, plain=True),
    Target("cel_tlv", "Canonical Event Log, TLV", read_event_log, plain=True, numbers="big"),
    Target("cel_json", "Canonical Event Log, JSON", read_event_log, plain=True, form="text"),
    Target("userspace_log", "systemd's own log", read_userspace_log, form="text"),
    Target("final_events", "final events table", read_final_events, plain=True),
    Target("event_data", "event data by its type", read_event_data),
    Target("device_path", "UEFI device path", lambda data: device_path_text(data, FIELD)),
    Target("variable", "UEFI variable as measured", read_any_variable),
    Target("signature_lists", "EFI signature lists", lambda data: read_signature_lists(data, FIELD)),
    Target("load_option", "EFI load option", lambda data: read_load_option(data, FIELD)),
    Target("gpt", "GUID partition table", lambda data: read_gpt(data, FIELD)),
)

__all__ = ["EVENT_HEAD", "TARGETS"]
