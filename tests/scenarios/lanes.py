# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios side by side: in lanes, each with a lab of its own, one scenario of a lane after the other.

A guest without KVM keeps a processor busy, and most scenarios have one guest that works and one that waits.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SCENARIO_S: Final = 2400.0
"""Longest time of one scenario; each wait in it has a deadline of its own."""

_SIGN_OF_LIFE_S: Final = 60.0
_STOPPING_S: Final = 120.0
"""How long a scenario may take to stop its guests."""
_POLL_S: Final = 0.2


@dataclass(frozen=True)
class Scenario:
    """What is run: its name, and its command."""

    name: str
    command: Sequence[str]


@dataclass(frozen=True)
class Ended:
    """How a scenario ended: with which status, after how many seconds, and its last line."""

    name: str
    status: int
    seconds: float
    said: str


@dataclass
class Lanes:
    """Runs scenarios side by side, and shows what each wrote once it has ended.

    Attributes:
        logs: directory that takes their output.
        tell: prints a text.
        longest: seconds that a scenario may take.
    """

    logs: Path
    tell: Callable[[str], None]
    longest: float = SCENARIO_S
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, lanes: Sequence[tuple[Mapping[str, str], Sequence[Scenario]]]) -> list[Ended]:
        """Run lanes to their ends, whatever fails in them; Ctrl-C ends all that runs.

        Args:
            lanes: of each, what its environment has more, and its scenarios.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(len(lanes)) as pool:
            running = [pool.submit(self._lane, environment, scenarios) for environment, scenarios in lanes]
            try:
                while not all(lane.done() for lane in running):
                    time.sleep(_POLL_S)
            except KeyboardInterrupt:
                self.tell("Interrupted: the guests are stopped")
                raise
            finally:
                self._over.set()
        return [ended for lane in running for ended in lane.result()]

    def _lane(self, environment: Mapping[str, str], scenarios: Sequence[Scenario]) -> list[Ended]:
        ended = []
        for scenario in scenarios:
            if self._over.is_set():
                break
            ended.append(self._one(scenario, {**os.environ, **environment}))
        return ended

    def _one(self, scenario: Scenario, environment: Mapping[str, str]) -> Ended:
        log, begun = self.logs / f"{scenario.name}.log", time.monotonic()
        self.tell(f"{scenario.name} begins; its output is in {log}")
        with log.open("wb") as output:
            process = subprocess.Popen(
                scenario.command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches it by way of here.
                start_new_session=True,
            )
            status = self._awaited(scenario, process, begun)
        seconds = time.monotonic() - begun
        text = log.read_text(encoding="utf-8", errors="replace")
        heading = f"{scenario.name} ended with status {status} after {seconds:.0f} s"
        self.tell(f"{heading}\n{text}{'-' * len(heading)}")
        lines = [line for line in text.splitlines() if line.strip()]
        return Ended(scenario.name, status, seconds, lines[-1] if lines else "")

    def _awaited(self, scenario: Scenario, process: subprocess.Popen[bytes], begun: float) -> int:
        """Wait for a scenario's end, which comes by force once all is over or its time is."""
        shown = begun
        while process.poll() is None:
            now = time.monotonic()
            if self._over.is_set() or now - begun > self.longest:
                if not self._over.is_set():
                    self.tell(f"{scenario.name} is not done after {self.longest:.0f} s, and is ended")
                return _end(process)
            if now - shown >= _SIGN_OF_LIFE_S:
                self.tell(f"{scenario.name} is still at work ({now - begun:.0f} s)")
                shown = now
            time.sleep(_POLL_S)
        return process.returncode


def _end(process: subprocess.Popen[bytes]) -> int:
    """End a scenario so that it can stop its guests; one that does not is killed."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOPPING_S) or 1
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(10)


__all__ = ["SCENARIO_S", "Ended", "Lanes", "Scenario"]
