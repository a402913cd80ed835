# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generations of SC instances, each with a user-namespace range of its own.

IMA logs an entry once in a boot. A range therefore serves one generation and is not used again before the
node has rebooted: a repeated attack in a used range would leave no new entry.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates, identities, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import instances

UID_COUNT = 65536
UID_FIRST = 1_000_013_824
UID_END = 1 << 31
RANGES = (UID_END - UID_FIRST) // UID_COUNT
_NEXT = {
    "allocated": ("live", "retired"),
    "live": ("live", "stopped", "retired", "allocated"),
    "stopped": ("live", "stopped", "retired"),
    "retired": ("retired",),
}
_KEPT = 255
"""Digests of one file that are kept beside the newest."""


@dataclass(frozen=True)
class InstanceRecord:
    """One generation of an instance on a node: ``allocated``, then ``live``, then ``retired``.

    One that an operator stopped is ``stopped`` until it is ``live`` again, or ``retired``.

    ``files`` maps paths inside the container to the digest (``sha256:…``) of the configuration rendered there, or to
    the digests of all that it has had there, the newest first: IMA's list tells of each until the next boot.
    ``reset_count`` is the last boot, as far as the node's quotes tell, in which the range was in use; that boot's list
    had ``sealed_entries`` when the node first proved itself after the generation's end. ``container`` is the ID or name
    that the generation's container got when it was started, where the node told one.
    """

    id: int
    instance: str
    sc: str
    flavour: str
    node: str
    generation: int
    uid_base: int
    uid_count: int
    reset_count: int
    state: str
    files: Mapping[str, str | list[str]]
    created_at: float
    retired_at: float | None
    sealed_entries: int | None = None
    container: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return asdict(self)

    def configured(self) -> dict[str, str]:
        """Return the digest of each configuration file as it was rendered last, by its path."""
        return {path: kept if isinstance(kept, str) else kept[0] for path, kept in self.files.items()}


def of_node(connection: Connection, node: str) -> list[InstanceRecord]:
    """Return all generations that a node has had, oldest first."""
    return _records(connection, instances.c.node == node)


def live(connection: Connection) -> list[InstanceRecord]:
    """Return the live generations of all nodes."""
    return _records(connection, instances.c.state == "live")


def deployed(connection: Connection, names: Collection[str] | None = None, after: int = 0) -> list[InstanceRecord]:
    """Return the generations of all nodes that are live, or were stopped by an operator, oldest first.

    Args:
        connection: an open transaction.
        names: of instances; None for all.
        after: only generations with a greater key.
    """
    wanted = [] if names is None else [instances.c.instance.in_(names)]
    return _records(connection, instances.c.state.in_(("live", "stopped")), instances.c.id > after, *wanted)


def standing(connection: Connection) -> list[InstanceRecord]:
    """Return for each instance the generation that is live or stopped, else the newest that was allocated."""
    found = {r.instance: r for r in _records(connection, instances.c.state == "allocated")}
    return list((found | {r.instance: r for r in deployed(connection)}).values())


def ended_since(connection: Connection, instance: str, since: float) -> list[InstanceRecord]:
    """Return the generations of an instance that were retired since a time, oldest first."""
    return _records(connection, instances.c.instance == instance, instances.c.retired_at >= since)


def current(connection: Connection, instance: str) -> InstanceRecord | None:
    """Return the live generation of an instance, if it has one."""
    found = _records(connection, instances.c.instance == instance, instances.c.state == "live")
    return found[-1] if found else None


def allocate(
    connection: Connection,
    *,
    instance: str,
    sc: str,
    flavour: str,
    node: str,
    files: Mapping[str, str],
    reset_count: int,
    at: float,
) -> InstanceRecord:
    """Register the next generation of an instance with a fresh range on a node.

    Raises:
        StoreError: a name is not one, or every range of the node is taken or was used since its last boot.
    """
    for what, name in {"instance": instance, "sc": sc, "flavour": flavour}.items():
        if not is_name(name):
            raise StoreError(f"{what} {printable(name, 80)!r}", "is not a name.", RULE)
    generation = connection.execute(
        select(func.max(instances.c.generation)).where(instances.c.instance == instance)
    ).scalar()
    values = {
        "instance": instance,
        "sc": sc,
        "flavour": flavour,
        "node": node,
        "generation": (generation or 0) + 1,
        "uid_base": _fresh_base(of_node(connection, node), node, reset_count),
        "uid_count": UID_COUNT,
        "reset_count": reset_count,
        "state": "allocated",
        "files": dict(files),
        "created_at": at,
        "retired_at": None,
    }
    key = int(connection.execute(insert(instances).values(**values).returning(instances.c.id)).scalar_one())
    ledger.append(connection, at, "action", f"sc:{instance}", {"allocated": values})
    return InstanceRecord(id=key, **values)  # type: ignore[arg-type]


def state(connection: Connection, key: int) -> str | None:
    """Return the state of a generation; None where there is no such generation."""
    found = connection.execute(select(instances.c.state).where(instances.c.id == key)).scalar()
    return None if found is None else str(found)


