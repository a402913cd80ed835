# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an event's data its digest proves: the data is hashed again, in every form that real firmware uses.

Each form names exactly which bytes were hashed; what is called verified is read from those bytes alone:

========================= ==========================================================================================
``data``                  the event's data (PFP 1.06, section 10.4.1: separators, variables, actions, GPT, versions)
``variable_data``         the value of a UEFI variable without its name (EV_EFI_VARIABLE_BOOT before PFP 1.05)
``data_without_last_byte`` the data but its last byte (shim before 15: EV_EFI_VARIABLE_AUTHORITY)
``error_value``           the value 1 of a separator whose data tells the error (PFP 1.06, section 3.3.2.2)
``text``                  a text without GRUB's label and without its final NUL
``text_with_nul``         the same with its final NUL
``data_with_nul``         the data and a NUL that the log leaves out (systemd-boot before 239)
``section_name``          the name of a PE section in ASCII where the log has UTF-16 (systemd-stub, PCR 11)
``tagged_data``           the data of a tagged event without its tag
``content``               a Canonical Event Log record's whole content, with its type and size
========================= ==========================================================================================

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from hmac import compare_digest
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_record import (
    CONTENT_CEL,
    KEYED,
    SystemdRecord,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged

Form = tuple[str, bytes]
"""Name of a form, and the bytes that it hashes."""

GRUB_LABELS: Final = (b"grub_cmd: ", b"kernel_cmdline: ", b"module_cmdline: ", b"grub_cmd ", b"grub_kernel_cmdline ")

HASHES: Final[Mapping[str, Callable[..., hashlib._Hash]]] = {
    name: getattr(hashlib, name) for name in ("sha1", "sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512")
}
"""Bank → constructor of its hash; a bank that is not here is not replayed."""

_DIGEST_ONLY: Final = frozenset(
    {
        ev.EV_PREBOOT_CERT,
        ev.EV_POST_CODE,
        ev.EV_NO_ACTION,
        ev.EV_S_CRTM_CONTENTS,
        ev.EV_CPU_MICROCODE,
        ev.EV_NONHOST_CODE,
        ev.EV_NONHOST_CONFIG,
        ev.EV_POST_CODE2,
        ev.EV_EFI_BOOT_SERVICES_APPLICATION,
        ev.EV_EFI_BOOT_SERVICES_DRIVER,
        ev.EV_EFI_RUNTIME_SERVICES_DRIVER,
        ev.EV_EFI_PLATFORM_FIRMWARE_BLOB,
        ev.EV_EFI_HANDOFF_TABLES,
        ev.EV_EFI_PLATFORM_FIRMWARE_BLOB2,
        ev.EV_EFI_HANDOFF_TABLES2,
        ev.EV_EFI_HCRTM_EVENT,
        ev.CEL_NOT_MEASURED,
    }
)
"""Types whose digest is of something that the log does not hold."""

MUST_HASH: Final = frozenset(
    {
        ev.EV_SEPARATOR,
        ev.EV_ACTION,
        ev.EV_S_CRTM_VERSION,
        ev.EV_OMIT_BOOT_DEVICE_EVENTS,
        ev.EV_EFI_VARIABLE_DRIVER_CONFIG,
        ev.EV_EFI_VARIABLE_BOOT,
        ev.EV_EFI_VARIABLE_BOOT2,
        ev.EV_EFI_VARIABLE_AUTHORITY,
        ev.EV_EFI_GPT_EVENT,
        ev.EV_EFI_GPT_EVENT2,
        ev.EV_EFI_ACTION,
        ev.EV_EFI_SPDM_FIRMWARE_BLOB,
        ev.EV_EFI_SPDM_FIRMWARE_CONFIG,
        ev.EV_EFI_SPDM_DEVICE_POLICY,
        ev.EV_EFI_SPDM_DEVICE_AUTHORITY,
        ev.CEL_MANAGEMENT,
    }
)
"""Types whose data the specification has hashed: no match is a finding."""

_SILENT: Final = ev.INFORMATIONAL | {ev.EV_EVENT_TAG}
_TEXT_PCRS: Final = frozenset({8, 12})
"""PCRs whose EV_IPL events hold the text that was hashed (GRUB; systemd-boot and systemd-stub)."""

UKI_PCR: Final = 11


def must_hash(event: Logged) -> bool:
    """Return whether the event's data ought to hash to its digest: by its type, or by its PCR, which is proven.

    systemd-stub's tagged events in PCR 12 stand for files. Some digests of systemd's are keyed with a secret.
    """
    if event.type in MUST_HASH:
        return True
    if isinstance(event.besides, SystemdRecord):
        return event.besides.event_type not in KEYED
    return event.pcr in _TEXT_PCRS and event.type not in _SILENT


def grub_label(data: bytes) -> bytes:
    """Return the label that GRUB puts before a text it measures, or nothing."""
    if not data.startswith(GRUB_LABELS):
        return b""
    return next(label for label in GRUB_LABELS if data.startswith(label))


def proven_bytes(event: Logged, banks: tuple[str, ...]) -> Form | None:
    """Return the form and the bytes that hash to the event's digest in all of the log's banks.

    Args:
        event: the event as read.
        banks: banks that the log uses and that can be computed here. An event that lacks one proves nothing: in
            that bank it was not extended.
    """
    if event.type in _DIGEST_ONLY or not banks:
        return None
    special = _SPECIAL.get(event.type)
    if special is None:
        return ("data", event.data) if hashes_to(event.data, event.digests, banks) else None
    for form in special(event):
        if hashes_to(form[1], event.digests, banks):
            return form
    return None


def hashes_to(content: bytes, digests: Mapping[str, bytes], banks: Iterable[str]) -> bool:
    """Return whether ``digests`` has the digest of ``content`` in all of ``banks``."""
    for bank in banks:
        digest = digests.get(bank)
        if digest is None or not compare_digest(HASHES[bank](content).digest(), digest):
            return False
    return True


def _separator(event: Logged) -> Iterator[Form]:
    yield "data", event.data
    yield "error_value", b"\x01\0\0\0"


def _boot_variable(event: Logged) -> Iterator[Form]:
    yield "data", event.data
    if len(event.data) >= 32:
        names, values = (int.from_bytes(event.data[at : at + 8], "little") for at in (16, 24))
        start = 32 + 2 * names
        if start + values == len(event.data):
            yield "variable_data", event.data[start:]


def _authority(event: Logged) -> Iterator[Form]:
    yield "data", event.data
    yield "data_without_last_byte", event.data[:-1]


def _management(event: Logged) -> Iterator[Form]:
    yield "data", event.data
    yield "content", bytes([CONTENT_CEL]) + len(event.data).to_bytes(4, "big") + event.data


def _tagged(event: Logged) -> Iterator[Form]:
    yield "data", event.data
    yield "tagged_data", event.data[8:]


def _loader_text(event: Logged) -> Iterator[Form]:
    if event.pcr == UKI_PCR:
        yield from _section_name(event.data)
    elif event.pcr in _TEXT_PCRS:
        yield from _text(event.data)


def _text(data: bytes) -> Iterator[Form]:
    label = grub_label(data)
    if not label:
        yield "data", data
        yield "data_with_nul", data + b"\0"
    text = data[len(label) :]
    if text.endswith(b"\0"):
        yield "text", text[:-1]
    if label:
        yield "text_with_nul", text


def _section_name(data: bytes) -> Iterator[Form]:
    if len(data) <= 64 and len(data) % 2 == 0 and not any(data[1::2]):
        yield "section_name", data[::2].rstrip(b"\0") + b"\0"


_SPECIAL: Final[Mapping[int, Callable[[Logged], Iterator[Form]]]] = {
    ev.EV_SEPARATOR: _separator,
    ev.EV_EFI_VARIABLE_BOOT: _boot_variable,
    ev.EV_EFI_VARIABLE_BOOT2: _boot_variable,
    ev.EV_EFI_VARIABLE_AUTHORITY: _authority,
    ev.EV_EVENT_TAG: _tagged,
    ev.EV_IPL: _loader_text,
    ev.CEL_MANAGEMENT: _management,
}

__all__ = [
    "GRUB_LABELS",
    "HASHES",
    "MUST_HASH",
    "UKI_PCR",
    "Form",
    "grub_label",
    "hashes_to",
    "must_hash",
    "proven_bytes",
]
