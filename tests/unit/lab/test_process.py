# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lab import process
from tests.lab.errors import LabError
from tests.lab.process import ProcessRecord, parse_stat


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[ProcessRecord]:
    record = process.start(
        "sleeper", ["sleep", "60"], cwd=tmp_path, log=tmp_path / "log", record=tmp_path / "sleeper.pid.json"
    )
    yield record
    process.stop(record)


def test_a_started_process_is_on_record_and_runs(sleeper: ProcessRecord, tmp_path: Path) -> None:
    assert ProcessRecord.read(tmp_path / "sleeper.pid.json") == sleeper
    assert sleeper.argv == ("sleep", "60")
    assert sleeper.is_running()


def test_it_is_out_of_reach_of_the_terminals_ctrl_c(sleeper: ProcessRecord) -> None:
    assert os.getpgid(sleeper.pid) != os.getpgid(0)


def test_stop_ends_it_once(sleeper: ProcessRecord) -> None:
    assert process.stop(sleeper)
    assert not sleeper.is_running()
    assert not process.stop(sleeper)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(partial(dataclasses.replace, start_ticks=1), id="number given to a later process"),
        pytest.param(partial(dataclasses.replace, argv=("sleep", "61")), id="another command line"),
    ],
)
def test_a_stranger_with_the_same_number_is_left_alone(
    sleeper: ProcessRecord, changed: Callable[[ProcessRecord], ProcessRecord]
) -> None:
    stale = changed(sleeper)
    assert not stale.is_running()
    assert not process.stop(stale)
    assert sleeper.is_running()


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    stubborn = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done"]
    record = process.start("stubborn", stubborn, cwd=tmp_path, log=tmp_path / "log", record=tmp_path / "pid.json")
    deadline = time.monotonic() + 10
    while b"ready" not in (tmp_path / "log").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert process.stop(record, grace_s=0.2)
    assert not record.is_running()


def test_a_program_that_is_quick_to_change_its_command_line_is_on_record(tmp_path: Path) -> None:
    command = ["perl", "-e", '$0 = "perl: $ARGV[0] [listener]"; sleep 60', str(tmp_path / "config")]
    with subprocess.Popen(command) as running:
        try:
            while "[listener]" not in Path(f"/proc/{running.pid}/cmdline").read_text():
                time.sleep(0.01)
            record = process._recorded("listener", running, tuple(command), tmp_path / "log")
        finally:
            running.kill()
    assert (record.pid, record.argv) == (running.pid, tuple(command))


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"no-such-program: not installed\. Next: python3 -m tests\.lab packages"):
        process.start("x", ["no-such-program"], cwd=tmp_path, log=tmp_path / "log", record=tmp_path / "pid.json")
    assert not (tmp_path / "pid.json").exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": 1}', '{"name": "a", "pid": "x", "start_ticks": 1, "argv": []}']
)
def test_a_damaged_record_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid.json").write_text(text)
    assert ProcessRecord.read(tmp_path / "pid.json") is None


def test_stat_of_a_program_with_a_treacherous_name() -> None:
    fields = " ".join(str(n) for n in range(4, 53))
    assert parse_stat(f"7 (a) R (b) S {fields}") == 22
    assert parse_stat(f"7 (a) S (b) Z {fields}") is None
