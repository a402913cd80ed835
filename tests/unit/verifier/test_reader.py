# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.reader import Reader


def test_reads_little_endian_numbers_in_order() -> None:
    reader = Reader(bytes(range(1, 16)), "event_log")
    assert (reader.u8(), reader.u16(), reader.u32(), reader.u64()) == (1, 0x0302, 0x07060504, 0x0F0E0D0C0B0A0908)
    assert (reader.offset, reader.remaining) == (15, 0)


def test_reads_big_endian_numbers_in_order() -> None:
    reader = Reader(bytes(range(1, 15)), "quote.attest")
    assert (reader.u16be(), reader.u32be(), reader.u64be()) == (0x0102, 0x03040506, 0x0708090A0B0C0D0E)


def test_a_shortage_names_field_offset_and_what_was_wanted() -> None:
    reader = Reader(b"\0\0\0\0\0", "event_log")
    reader.u32()
    with pytest.raises(EvidenceError) as error:
        reader.u32("the event's size")
    assert str(error.value) == "event_log at offset 4: the event's size wants 4 bytes, 1 remain."
    assert reader.offset == 4


def test_field_row_10_a_huge_claimed_size_allocates_nothing() -> None:
    reader = Reader(b"abc", "ima_log")
    with pytest.raises(EvidenceError, match="template data wants 4294967295 bytes, 3 remain"):
        reader.take(0xFFFFFFFF, "template data")


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(EvidenceError, match="wants -1 bytes"):
        Reader(b"abc", "ima_log").take(-1)


def test_a_nested_reader_counts_offsets_of_the_whole_field() -> None:
    outer = Reader(b"abcdefgh", "event_log")
    outer.take(2)
    inner = outer.sub(4)
    inner.take(3)
    with pytest.raises(EvidenceError, match="event_log at offset 5"):
        inner.u16()
    assert outer.take(2) == b"gh"


def test_end_refuses_bytes_left_over() -> None:
    reader = Reader(b"abc", "quote.attest")
    reader.take(1)
    with pytest.raises(EvidenceError, match=r"offset 1: 2 bytes remain after the TPMS_ATTEST\."):
        reader.end("TPMS_ATTEST")
    assert (reader.peek(9), reader.rest(), reader.peek(1)) == (b"bc", b"bc", b"")
    reader.end()


@given(st.binary(max_size=64), st.lists(st.integers(-2, 70), max_size=20))
def test_takes_are_consecutive_slices_or_errors(data: bytes, sizes: list[int]) -> None:
    reader = Reader(data, "ima_log")
    taken = b""
    for size in sizes:
        try:
            taken += reader.take(size)
        except EvidenceError as error:
            assert error.offset == len(taken)  # noqa: PT017
    assert data.startswith(taken)
    assert reader.remaining == len(data) - len(taken)
