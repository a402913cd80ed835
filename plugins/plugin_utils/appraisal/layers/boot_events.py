# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the layers ``firmware`` and ``os`` share: events by digest, recorded ones, constants, waivers.

An event's type and most of its text are attacker-writable. So an event is known by its PCR and digest alone;
names serve messages and waivers, and waivers only lower a finding about an event whose digest is shown.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import BANKS
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import ImageLoad
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.rules import SECURE_BOOT_PCR
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import INFORMATIONAL
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import Variable, VariableName
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import MUST_HASH

ACTIONS: Final = (
    "Calling EFI Application from Boot Option",
    "Returning from EFI Application from Boot Option",
    "Exit Boot Services Invocation",
    "Exit Boot Services Returned with Success",
)
"""Actions that every boot may take (PFP 1.06 sections 3.3.4.5, 3.3.4.6); each is a constant of the specification."""

CONSTANTS: Final = frozenset(
    f"{bank}:{hashlib.new(bank, data, usedforsecurity=False).hexdigest()}"
    for bank in BANKS
    for data in (b"\0\0\0\0", *(action.encode("ascii") for action in ACTIONS))
)
"""Digests of what every boot may extend: a separator without error, and :data:`ACTIONS`."""


@dataclass(frozen=True, slots=True)
class BootEvent:
    """An event as it is compared: PCR and digest; the rest is for people.

    Attributes:
        pcr: PCR that was extended.
        digest: ``bank:hex``.
        type: name of its type, as the log claims.
        variable: name of the UEFI variable, or None; in PCR 7 as the digest proves, elsewhere as the log claims.
        text: text that the digest proves, or None.
        what: what it is, printable.
        index: its number in the log.
        name: path or name of what was measured, as the log claims; empty where it names none.
        mislabelled: its type has data that hashes to the digest, and this data does not: nothing it says holds.
    """

    pcr: int
    digest: str
    type: str
    variable: str | None
    text: str | None
    what: str
    index: int
    name: str = ""
    mislabelled: bool = False


def boot_events(log: EventLog, pcrs: tuple[int, ...], bank: str = "sha256") -> Iterator[BootEvent]:
    """Yield the events that were extended into some PCRs of a bank."""
    for event in log.events:
        if event.pcr in pcrs and event.type not in INFORMATIONAL and bank in event.digests:
            yield BootEvent(
                pcr=event.pcr,
                digest=f"{bank}:{event.digests[bank].hex()}",
                type=event.type_name,
                variable=_variable(event),
                text=_proven_text(event),
                what=_what(event),
                index=event.index,
                name=_claimed_name(event),
                mislabelled=event.verified is None and event.type in MUST_HASH,
            )


def _variable(event: Event) -> str | None:
    for part in (event.verified,) if event.pcr == SECURE_BOOT_PCR else (event.verified, event.claimed):
        if part is not None and isinstance(part.data, (Variable, VariableName)):
            return part.data.name
    return None


def _proven_text(event: Event) -> str | None:
    data = event.verified.data if event.verified is not None else None
    return data.text if isinstance(data, Text) else None


def _what(event: Event) -> str:
    name = _variable(event) or _proven_text(event) or _claimed_name(event)
    return f"{event.type_name} {printable(name, 120)}" if name else event.type_name


def _claimed_name(event: Event) -> str:
    data = event.claimed.data if event.claimed is not None else None
    if isinstance(data, ImageLoad):
        return data.path
    return data.text if isinstance(data, Text) else ""


__all__ = ["ACTIONS", "CONSTANTS", "BootEvent", "boot_events"]
