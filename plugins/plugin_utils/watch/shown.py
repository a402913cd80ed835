# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watch shows while it goes on: from the process that watches to the one that has the terminal.

Ansible runs an action in a process of its own, without a terminal. The callback plugin opens a pair of sockets before
that process is forked, and draws what comes; without the callback nobody listens, and nothing is sent.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import WIDTH, paragraph, table
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import View

ROWS: Final = 16
"""Most nodes of a table: those that are worst."""

MESSAGE_LIMIT: Final = 64 * 1024
_INTERVAL_S: Final = 1.0
_ORDER: Final = ("contraindicated", "none", "warning")
_HEAD: Final = ("NODE", "TIER", "QUOTES", "AGO", "TOOK", "WHAT")


@dataclass(frozen=True)
class Row:
    """A node: its tier or state, how often it was asked, how long ago it proved that, and how long that took."""

    node: str
    tier: str
    cycles: int
    ago: float
    seconds: float
    note: str


@dataclass(frozen=True)
class Picture:
    """All nodes, counted by tier or state; and the worst of them."""

    nodes: int
    tiers: Mapping[str, int]
    cycles: int
    rows: tuple[Row, ...]

    def packed(self) -> bytes:
        """Return the picture as one message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def unpacked(cls, message: bytes) -> Picture:
        """Return the picture of a message."""
        plain = json.loads(message)
        return cls(plain["nodes"], plain["tiers"], plain["cycles"], tuple(Row(**row) for row in plain["rows"]))


class Outlet:
    """Where pictures go; one for the process, as the callback has to set it before the action's process exists."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._next = 0.0

    def open(self) -> socket.socket:
        """Return the end that is read; whoever is forked from now on has the other one."""
        self.close()
        reading, self._socket = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        return reading

    def close(self) -> None:
        """Send no more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def show(self, views: Mapping[str, View], *, last: bool = False) -> None:
        """Send a picture, where anybody listens and the last one is long enough ago. One that has no room is lost."""
        if self._socket is None or (not last and time.monotonic() < self._next):
            return
        self._next = time.monotonic() + _INTERVAL_S
        with contextlib.suppress(OSError):
            self._socket.send(picture(views, time.time()).packed())


OUTLET: Final = Outlet()


def picture(views: Mapping[str, View], now: float) -> Picture:
    """Return what is to be seen of all nodes."""
    tiers = Counter(tier(view) for view in views.values())
    worst = sorted(views.values(), key=lambda view: (_rank(tier(view)), view.node))[:ROWS]
    rows = tuple(
        Row(view.node, tier(view), view.cycles, now - view.at if view.at else -1.0, view.seconds, _note(view))
        for view in worst
    )
    return Picture(len(views), dict(tiers), sum(view.cycles for view in views.values()), rows)


def tier(view: View) -> str:
    """Return a node's tier; its state where it has none."""
    if view.result is None:
        return "connecting"
    return str(view.result.ear["ear_status"]) if view.result.ear else view.result.state


def drawn(shown: Picture, width: int = WIDTH) -> list[str]:
    """Return a picture as lines of a terminal."""
    rows = [
        (row.node, row.tier, row.cycles, _ago(row.ago), f"{row.seconds * 1000:.0f} ms", row.note) for row in shown.rows
    ]
    lines = table(_HEAD, rows, width).splitlines()
    more = shown.nodes - len(shown.rows)
    return [*lines, *([f"and {more} more"] if more > 0 else []), *paragraph(counted(shown), width).splitlines()]


def counted(shown: Picture) -> str:
    """Return a picture as one line."""
    tiers = ", ".join(f"{count} {name}" for name, count in sorted(shown.tiers.items(), key=lambda item: _rank(item[0])))
    return f"watching {shown.nodes}: {tiers}; {shown.cycles} quotes checked"


def changes(before: Picture | None, now: Picture) -> Sequence[str]:
    """Return a line for each node of the picture whose tier or state is not what it was."""
    known = {row.node: row.tier for row in before.rows} if before else {}
    return [
        paragraph(f"{row.node}: {row.tier}{': ' + row.note if row.note else ''}")
        for row in now.rows
        if row.tier not in ("connecting", known.get(row.node)) and (row.node in known or row.tier != "affirming")
    ]


def _note(view: View) -> str:
    result = view.result
    if result is None:
        return ""
    if not result.ear:
        return result.message.removeprefix(f"{view.node}: ")[:200]
    found = [
        (layer, finding["code"])
        for layer, submod in result.ear["submods"].items()
        for finding in submod.get("palantir.findings", ())
        if finding["tier"] in _ORDER
    ]
    return f"{found[0][0]}: {found[0][1]}" if found else ""


def _rank(name: str) -> int:
    if name == "affirming":
        return 9
    return _ORDER.index(name) if name in _ORDER else 5


def _ago(seconds: float) -> str:
    return "-" if seconds < 0 else f"{seconds:.0f} s"


__all__ = ["MESSAGE_LIMIT", "OUTLET", "Outlet", "Picture", "Row", "changes", "counted", "drawn", "picture", "tier"]
