# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.perf import page, result
from tests.perf.result import Result
from tests.perf.timing import Pairs, Ratio, Seconds, paired, typical

FASTER = Result("ima", "appraisal", "entries/s", 500_000, 5, "least", 70_000, "Keylime", Ratio(7.1428, 7.0))
SLOWER = Result("quote", "check", "quotes/s", 10_000, 1.3, "most", 12_000, "bare", Ratio(1.2, 1.4))
ALONE = Result("log", "event log", "ms", 2.25, 3, "most")


def test_a_target_is_the_least_or_the_most_that_the_ratio_by_cpu_time_may_be() -> None:
    assert FASTER.met
    assert not replace(FASTER, ratio=Ratio(4.99, 9)).met
    assert SLOWER.met
    assert not replace(SLOWER, ratio=Ratio(1.31, 1)).met


def test_without_a_peer_the_figure_itself_has_to_reach_the_target() -> None:
    assert ALONE.met
    assert not replace(ALONE, ours=3.01).met
    assert not replace(ALONE, bound="least").met


def test_a_benchmarks_file_has_the_keys_that_are_agreed_upon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "BUILD", tmp_path)
    FASTER.write()
    assert json.loads((tmp_path / "ima.json").read_text()) == {
        "name": "ima",
        "unit": "entries/s",
        "ours": 500_000,
        "peer": 70_000,
        "ratio": 7.143,
        "target": 5,
        "met": True,
    }
    assert {ALONE.plain()[key] for key in ("peer", "ratio")} == {None}


def test_the_pages_table_is_renewed_and_its_text_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    page.PAGE.write_text(f"# Performance\n\n{page.BEGIN}\nold\n{page.END}\n\n## How\n")
    for _ in range(2):
        page.update([FASTER, ALONE], "Measured here.")
    assert page.PAGE.read_text() == (
        "# Performance\n\n"
        "<!-- begin: written by make bench -->\n\n"
        "Measured here.\n\n"
        "| what | ours | peer | ratio (by wall clock) | target | met |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| appraisal | 500,000 entries/s | 70,000 entries/s (Keylime) | 7.14 (7.00) | ≥ 5 | yes |\n"
        "| event log | 2.25 ms |  |  | ≤ 3 ms | yes |\n\n"
        "<!-- end: written by make bench -->\n\n## How\n"
    )


def test_a_page_without_a_place_for_the_table_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", tmp_path / "performance.md")
    page.PAGE.write_text(f"{page.END}\n{page.BEGIN}\n")
    with pytest.raises(ValueError, match="has no place for the table"):
        page.update([ALONE], "")


def test_the_real_page_has_its_place() -> None:
    text = page.PAGE.read_text()
    assert (text.count(page.BEGIN), text.count(page.END)) == (1, 1)
    assert text.index(page.BEGIN) < text.index(page.END)


def test_ratios_are_those_of_neighbours_so_that_a_slow_moment_counts_for_nothing() -> None:
    calm, busy = (Seconds(1, 1), Seconds(2, 3)), (Seconds(10, 10), Seconds(20, 30))
    pairs = Pairs(*zip(calm, busy, calm, strict=True))
    assert pairs.speed_up == (2, 3)
    assert pairs.speed_up.inverse == (0.5, 1 / 3)
    assert typical(pairs.ours) == (1, 1)


def test_runs_alternate_and_the_first_round_does_not_count() -> None:
    order: list[str] = []

    def run(name: str) -> Seconds:
        order.append(name)
        return Seconds(len(order), len(order))

    pairs = paired(lambda: run("ours"), lambda: run("peer"), 2)
    assert order == ["ours", "peer"] * 3
    assert (pairs.ours, pairs.peer) == (((3, 3), (5, 5)), ((4, 4), (6, 6)))
