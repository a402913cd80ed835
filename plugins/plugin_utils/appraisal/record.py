# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node's record, as the store keeps it: identity, what was recorded at enrolment, SC instances.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import RECORDED, is_key
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.clock import Tick

_AK_LIMIT = 4096
_FIRST_OWNER_LIMIT = 1 << 32


@dataclass(frozen=True, slots=True)
class Instance:
    """One generation of an SC instance, and the owners that were its alone.

    Attributes:
        name: the instance (``dns-filter-1``).
        sc: its SC's name in the catalogue.
        uid_base: first user and group number of its range.
        uid_count: size of the range.
        generation: counts up with each replacement.
        live: whether it counts now: it should be running, or was stopped by an operator.
        boot_id: boot in which the range was given out, where known.
        container: ID, or name, of the container that it runs in, where known.
        stopped: whether an operator stopped it: that nothing of it was measured since the boot says nothing then.
        sealed: once a quote was made after its end: that quote's reset count, and how many entries its list had.
        files: path inside the container → accepted digests of its rendered configuration.
    """

    name: str
    sc: str
    uid_base: int
    uid_count: int
    generation: int
    live: bool
    boot_id: str | None = None
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sealed: tuple[int, int] | None = None
    container: str | None = None
    stopped: bool = False

    def entries_in(self, reset_count: int) -> int | None:
        """Return how many entries of a boot's list may be its own; None where all may.

        Whatever has an owner in its range behind them was put there by the host: nothing of it ran any more.
        """
        if self.live or self.sealed is None:
            return None
        boot, entries = self.sealed
        return entries if boot == reset_count else 0


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A firmware or boot event as it was at enrolment."""

    pcr: int
    type: str
    digest: str


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What is known of a node before its evidence is read.

    Attributes:
        name: the node's name in the inventory.
        ak_public: TPM2B_PUBLIC of its enrolled AK.
        hardware: inventory at enrolment, or None where none was recorded.
        events: firmware and boot events at enrolment, or None where none were recorded.
        last: clock values of the previous accepted quote, or None.
        instances: all generations of all SC instances that the node has or had.
        host_keys: SSH host keys at enrolment, or None where none were recorded.
    """

    name: str
    ak_public: bytes
    hardware: Mapping[str, Any] | None = None
    events: tuple[RecordedEvent, ...] | None = None
    last: Tick | None = None
    instances: tuple[Instance, ...] = ()
    host_keys: tuple[str, ...] | None = None

    def recorded_in(self, bank: str) -> bool:
        """Tell whether there is anything recorded that a log's events of a bank can be compared with."""
        if self.events is None:
            return False
        return not self.events or any(event.digest.startswith(f"{bank}:") for event in self.events)


def read_record(plain: object) -> NodeRecord:
    """Read a node's record from plain data.

    Raises:
        EvidenceError: a field is missing or of the wrong form.
    """
    if isinstance(plain, NodeRecord):
        return plain
    record = _mapping(plain, "node")
    recorded = _mapping(record.get("recorded") or {}, "node.recorded")
    events = recorded.get("events")
    return NodeRecord(
        name=printable(_text(record, "name", "node")),
        ak_public=binary(record.get("ak_public"), "node.ak_public", _AK_LIMIT),
        hardware=_mapping(recorded["hardware"], "node.recorded.hardware") if recorded.get("hardware") else None,
        events=None
        if events is None
        else tuple(_event(e, f"node.recorded.events[{i}]") for i, e in enumerate(_items(events, "node.recorded"))),
        last=_tick(record["last"], "node.last") if record.get("last") else None,
        instances=tuple(
            _instance(e, f"node.instances[{i}]")
            for i, e in enumerate(_items(record.get("instances") or [], "node.instances"))
        ),
        host_keys=_host_keys(recorded.get(RECORDED), "node.recorded"),
    )


def _host_keys(value: object, where: str) -> tuple[str, ...] | None:
    keys = _items(value or (), f"{where}.{RECORDED}")
    if not all(is_key(key) for key in keys):
        raise EvidenceError(f"{where}.{RECORDED}", "must be public keys.")
    return tuple(keys) or None


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise EvidenceError(where, f"must be a mapping, not {type(value).__name__}.")
    return value


def _items(value: object, where: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise EvidenceError(where, f"must be a list, not {type(value).__name__}.")
    return value


def _text(record: Mapping[str, Any], key: str, where: str) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value:
        raise EvidenceError(f"{where}.{key}", "must be a text that is not empty.")
    return value


def _number(record: Mapping[str, Any], key: str, where: str, limit: int) -> int:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < limit:
        raise EvidenceError(f"{where}.{key}", f"must be a number from 0 to {limit - 1}.")
    return value


def _tick(value: object, where: str) -> Tick:
    last = _mapping(value, where)
    if not isinstance(last.get("safe"), bool):
        raise EvidenceError(f"{where}.safe", "must be true or false.")
    clock, resets, restarts = (_number(last, key, where, 1 << 64) for key in ("clock", "reset_count", "restart_count"))
    return Tick(clock, resets, restarts, last["safe"])


def _event(value: object, where: str) -> RecordedEvent:
    event = _mapping(value, where)
    return RecordedEvent(
        _number(event, "pcr", where, 24), _text(event, "type", where), _text(event, "digest", where).lower()
    )


def _instance(value: object, where: str) -> Instance:
    plain = _mapping(value, where)
    state = plain.get("state")
    if state not in ("live", "stopped", "retired"):
        raise EvidenceError(f"{where}.state", f"is {printable(state)!r}.", next_step="use live, stopped or retired.")
    files = _mapping(plain.get("files") or {}, f"{where}.files")
    return Instance(
        name=_text(plain, "instance", where),
        sc=_text(plain, "sc", where),
        uid_base=_number(plain, "uid_base", where, _FIRST_OWNER_LIMIT),
        uid_count=_number(plain, "uid_count", where, _FIRST_OWNER_LIMIT),
        generation=_number(plain, "generation", where, 1 << 53),
        live=state != "retired",
        stopped=state == "stopped",
        boot_id=plain.get("boot_id"),
        files={str(p): _digests(d, f"{where}.files") for p, d in files.items()},
        sealed=_sealed(plain, where),
        container=_text(plain, "container", where) if plain.get("container") is not None else None,
    )


def _digests(value: object, where: str) -> tuple[str, ...]:
    digests = (value,) if isinstance(value, str) else _items(value, where)
    if not all(isinstance(digest, str) for digest in digests):
        raise EvidenceError(where, "must be digests as texts.")
    return tuple(digests)


def _sealed(plain: Mapping[str, Any], where: str) -> tuple[int, int] | None:
    if plain.get("sealed_entries") is None:
        return None
    return _number(plain, "reset_count", where, 1 << 64), _number(plain, "sealed_entries", where, 1 << 53)


__all__ = ["Instance", "NodeRecord", "RecordedEvent", "read_record"]
