# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was booted: PCR 4, 8, 9 and 14 against boot Reference Values, or what was recorded at enrolment.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_change import (
    CHANGES,
    Change,
    one_change,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import (
    CONSTANTS,
    BootEvent,
    boot_events,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.waivers import waived
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.record import NodeRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weigh import told
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.weights import odd_event
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import BootIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.texts import UKI_SECTIONS

PCRS: Final = (4, 8, 9, 14)
STUB_PCRS: Final = (11, 12, 13)
"""PCRs of systemd's stub: sections of a unified kernel image; command line, add-ons and credentials; extensions."""
COMMAND_PCR: Final = 8

_TESTING: Final = ("[", "[[", "test", "true", "false", "keystatus", "regexp", "probe", "videotest", "videoinfo")
_SCRIPTING: Final = ("if", "then", "else", "fi", "break", "continue", "return", "shift", "set", "setparams", "unset")
_SHOWING: Final = (
    "echo",
    "clear",
    "gettext",
    "play",
    "sleep",
    "terminal_input",
    "terminal_output",
    "serial",
    "menuentry",
)
_SEARCHING: Final = ("search", "search.file", "search.fs_label", "search.fs_uuid", "export", "submenu", "recordfail")
_READING: Final = (".", "source", "configfile", "normal", "insmod", "loadfont", "load_video", "load_env", "save_env")
_LEAVING: Final = ("boot", "fwsetup")
HARMLESS: Final = frozenset((*_TESTING, *_SCRIPTING, *_SHOWING, *_SEARCHING, *_READING, *_LEAVING))
"""GRUB commands that load nothing but files that GRUB measures into PCR 9, and start nothing but what other commands
loaded (GRUB 2.06 manual, "The list of available commands"). Many name disks, whose numbers change between boots."""

_UNKNOWN: Final = {
    4: ("unknown_boot_application", Claim.EXECUTABLES),
    8: ("unknown_boot_command", Claim.CONFIGURATION),
    9: ("unknown_boot_file", Claim.EXECUTABLES),
    11: ("unknown_boot_file", Claim.EXECUTABLES),
    12: ("unknown_boot_command", Claim.CONFIGURATION),
    13: ("unknown_boot_file", Claim.EXECUTABLES),
    14: ("mok_changed", Claim.CONFIGURATION),
}


def appraise_boot(
    log: EventLog | None, node: NodeRecord, policy: AppraisalPolicy, references: BootIndex, now: datetime
) -> Iterator[LayerFinding]:
    """Yield what stands against the boot chain.

    Recorded events count only for PCRs of which no current Reference Values speak: after a kernel update the
    old kernel must not stay good for being the one that was enrolled.

    Args:
        log: event log whose replay has met the quote; None where the node has none.
        node: what was recorded at enrolment.
        policy: what is asked.
        references: known boot events.
        now: time that decides which waivers hold.
    """
    if policy.boot == "any":
        return
    if log is None:
        yield told("event_log_missing", Claim.EXECUTABLES, ar4si.UNKNOWN_ELEMENTS)
        return
    yield from _odd(log, policy)
    covered = references.covered_in(policy.bank)
    recorded = {(e.pcr, e.digest) for e in node.events or () if e.pcr not in covered}
    judged = covered | ({e.pcr for e in node.events or ()} if node.recorded_in(policy.bank) else set())
    events = tuple(boot_events(log, compared(policy), policy.bank))
    changes = []
    for event in events:
        if not _known(event, references, recorded):
            finding = _finding(event, node, references, policy, now, judged=event.pcr in judged)
            if finding.code in CHANGES:
                changes.append(Change(event, finding))
            else:
                yield finding
    yield from one_change(changes, events, references, policy.bank)


def compared(policy: AppraisalPolicy) -> tuple[int, ...]:
    """Return the PCRs whose events are compared: those of systemd's stub where they are quoted."""
    return (*PCRS, *(pcr for pcr in STUB_PCRS if pcr in policy.covered))


def _odd(log: EventLog, policy: AppraisalPolicy) -> Iterator[LayerFinding]:
    for finding in log.findings:
        if finding.pcr in compared(policy) or finding.code == "command_line_disputed":
            yield odd_event(finding, policy)


def _known(event: BootEvent, references: BootIndex, recorded: set[tuple[int, str]]) -> bool:
    if event.digest in CONSTANTS or (event.pcr, event.digest) in references.events:
        return True
    if event.pcr == STUB_PCRS[0] and event.text in UKI_SECTIONS:
        return True
    text = event.text if event.pcr == COMMAND_PCR else None
    if text is not None and (text.partition(" ")[0] in HARMLESS or (event.pcr, text) in references.texts):
        return True
    return (event.pcr, event.digest) in recorded


def _finding(
    event: BootEvent,
    node: NodeRecord,
    references: BootIndex,
    policy: AppraisalPolicy,
    now: datetime,
    *,
    judged: bool,
) -> LayerFinding:
    code, claim = _UNKNOWN[event.pcr]
    value = ar4si.CONTRAINDICATED
    about = f"It is {event.what} in PCR {event.pcr}."
    ruling = waived(event, policy.waivers, node.hardware, now)
    if ruling.waiver is not None:
        code = "boot_change_waived"
        message = f"{CODES[code]} {about} It is {ruling.waiver.by}: {ruling.waiver.reason}."
        name = ruling.waiver.name or None
        return LayerFinding(code, message, None, 0, event.index, None, event.digest, event.pcr, waiver=name)
    if {(event.pcr, event.digest), (event.pcr, event.text)} & references.expired:
        code, value = "boot_value_expired", ar4si.WARNED
    elif not judged:
        # Nobody ever said what is right for this PCR: the verifier's side fails, the node is not accused.
        code, value = "boot_not_known", ar4si.VERIFIER_FAULT
    message = f"{CODES[code]} {about}{ruling.note}"
    return LayerFinding(code, message, claim, value, event.index, None, event.digest, event.pcr)


__all__ = ["COMMAND_PCR", "HARMLESS", "PCRS", "STUB_PCRS", "appraise_boot", "compared"]
