# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer ``firmware``: PCR 0-3 and 5-7, event by event against enrolment, and Secure Boot.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import (
    CONSTANTS,
    BootEvent,
    boot_events,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.waivers import Waiver, waived
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord, RecordedEvent
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import (
    LayerFinding,
    LayerVerdict,
    tier_value,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import bounded
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weights import odd_event
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import BootIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.rules import SECURE_BOOT_PCR

LAYER: Final = "firmware"
CLAIMS: Final = (Claim.CONFIGURATION, Claim.EXECUTABLES)
PCRS: Final = (0, 1, 2, 3, 5, 6, 7)
CODE_PCRS: Final = (0, 2)
"""Code of the platform and of its extension cards (PFP 1.06 section 3.3.4)."""


def appraise_firmware(
    log: EventLog | None, node: NodeRecord, policy: AppraisalPolicy, references: BootIndex, now: datetime
) -> LayerVerdict:
    """Return the verdict of the layer.

    An event is good as it was at enrolment, or as Reference Values have it: a firmware update whose events are known
    beforehand is no finding.

    Args:
        log: event log whose replay has met the quote; None where the node has none.
        node: what was recorded at enrolment.
        policy: what is asked.
        references: known events.
        now: time that decides which waivers hold.
    """
    affirmed = {Claim.CONFIGURATION: ar4si.AFFIRMED}
    if policy.firmware == "recorded":
        affirmed[Claim.EXECUTABLES] = ar4si.BOOT_AFFIRMED
    if log is None:
        return LayerVerdict(LAYER, affirmed, tuple(_without_log(policy)))
    findings = [*_odd(log, policy), *_secure_boot(log, node, policy)]
    if policy.firmware == "recorded":
        findings.extend(_compared(log, node, policy, references, now))
    return LayerVerdict(LAYER, affirmed, bounded(findings))


def _without_log(policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    code = "event_log_missing"
    if policy.firmware == "any" and policy.secure_boot == "any":
        yield LayerFinding(code, CODES[code])
        return
    for claim in CLAIMS:
        yield LayerFinding(code, CODES[code], claim, ar4si.UNKNOWN_ELEMENTS)


def _odd(log: EventLog, policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    """Weigh what the parser noticed; what belongs to PCR 4 and above is the operating system's."""
    for finding in log.findings:
        if finding.pcr is None or finding.pcr in PCRS:
            yield odd_event(finding, policy)


def _secure_boot(log: EventLog, node: NodeRecord, policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    fault = _secure_boot_fault(log)
    if fault is None or policy.secure_boot == "any":
        return
    code, variable = fault
    if policy.secure_boot == "recorded":
        if not node.recorded_in(policy.bank):
            if policy.firmware != "recorded":  # which says so itself
                yield _not_recorded(node, policy, Claim.CONFIGURATION)
            return
        if _as_recorded(log, node, policy.bank, variable):
            return
    yield LayerFinding(code, CODES[code], Claim.CONFIGURATION, ar4si.CONTRAINDICATED, pcr=SECURE_BOOT_PCR)


def _secure_boot_fault(log: EventLog) -> tuple[str, str] | None:
    """Return what is wrong with Secure Boot, and the variable that tells; None where nothing is."""
    if log.claims.secure_boot is None:
        return "secure_boot_unproven", "SecureBoot"
    if not log.claims.secure_boot:
        return "secure_boot_disabled", "SecureBoot"
    return ("shim_validation_disabled", "MokSBState") if log.claims.shim_validation is False else None


def _as_recorded(log: EventLog, node: NodeRecord, bank: str, variable: str) -> bool:
    """Tell whether a variable of Secure Boot was the same at enrolment: all of its events are among the recorded."""
    current = {e.digest for e in boot_events(log, (SECURE_BOOT_PCR,), bank) if e.variable == variable}
    recorded = {e.digest for e in node.events or () if e.pcr == SECURE_BOOT_PCR}
    return bool(current) and current <= recorded


def _not_recorded(node: NodeRecord, policy: AppraisalPolicy, claim: Claim) -> LayerFinding:
    code = "firmware_not_recorded"
    detail = "" if not node.events else f" Those of enrolment are not in the bank {policy.bank}."
    return LayerFinding(code, CODES[code] + detail, claim, ar4si.VERIFIER_FAULT)


def _compared(
    log: EventLog, node: NodeRecord, policy: AppraisalPolicy, references: BootIndex, now: datetime
) -> Iterator[LayerFinding]:
    if not node.recorded_in(policy.bank):
        yield _not_recorded(node, policy, Claim.EXECUTABLES)
        yield _not_recorded(node, policy, Claim.CONFIGURATION)
        return
    events = node.events or ()
    recorded = {(e.pcr, e.digest) for e in events}
    found = tuple(boot_events(log, PCRS, policy.bank))
    new = [e for e in found if (e.pcr, e.digest) not in recorded and e.digest not in CONSTANTS]
    for event in new:
        if (event.pcr, event.digest) not in references.events:
            yield _change(event, node, policy, now)
    # A changed event is a missing and a new one: told once, by the new one.
    told = {(e.pcr, e.type) for e in new}
    present = {(e.pcr, e.digest) for e in found}
    for gone in events:
        known = (gone.pcr, gone.digest) in present or gone.digest in CONSTANTS
        if gone.pcr in PCRS and not known and (gone.pcr, gone.type) not in told:
            yield _missing(gone, node, policy, now)


def _change(event: BootEvent, node: NodeRecord, policy: AppraisalPolicy, now: datetime) -> LayerFinding:
    ruling = waived(event, policy.waivers, node.hardware, now)
    about = f"Firmware event {event.what} in PCR {event.pcr}"
    if ruling.waiver is not None:
        message = f"{about} differs from enrolment; {ruling.waiver.by}: {ruling.waiver.reason}."
        return _waived(message, ruling.waiver, event.index, event.digest, event.pcr)
    code, claim, value = _weight(event.pcr, policy)
    message = f"{about} is not as recorded at enrolment.{ruling.note}"
    return LayerFinding(code, message, claim, value, event.index, None, event.digest, event.pcr)


def _missing(gone: RecordedEvent, node: NodeRecord, policy: AppraisalPolicy, now: datetime) -> LayerFinding:
    stand_in = BootEvent(gone.pcr, gone.digest, gone.type, None, None, gone.type, 0)
    ruling = waived(stand_in, policy.waivers, node.hardware, now)
    _code, claim, value = _weight(gone.pcr, policy)
    message = f"Firmware event {gone.type} in PCR {gone.pcr}, recorded at enrolment, did not happen"
    if ruling.waiver is not None:
        told = f"{message}; {ruling.waiver.by}: {ruling.waiver.reason}."
        return _waived(told, ruling.waiver, None, None, gone.pcr)
    message = f"{message}.{ruling.note}"
    return LayerFinding("firmware_event_missing", message, claim, value, None, None, gone.digest, gone.pcr)


def _waived(message: str, waiver: Waiver, index: int | None, digest: str | None, pcr: int) -> LayerFinding:
    code = "firmware_change_waived"
    return LayerFinding(code, message, None, 0, index, None, digest, pcr, waiver=waiver.name or None)


def _weight(pcr: int, policy: AppraisalPolicy) -> tuple[str, Claim, int]:
    if pcr in CODE_PCRS:
        return "firmware_code_changed", Claim.EXECUTABLES, ar4si.CONTRAINDICATED
    if pcr == SECURE_BOOT_PCR:
        return "secure_boot_policy_changed", Claim.CONFIGURATION, ar4si.CONTRAINDICATED
    return "firmware_configuration_changed", Claim.CONFIGURATION, tier_value(policy.firmware_configuration)


__all__ = ["CLAIMS", "LAYER", "PCRS", "appraise_firmware"]
