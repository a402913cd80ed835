# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was extended into the boot's PCRs after the firmware was gone: systemd's own words are known, others are not.

Whoever runs the node may extend any PCR then, and may also move an event of the boot from the firmware's log into
systemd's. So a PCR that the firmware or a loader filled takes nothing from there but systemd's separator.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import (
    IDENTITY_PCR,
    PHASE_PCR,
    covers,
    is_known,
    systemd_claims,
    word_of,
)

_STUB_PCRS: Final = (11, 12, 13)
"""PCRs that systemd's stub fills and other parts of systemd extend: a word there may be a new one of theirs."""
_SHOWN: Final = 16


def appraise_later(events: Iterable[Event], selection: Mapping[str, Sequence[int]]) -> Iterator[LayerFinding]:
    """Yield what stands against the events that systemd's log adds to quoted PCRs.

    Args:
        events: events of systemd's log that the quote covers.
        selection: bank → PCR numbers that the quote covers.
    """
    for event in events:
        if is_known(event) or not covers(selection, event):
            continue
        word = word_of(event)
        code, value = "later_event_foreign", ar4si.CONTRAINDICATED
        if word is not None and event.pcr in _STUB_PCRS:
            code, value = "later_event_unknown", ar4si.WARNED
        (bank, digest), *_others = event.digests.items()
        about = f" It is {printable(word, 120)} in PCR {event.pcr}." if word else f" It is in PCR {event.pcr}."
        message = CODES[code] + about
        yield LayerFinding(
            code, message, Claim.CONFIGURATION, value, event.index, None, f"{bank}:{digest.hex()}", event.pcr
        )


def later_claims(events: Iterable[Event], selection: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Return what systemd measured, as plain data of the EAR; None where the quote does not cover it.

    Returns:
        ``{"boot_phases": [word, ...] | None, "machine_id": "sha256:hex" | None}``; the machine ID is confidential
        (machine-id(5)), so it is its digest.
    """
    proven = systemd_claims(event for event in events if covers(selection, event))
    quoted = {pcr for numbers in selection.values() for pcr in numbers}
    machine_id = proven.machine_id if IDENTITY_PCR in quoted else None
    return {
        "boot_phases": [printable(word, 120) for word in proven.phases[:_SHOWN]] if PHASE_PCR in quoted else None,
        "machine_id": None if machine_id is None else "sha256:" + hashlib.sha256(machine_id.encode()).hexdigest(),
    }


__all__ = ["appraise_later", "later_claims"]
