# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replay of an event log: the PCR values that a TPM must hold if the log tells the truth.

Specification: TPM 2.0 Library, Part 1, sections 17 and 34; PFP 1.06, section 10.4.5.3. This package is private to
the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.data import StartupLocality
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Event
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.types import (
    EV_EFI_HCRTM_EVENT,
    EV_NO_ACTION,
    INFORMATIONAL,
    MAX_PCR,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.verify import HASHES

_DRTM_PCRS: Final = range(17, 23)
_H_CRTM_LOCALITY: Final = 4


@dataclass(frozen=True, slots=True)
class Startup:
    """How PCR 0 began: the locality, and what is odd about how the log states it."""

    locality: int
    findings: tuple[Finding, ...]


def startup(events: Iterable[Event]) -> Startup:
    """Return the locality that sets PCR 0's first value; an H-CRTM event before all others stands for locality 4."""
    locality: int | None = None
    extended = False
    findings: list[Finding] = []
    for event in events:
        stated = _stated(event)
        if stated is not None:
            code = _startup_code(stated, extended=extended, repeated=locality is not None)
            if code:
                findings.append(Finding(code, f"{CODES[code]} It says {stated}.", event.index, 0))
            if code in (None, "startup_locality_invalid"):
                locality = stated
        elif event.pcr == 0 and event.type not in INFORMATIONAL:
            if event.type == EV_EFI_HCRTM_EVENT and not extended and locality is None:
                locality = _H_CRTM_LOCALITY
            extended = True
    return Startup(locality or 0, tuple(findings))


def _stated(event: Event) -> int | None:
    """Return the locality that the event states; only an informational event can."""
    if event.type != EV_NO_ACTION or event.claimed is None:
        return None
    data = event.claimed.data
    return data.locality if isinstance(data, StartupLocality) else None


def _startup_code(locality: int, *, extended: bool, repeated: bool) -> str | None:
    if repeated:
        return "startup_locality_repeated"
    if extended:
        return "startup_locality_late"
    return None if locality in {0, 3, 4} else "startup_locality_invalid"


def replay(events: Iterable[Event], banks: Mapping[str, int], locality: int) -> dict[str, dict[int, bytes]]:
    """Return bank → PCR → value after all events; only PCRs that the log extends, no EV_NO_ACTION and no NV index.

    Args:
        events: the log's events in order.
        banks: bank → size of its digests in bytes; those that cannot be computed here stay out.
        locality: the startup locality, PCR 0's first value.
    """
    pcrs: dict[str, dict[int, bytes]] = {bank: {} for bank in banks if bank in HASHES}
    replayed = [(bank, HASHES[bank], values) for bank, values in pcrs.items()]
    for event in events:
        pcr, digests = event.pcr, event.digests
        if event.type == EV_NO_ACTION or pcr > MAX_PCR:
            continue
        for bank, new, values in replayed:
            digest = digests.get(bank)
            if digest is not None:
                value = values.get(pcr)
                if value is None:
                    value = _first_value(pcr, banks[bank], locality)
                values[pcr] = new(value + digest).digest()
    return pcrs


def _first_value(pcr: int, size: int, locality: int) -> bytes:
    if pcr == 0:
        return bytes(size - 1) + bytes([locality])
    return (b"\xff" if pcr in _DRTM_PCRS else b"\0") * size


__all__ = ["Startup", "replay", "startup"]
