# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UEFI event log: read, verified, replayed and understood.

Specification: TCG PC Client Platform Firmware Profile 1.06. This package is private to the collection: its
interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.claims import Claims, derive_claims
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.interpret import interpret
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Logged, SpecId
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.replay import replay, startup
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.rules import SECURE_BOOT_PCR, check_order
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import EV_NO_ACTION, type_name
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import (
    HASHES,
    must_hash,
    proven_bytes,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import read_events


@dataclass(frozen=True, slots=True)
class EventLog:
    """A log that was read.

    Attributes:
        events: all events in order; a crypto-agile log's header is the first.
        algorithms: banks that the header declares (``sha256``), in its order.
        spec: the header's content; None for the TCG 1.2 format.
        pcrs: bank → PCR → value that the events lead to; only PCRs that were extended.
        findings: what is odd about the log.
        claims: what its verified data says of the boot. They hold only once ``pcrs`` has met a quote over a bank
            that ``algorithms`` holds.
        startup_locality: locality that PCR 0 began with.
    """

    events: tuple[Event, ...]
    algorithms: tuple[str, ...]
    spec: SpecId | None
    pcrs: Mapping[str, Mapping[int, bytes]]
    findings: tuple[Finding, ...]
    claims: Claims
    startup_locality: int


def parse_event_log(blob: bytes) -> EventLog:
    """Return the event log in ``blob``, the content of a node's binary_bios_measurements.

    Raises:
        EvidenceError: the log is empty, truncated or malformed; names the field ``event_log`` and the offset.
    """
    spec, logged, padded = read_events(blob)
    sizes = {"sha1": 20} if spec is None else {bank.name: bank.size for bank in spec.banks}
    used = _used_banks(logged, sizes)
    findings = _format_findings(spec, sizes, padded=padded)
    computed = tuple(bank for bank in used if bank in HASHES)
    events = tuple(_understand(event, used, computed, findings) for event in logged)
    began = startup(events)
    findings.extend(began.findings)
    findings.extend(check_order(events))
    claims, texts = derive_claims(events)
    findings.extend(_finding("command_line_disputed", event) for event in texts.disputed)
    if claims.secure_boot is None:
        code = "secure_boot_not_established"
        findings.append(Finding(code, CODES[code], None, SECURE_BOOT_PCR))
    return EventLog(
        events=events,
        algorithms=tuple(sizes),
        spec=spec,
        pcrs=replay(events, sizes, began.locality),
        findings=tuple(findings),
        claims=claims,
        startup_locality=began.locality,
    )


def _used_banks(events: Sequence[Logged], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the banks that some event extends: a header may declare banks that the TPM has switched off."""
    used = {bank for event in events if event.type != EV_NO_ACTION for bank in event.digests}
    return tuple(bank for bank in sizes if bank in used)


def _format_findings(spec: SpecId | None, sizes: Mapping[str, int], *, padded: bool) -> list[Finding]:
    codes = []
    if set(sizes) == {"sha1"}:
        codes.append("event_log_sha1_only")
    if padded:
        codes.append("event_log_padding")
    findings = [Finding(code, CODES[code]) for code in codes]
    unknown = [bank for bank in sizes if bank not in HASHES]
    code = "event_bank_not_replayed"
    findings.extend(Finding(code, f"{CODES[code]} It is {bank}.") for bank in unknown)
    return findings


def _finding(code: str, event: Event | Logged, detail: str = "") -> Finding:
    return Finding(code, f"{CODES[code]} {detail}".rstrip(), event.index, event.pcr)


def _understand(event: Logged, used: tuple[str, ...], computed: tuple[str, ...], findings: list[Finding]) -> Event:
    """Return the event with its data read, and add what is odd about it to ``findings``."""
    if len(event.digests) < len(used) and event.type != EV_NO_ACTION:
        missing = [bank for bank in used if bank not in event.digests]
        findings.append(_finding("event_bank_missing", event, f"It has none for {', '.join(missing)}."))
    proven = proven_bytes(event, computed)
    if proven is None and must_hash(event):
        findings.append(_finding("event_data_mismatch", event, f"It is {type_name(event.type)}."))
    verified, claimed, error = interpret(event, proven)
    if error is not None:
        detail = f"It is {type_name(event.type)}: {printable(error.cause)}"
        findings.append(_finding("event_data_malformed", event, detail))
    return Event(event.index, event.pcr, event.type, event.digests, event.data, verified, claimed)


__all__ = ["EventLog", "parse_event_log"]
