# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Codes of the findings that reading a UEFI event log can raise.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CODES: Final[Mapping[str, str]] = {
    "cel_order": "Records of a Canonical Event Log are not numbered in their order, or not as their PCR's own.",
    "command_line_disputed": (
        "A kernel command line and the commands measured beside it contradict each other: a label was changed."
    ),
    "event_bank_missing": "An event has no digest for a bank that the rest of the log uses: its data is not verified.",
    "event_bank_not_replayed": "The log uses a digest algorithm that cannot be computed here; that bank is ignored.",
    "event_data_malformed": "An event's data does not have the structure of its type.",
    "event_data_mismatch": "An event's data should hash to its digest and does not: the data is only claimed.",
    "event_log_padding": "Zero or 0xFF padding follows the last event; it is ignored.",
    "event_log_sha1_only": "The log carries SHA-1 digests alone (TCG 1.2 format): no proof against collisions.",
    "event_type_unknown": "An event has a type that no specification names.",
    "event_type_unknown_in_pcr7": "An event in PCR 7 has a type that does not belong there.",
    "exit_boot_services_failed": "The operating system's loader failed to leave the boot services at least once.",
    "final_events_held": "The log holds events of the final events table already; each is counted once.",
    "firmware_debug_mode": "The firmware was in debug mode.",
    "dma_protection_disabled": "The firmware's DMA protection was off.",
    "no_action_with_digest": "An informational event (EV_NO_ACTION) carries a digest; it is not extended.",
    "secure_boot_not_established": "Secure Boot's state cannot be told from verified data.",
    "secure_boot_variable_late": "A Secure Boot variable is measured after PCR 7's separator, too late to count.",
    "secure_boot_variable_missing": "A Secure Boot variable is not measured into PCR 7 before its separator.",
    "secure_boot_variable_repeated": "A Secure Boot variable is measured more than once before PCR 7's separator.",
    "separator_disguised": "An event with a separator's digest claims to be of another type.",
    "separator_error": "A separator says that the firmware failed to measure what comes before it.",
    "separator_missing": "PCR 0-7 must have one separator each, and this one has none.",
    "separator_repeated": "PCR 0-7 must have one separator each, and this one has more.",
    "spdm_device_failed": "A device did not prove its identity or its firmware to the host's firmware (SPDM).",
    "startup_locality_invalid": "The TPM's startup locality is none of 0, 3 and 4.",
    "startup_locality_late": "The startup locality is stated after the first extension of PCR 0; it is ignored.",
    "startup_locality_repeated": "The startup locality is stated more than once; the first statement counts.",
}
"""Code → one-sentence meaning."""

__all__ = ["CODES"]
