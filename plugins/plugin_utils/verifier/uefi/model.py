# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event log as a value: events, and what of their data is verified and what is only claimed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import type_name


class EventData:
    """Base of everything that an event's data can say; the subclasses are frozen dataclasses."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Raw(EventData):
    """Data without a structure known here."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Text(EventData):
    """A text, without its final NUL."""

    text: str


@dataclass(frozen=True, slots=True)
class Labelled(EventData):
    """What GRUB says of a text (``grub_cmd``, ``kernel_cmdline``); ``text`` is empty where it is verified elsewhere."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Verified:
    """Data that hashes to the event's digest in every bank that the log uses.

    Attributes:
        data: read from exactly the bytes that were hashed, and from nothing else.
        form: what was hashed: ``data``, ``variable_data``, ``text``, ... (see :mod:`.verify`).

    The digest itself is proven by the replay onto quoted PCRs only. The event's type, and any label, is not:
    it is attacker-writable even here, so a claim must also rest on where in a PCR the data stands.
    """

    data: EventData
    form: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """Data that no digest covers: whoever could write the log could write this."""

    data: EventData


@dataclass(slots=True)
class Logged:
    """One entry as the log has it. Not frozen, for speed: it becomes an :class:`Event` and goes no further.

    ``besides`` is what a record of a Canonical Event Log says outside of the bytes that are hashed.
    """

    index: int
    pcr: int
    type: int
    digests: Mapping[str, bytes]
    data: bytes
    besides: EventData | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the log.

    Attributes:
        index: number in the log, from 0; the header counts.
        pcr: PCR that was extended, except by EV_NO_ACTION.
        type: number of the event type.
        digests: bank (``sha256``) → digest; empty for a crypto-agile log's header.
        data: the event's data as logged.
        verified: what of it the digest proves, or None.
        claimed: what it says besides, or None.
    """

    index: int
    pcr: int
    type: int
    digests: Mapping[str, bytes]
    data: bytes
    verified: Verified | None = None
    claimed: Claimed | None = None

    @property
    def type_name(self) -> str:
        """Specified name of the event's type."""
        return type_name(self.type)


@dataclass(frozen=True, slots=True)
class Bank:
    """A digest algorithm that the log's header declares: its TPM_ALG_ID, our name and the digest's size in bytes."""

    algorithm: int
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class SpecId(EventData):
    """TCG_EfiSpecIDEvent, the header of a crypto-agile log (PFP 1.06, section 10.4.5.1)."""

    platform_class: int
    version: str
    uintn_size: int
    banks: tuple[Bank, ...]
    vendor_info: bytes


__all__ = ["Bank", "Claimed", "Event", "EventData", "Labelled", "Logged", "Raw", "SpecId", "Text", "Verified"]
