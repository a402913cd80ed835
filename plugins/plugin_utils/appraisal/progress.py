# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been verified of a node's boot: all that the next round needs, so that the node sends only what is new.

Of the verified entries those are kept that are not surely known files of the host. The appraisal passes over the
others without a trace, so the kept ones and the new part give the verdict of the whole list.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from hmac import compare_digest
from itertools import accumulate, pairwise
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import ImaLog, Kind, parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.parts import chosen, written
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import BEGINNING, ImaState

FORMAT: Final = 1
PACKED_LIMIT: Final = 1_000_000
"""Most bytes of a node's state; of a node that would need more nothing is kept, and its lists are read whole."""
_UNPACKED_LIMIT: Final = 32 * MIB
_BOOT_ID_LIMIT: Final = 64
_DIGEST: Final = 32
_SIZE: Final = 4


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been verified of a node's boot.

    Attributes:
        ak: name of the AK that signed the quotes, see :func:`ak_name`.
        boot_id: the boot, as the node says.
        reset_count: the boot, as its TPM says.
        clock: of the last quote, in milliseconds.
        verified: how far the list has been verified.
        began: what had been verified where the node's present list begins: :data:`BEGINNING`, unless that list
            continues one which is gone.
        event_log: the UEFI event log that was verified; None where the boot needs none.
        kept: the verified entries that are not surely known files of the host, and the first of each kind.
        recognition: what "surely known" meant, see :func:`.measurements.recognition`.
    """

    ak: str
    boot_id: str
    reset_count: int
    clock: int
    verified: ImaState
    began: ImaState
    event_log: bytes | None
    kept: ImaLog
    recognition: str

    def kept_before(self, number: int) -> ImaLog:
        """Return the kept entries with a lower number."""
        return chosen(self.kept, range(bisect_left(self.kept.numbers, number)))

    def pack(self) -> bytes | None:
        """Return the state for the store; None where it is over :data:`PACKED_LIMIT`."""
        head = {
            "format": FORMAT,
            "ak": self.ak,
            "boot_id": self.boot_id,
            "reset_count": self.reset_count,
            "clock": self.clock,
            "verified": _plain(self.verified),
            "began": _plain(self.began),
            "event_log": None if self.event_log is None else len(self.event_log),
            "steps": [number - before for before, number in pairwise((0, *self.kept.numbers))],
            "recognition": self.recognition,
        }
        text = json.dumps(head, separators=(",", ":")).encode()
        plain = b"".join(
            (
                len(text).to_bytes(_SIZE, "little"),
                text,
                self.event_log or b"",
                written(self.kept, range(len(self.kept))),
            )
        )
        if len(plain) > _UNPACKED_LIMIT:
            return None
        packed = zlib.compress(plain, 6)
        packed = hashlib.sha256(packed).digest() + packed
        return packed if len(packed) <= PACKED_LIMIT else None

    @classmethod
    def unpack(cls, packed: bytes) -> Progress:
        """Return the state that :meth:`pack` gave.

        Raises:
            StoreError: it is none, or of another version.
        """
        try:
            return _unpacked(packed)
        except (AttributeError, EvidenceError, KeyError, TypeError, ValueError, zlib.error) as error:
            raise StoreError("state of a boot", "is not what was stored.", "none: the list is read whole.") from error


def ak_name(ak_public: bytes) -> str:
    """Return a name for an AK: SHA-256 of its TPM2B_PUBLIC."""
    return hashlib.sha256(ak_public).hexdigest()


def boot_name(value: object) -> str | None:
    """Return the boot ID that a node gave; None where it is none that could be asked about again."""
    if not isinstance(value, str) or not value or printable(value, _BOOT_ID_LIMIT) != value:
        return None
    return value


def to_keep(log: ImaLog, count: int, noted: Iterable[int]) -> ImaLog:
    """Return the entries to keep: those that were noted, and the first of each kind.

    Args:
        log: what was kept before, and the new part.
        count: number of its entries that are verified.
        noted: see :class:`.measurements.Measurements`.
    """
    first: dict[Kind, int] = {}
    for run in log.runs:
        if run.start < count:
            first.setdefault(run.kind, run.start)
    return chosen(log, sorted({*noted, *first.values()}))


def _numbered(binary: bytes, numbers: list[int]) -> ImaLog:
    log = parse_ima_log(binary, check_columns=False, lazy=True)
    if len(log) != len(numbers) or any(number <= before for before, number in pairwise((-1, *numbers))):
        raise ValueError("the entries have not one number each, going up")
    return replace(log, numbers=numbers)


def _plain(state: ImaState) -> dict[str, Any]:
    values = {bank: value.hex() for bank, value in state.aggregates.items()}
    return {"entries": state.entries, "offset": state.offset, "aggregates": values, "padded": state.padded}


def _state(plain: Mapping[str, Any]) -> ImaState:
    values = {str(bank): bytes.fromhex(value) for bank, value in plain["aggregates"].items()}
    state = ImaState(_count(plain["entries"]), _count(plain["offset"]), values, plain["padded"] is True)
    return state if state.entries else BEGINNING


def _unpacked(packed: bytes) -> Progress:
    if len(packed) > PACKED_LIMIT or not compare_digest(
        hashlib.sha256(packed[_DIGEST:]).digest(), bytes(packed[:_DIGEST])
    ):
        raise ValueError("it was altered")
    stream = zlib.decompressobj()
    plain = stream.decompress(packed[_DIGEST:], _UNPACKED_LIMIT)
    if not stream.eof:
        raise ValueError("it is cut, or too large")
    at = _SIZE + int.from_bytes(plain[:_SIZE], "little")
    head = json.loads(plain[_SIZE:at])
    if head["format"] != FORMAT:
        raise ValueError("it is of another version")
    logged = head["event_log"]
    end = at if logged is None else at + _count(logged)
    return Progress(
        ak=str(head["ak"]),
        boot_id=str(head["boot_id"]),
        reset_count=_count(head["reset_count"]),
        clock=_count(head["clock"]),
        verified=_state(head["verified"]),
        began=_state(head["began"]),
        event_log=None if logged is None else plain[at:end],
        kept=_numbered(plain[end:], list(accumulate(map(_count, head["steps"])))),
        recognition=str(head["recognition"]),
    )


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("it has a number that is none")
    return value


__all__ = ["FORMAT", "PACKED_LIMIT", "Progress", "ak_name", "boot_name", "to_keep"]
