# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The final events table: what was measured after the event log was first asked for.

Linux appends the table to binary_bios_measurements itself, and leaves out what its boot stub has already seen in the
log (drivers/char/tpm/eventlog/efi.c, ``final_events_preboot_size``). Where the table comes by itself, this joins it.

Specification: TCG EFI Protocol Specification 1.0, EFI_TCG2_FINAL_EVENTS_TABLE. This package is private to the
collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged, SpecId
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import MAX_EVENTS, read_counted

FIELD: Final = "final_events"
_VERSION: Final = 1


def read_final_events(data: bytes, spec: SpecId | None) -> tuple[Logged, ...]:
    """Return the events of a table, numbered from 0.

    Args:
        data: the table; what follows its last event is unused space.
        spec: header of the log that the table belongs to: it declares the banks.

    Raises:
        EvidenceError: no table of version 1, one that is truncated, or a log that is not crypto-agile.
    """
    if spec is None:
        raise EvidenceError(FIELD, "belongs to a log in the SHA-1 format, which has no such table.")
    reader = Reader(data, FIELD)
    version, count = reader.u64("the table's version"), reader.u64("the number of events")
    if version != _VERSION:
        raise EvidenceError(FIELD, f"has version {version}, not {_VERSION}.", offset=0)
    if count > MAX_EVENTS:
        raise EvidenceError(FIELD, f"claims {count} events, at most {MAX_EVENTS} are read.", offset=8)
    return read_counted(data, reader.offset, count, spec.banks, FIELD)


def join(events: Sequence[Logged], final: Sequence[Logged]) -> tuple[tuple[Logged, ...], int]:
    """Return the log with the table's events behind it, and how many of these it held already.

    Both are in the order of measurement, so what is in both ends the one and begins the other. Where events repeat,
    the longest such run is taken. A wrong guess does no harm: the replay has to meet the quote.
    """
    held = _overlap([_key(event) for event in events], [_key(event) for event in final])
    new = (replace(event, index=len(events) + at) for at, event in enumerate(final[held:]))
    return (*events, *new), held


def _key(event: Logged) -> tuple[object, ...]:
    return event.pcr, event.type, tuple(sorted(event.digests.items())), event.data


def _overlap(log: list[tuple[object, ...]], final: list[tuple[object, ...]]) -> int:
    """Return the length of the longest beginning of ``final`` that ends ``log`` (Knuth, Morris, Pratt: linear time)."""
    borders = [0] * len(final)
    for at in range(1, len(final)):
        borders[at] = _extended(final, borders, borders[at - 1], final[at])
    length = 0
    for event in log[-len(final) :] if final else []:  # so the whole of `final` can be found at the very end alone
        length = _extended(final, borders, length, event)
    return length


def _extended(final: list[tuple[object, ...]], borders: list[int], length: int, event: tuple[object, ...]) -> int:
    while length and final[length] != event:
        length = borders[length - 1]
    return length + 1 if final[length] == event else 0


__all__ = ["FIELD", "join", "read_final_events"]
