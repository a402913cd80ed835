# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of its formats an event log has, and its events out of any of them.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel import is_cel_tlv, read_cel_tlv
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_json import is_cel_json, read_cel_json
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.cel_record import Record, in_order
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.model import Logged, SpecId
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.wire import BANKS, FIELD, read_events

_SIZES: Final = dict(BANKS.values())


@dataclass(frozen=True, slots=True)
class ReadLog:
    """A log's events before anything of them is believed.

    Attributes:
        format: ``tcg_sha1``, ``tcg_crypto_agile``, ``cel_tlv`` or ``cel_json``.
        events: in the log's order.
        sizes: bank → size of its digests in bytes, of the banks that the log declares or has.
        spec: header of a crypto-agile log.
        oddities: finding codes of the format.
    """

    format: str
    events: tuple[Logged, ...]
    sizes: Mapping[str, int]
    spec: SpecId | None = None
    oddities: tuple[str, ...] = ()


def read_log(blob: bytes) -> ReadLog:
    """Return a log's events.

    Raises:
        EvidenceError: the log is empty, truncated or malformed; names the field ``event_log`` and the offset.
    """
    if is_cel_json(blob):
        return _of_records("cel_json", read_cel_json(blob, FIELD))
    if is_cel_tlv(blob):
        return _of_records("cel_tlv", read_cel_tlv(blob, FIELD))
    spec, events, padded = read_events(blob)
    oddities = ("event_log_padding",) if padded else ()
    if spec is None:
        return ReadLog("tcg_sha1", events, {"sha1": 20}, None, oddities)
    return ReadLog("tcg_crypto_agile", events, {bank.name: bank.size for bank in spec.banks}, spec, oddities)


def _of_records(form: str, records: Sequence[Record]) -> ReadLog:
    used = {bank for record in records for bank in record.event.digests}
    sizes = {bank: size for bank, size in _SIZES.items() if bank in used}
    oddities = () if in_order(records) else ("cel_order",)
    return ReadLog(form, tuple(record.event for record in records), sizes, None, oddities)


__all__ = ["ReadLog", "read_log"]
