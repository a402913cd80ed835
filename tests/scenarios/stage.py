# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of the demo and of every scenario: guests that are up, and an end that leaves none of them running."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NoReturn

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.scenarios.site import ScenarioError

INTERRUPTED: Final = 130
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n=== {text}", flush=True)


@contextlib.contextmanager
def guests(nodes: Sequence[str], *images: str) -> Iterator[Lab]:
    """Reset these guests, start them, and stop them in any case.

    Args:
        nodes: names of the guests.
        images: SC images to build beside those that every lab has.

    Raises:
        LabError: one did not come up.
    """
    say(f"Lab: {' and '.join(nodes)}, guests with UEFI Secure Boot, a TPM each, and IMA")
    lab = Lab.default()
    try:
        lab.down(now=True)
        lab.reset(nodes, tpm=True)
        if images:
            lab.sc_images(*images)
        lab.up(nodes)
        yield lab
    finally:
        say("Stop the lab")
        lab.down(now=True)


def perform(name: str, play: Callable[[], bool]) -> int:
    """Play, and return the exit status: 0 only if it went as it must. A signal ends it as Ctrl-C does.

    What is then stopped, a second signal does not keep from stopping.

    Args:
        name: what failures are told under.
        play: tells whether it went as it must.
    """
    for number in _SIGNALS:
        signal.signal(number, _terminated)
    try:
        return 0 if play() else 1
    except (ScenarioError, LabError, TrustError) as error:
        print(f"\n{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _terminated(_signal: int, _frame: object) -> NoReturn:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


__all__ = ["INTERRUPTED", "guests", "perform", "say"]
