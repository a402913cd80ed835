# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an event's data says, read by the structure of its type; verified and claimed data never mix.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import data as data_of
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_record import (
    SystemdRecord,
    read_management,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.gpt import read_gpt
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import (
    Claimed,
    EventData,
    Labelled,
    Logged,
    Raw,
    Text,
    Verified,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.platform_id import (
    SP800_155,
    read_platform_id,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.spdm import (
    NV_DYNAMIC,
    NV_INSTANCE,
    read_nv_dynamic,
    read_nv_instance,
    read_spdm_device,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    Variable,
    VariableName,
    VariableValue,
    read_load_option,
    read_variable,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import Form, grub_label
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import FIELD

_BOOT_OPTION: Final = re.compile(r"Boot[0-9A-F]{4}")

Structure = Callable[[bytes, str], EventData]


def _text(data: bytes, _field: str) -> EventData:
    """Return text where the data is printable text to its end, else the data as it is."""
    return text_of(data) or Raw(data)


def text_of(data: bytes) -> Text | None:
    """Return bytes as text: UTF-16 where every second byte is zero, else UTF-8; None where they are neither.

    A final NUL is dropped. Nothing is replaced, so two different texts never become the same one.
    """
    wide = len(data) >= 2 and len(data) % 2 == 0 and not any(data[1::2]) and data[0] != 0
    try:
        text = data.decode("utf-16-le" if wide else "utf-8").removesuffix("\0")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else Text(text)


def _old_authority(data: bytes, field: str) -> Variable:
    return read_variable(data, field, slack=8)


_INFORMATION: Final[Mapping[bytes, Structure]] = {
    data_of.STARTUP_LOCALITY: data_of.read_startup_locality,
    SP800_155: read_platform_id,
    NV_INSTANCE: read_nv_instance,
    NV_DYNAMIC: read_nv_dynamic,
}
"""Signature → reader of an EV_NO_ACTION event's data."""


def _no_action(data: bytes, field: str) -> EventData:
    for signature, read in _INFORMATION.items():
        if data.startswith(signature):
            return read(data, field)
    return _text(data, field)


def _firmware(data: bytes, field: str) -> EventData:
    """Return a blob's address and size, or the text (``ACPI DATA``) that newer firmware logs instead."""
    return data_of.read_firmware_blob(data, field) if len(data) == 16 else _text(data, field)


_STRUCTURES: Final[Mapping[int, Structure]] = {
    ev.EV_POST_CODE: _firmware,
    ev.EV_NO_ACTION: _no_action,
    ev.EV_SEPARATOR: data_of.read_separator,
    ev.EV_EVENT_TAG: data_of.read_tagged,
    ev.EV_EFI_VARIABLE_DRIVER_CONFIG: read_variable,
    ev.EV_EFI_VARIABLE_BOOT: read_variable,
    ev.EV_EFI_BOOT_SERVICES_APPLICATION: data_of.read_image_load,
    ev.EV_EFI_BOOT_SERVICES_DRIVER: data_of.read_image_load,
    ev.EV_EFI_RUNTIME_SERVICES_DRIVER: data_of.read_image_load,
    ev.EV_EFI_GPT_EVENT: read_gpt,
    ev.EV_EFI_PLATFORM_FIRMWARE_BLOB: data_of.read_firmware_blob,
    ev.EV_EFI_HANDOFF_TABLES: data_of.read_handoff_tables,
    ev.EV_EFI_PLATFORM_FIRMWARE_BLOB2: data_of.read_firmware_blob2,
    ev.EV_EFI_HANDOFF_TABLES2: data_of.read_handoff_tables2,
    ev.EV_EFI_VARIABLE_BOOT2: read_variable,
    ev.EV_EFI_GPT_EVENT2: read_gpt,
    ev.EV_EFI_VARIABLE_AUTHORITY: _old_authority,
    ev.EV_EFI_SPDM_FIRMWARE_BLOB: read_spdm_device,
    ev.EV_EFI_SPDM_FIRMWARE_CONFIG: read_spdm_device,
    ev.EV_EFI_SPDM_DEVICE_POLICY: read_variable,
    ev.EV_EFI_SPDM_DEVICE_AUTHORITY: read_variable,
    ev.CEL_MANAGEMENT: read_management,
    ev.CEL_NOT_MEASURED: read_management,
}
"""Type → reader of its data; a type that is not here holds text or an unknown structure."""


def interpret(event: Logged, proven: Form | None) -> tuple[Verified | None, Claimed | None, EvidenceError | None]:
    """Return what the event's data proves, what it claims, and why its structure could not be read.

    Args:
        event: the event as read from the log.
        proven: form and bytes that hash to its digest, from :func:`.verify.proven_bytes`.
    """
    try:
        if proven is None:
            return None, _claimed(event), None
        verified, claimed = _PROVEN.get(proven[0], _proven_data)(event, proven)
    except EvidenceError as error:
        raw = Raw(event.data if proven is None else proven[1])
        return (None, Claimed(raw), error) if proven is None else (Verified(raw, proven[0]), None, error)
    return verified, claimed, None


def _structure(event: Logged, content: bytes) -> EventData:
    return _STRUCTURES.get(event.type, _text)(content, FIELD)


def _claimed(event: Logged) -> Claimed | None:
    if event.besides is not None:
        return Claimed(_with_text(event.besides, event.data))
    if not event.data:
        return None
    return Claimed(_labelled(event.data) if event.type == ev.EV_IPL else _structure(event, event.data))


def _with_text(besides: EventData, data: bytes) -> EventData:
    return replace(besides, text=data.decode("utf-8", "replace")) if isinstance(besides, SystemdRecord) else besides


def _labelled(data: bytes) -> EventData:
    label = grub_label(data)
    text = text_of(data[len(label) :])
    if text is None:
        return Raw(data)
    return Labelled(_label_text(label), text.text) if label else text


def _label_text(label: bytes) -> str:
    return label.decode("ascii").rstrip(": ")


def _proven_data(event: Logged, proven: Form) -> tuple[Verified, Claimed | None]:
    form, content = proven
    return Verified(_structure(event, content), form), None if event.besides is None else Claimed(event.besides)


def _proven_value(event: Logged, proven: Form) -> tuple[Verified, Claimed | None]:
    """The digest covers a variable's value: its name, which tells how to read the value, is only claimed."""
    form, content = proven
    variable = read_variable(event.data, FIELD)
    name = Claimed(VariableName(variable.guid, variable.name))
    if _BOOT_OPTION.fullmatch(variable.name):
        try:
            return Verified(read_load_option(content, FIELD), form), name
        except EvidenceError:
            pass
    return Verified(VariableValue(content), form), name


def _proven_text(event: Logged, proven: Form) -> tuple[Verified, Claimed | None]:
    """The digest covers a text: the loader's label before it is only claimed."""
    form, content = proven
    label = grub_label(event.data)
    claimed = Claimed(Labelled(_label_text(label), "")) if label else None
    return Verified(_text(content, FIELD), form), claimed


def _proven_error(event: Logged, proven: Form) -> tuple[Verified, Claimed | None]:
    form, content = proven
    return Verified(data_of.read_separator(content, FIELD), form), Claimed(Raw(event.data))


def _proven_tag_data(event: Logged, proven: Form) -> tuple[Verified, Claimed | None]:
    form, content = proven
    tagged = data_of.read_tagged(event.data, FIELD)
    return Verified(_text(content, FIELD), form), Claimed(data_of.Tagged(tagged.tag, tagged.name, b""))


_PROVEN: Final[Mapping[str, Callable[[Logged, Form], tuple[Verified, Claimed | None]]]] = {
    "variable_data": _proven_value,
    "text": _proven_text,
    "text_with_nul": _proven_text,
    "data_with_nul": _proven_text,
    "section_name": _proven_text,
    "error_value": _proven_error,
    "tagged_data": _proven_tag_data,
}

__all__ = ["interpret", "text_of"]
