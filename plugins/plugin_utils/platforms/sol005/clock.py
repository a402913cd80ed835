# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A deadline, and how to wait within it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Counts down from ``seconds``; ``now`` and ``sleep`` are the system's."""

    def __init__(
        self, seconds: float, now: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._now = now
        self._sleep = sleep
        self._end = now() + seconds

    def left(self) -> float:
        """Return the seconds left, less than zero where the time is over."""
        return self._end - self._now()

    def wait(self, seconds: float) -> bool:
        """Wait and return True; return False at once where that would pass the deadline."""
        if seconds >= self.left():
            return False
        self._sleep(seconds)
        return True


__all__ = ["Clock"]
