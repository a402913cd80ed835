# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the layers ``firmware`` and ``os`` share: events by digest, recorded ones, constants, waivers.

An event's type and most of its text are attacker-writable. So an event is known by its PCR and digest alone;
names serve messages and waivers, and waivers only lower a finding about an event whose digest is shown.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy import Waiver
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import ImageLoad
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import EventLog
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import INFORMATIONAL
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import Variable, VariableName

ACTIONS: Final = (
    "Calling EFI Application from Boot Option",
    "Returning from EFI Application from Boot Option",
    "Exit Boot Services Invocation",
    "Exit Boot Services Returned with Success",
)
"""Actions that every boot may take (PFP 1.06 sections 3.3.4.5, 3.3.4.6); each is a constant of the specification."""

CONSTANTS: Final = frozenset(
    "sha256:" + sha256(data).hexdigest() for data in (b"\0\0\0\0", *(action.encode("ascii") for action in ACTIONS))
)
"""Digests of what every boot may extend: a separator without error, and :data:`ACTIONS`."""

_BOOT_OPTION: Final = re.compile(r"Boot[0-9A-Fa-f]{4}")


@dataclass(frozen=True, slots=True)
class BootEvent:
    """An event as it is compared: PCR and digest; the rest is for people.

    Attributes:
        pcr: PCR that was extended.
        digest: ``sha256:hex``.
        type: name of its type, as the log claims.
        variable: name of the UEFI variable, as the log claims, or None.
        text: text that the digest proves, or None.
        what: what it is, printable.
        index: its number in the log.
    """

    pcr: int
    digest: str
    type: str
    variable: str | None
    text: str | None
    what: str
    index: int


def boot_events(log: EventLog, pcrs: tuple[int, ...]) -> Iterator[BootEvent]:
    """Yield the events that were extended into the SHA-256 bank of some PCRs."""
    for event in log.events:
        if event.pcr in pcrs and event.type not in INFORMATIONAL and "sha256" in event.digests:
            yield BootEvent(
                pcr=event.pcr,
                digest="sha256:" + event.digests["sha256"].hex(),
                type=event.type_name,
                variable=_variable(event),
                text=_proven_text(event),
                what=_what(event),
                index=event.index,
            )


def waived(event: BootEvent, waivers: tuple[Waiver, ...], now: datetime) -> Waiver | None:
    """Return the waiver that lets an event differ, if one does now."""
    for waiver in waivers:
        if (
            waiver.pcr == event.pcr
            and waiver.type in (None, event.type)
            and (waiver.variable is None or _same_variable(waiver.variable, event.variable))
            and (waiver.expires is None or now < waiver.expires)
        ):
            return waiver
    return None


def _same_variable(wanted: str, found: str | None) -> bool:
    if wanted == "Boot####":
        return found is not None and _BOOT_OPTION.fullmatch(found) is not None
    return wanted == found


def _variable(event: Event) -> str | None:
    for part in (event.verified, event.claimed):
        if part is not None and isinstance(part.data, (Variable, VariableName)):
            return part.data.name
    return None


def _proven_text(event: Event) -> str | None:
    data = event.verified.data if event.verified is not None else None
    return data.text if isinstance(data, Text) else None


def _what(event: Event) -> str:
    name = _variable(event) or _proven_text(event)
    if name is None and event.claimed is not None:
        data = event.claimed.data
        name = data.path if isinstance(data, ImageLoad) else data.text if isinstance(data, Text) else None
    return f"{event.type_name} {printable(name, 120)}" if name else event.type_name


__all__ = ["ACTIONS", "CONSTANTS", "BootEvent", "boot_events", "waived"]
