# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: named, ending permissions for firmware and boot events of some hardware to differ from what is known.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.rules import (
    SECURE_BOOT_PCR,
    SECURE_BOOT_VARIABLES,
)

MODEL_KEYS: Final = (
    "sys_vendor",
    "product_name",
    "product_version",
    "board_vendor",
    "board_name",
    "chassis_vendor",
)
"""What of the DMI inventory tells a model of hardware; serial numbers tell a single machine."""

_BOOT_OPTION: Final = re.compile(r"Boot[0-9A-Fa-f]{4}")


class Event(Protocol):
    """What of an event a waiver asks for."""

    @property
    def pcr(self) -> int:
        """PCR that was extended."""

    @property
    def type(self) -> str:
        """Name of its type."""

    @property
    def variable(self) -> str | None:
        """Name of the UEFI variable."""

    @property
    def mislabelled(self) -> bool:
        """Whether its digest belies what it says."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """A named, ending permission for a firmware or boot event to differ from what is known.

    Attributes:
        pcr: PCR of the event.
        reason: why it may differ.
        type: its type by the TCG's name, or None for any.
        variable: name of the UEFI variable, or None for any; ``Boot####`` covers all boot options.
        expires: when the waiver ends; None for no end.
        name: name of the waiver in findings; empty for none.
        model: DMI name of :data:`MODEL_KEYS` → value that was recorded at enrolment, where ``*`` stands for any
            characters; all of them have to fit. Empty for any hardware.
    """

    pcr: int
    reason: str
    type: str | None = None
    variable: str | None = None
    expires: datetime | None = None
    name: str = ""
    model: Mapping[str, str] = field(default_factory=dict)

    @property
    def by(self) -> str:
        """Who waives, for a message: ``waived by 'name'``, or ``waived``."""
        return f"waived by {self.name!r}" if self.name else "waived"

    def covers(self, event: Event, hardware: Mapping[str, Any] | None) -> bool:
        """Tell whether the waiver is for such an event of such hardware, whenever that is.

        Args:
            event: the event.
            hardware: inventory as recorded at enrolment, which a person has vouched for; None covers no model.
        """
        return self.pcr == event.pcr and self._names(event) and _same_model(self.model, hardware)

    def _names(self, event: Event) -> bool:
        """Tell whether the event is of the type and variable, as far as the log can be held to what it says.

        Nothing proves a type. So one alone lets no key of Secure Boot pass: only its name does, which is hashed along.
        """
        if self.type is None and self.variable is None:
            return True
        if event.mislabelled or self.type not in (None, event.type):
            return False
        if self.variable is None:
            return event.pcr != SECURE_BOOT_PCR or event.variable not in SECURE_BOOT_VARIABLES.values()
        return _same_variable(self.variable, event.variable)


class Ruling(NamedTuple):
    """The waiver that lets an event differ, and the last one that did until it ended."""

    waiver: Waiver | None
    lapsed: Waiver | None

    @property
    def note(self) -> str:
        """What to add to a finding that nothing waives any more; empty where nothing ever did."""
        if self.lapsed is None or self.lapsed.expires is None:
            return ""
        return f" It was {self.lapsed.by} until {self.lapsed.expires.isoformat()}."


def waived(event: Event, waivers: tuple[Waiver, ...], hardware: Mapping[str, Any] | None, now: datetime) -> Ruling:
    """Return the first waiver that lets an event differ now; without one, the one that ended last."""
    lapsed: list[tuple[datetime, int]] = []
    for at, waiver in enumerate(waivers):
        if waiver.covers(event, hardware):
            if waiver.expires is None or now < waiver.expires:
                return Ruling(waiver, None)
            lapsed.append((waiver.expires, at))
    return Ruling(None, waivers[max(lapsed)[1]] if lapsed else None)


def _same_variable(wanted: str, found: str | None) -> bool:
    if wanted == "Boot####":
        return found is not None and _BOOT_OPTION.fullmatch(found) is not None
    return wanted == found


def _same_model(model: Mapping[str, str], hardware: Mapping[str, Any] | None) -> bool:
    if not model:
        return True
    dmi = hardware.get("dmi") if hardware is not None else None
    return isinstance(dmi, Mapping) and all(_fits(pattern, dmi.get(key)) for key, pattern in model.items())


def _fits(pattern: str, value: object) -> bool:
    """Match in linear time: the parts between the stars have to come one after another."""
    if not isinstance(value, str):
        return False
    first, *others = pattern.split("*")
    if not others:
        return value == pattern
    *middle, last = others
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for part in middle:
        found = value.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


__all__ = ["MODEL_KEYS", "Event", "Ruling", "Waiver", "waived"]
