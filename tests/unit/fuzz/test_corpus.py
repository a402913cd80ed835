# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""FIELD.md row 10: any input of any parser gives a result in proportion, or a domain error with a harmless text.

The corpus is that of the fuzzer (docs/fuzzing.md); what once broke a parser is in it.
"""

from __future__ import annotations

import contextlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.entry.scratch import CORPUS
from tests.fuzz.examine import REFUSALS, Target, examine
from tests.fuzz.mutate import huge_lengths, mutated
from tests.fuzz.seeds.__main__ import LARGEST
from tests.fuzz.targets import TARGETS
from tests.unit.support.examples import examples

FILES = sorted(file for file in CORPUS.glob("*/*") if file.parent.name in TARGETS)
BINARY = [target for target in TARGETS.values() if target.form in {"bytes", "tar"}]
ALLOWED = 4 << 20
"""Memory that a length may cost, beside what is there, in bytes."""
COMPRESSED = ("gz", "xz")
WRITTEN_OVER, OF_OTHERS = 160, 64
"""How much of the smallest seed, and of any other, is written over, in bytes."""
OF_FILES = ("ca_file", "image", "tree", "deb")
"""Parsers of files, of which the smallest seed is enough: each input has to be written first."""


def corpus(target: Target) -> list[Path]:
    return [file for file in FILES if file.parent.name == target.name]


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_the_corpus_of_each_target_reaches_behind_its_first_check(target: Target) -> None:
    assert [file for file in corpus(target) if examine(target, file.read_bytes())]


def test_the_corpus_is_small_and_knows_no_other_target() -> None:
    sizes = [file.stat().st_size for file in FILES]
    assert max(sizes) <= LARGEST
    assert sum(sizes) < 400_000
    assert {place.name for place in CORPUS.iterdir() if place.is_dir()} == set(TARGETS)


@examples(300)
@given(st.sampled_from(FILES), st.integers(0, 2**32), st.integers(1, 3))
def test_field_row_10_any_mutation_of_the_corpus(file: Path, seed: int, times: int) -> None:
    target, data, rng = TARGETS[file.parent.name], file.read_bytes(), Random(seed)  # noqa: S311 - chances, no secrets
    for _time in range(times):
        data = mutated(data, target.form, rng)
    examine(target, data)


def claims(target: Target) -> Iterator[bytes]:
    """Return what claims 1 GiB at each offset of each small seed, and every other large size in the smallest one."""
    seeds = sorted((file.read_bytes() for file in corpus(target) if file.stem not in COMPRESSED), key=len)
    yield from huge_lengths(seeds[0], target.numbers, WRITTEN_OVER)
    if target.name not in OF_FILES:
        for seed in seeds[1:]:
            yield from huge_lengths(seed, target.numbers, OF_OTHERS, alone=True)


@pytest.mark.parametrize("target", BINARY, ids=lambda target: target.name)
def test_field_row_10_a_claimed_size_of_1_gib_allocates_nothing(target: Target) -> None:
    inputs = list(claims(target))
    tracemalloc.start()
    try:
        for hostile in inputs:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            with contextlib.suppress(*REFUSALS):
                target.read(hostile)
            peak = tracemalloc.get_traced_memory()[1] - before
            assert peak < ALLOWED, f"{peak} bytes for {hostile!r}"
    finally:
        tracemalloc.stop()
