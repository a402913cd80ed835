# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The UEFI event log: read, verified, replayed and understood.

Specifications: TCG PC Client Platform Firmware Profile 1.06; TCG Canonical Event Log Format 1.0. This package is
private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.claims import Claims, derive_claims
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.final_events import join, read_final_events
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.interpret import interpret
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Logged, SpecId
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.replay import replay, startup
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.rules import SECURE_BOOT_PCR, check_order
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.source import ReadLog, read_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import INFORMATIONAL, type_name
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import (
    HASHES,
    must_hash,
    proven_bytes,
)


@dataclass(frozen=True, slots=True)
class EventLog:
    """A log that was read.

    Attributes:
        events: all events in order; a crypto-agile log's header is the first.
        algorithms: banks that the log declares (``sha256``), in its order.
        spec: the header's content; None for any format but the crypto-agile one.
        format: ``tcg_sha1``, ``tcg_crypto_agile``, ``cel_tlv`` or ``cel_json``.
        pcrs: bank → PCR → value that the events lead to; only PCRs that were extended.
        findings: what is odd about the log.
        claims: what its verified data says of the boot. They hold only once ``pcrs`` has met a quote over a bank
            that ``algorithms`` holds.
        startup_locality: locality that PCR 0 began with.
    """

    events: tuple[Event, ...]
    algorithms: tuple[str, ...]
    spec: SpecId | None
    format: str
    pcrs: Mapping[str, Mapping[int, bytes]]
    findings: tuple[Finding, ...]
    claims: Claims
    startup_locality: int


def parse_event_log(blob: bytes, final_events: bytes | None = None) -> EventLog:
    """Return an event log: of the TCG PC Client (SHA-1, crypto-agile), or a Canonical Event Log (TLV, JSON).

    Args:
        blob: content of a node's binary_bios_measurements, or a Canonical Event Log.
        final_events: EFI_TCG2_FINAL_EVENTS_TABLE, where it comes by itself; Linux has joined it to the log already.

    Raises:
        EvidenceError: the log is empty, truncated or malformed; names the field ``event_log`` or ``final_events``, and
            the offset.
    """
    read = read_log(blob)
    logged, held = read.events, 0
    if final_events is not None:
        logged, held = join(logged, read_final_events(final_events, read.spec))
    sizes = dict(read.sizes)
    used = _used_banks(logged, sizes)
    findings = _format_findings(read, sizes, held=held)
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
        spec=read.spec,
        format=read.format,
        pcrs=replay(events, sizes, began.locality),
        findings=tuple(findings),
        claims=claims,
        startup_locality=began.locality,
    )


def _used_banks(events: Sequence[Logged], sizes: Mapping[str, int]) -> tuple[str, ...]:
    """Return the banks that some event extends: a header may declare banks that the TPM has switched off."""
    used = {bank for event in events if event.type not in INFORMATIONAL for bank in event.digests}
    return tuple(bank for bank in sizes if bank in used)


def _format_findings(read: ReadLog, sizes: Mapping[str, int], *, held: int) -> list[Finding]:
    codes = list(read.oddities)
    if set(sizes) == {"sha1"}:
        codes.insert(0, "event_log_sha1_only")
    findings = [Finding(code, CODES[code]) for code in codes]
    if held:
        findings.append(Finding("final_events_held", f"{CODES['final_events_held']} They are {held}."))
    unknown = [bank for bank in sizes if bank not in HASHES]
    code = "event_bank_not_replayed"
    findings.extend(Finding(code, f"{CODES[code]} It is {bank}.") for bank in unknown)
    return findings


def _finding(code: str, event: Event | Logged, detail: str = "") -> Finding:
    return Finding(code, f"{CODES[code]} {detail}".rstrip(), event.index, event.pcr)


def _understand(event: Logged, used: tuple[str, ...], computed: tuple[str, ...], findings: list[Finding]) -> Event:
    """Return the event with its data read, and add what is odd about it to ``findings``."""
    if len(event.digests) < len(used) and event.type not in INFORMATIONAL:
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
