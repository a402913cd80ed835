# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounded waiting: every wait has a deadline and says what it waited for when it passes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tests.lab.errors import DeadlineError
from tests.lab.progress import say

T = TypeVar("T")
_HEARTBEAT_S = 20.0


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    *,
    timeout_s: float,
    interval_s: float = 0.5,
    explain: Callable[[], str] = lambda: "",
) -> T:
    """Ask ``probe`` again and again until it returns something other than None.

    Args:
        what: what is waited for, as it stands in the error's message.
        probe: returns None for "not yet"; an exception of it ends the wait at once.
        timeout_s: the deadline.
        interval_s: pause between two probes.
        explain: text for the error's message, asked for only when the deadline has passed (a console's tail).

    Raises:
        DeadlineError: the deadline passed.
    """
    begun = time.monotonic()
    spoken = begun
    while True:
        value = probe()
        if value is not None:
            return value
        now = time.monotonic()
        if now - begun >= timeout_s:
            detail = explain()
            raise DeadlineError(f"waited {now - begun:.0f} s for {what}, in vain" + (f"\n{detail}" if detail else "."))
        if now - spoken >= _HEARTBEAT_S:
            say(f"  still waiting for {what} ({now - begun:.0f} s of at most {timeout_s:.0f} s)")
            spoken = now
        time.sleep(min(interval_s, max(0.0, timeout_s - (now - begun))))


__all__ = ["wait_for"]
