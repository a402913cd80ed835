# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import LIMITS, binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from tests.unit.support.examples import examples


def message(value: Any, limit: int = 100) -> str:
    with pytest.raises(EvidenceError) as caught:
        binary(value, "ima_log", limit)
    return str(caught.value)


@pytest.mark.parametrize(
    "value", [b"\0\1\2", bytearray(b"\0\1\2"), memoryview(b"\0\1\2"), "AAEC", " AA\r\n EC\n", "AAEC\t"]
)
def test_binary_evidence_is_bytes_or_base64_text(value: Any) -> None:
    assert binary(value, "ima_log", 100) == b"\0\1\2"


def test_nothing_is_no_bytes() -> None:
    assert binary("", "ima_log", 0) == binary(b"", "ima_log", 0) == b""


@pytest.mark.parametrize("value", ["AAE", "A", "AA-_", "AAEC!", "ÄÄEC", "\ud800AAE", "AA\0EC", "=AAE", "AA==AAEC"])
def test_a_text_that_is_not_base64_is_refused(value: str) -> None:
    assert message(value) == "ima_log: is neither bytes nor base64 text. Next: pass bytes, or base64 of them."


@pytest.mark.parametrize("value", [None, 1, 1.5, True, [1], {"data": "AAEC"}])
def test_what_is_neither_is_refused_by_its_type(value: Any) -> None:
    assert message(value) == f"ima_log: must be bytes or base64 text, not {type(value).__name__}."


@pytest.mark.parametrize("make", [bytes, lambda data: base64.b64encode(data).decode(), memoryview])
def test_the_limit_is_exact(make: Any) -> None:
    assert len(binary(make(bytes(100)), "ima_log", 100)) == 100
    assert message(make(bytes(101))) == "ima_log: is 101 bytes, over the limit of 100."


def test_a_text_far_over_the_limit_is_refused_before_it_is_decoded() -> None:
    assert message("!" * 10_000) == "ima_log: is larger than the limit of 100 bytes."


def test_a_view_of_wider_items_is_measured_in_bytes() -> None:
    assert message(memoryview(bytes(400)).cast("I")) == "ima_log: is 400 bytes, over the limit of 100."


def test_every_kind_of_evidence_has_a_limit() -> None:
    assert set(LIMITS) == {"event_log", "ima_log", "userspace_log", "quote", "facts"}
    assert all(0 < limit <= 256 << 20 for limit in LIMITS.values())


@given(st.binary(max_size=400), st.sampled_from([b"\n", b"\r\n"]), st.integers(16, 76))
def test_wrapped_base64_is_read(data: bytes, end: bytes, width: int) -> None:
    text = base64.b64encode(data)
    lines = end.join(text[i : i + width] for i in range(0, len(text), width))
    assert binary(lines.decode(), "ima_log", 4096) == data


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain text, ümlaut, 界", "plain text, ümlaut, 界"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("two\nlines\r\n\ttab", r"two\nlines\r\n\ttab"),
        ("\u202e\u2066\ufeff\u200b", r"\u202e\u2066\ufeff\u200b"),
        ("\u2028\u0085\x7f\0", r"\u2028\x85\x7f\x00"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        (b"bytes \xff\xfe \x1b", r"bytes \xff\xfe \x1b"),
        ("é".encode(), "é"),
        (None, "None"),
        (7, "7"),
        (["\x1b"], r"['\x1b']"),
    ],
)
def test_text_of_a_node_becomes_one_harmless_line(value: Any, expected: str) -> None:
    assert printable(value) == expected


def test_a_long_text_is_cut() -> None:
    assert printable("x" * 256) == "x" * 256
    assert printable("x" * 257) == "x" * 256 + "…"
    assert printable("abcdef", 3) == "abc…"
    assert printable(b"abcdef", 3) == "abc…"
    assert printable(b"abc", 3) == "abc"


def test_what_has_no_text_is_shown_by_its_type() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    assert printable(deep) == "list"
    assert printable(10**5000) == "int"


@given(st.text() | st.binary() | st.integers() | st.lists(st.text()), st.integers(1, 50))
@examples(300)
def test_any_value_is_one_bounded_printable_line(value: Any, limit: int) -> None:
    text = printable(value, limit)
    assert text.isprintable()
    assert len(text) <= 10 * limit + 1
    assert printable(text, len(text)) == text


@given(st.binary(max_size=300), st.integers(1, 60))
def test_bytes_are_cut_as_their_text_is(data: bytes, limit: int) -> None:
    assert printable(data, limit) == printable(data.decode("utf-8", "backslashreplace"), limit)
