# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.lab.errors import DeadlineError, LabError
from tests.lab.image import cache


def _fill(work: Path) -> None:
    (work / "disk").write_text("disk")


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    built = []

    def build(work: Path) -> None:
        built.append(work)
        _fill(work)

    for _ in range(2):
        made = cache.entry(tmp_path, "abc", build)
    assert made == tmp_path / "abc"
    assert (made / "disk").read_text() == "disk"
    assert len(built) == 1


def test_a_build_that_fails_leaves_its_log_and_nothing_else(tmp_path: Path) -> None:
    def fail(work: Path) -> None:
        (work / "build.log").write_text("E: mirror")
        raise LabError("mmdebstrap failed")

    with pytest.raises(LabError, match="mmdebstrap failed"):
        cache.entry(tmp_path, "abc", fail)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", "failed-build.log"]
    assert (tmp_path / "failed-build.log").read_text() == "E: mirror"


def test_an_interrupted_build_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(work: Path) -> None:
        _fill(work)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry(tmp_path, "abc", interrupted)
    assert [p.name for p in tmp_path.iterdir()] == [".lock"]


def test_leftovers_of_a_killed_build_are_removed_by_the_next(tmp_path: Path) -> None:
    leftover = tmp_path / ".partial-old"
    leftover.mkdir()
    (leftover / "disk").write_text("half")
    cache.entry(tmp_path, "abc", _fill)
    assert not leftover.exists()


def test_entries_long_unused_go_when_a_new_one_is_made(tmp_path: Path) -> None:
    for name, days in (("old", 15), ("recent", 13)):
        cache.entry(tmp_path, name, _fill)
        then = time.time() - days * 86400
        os.utime(tmp_path / name / "used", (then, then))
    cache.entry(tmp_path, "new", _fill)
    assert not (tmp_path / "old").exists()
    assert (tmp_path / "recent").is_dir()


def test_a_lock_that_is_held_is_waited_for_and_named(tmp_path: Path) -> None:
    with (
        cache.locked(tmp_path / "lock", "another build", timeout_s=1),
        pytest.raises(DeadlineError, match=r"another build \(lock .*/lock\), in vain"),
        cache.locked(tmp_path / "lock", "another build", timeout_s=0),
    ):
        pass
