# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import WIDTH, columns, table
from tests.unit.support.examples import examples

HOSTILE = [
    "\x1b[31mred",
    "two\nlines",
    "\r\rback",
    "\u202eright to left",
    "\0",
    "a\tb",
    "\ud800",
    "界" * 60,
    "e\u0301" * 90,
]


def test_columns_are_as_wide_as_they_need_to_be() -> None:
    assert table(("NODE", "STATE"), [("node1", "attested"), ("n2", 7)]).splitlines() == [
        "NODE   STATE",
        "node1  attested",
        "n2     7",
    ]


def test_a_table_without_rows_is_its_head() -> None:
    assert table(("NODE", "STATE"), []) == "NODE  STATE"


def test_the_last_column_is_cut_at_the_end_of_the_line() -> None:
    (_head, line) = table(("NODE", "WHY"), [("node1", "x" * 100)]).splitlines()
    assert line == "node1  " + "x" * 64 + "…"
    assert len(line) == WIDTH


def test_a_long_column_is_cut_before_the_short_ones() -> None:
    (_head, line) = table(("NODE", "LAYER", "WHY"), [("n" * 300, "os", "unknown file")]).splitlines()
    assert line == "n" * 50 + "…" + "  os     unknown file"
    assert len(line) == WIDTH


def test_wide_characters_take_two_columns_and_accents_none() -> None:
    assert [columns(text) for text in ("abc", "界", "e\u0301", "\uff46\uff55", "")] == [3, 2, 1, 4, 0]
    lines = table(("NODE", "WHY"), [("界", "x"), ("ab", "y")]).splitlines()
    assert lines == ["NODE  WHY", "界    x", "ab    y"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_in_its_line(text: str) -> None:
    lines = table(("NODE", "WHY"), [(text, text), ("node2", "fine")]).split("\n")
    assert len(lines) == 3
    assert all(line.isprintable() and columns(line) <= WIDTH for line in lines)


CELL = st.text(max_size=120) | st.sampled_from(HOSTILE) | st.integers() | st.none()


@given(
    count=st.integers(1, 6).flatmap(
        lambda size: st.lists(st.lists(CELL, min_size=size, max_size=size), min_size=1, max_size=5)
    )
)
@examples(200)
def test_any_table_has_one_bounded_line_for_each_row(count: list[list[object]]) -> None:
    rows = count
    head = ("STEP", "ACTION", "OF", "ON", "RULE", "WHY")[: len(rows[0])]
    lines = table(head, rows).split("\n")
    assert len(lines) == len(rows) + 1
    for line in lines:
        assert line.isprintable()
        assert (
            sum(
                2 if unicodedata.east_asian_width(c) in "WF" else unicodedata.category(c) not in ("Mn", "Me")
                for c in line
            )
            <= WIDTH
        )
