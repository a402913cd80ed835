# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.lab.errors import DeadlineError, LabError
from tests.lab.progress import run_logged, step, tail


def test_a_failed_command_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"(?s)sh -c: exit status 3\. Next: see .*\| mirror not reachable"):
        run_logged(["sh", "-c", "echo mirror not reachable >&2; exit 3"], tmp_path / "log", timeout_s=10)


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(DeadlineError, match=r"not finished within 0 s"):
        run_logged(["sleep", "60"], tmp_path / "log", timeout_s=0.2)
    assert time.monotonic() - begun < 10


def test_control_characters_of_a_console_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "console").write_bytes(b"\x1b[2J\xffboot\r\n\nlogin:")
    assert tail(tmp_path / "console") == "    | ?[2J\ufffdboot\n    | login:"
    assert tail(tmp_path / "absent") == ""


def test_a_step_says_how_it_ended(capsys: pytest.CaptureFixture[str]) -> None:
    with step("first"):
        pass
    with pytest.raises(KeyboardInterrupt), step("second"):
        raise KeyboardInterrupt
    said = capsys.readouterr().err
    assert "first ...\n" in said
    assert "first: done in 0.0 s" in said
    assert "second: interrupted after 0.0 s" in said


def test_the_log_collects_both_streams(tmp_path: Path) -> None:
    run_logged([sys.executable, "-c", "import sys; print('a'); sys.stderr.write('b')"], tmp_path / "log", timeout_s=30)
    assert sorted((tmp_path / "log").read_text().replace("\n", "")) == ["a", "b"]
