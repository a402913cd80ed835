# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people see of a watch, on a terminal and without one."""

from __future__ import annotations

import io
from typing import Any

from ansible_collections.palantir.trust.plugins.callback.watch import _Lines, _Table
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Result
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import View
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.shown import (
    MESSAGE_LIMIT,
    ROWS,
    Outlet,
    Picture,
    changes,
    drawn,
    picture,
)
from tests.unit.watch.fakes import ear

NOW = 1000.0


def view(node: str, result: Result | None = None, **seen: Any) -> View:
    return View(node, result, **({"at": NOW - 2, "cycles": 7, "seconds": 0.012} | seen))


def attested(node: str, tier: str = "affirming") -> View:
    return view(node, Result(node, "attested", "", ear(tier), 1))


def seen(*views: View) -> Picture:
    return picture({view.node: view for view in views}, NOW)


def test_a_table_has_the_worst_first_and_fits_a_terminal_of_80_columns() -> None:
    away = Result("node3", "unreachable", f"node3: is unreachable: {'no route ' * 20}", None, 2)
    shown = seen(attested("node1"), attested("node2", "contraindicated"), view("node3", away), view("node4", at=0.0))
    lines = drawn(shown, 79)
    assert max(map(len, lines)) <= 79
    assert [line.split()[0] for line in lines[:6]] == ["NODE", "node2", "node3", "node4", "node1", "watching"]
    assert lines[1].split() == ["node2", "contraindicated", "7", "2", "s", "12", "ms", "os:", "unknown_executable"]
    assert lines[3].split() == ["node4", "connecting", "7", "-", "12", "ms"]
    assert " ".join(" ".join(lines[5:]).split()) == (
        "watching 4: 1 contraindicated, 1 unreachable, 1 connecting, 1 affirming; 28 quotes checked"
    )


def test_a_picture_of_any_number_of_nodes_is_one_bounded_message() -> None:
    hostile = "\x1b[2J" * 500
    views = [view(f"{n}" * 60, Result("n", "no_evidence", hostile, None, 1)) for n in range(3000)]
    shown = seen(*views)
    assert len(shown.packed()) < MESSAGE_LIMIT
    assert Picture.unpacked(shown.packed()) == shown
    lines = drawn(shown)
    assert len(lines) == ROWS + 3
    assert lines[-2] == f"and {3000 - ROWS} more"
    assert all(line.isprintable() for line in lines)


def test_without_a_terminal_there_is_a_line_for_each_change() -> None:
    before, after = seen(attested("node1")), seen(attested("node1", "contraindicated"))
    assert changes(None, before) == []
    assert changes(before, before) == []
    assert changes(before, after) == ["node1: contraindicated: os: unknown_executable"]
    assert changes(after, before) == ["node1: affirming"]
    said: list[str] = []

    class Display:
        display = said.append

    lines = _Lines(Display, 3600.0)
    for shown in (before, before, after):
        lines.draw(shown)
    assert said == [
        "watching 1: 1 affirming; 7 quotes checked",
        "node1: contraindicated: os: unknown_executable",
    ]


def test_a_table_is_drawn_over_the_one_before() -> None:
    terminal = io.StringIO()
    table = _Table(terminal)
    table.draw(seen(attested("node1")))
    assert terminal.getvalue().count("\n") == 3
    assert "\x1b[3F" not in terminal.getvalue()
    table.draw(seen(attested("node1")))
    assert terminal.getvalue().count("\x1b[3F") == 1


def test_pictures_are_sent_where_somebody_listens_and_never_wait() -> None:
    outlet = Outlet()
    views = {"node1": attested("node1")}
    outlet.show(views, last=True)
    reading = outlet.open()
    for _ in range(5000):
        outlet.show(views, last=True)
    assert Picture.unpacked(reading.recv(MESSAGE_LIMIT)).nodes == 1
    outlet.close()
    outlet.show(views, last=True)
    reading.close()
