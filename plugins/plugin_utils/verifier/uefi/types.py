# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types of event log entries by their specified names (TCG PC Client Platform Firmware Profile 1.06, section 10.4.1).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

MAX_PCR: Final = 23
"""The last PCR (PC Client Platform TPM Profile, section 4.6); what a log names beyond it is an NV index."""

EV_PREBOOT_CERT: Final = 0x00000000
EV_POST_CODE: Final = 0x00000001
EV_NO_ACTION: Final = 0x00000003
EV_SEPARATOR: Final = 0x00000004
EV_ACTION: Final = 0x00000005
EV_EVENT_TAG: Final = 0x00000006
EV_S_CRTM_CONTENTS: Final = 0x00000007
EV_S_CRTM_VERSION: Final = 0x00000008
EV_CPU_MICROCODE: Final = 0x00000009
EV_PLATFORM_CONFIG_FLAGS: Final = 0x0000000A
EV_TABLE_OF_DEVICES: Final = 0x0000000B
EV_COMPACT_HASH: Final = 0x0000000C
EV_IPL: Final = 0x0000000D
EV_IPL_PARTITION_DATA: Final = 0x0000000E
EV_NONHOST_CODE: Final = 0x0000000F
EV_NONHOST_CONFIG: Final = 0x00000010
EV_NONHOST_INFO: Final = 0x00000011
EV_OMIT_BOOT_DEVICE_EVENTS: Final = 0x00000012
EV_POST_CODE2: Final = 0x00000013
EV_EFI_VARIABLE_DRIVER_CONFIG: Final = 0x80000001
EV_EFI_VARIABLE_BOOT: Final = 0x80000002
EV_EFI_BOOT_SERVICES_APPLICATION: Final = 0x80000003
EV_EFI_BOOT_SERVICES_DRIVER: Final = 0x80000004
EV_EFI_RUNTIME_SERVICES_DRIVER: Final = 0x80000005
EV_EFI_GPT_EVENT: Final = 0x80000006
EV_EFI_ACTION: Final = 0x80000007
EV_EFI_PLATFORM_FIRMWARE_BLOB: Final = 0x80000008
EV_EFI_HANDOFF_TABLES: Final = 0x80000009
EV_EFI_PLATFORM_FIRMWARE_BLOB2: Final = 0x8000000A
EV_EFI_HANDOFF_TABLES2: Final = 0x8000000B
EV_EFI_VARIABLE_BOOT2: Final = 0x8000000C
EV_EFI_GPT_EVENT2: Final = 0x8000000D
EV_EFI_HCRTM_EVENT: Final = 0x80000010
EV_EFI_VARIABLE_AUTHORITY: Final = 0x800000E0
EV_EFI_SPDM_FIRMWARE_BLOB: Final = 0x800000E1
EV_EFI_SPDM_FIRMWARE_CONFIG: Final = 0x800000E2
EV_EFI_SPDM_DEVICE_POLICY: Final = 0x800000E3
EV_EFI_SPDM_DEVICE_AUTHORITY: Final = 0x800000E4

_CEL: Final = 1 << 32
CEL_MANAGEMENT: Final = _CEL | 4
CEL_NOT_MEASURED: Final = _CEL | 0x104
CEL_IMA_TEMPLATE: Final = _CEL | 7
CEL_IMA_TLV: Final = _CEL | 8
CEL_SYSTEMD: Final = _CEL | 9
CEL_OTHER: Final = _CEL | 0x1FF
"""Contents of Canonical Event Log records that are no PC Client events: numbers that no event's 32 bits can have."""

CEL_TYPES: Final[Mapping[int, str]] = {
    CEL_MANAGEMENT: "cel",
    CEL_NOT_MEASURED: "cel",
    CEL_IMA_TEMPLATE: "ima_template",
    CEL_IMA_TLV: "ima_tlv",
    CEL_SYSTEMD: "systemd",
    CEL_OTHER: "unknown content",
}
"""Name of each (TCG Canonical Event Log Format 1.0, section 4)."""

INFORMATIONAL: Final = frozenset({EV_NO_ACTION, CEL_NOT_MEASURED})
"""Types that extend nothing."""

EVENT_TYPES: Final[Mapping[int, str]] = {
    value: name for name, value in list(globals().items()) if name.startswith("EV_") and isinstance(value, int)
} | {0x00000002: "EV_UNUSED"}
"""Name of every specified event type."""


def type_name(number: int) -> str:
    """Return the specified name of an event type or a record's content, or ``0x…`` where no specification has one."""
    return EVENT_TYPES.get(number) or CEL_TYPES.get(number) or f"0x{number:08x}"


__all__ = [
    "CEL_IMA_TEMPLATE",
    "CEL_IMA_TLV",
    "CEL_MANAGEMENT",
    "CEL_NOT_MEASURED",
    "CEL_OTHER",
    "CEL_SYSTEMD",
    "CEL_TYPES",
    "EVENT_TYPES",
    "EV_ACTION",
    "EV_COMPACT_HASH",
    "EV_CPU_MICROCODE",
    "EV_EFI_ACTION",
    "EV_EFI_BOOT_SERVICES_APPLICATION",
    "EV_EFI_BOOT_SERVICES_DRIVER",
    "EV_EFI_GPT_EVENT",
    "EV_EFI_GPT_EVENT2",
    "EV_EFI_HANDOFF_TABLES",
    "EV_EFI_HANDOFF_TABLES2",
    "EV_EFI_HCRTM_EVENT",
    "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
    "EV_EFI_RUNTIME_SERVICES_DRIVER",
    "EV_EFI_SPDM_DEVICE_AUTHORITY",
    "EV_EFI_SPDM_DEVICE_POLICY",
    "EV_EFI_SPDM_FIRMWARE_BLOB",
    "EV_EFI_SPDM_FIRMWARE_CONFIG",
    "EV_EFI_VARIABLE_AUTHORITY",
    "EV_EFI_VARIABLE_BOOT",
    "EV_EFI_VARIABLE_BOOT2",
    "EV_EFI_VARIABLE_DRIVER_CONFIG",
    "EV_EVENT_TAG",
    "EV_IPL",
    "EV_IPL_PARTITION_DATA",
    "EV_NONHOST_CODE",
    "EV_NONHOST_CONFIG",
    "EV_NONHOST_INFO",
    "EV_NO_ACTION",
    "EV_OMIT_BOOT_DEVICE_EVENTS",
    "EV_PLATFORM_CONFIG_FLAGS",
    "EV_POST_CODE",
    "EV_POST_CODE2",
    "EV_PREBOOT_CERT",
    "EV_SEPARATOR",
    "EV_S_CRTM_CONTENTS",
    "EV_S_CRTM_VERSION",
    "EV_TABLE_OF_DEVICES",
    "INFORMATIONAL",
    "MAX_PCR",
    "type_name",
]
