# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: who they are (EK, AK), what was recorded of them at enrolment, and whether they are cordoned.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import RECORDED, REVOKED
from ansible_collections.palantir.trust.plugins.plugin_utils.store import boots, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import nodes


@dataclass(frozen=True)
class NodeRecord:
    """An enrolled node.

    ``identity`` is the plain form of an enrolment's Identity, ``recorded`` the Reference Values taken at
    enrolment, ``last`` the clock fields of the last accepted quote (None before the first).
    """

    name: str
    identity: Mapping[str, Any]
    ek_sha256: str
    recorded: Mapping[str, Any]
    last: Mapping[str, Any] | None
    enrolled_at: float
    cordoned: bool
    isolated: bool = False

    @property
    def reset_count(self) -> int:
        """The TPM's reset count at the last accepted quote; 0 before the first."""
        return int(self.last["reset_count"]) if self.last else 0


def find(connection: Connection, name: str) -> NodeRecord | None:
    """Return the node of that name, or None where it is not enrolled."""
    row = connection.execute(select(nodes).where(nodes.c.name == name, nodes.c.enrolled_at.is_not(None))).first()
    return NodeRecord(**row._mapping) if row else None


def every(connection: Connection, names: Iterable[str]) -> dict[str, NodeRecord]:
    """Return the enrolled nodes among these names."""
    rows = connection.execute(select(nodes).where(nodes.c.name.in_(list(names)), nodes.c.enrolled_at.is_not(None)))
    return {row.name: NodeRecord(**row._mapping) for row in rows}


def check_binding(connection: Connection, name: str, ek_sha256: str, *, replace: bool) -> None:
    """Refuse an EK that would break the binding of host and EK, which is immutable unless replaced by intent.

    Raises:
        EnrolmentError: the node is enrolled with another EK, or another node is enrolled with this one.
    """
    other = connection.execute(
        select(nodes.c.name).where(nodes.c.ek_sha256 == ek_sha256, nodes.c.name != name)
    ).scalar()
    if other is not None:
        raise EnrolmentError(
            name,
            f"its EK certificate {ek_sha256[:16]}… is enrolled as node {other}.",
            "one TPM is one node: check the inventory for two names of one host, or retire the other node.",
        )
    known = connection.execute(select(nodes.c.ek_sha256).where(nodes.c.name == name)).scalar()
    if known is not None and known != ek_sha256 and not replace:
        raise EnrolmentError(
            name,
            f"it is enrolled with EK certificate {known[:16]}…, and now presents {ek_sha256[:16]}….",
            "if its TPM or mainboard was replaced on purpose, enrol again with replace=true; "
            "if not, treat the host as swapped.",
        )


def save(
    connection: Connection,
    name: str,
    ek_sha256: str,
    identity: Mapping[str, Any],
    recorded: Mapping[str, Any],
    at: float,
) -> None:
    """Store a node's identity, replacing an earlier one of that name; :func:`check_binding` says whether it may.

    Raises:
        StoreError: another node has this EK.
    """
    values = {
        "identity": dict(identity),
        "ek_sha256": ek_sha256,
        "recorded": dict(recorded),
        "last": None,
        "enrolled_at": at,
    }
    changed = connection.execute(update(nodes).where(nodes.c.name == name).values(**values))
    if not changed.rowcount:
        connection.execute(insert(nodes).values(name=name, cordoned=False, **values))
    boots.forget(connection, name)
    keys = {key: recorded[key] for key in (RECORDED, REVOKED) if key in recorded}
    ledger.append(connection, at, "enrolment", name, {"ek_sha256": ek_sha256, "identity": dict(identity), **keys})


def set_host_keys(connection: Connection, name: str, keys: Mapping[str, Any], at: float) -> None:
    """Record other SSH host keys of an enrolled node; whatever else is on record of it stays.

    Args:
        connection: an open transaction.
        name: the node.
        keys: of :func:`~..ssh.host_keys.taken_over`.
        at: seconds since the epoch.

    Raises:
        StoreError: the node is not enrolled.
    """
    record = find(connection, name)
    if record is None:
        raise StoreError(f"node {name}", "is not enrolled.", "run palantir.trust.enrol for it first.")
    connection.execute(update(nodes).where(nodes.c.name == name).values(recorded={**record.recorded, **keys}))
    ledger.append(connection, at, "enrolment", name, dict(keys))


def forget(connection: Connection, name: str, at: float) -> bool:
    """Remove a node's identity; return whether there was one."""
    boots.forget(connection, name)
    gone = connection.execute(delete(nodes).where(nodes.c.name == name)).rowcount > 0
    if gone:
        ledger.append(connection, at, "enrolment", name, {"forgotten": True})
    return gone


def set_last(connection: Connection, name: str, last: Mapping[str, Any]) -> None:
    """Remember the clock fields of the last accepted quote; of two rounds at once, those of the later quote stay."""
    known = find(connection, name)
    if known is None or (known.last and _moment(last) < _moment(known.last)):
        return
    connection.execute(update(nodes).where(nodes.c.name == name).values(last=dict(last)))


def set_cordoned(connection: Connection, name: str, cordoned: bool, at: float) -> bool:
    """Cordon or uncordon a node; return whether that changed anything.

    Raises:
        StoreError: the node is not enrolled.
    """
    return _set(connection, name, at, cordoned=cordoned)


def set_isolated(connection: Connection, name: str, isolated: bool, at: float) -> bool:
    """Note that a node was cut off or given back; return whether that changed anything.

    Raises:
        StoreError: the node is not enrolled.
    """
    return _set(connection, name, at, isolated=isolated)


def _set(connection: Connection, name: str, at: float, **flag: bool) -> bool:
    record = find(connection, name)
    if record is None:
        raise StoreError(f"node {name}", "is not enrolled.", "run palantir.trust.enrol for it first.")
    if all(getattr(record, key) == value for key, value in flag.items()):
        return False
    connection.execute(update(nodes).where(nodes.c.name == name).values(**flag))
    ledger.append(connection, at, "action", name, flag)
    return True


def _moment(last: Mapping[str, Any]) -> tuple[int, int]:
    return int(last.get("reset_count", 0)), int(last.get("clock", 0))


__all__ = [
    "NodeRecord",
    "check_binding",
    "every",
    "find",
    "forget",
    "save",
    "set_cordoned",
    "set_host_keys",
    "set_isolated",
    "set_last",
]
