# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that the order and number of events must keep; each breach is a finding.

Specification: PFP 1.06, sections 3.3.4 (PCR use), 10.4.1 (types). This package is private to the collection: its
interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import Separator
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.spdm import SpdmDevice
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import MAX_PCR
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    EFI_GLOBAL,
    IMAGE_SECURITY,
    Variable,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import HASHES

SECURE_BOOT_PCR: Final = 7
SEPARATED_PCRS: Final = range(8)
SECURE_BOOT_VARIABLES: Final = {
    (EFI_GLOBAL, "SecureBoot"): "SecureBoot",
    (EFI_GLOBAL, "PK"): "PK",
    (EFI_GLOBAL, "KEK"): "KEK",
    (IMAGE_SECURITY, "db"): "db",
    (IMAGE_SECURITY, "dbx"): "dbx",
}
"""(namespace, name) of the variables that PCR 7 must have once each, before its separator."""

_PCR7_TYPES: Final = frozenset(
    {
        ev.EV_NO_ACTION,
        ev.EV_SEPARATOR,
        ev.EV_ACTION,
        ev.EV_EFI_ACTION,
        ev.EV_EFI_VARIABLE_DRIVER_CONFIG,
        ev.EV_EFI_VARIABLE_AUTHORITY,
        ev.EV_EFI_SPDM_DEVICE_POLICY,
        ev.EV_EFI_SPDM_DEVICE_AUTHORITY,
    }
)
_SEPARATOR_VALUES: Final = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x01\0\0\0")
_SEPARATOR_DIGESTS: Final = frozenset(new(value).digest() for new in HASHES.values() for value in _SEPARATOR_VALUES)
_FAILED: Final = ("fail_no_signature", "fail_invalid")
_ACTIONS: Final = {
    "UEFI Debug Mode": "firmware_debug_mode",
    "DMA Protection Disabled": "dma_protection_disabled",
    "Exit Boot Services Returned with Failure": "exit_boot_services_failed",
}


def is_separator(event: Event) -> bool:
    """Return whether the event is a separator; in PCR 7 by its digest, so that another type does not hide it.

    Elsewhere a separator's digest can be honest data: four zero bytes of a firmware blob, a boot order of 1 and 0.
    """
    if event.pcr != SECURE_BOOT_PCR:
        return event.type == ev.EV_SEPARATOR
    return event.type != ev.EV_NO_ACTION and any(digest in _SEPARATOR_DIGESTS for digest in event.digests.values())


def secure_boot_variable(event: Event) -> str | None:
    """Return the name of the Secure Boot variable that a verified event in PCR 7 measured, or None.

    An authority event names the database that held the signer, and is not a measurement of the database.
    """
    if event.pcr != SECURE_BOOT_PCR or event.verified is None or event.type == ev.EV_EFI_VARIABLE_AUTHORITY:
        return None
    data = event.verified.data
    return SECURE_BOOT_VARIABLES.get((data.guid, data.name)) if isinstance(data, Variable) else None


def check_order(events: Sequence[Event]) -> list[Finding]:
    """Return all breaches of the rules, those of single events in their order first."""
    findings = [finding for event in events for finding in _check_event(event)]
    separators: dict[int, list[Event]] = {pcr: [] for pcr in SEPARATED_PCRS}
    for event in events:
        if event.pcr in separators and is_separator(event):
            separators[event.pcr].append(event)
    for pcr, found in separators.items():
        findings.extend(_check_separators(pcr, found))
    findings.extend(_check_secure_boot_variables(events, separators[SECURE_BOOT_PCR]))
    return findings


def _finding(code: str, event: Event, detail: str = "") -> Finding:
    return Finding(code, f"{CODES[code]} {detail}".rstrip(), event.index, event.pcr)


def _check_event(event: Event) -> Iterator[Finding]:
    if event.type in ev.INFORMATIONAL:
        # What goes into an NV index is informational here, and has the digest that the index was extended with.
        if event.pcr <= MAX_PCR and any(any(digest) for digest in event.digests.values()):
            yield _finding("no_action_with_digest", event)
        return
    if event.pcr == SECURE_BOOT_PCR and event.type not in _PCR7_TYPES:
        yield _finding("event_type_unknown_in_pcr7", event, f"It is {event.type_name}.")
    elif event.type not in ev.EVENT_TYPES and event.type not in ev.CEL_TYPES:
        yield _finding("event_type_unknown", event, f"It is {event.type_name}.")
    yield from _check_verified(event)


def _check_verified(event: Event) -> Iterator[Finding]:
    if event.verified is None:
        return
    data = event.verified.data
    if isinstance(data, Separator) and data.value not in {0, 0xFFFFFFFF}:
        yield _finding("separator_error", event, f"Its value is {data.value}.")
    elif isinstance(data, Text) and event.type == ev.EV_EFI_ACTION and data.text in _ACTIONS:
        yield _finding(_ACTIONS[data.text], event, f"The event says: {printable(data.text)}.")
    elif isinstance(data, SpdmDevice) and data.auth_state in _FAILED:
        yield _finding("spdm_device_failed", event, f"It is {printable(data.path)}: {data.auth_state}.")


def _check_separators(pcr: int, found: Sequence[Event]) -> Iterator[Finding]:
    if not found:
        yield Finding("separator_missing", f"{CODES['separator_missing']} It is PCR {pcr}.", None, pcr)
    for event in found[1:]:
        yield _finding("separator_repeated", event, f"It is PCR {pcr}.")
    for event in found:
        if event.type != ev.EV_SEPARATOR:
            yield _finding("separator_disguised", event, f"It claims to be {event.type_name}.")


def _check_secure_boot_variables(events: Iterable[Event], separators: Sequence[Event]) -> Iterator[Finding]:
    end = separators[0].index if separators else None
    seen: set[str] = set()
    for event in events:
        name = secure_boot_variable(event)
        if name is None:
            continue
        if end is not None and event.index > end:
            yield _finding("secure_boot_variable_late", event, f"It is {name}.")
        elif name in seen:
            yield _finding("secure_boot_variable_repeated", event, f"It is {name}.")
        else:
            seen.add(name)
    for name in SECURE_BOOT_VARIABLES.values():
        if name not in seen:
            message = f"{CODES['secure_boot_variable_missing']} It is {name}."
            yield Finding("secure_boot_variable_missing", message, None, SECURE_BOOT_PCR)


__all__ = [
    "SECURE_BOOT_PCR",
    "SECURE_BOOT_VARIABLES",
    "SEPARATED_PCRS",
    "check_order",
    "is_separator",
    "secure_boot_variable",
]
