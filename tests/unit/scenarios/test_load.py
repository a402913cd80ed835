# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the orchestrator's scenario measures under load: answers, losses and the longest gap, on a real socket."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.scenarios.orchestrator import load
from tests.unit.module_utils.test_dns import server


def measured(port: int, stop: Path, seconds: float) -> dict[str, int]:
    """Ask for so long."""
    timer = threading.Timer(seconds, stop.touch)
    timer.start()
    try:
        return load.main(port, "health.test", str(stop))
    finally:
        timer.cancel()


def test_what_is_answered_is_not_lost(tmp_path: Path) -> None:
    with server(lambda question: [question]) as port:
        seen = measured(port, tmp_path / "stop", 0.5)
    assert (seen["lost"], seen["sent"] > 2) == (0, True)


def test_a_gap_is_as_long_as_nothing_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "PATIENCE_S", 0.1)
    begun = time.monotonic()
    with server(lambda question: [question] if time.monotonic() - begun < 0.3 else []) as port:
        seen = measured(port, tmp_path / "stop", 1.2)
    assert seen["lost"] > 2
    assert seen["gap_ms"] > 500


def test_a_port_where_nobody_is_loses_all(tmp_path: Path) -> None:
    with server(lambda question: [question]) as port:
        pass
    seen = measured(port, tmp_path / "stop", 0.4)
    assert seen["lost"] == seen["sent"] > 0
