# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What systemd measures after the firmware is gone: phases of the boot, machine ID, file systems, keys of volumes.

systemd extends its words without a final NUL, and notes each in a log of its own, a JSON text sequence of CEL records
(systemd-pcrextend(8), systemd-pcrphase.service(8)). This package is private to the collection: its interfaces may
change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_json import read_cel_json
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_record import SystemdRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.interpret import interpret
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event, Text
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.texts import SEPARATOR
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import CEL_SYSTEMD, MAX_PCR
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import HASHES, proven_bytes

FIELD: Final = "userspace_log"
MAX_LAG: Final = 4
"""Most records by which the log may be ahead of its quote: systemd writes some twenty in a boot."""

PHASE_PCR: Final = 11
IDENTITY_PCR: Final = 15
PHASES: Final = ("enter-initrd", "leave-initrd", "sysinit", "ready", "shutdown", "final")
"""Words that systemd extends into PCR 11 as the boot goes on."""
SEPARATED_PCRS: Final = (0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 14)
"""PCRs that systemd-pcrosseparator.service closes."""

_MACHINE_ID: Final = "machine-id:"
_FILE_SYSTEM: Final = "file-system:"

Banks = Mapping[str, Mapping[int, bytes]]


@dataclass(frozen=True, slots=True)
class SystemdClaims:
    """What systemd measured, from verified data alone; it holds once the replay has met a quote over those PCRs.

    Attributes:
        phases: words of PCR 11 in order.
        machine_id: 32 hexadecimal digits of PCR 15, or None.
        file_systems: identities of file systems in PCR 15, as systemd writes them.
        volume_keys: names of volumes whose keys were measured; the names are claimed, the digests are keyed.
    """

    phases: tuple[str, ...] = ()
    machine_id: str | None = None
    file_systems: tuple[str, ...] = ()
    volume_keys: tuple[str, ...] = ()


def parse_userspace_log(blob: bytes) -> tuple[Event, ...]:
    """Return the events of systemd's log, with what of each is verified by its digests.

    A last record that is cut is left out: systemd was writing it.

    Raises:
        EvidenceError: the log is malformed, or holds more than :data:`.wire.MAX_EVENTS` records.
    """
    records = read_cel_json(blob, FIELD, cut=True)
    events = []
    for record in records:
        logged = record.event
        banks = tuple(bank for bank in logged.digests if bank in HASHES)
        verified, claimed, _error = interpret(logged, proven_bytes(logged, banks))
        events.append(Event(logged.index, logged.pcr, logged.type, logged.digests, logged.data, verified, claimed))
    return tuple(events)


def systemd_claims(events: Iterable[Event]) -> SystemdClaims:
    """Return what systemd's records say, by their PCR and their verified words."""
    phases: list[str] = []
    machine_ids: list[str] = []
    file_systems: list[str] = []
    volume_keys: list[str] = []
    for event in events:
        if event.type != CEL_SYSTEMD:
            continue
        word = word_of(event)
        if event.pcr == PHASE_PCR and word is not None:
            phases.append(word)
        elif event.pcr == IDENTITY_PCR and word is not None:
            if word.startswith(_MACHINE_ID):
                machine_ids.append(word[len(_MACHINE_ID) :])
            elif word.startswith(_FILE_SYSTEM):
                file_systems.append(word[len(_FILE_SYSTEM) :])
        elif event.pcr == IDENTITY_PCR and event.claimed is not None and isinstance(event.claimed.data, SystemdRecord):
            volume_keys.append(event.claimed.data.text)
    machine_id = machine_ids[0] if len(set(machine_ids)) == 1 else None
    return SystemdClaims(tuple(phases), machine_id, tuple(file_systems), tuple(volume_keys))


def word_of(event: Event) -> str | None:
    """Return the word that an event proves: printable text; None for anything else."""
    data = event.verified.data if event.verified is not None else None
    return data.text if isinstance(data, Text) and data.text.isprintable() and data.text else None


def is_known(event: Event) -> bool:
    """Tell whether systemd extends such a word into such a PCR; what is no PCR of the boot is its own affair."""
    word = word_of(event)
    if event.pcr in SEPARATED_PCRS and word == SEPARATOR:
        return True
    if event.pcr == PHASE_PCR:
        return word in PHASES
    return event.pcr > max(SEPARATED_PCRS)


def explained(
    pcrs: Banks, events: Sequence[Event], selection: Mapping[str, Sequence[int]]
) -> Iterator[tuple[int, Banks]]:
    """Yield how many of the log's events a quote may cover, and the PCRs that the boot and these lead to.

    The log is read after its quote, so its last events may not be covered: all come first, then fewer of them, at
    most :data:`MAX_LAG` less. Events that no quoted PCR has are passed over. Last come systemd's separators where
    the log was lost: their word is a constant.

    Args:
        pcrs: bank → PCR → value behind the event log.
        events: events of :func:`parse_userspace_log`.
        selection: bank → PCR numbers that the quote covers.
    """
    quoted = [event.index for event in events if covers(selection, event)]
    yield len(events), extended(pcrs, events)
    for at in reversed(quoted[-MAX_LAG:]):
        yield at, extended(pcrs, events[:at])
    if any(pcr in SEPARATED_PCRS for numbers in selection.values() for pcr in numbers):
        yield len(events), extended(pcrs, (*events, *_separators(selection)))


def _separators(selection: Mapping[str, Sequence[int]]) -> Iterator[Event]:
    """Yield systemd's separators, which need no log: all that they say is that systemd took over."""
    digests = {bank: HASHES[bank](SEPARATOR.encode("ascii")).digest() for bank in selection if bank in HASHES}
    for pcr in SEPARATED_PCRS:
        yield Event(0, pcr, CEL_SYSTEMD, digests, SEPARATOR.encode("ascii"))


def covers(selection: Mapping[str, Sequence[int]], event: Event) -> bool:
    """Tell whether an event was extended into a PCR that a quote covers."""
    return any(event.pcr in numbers and bank in event.digests for bank, numbers in selection.items())


def extended(pcrs: Banks, events: Iterable[Event]) -> dict[str, dict[int, bytes]]:
    """Return PCR values extended by further events; a bank that an event has no digest for stays as it is."""
    values = {bank: dict(of_bank) for bank, of_bank in pcrs.items()}
    for event in events:
        if event.pcr > MAX_PCR:
            continue
        for bank, digest in event.digests.items():
            if bank in HASHES:
                of_bank = values.setdefault(bank, {})
                first = (b"\xff" if 17 <= event.pcr <= 22 else b"\0") * len(digest)
                of_bank[event.pcr] = HASHES[bank](of_bank.get(event.pcr, first) + digest).digest()
    return values


__all__ = [
    "FIELD",
    "IDENTITY_PCR",
    "MAX_LAG",
    "PHASES",
    "PHASE_PCR",
    "SEPARATED_PCRS",
    "SystemdClaims",
    "covers",
    "explained",
    "extended",
    "is_known",
    "parse_userspace_log",
    "systemd_claims",
    "word_of",
]
