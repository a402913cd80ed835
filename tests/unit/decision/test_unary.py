# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import parse, show
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError


@pytest.mark.parametrize(
    ("cell", "matching"),
    [
        ("-", [0, 1, 2, 3, 4, 5]),
        (2, [2]),
        ("2", [2]),
        ("1, 3", [1, 3]),
        ([1, "> 3"], [1, 4, 5]),
        ("not(1, 3)", [0, 2, 4, 5]),
        ("not(>= 2)", [0, 1]),
        ("< 2", [0, 1]),
        ("<=2", [0, 1, 2]),
        (">4", [5]),
        (">= 4", [4, 5]),
        ("[1..3]", [1, 2, 3]),
        ("(1..3)", [2]),
        ("]1..3[", [2]),
        ("]1..3]", [2, 3]),
        ("[1..3[", [1, 2]),
        ("[1..1]", [1]),
        ("(1..1)", []),
        ("[-3..1], 5", [0, 1, 5]),
    ],
)
def test_a_cell_of_integers_matches(cell: Any, matching: list[int]) -> None:
    test = parse(cell, "integer", "cell")
    assert [value for value in range(6) if test.matches(value)] == matching


@pytest.mark.parametrize(
    ("cell", "matching"),
    [
        ("a", ["a"]),
        ('"a"', ["a"]),
        ("a, sc:dns-1", ["a", "sc:dns-1"]),
        (["a", '"b, c"'], ["a", "b, c"]),
        ("not(a)", ["b, c", "not", "-", "sc:dns-1"]),
        ('"-", "not"', ["not", "-"]),
        ("not", ["not"]),
        (r'"b\u002c c"', ["b, c"]),
    ],
)
def test_a_cell_of_strings_matches(cell: Any, matching: list[str]) -> None:
    test = parse(cell, "string", "cell")
    assert [value for value in ("a", "b, c", "not", "-", "sc:dns-1") if test.matches(value)] == matching


def test_booleans_are_written_as_in_feel() -> None:
    assert parse("true", "boolean", "cell").matches(True)
    assert not parse("not(true)", "boolean", "cell").matches(True)
    assert parse(False, "boolean", "cell").matches(False)


def test_numbers_are_exact() -> None:
    assert parse("[0.1..0.3)", "number", "cell").matches(Decimal("0.1"))
    assert not parse("< 0.1", "number", "cell").matches(Decimal("0.1"))
    assert parse(0.1, "number", "cell").matches(Decimal("0.1"))


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        (None, "string", 'rule r: is empty. Next: write "-" for any value.'),
        ("", "string", 'rule r: is empty. Next: write "-" for any value.'),
        (
            True,
            "string",
            "expects a string where YAML reads the boolean true. Next: put yes, no, on, off, true and false in quotes",
        ),
        (5, "string", "rule r: expects a string, not 5."),
        ("two", "integer", "rule r: expects an integer, not 'two'."),
        ("1.5", "integer", "rule r: expects an integer, not 1.5."),
        ("= 2", "integer", "rule r: has '=' at character 1, which is no part of a test."),
        ("< < 2", "integer", "rule r: the test '< < 2' has '<' where an integer should stand."),
        ("[1..", "integer", "rule r: the test '[1..' ends where a test should stand."),
        ("[1, 3]", "integer", "rule r: the test '[1, 3]' has an interval without '..'. Next: write [a..b]."),
        (
            "[3..1]",
            "integer",
            "has an interval whose first end is above its second. Next: write the smaller end first.",
        ),
        ("not(1", "integer", "rule r: the test 'not(1' lacks a ')'."),
        ("1, not(2)", "integer", "rule r: expects an integer, not 'not'."),
        ("a, not(b)", "string", "rule r: the test 'a, not(b)' has not(...) within a list."),
        ("a b", "string", "goes on with 'b' where it should end. Next: part the tests by commas, and quote"),
        ("< a", "string", "has < on a string. Next: only numbers have an order; list the values."),
        ("maybe", "boolean", "rule r: the test 'maybe' has 'maybe' where true or false should stand."),
        ([], "string", 'rule r: is an empty list, which nothing matches. Next: write "-" for any value.'),
        (["a", "-"], "string", "rule r: has '-' within a list."),
        ([["a"]], "string", "rule r: is a list within a list. Next: write one list."),
        ({"a": 1}, "string", "rule r: expects a string, not {'a': 1}."),
        ("1" * 15, "integer", "rule r: has a number of more than 14 digits."),
        (float("nan"), "number", "rule r: expects a number, not 'NaN'."),
        (1e300, "number", "rule r: expects a number, not '1E+300'."),
        ("a" * 5000, "string", "rule r: is longer than 4096 characters."),
    ],
)
def test_a_wrong_cell_is_one_clear_error(cell: Any, kind: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(cell, kind, "rule r")
    assert message in str(caught.value)


@given(st.text(max_size=40), st.sampled_from(["string", "integer", "boolean", "number"]))
def test_any_text_is_a_test_or_a_rule_error(text: str, kind: str) -> None:
    with contextlib.suppress(RuleError):
        parse(text, kind, "cell")


@given(st.text(min_size=1, max_size=20))
def test_a_shown_string_reads_back(text: str) -> None:
    assert [part.low for part in parse(show(text), "string", "cell").parts] == [text]