def note_started(connection: Connection, key: int, at: float, container: str | None) -> None:
    """Note that an allocated generation runs, beside the one that serves, and in which container.

    Args:
        connection: an open transaction.
        key: the generation.
        at: time of it.
        container: ID or name of its container, where the node told one.

    Raises:
        StoreError: it is not allocated any more: somebody gave it up meanwhile.
    """
    query = update(instances).where(instances.c.id == key, instances.c.state == "allocated")
    row = connection.execute(
        query.values(container=container).returning(instances.c.instance, instances.c.generation)
    ).first()
    if row is None:
        now = state(connection, key) or "not in the store"
        raise StoreError(f"instance generation {key}", f"is {now} since it was begun.", "roll it back.")
    told = {"generation": row.generation, "state": "allocated", "started": True, "container": container}
    ledger.append(connection, at, "action", f"sc:{row.instance}", told)


def configure(connection: Connection, key: int, digests: Mapping[str, str], at: float) -> None:
    """Accept other content of a generation's files, beside what they had before.

    Args:
        connection: an open transaction.
        key: the generation.
        digests: ``sha256:…`` of what is rendered now, by path.
        at: time of it.

    Raises:
        StoreError: there is no such generation, or it is retired.
    """
    row = connection.execute(select(instances).where(instances.c.id == key)).first()
    if row is None or row.state == "retired":
        was = "is not in the store" if row is None else "is retired"
        raise StoreError(f"instance generation {key}", f"{was}; it cannot be configured.", "deploy the SC again.")
    files = {path: [digest, *_others(row.files.get(path), digest)] for path, digest in digests.items()}
    connection.execute(update(instances).where(instances.c.id == key).values(files=files))
    ledger.append(
        connection, at, "action", f"sc:{row.instance}", {"generation": row.generation, "configured": dict(digests)}
    )


def set_state(connection: Connection, key: int, state: str, at: float, container: str | None = None) -> None:
    """Move a generation on to ``live``, ``stopped`` or ``retired``; or back to ``allocated``, if it does not serve yet.

    Args:
        connection: an open transaction.
        key: the generation.
        state: what it becomes.
        at: time of it.
        container: ID of the container that it became live in.

    The certificates of one that is retired are taken back.

    Raises:
        StoreError: there is no such generation, it never was live where it is to be stopped, or it is retired: a
            retired one never comes back.
    """
    row = connection.execute(select(instances).where(instances.c.id == key)).first()
    if row is None or state not in _NEXT.get(row.state, ()):
        was = "is not in the store" if row is None else f"is {row.state}"
        raise StoreError(f"instance generation {key}", f"{was}; it cannot become {state}.", "deploy the SC again.")
    if row.state == state:
        return
    told: dict[str, Any] = {"state": state} | ({"container": container} if container else {})
    values = dict(told)
    if state == "retired":
        values |= {"retired_at": at, "reset_count": max(row.reset_count, _boot(connection, row.node))}
    connection.execute(update(instances).where(instances.c.id == key).values(**values))
    ledger.append(connection, at, "action", f"sc:{row.instance}", {"generation": row.generation, **told})
    if state == "retired":
        certificates.revoke_generation(connection, row.instance, row.generation, at, "Its generation was given up.")


def seal(connection: Connection, keys: Iterable[int], reset_count: int, entries: int) -> None:
    """Note how long the list was in the first quote that was made after these generations had ended.

    Args:
        connection: an open transaction.
        keys: generations that were retired before the quote was asked for.
        reset_count: the quote's.
        entries: of the list that it proves.
    """
    connection.execute(
        update(instances)
        .where(instances.c.id.in_(list(keys)), instances.c.state == "retired", instances.c.sealed_entries.is_(None))
        .values(reset_count=reset_count, sealed_entries=entries)
    )


def _others(kept: str | list[str] | None, digest: str) -> list[str]:
    known = [kept] if isinstance(kept, str) else kept or []
    return [other for other in known if other != digest][:_KEPT]


def _boot(connection: Connection, node: str) -> int:
    known = identities.find(connection, node)
    return known.reset_count if known else 0


def _fresh_base(taken: list[InstanceRecord], node: str, reset_count: int) -> int:
    blocked = {r.uid_base for r in taken if r.state != "retired" or r.reset_count >= reset_count}
    start = (taken[-1].uid_base - UID_FIRST) // UID_COUNT + 1 if taken else 0
    for step in range(RANGES):
        base = UID_FIRST + (start + step) % RANGES * UID_COUNT
        if base not in blocked:
            return base
    raise StoreError(
        f"node {node}", f"all {RANGES} user-namespace ranges are used up in this boot.", "reboot the node."
    )


def _records(connection: Connection, *conditions: Any) -> list[InstanceRecord]:
    rows = connection.execute(select(instances).where(*conditions).order_by(instances.c.id))
    return [InstanceRecord(**row._mapping) for row in rows]


__all__ = [
    "RANGES",
    "UID_COUNT",
    "UID_END",
    "UID_FIRST",
    "InstanceRecord",
    "allocate",
    "configure",
    "current",
    "deployed",
    "ended_since",
    "live",
    "note_started",
    "of_node",
    "seal",
    "set_state",
    "standing",
    "state",
]
