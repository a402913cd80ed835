# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a boot can be said to have been, from verified data alone.

Every text, variable and key here was re-hashed to an event's digest. Digests of applications, drivers and files are
what the TPM was given; the names beside them are only claimed, and say so: :class:`Measured`. All of it holds only
once the replay has met a quote. This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import types as ev
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import ImageLoad, Tagged
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Labelled, Text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.rules import (
    SECURE_BOOT_PCR,
    SECURE_BOOT_VARIABLES,
    is_separator,
    secure_boot_variable,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.spdm import SpdmDevice
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.texts import (
    KernelCommandLine,
    LoaderTexts,
    loader_texts,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.userspace import systemd_claims
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.variable import (
    EFI_GLOBAL,
    SHIM_LOCK,
    SignatureList,
    Variable,
    authority_certificate,
    read_signature_lists,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import UKI_PCR
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import FIELD

_MOK_PCR = 14
_FILE_PCR = 9
_APPLICATION_PCR = 4
_DRIVERS = {ev.EV_EFI_BOOT_SERVICES_DRIVER, ev.EV_EFI_RUNTIME_SERVICES_DRIVER}
_STATES = {"SetupMode", "AuditMode", "DeployedMode"}


@dataclass(frozen=True, slots=True)
class Measured:
    """Something measured by digest alone.

    Attributes:
        index: number of the event.
        pcr: PCR that was extended.
        digests: bank → digest; a PE image's is its Authenticode digest.
        claimed_name: path or name that the log gives, which nothing proves.
    """

    index: int
    pcr: int
    digests: Mapping[str, bytes]
    claimed_name: str


@dataclass(frozen=True, slots=True)
class KeyDatabase:
    """A Secure Boot key database: digest of the variable as measured, and what it holds."""

    index: int
    digests: Mapping[str, bytes]
    entries: int
    lists: tuple[SignatureList, ...]


@dataclass(frozen=True, slots=True)
class Authority:
    """A key or policy that let something start: variable it stands in, and SHA-256 of its certificate if it is one."""

    index: int
    variable: str
    certificate: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """A device as it attested itself to the firmware by SPDM, in data that the event's digest covers."""

    index: int
    pcr: int
    attested: SpdmDevice


@dataclass(frozen=True, slots=True)
class UkiSection:
    """A section of a unified kernel image: its verified name, and the digests of its content."""

    index: int
    name: str
    digests: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Claims:
    """What the verified data says of the boot; None where it says nothing, or nothing certain.

    Attributes:
        secure_boot: whether the firmware enforced Secure Boot.
        setup_mode, audit_mode, deployed_mode: the firmware's modes, where measured.
        databases: PK, KEK, db, dbx → their content as measured before PCR 7's separator.
        authorities: keys and policies that let images start, in order.
        shim_validation: whether shim checked signatures; None without shim.
        mok: name (MokList, MokListX, MokListTrusted) → bank → digest; the names are claimed.
        mok_list_trusted: whether the kernel may trust machine owner keys.
        sbat_level: shim's revocation level.
        firmware_version: text or hexadecimal of EV_S_CRTM_VERSION.
        applications, drivers: images that were started (PCR 4 and what else claims to be one; drivers by type).
        devices: devices that attested themselves by SPDM.
        files: what GRUB and the kernel's stub read (PCR 9): kernel, initrd, configuration.
        command_lines: kernel command lines.
        grub_commands: commands that GRUB ran, in order.
        uki_sections: sections of a unified kernel image (PCR 11).
        boot_phases, machine_id, file_systems, volume_keys: what systemd measured later, in a Canonical Event Log that
            has its records.
    """

    secure_boot: bool | None = None
    setup_mode: bool | None = None
    audit_mode: bool | None = None
    deployed_mode: bool | None = None
    databases: Mapping[str, KeyDatabase] = field(default_factory=dict)
    authorities: tuple[Authority, ...] = ()
    shim_validation: bool | None = None
    mok: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)
    mok_list_trusted: bool | None = None
    sbat_level: str | None = None
    firmware_version: str | None = None
    applications: tuple[Measured, ...] = ()
    drivers: tuple[Measured, ...] = ()
    devices: tuple[Device, ...] = ()
    files: tuple[Measured, ...] = ()
    command_lines: tuple[KernelCommandLine, ...] = ()
    grub_commands: tuple[str, ...] = ()
    uki_sections: tuple[UkiSection, ...] = ()
    boot_phases: tuple[str, ...] = ()
    machine_id: str | None = None
    file_systems: tuple[str, ...] = ()
    volume_keys: tuple[str, ...] = ()


def derive_claims(events: Sequence[Event]) -> tuple[Claims, LoaderTexts]:
    """Return the claims, and the loader's texts that they were taken from."""
    firmware = _before_separator(events)
    established = pcr7_established(events)
    states = _states(events)
    shim = _shim_variables(events)
    texts, systemd = loader_texts(events), systemd_claims(events)
    mok = {name: event.digests for event in events if event.pcr == _MOK_PCR and (name := _name(event))}
    claims = Claims(
        secure_boot=_secure_boot(firmware) if established else None,
        setup_mode=states.get("SetupMode"),
        audit_mode=states.get("AuditMode"),
        deployed_mode=states.get("DeployedMode"),
        databases=_databases(firmware),
        authorities=tuple(_authorities(events)),
        shim_validation=_shim_validation(shim, present=bool(shim or mok)) if established else None,
        mok=mok,
        mok_list_trusted=_flag(shim.get("MokListTrusted")),
        sbat_level=_sbat_level(shim),
        firmware_version=_firmware_version(events),
        applications=tuple(_as_measured(event) for event in events if _is_application(event)),
        drivers=tuple(_as_measured(event) for event in events if event.type in _DRIVERS),
        devices=tuple(_devices(events)),
        files=tuple(_as_measured(event) for event in events if _is_file(event)),
        command_lines=texts.command_lines,
        grub_commands=texts.commands,
        uki_sections=tuple(_uki_sections(events)),
        boot_phases=systemd.phases,
        machine_id=systemd.machine_id,
        file_systems=systemd.file_systems,
        volume_keys=systemd.volume_keys,
    )
    return claims, texts


def pcr7_established(events: Iterable[Event]) -> bool:
    """Return whether PCR 7 can be relied on: one separator, and every event's data proven by its digest."""
    separators = 0
    for event in events:
        if event.pcr != SECURE_BOOT_PCR or event.type in ev.INFORMATIONAL:
            continue
        if event.verified is None:
            return False
        separators += is_separator(event)
    return separators == 1


def _before_separator(events: Iterable[Event]) -> dict[str, Event]:
    """Return the Secure Boot variables that the firmware measured; one measured twice is none."""
    found: dict[str, Event] = {}
    repeated: set[str] = set()
    for event in events:
        if event.pcr == SECURE_BOOT_PCR and is_separator(event):
            break
        name = secure_boot_variable(event)
        if name is not None:
            repeated.update({name} & found.keys())
            found[name] = event
    return {name: event for name, event in found.items() if name not in repeated}


def _variable(event: Event) -> Variable | None:
    data = event.verified.data if event.verified is not None else None
    return data if isinstance(data, Variable) else None


def _flag(value: bytes | None) -> bool | None:
    return {b"\0": False, b"\1": True}.get(value) if value is not None else None


def _secure_boot(firmware: Mapping[str, Event]) -> bool | None:
    """An empty variable (firmware without Secure Boot, or with it not set up) is as good as off."""
    event = firmware.get("SecureBoot")
    variable = _variable(event) if event else None
    if variable is None:
        return None
    return False if variable.data == b"" else _flag(variable.data)


def _states(events: Iterable[Event]) -> dict[str, bool | None]:
    states: dict[str, bool | None] = {}
    for event in events:
        if event.type == ev.EV_EFI_VARIABLE_DRIVER_CONFIG:
            variable = _variable(event)
            if variable and variable.guid == EFI_GLOBAL and variable.name in _STATES:
                states[variable.name] = None if variable.name in states else _flag(variable.data)
    return states


def _databases(firmware: Mapping[str, Event]) -> dict[str, KeyDatabase]:
    databases: dict[str, KeyDatabase] = {}
    for name in SECURE_BOOT_VARIABLES.values():
        event = firmware.get(name)
        variable = _variable(event) if event else None
        if name == "SecureBoot" or event is None or variable is None:
            continue
        try:
            lists = read_signature_lists(variable.data, FIELD)
        except EvidenceError:
            continue
        entries = sum(len(each.entries) for each in lists)
        databases[name] = KeyDatabase(event.index, event.digests, entries, lists)
    return databases


def _authorities(events: Iterable[Event]) -> Iterable[Authority]:
    for event in events:
        if event.pcr == SECURE_BOOT_PCR and event.type == ev.EV_EFI_VARIABLE_AUTHORITY:
            variable = _variable(event)
            if variable is not None:
                yield Authority(event.index, variable.name, authority_certificate(variable.data))


def _shim_variables(events: Iterable[Event]) -> dict[str, bytes]:
    variables: dict[str, bytes] = {}
    for event in events:
        if event.pcr == SECURE_BOOT_PCR:
            variable = _variable(event)
            if variable is not None and variable.guid == SHIM_LOCK:
                variables[variable.name] = variable.data
    return variables


def _shim_validation(shim: Mapping[str, bytes], *, present: bool) -> bool | None:
    """Shim measures MokSBState where it exists; 1 turns its signature checks off."""
    if not present:
        return None
    return shim.get("MokSBState", b"\0") == b"\0"


def _sbat_level(shim: Mapping[str, bytes]) -> str | None:
    value = shim.get("SbatLevel")
    try:
        return None if value is None else value.decode("ascii")
    except UnicodeDecodeError:
        return None


def _firmware_version(events: Iterable[Event]) -> str | None:
    for event in events:
        if event.type == ev.EV_S_CRTM_VERSION and event.pcr == 0 and event.verified is not None:
            data = event.verified.data
            return data.text if isinstance(data, Text) else event.data.hex()
    return None


def _is_application(event: Event) -> bool:
    """By type, and by the PCR besides: another type must not hide what was started."""
    if event.type == ev.EV_EFI_BOOT_SERVICES_APPLICATION:
        return True
    return event.pcr == _APPLICATION_PCR and event.verified is None and event.type not in ev.INFORMATIONAL


def _is_file(event: Event) -> bool:
    return event.pcr == _FILE_PCR and event.type not in ev.INFORMATIONAL


def _devices(events: Iterable[Event]) -> Iterable[Device]:
    for event in events:
        if event.verified is not None and isinstance(event.verified.data, SpdmDevice):
            yield Device(event.index, event.pcr, event.verified.data)


def _as_measured(event: Event) -> Measured:
    return Measured(event.index, event.pcr, event.digests, _name(event))


def _name(event: Event) -> str:
    """Return the name that the log claims for what was measured."""
    data = event.claimed.data if event.claimed is not None else None
    if isinstance(data, ImageLoad):
        return data.path
    if isinstance(data, Tagged):
        return data.name
    return data.text if isinstance(data, (Text, Labelled)) else ""


def _uki_sections(events: Iterable[Event]) -> Iterable[UkiSection]:
    """A section is two events: its name, whose digest is known, then its content (systemd-stub)."""
    name: str | None = None
    for event in events:
        if event.pcr != UKI_PCR or event.type != ev.EV_IPL:
            continue
        if event.verified is not None and isinstance(event.verified.data, Text):
            name = event.verified.data.text
        elif name is not None:
            yield UkiSection(event.index, name, event.digests)
            name = None


__all__ = [
    "Authority",
    "Claims",
    "Device",
    "KernelCommandLine",
    "KeyDatabase",
    "Measured",
    "UkiSection",
    "derive_claims",
    "pcr7_established",
]
