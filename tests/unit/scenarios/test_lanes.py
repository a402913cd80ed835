# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios side by side, with commands that take no guests."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.scenarios.lanes import Lanes, Scenario

LATE = "import time; time.sleep(60)"
GENTLE = """
import signal, sys, time
def stop(*_):
    print("the guests are stopped", flush=True)
    sys.exit(130)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(60)
"""


def python(name: str, text: str) -> Scenario:
    return Scenario(name, (sys.executable, "-c", text))


def test_a_failure_ends_neither_its_lane_nor_another(tmp_path: Path) -> None:
    told: list[str] = []
    first = [python("one", "print('one: lost'); raise SystemExit(3)"), python("two", "print('two: well')")]
    second = [python("three", "import os; print('three:', os.environ['LANE'])")]
    ended = Lanes(tmp_path / "logs", told.append).run([({"LANE": "1"}, first), ({"LANE": "2"}, second)])
    assert [(one.name, one.status, one.said) for one in ended] == [
        ("one", 3, "one: lost"),
        ("two", 0, "two: well"),
        ("three", 0, "three: 2"),
    ]
    assert (tmp_path / "logs" / "one.log").read_text() == "one: lost\n"
    assert any("one ended with status 3" in text and "one: lost" in text for text in told)


def test_what_takes_too_long_is_ended_and_has_failed(tmp_path: Path) -> None:
    told: list[str] = []
    [ended] = Lanes(tmp_path, told.append, longest=1.0).run([({}, [python("late", LATE)])])
    assert ended.status != 0
    assert any("late is not done after 1 s" in text for text in told)


def test_an_interruption_lets_scenarios_stop_their_guests_and_begins_no_other(tmp_path: Path) -> None:
    def interrupt() -> None:
        end = time.monotonic() + 20
        while time.monotonic() < end and not (tmp_path / "one.log").exists():
            time.sleep(0.05)
        while time.monotonic() < end and "ready" not in (tmp_path / "one.log").read_text():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    # What a shell starts in the background ignores Ctrl-C; scenarios do not, see stage.perform().
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            Lanes(tmp_path, lambda _text: None).run([({}, [python("one", GENTLE), python("two", LATE)])])
    finally:
        signal.signal(signal.SIGINT, before)
    assert "the guests are stopped" in (tmp_path / "one.log").read_text()
    assert not (tmp_path / "two.log").exists()
