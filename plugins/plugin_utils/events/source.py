# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of an event source: look, hand over what changed, wait; whatever happens to the store.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import Follower, Part
from ansible_collections.palantir.trust.plugins.plugin_utils.events.options import (
    Options,
    load_place,
    read_options,
    save_place,
)

LONGEST_WAIT: Final = 60.0
"""Most seconds between two looks at a store that is away, where the interval is not longer."""

_LOG: Final = logging.getLogger("palantir.trust.verdicts")


class Queue(Protocol):
    """Where events go."""

    async def put(self, data: Any) -> None:
        """Hand over an event; waits while there is no room."""


@dataclass(slots=True)
class Trouble:
    """Something that fails again and again, and is logged when it begins and when it ends."""

    what: str
    failures: int = 0

    def began(self, error: TrustError) -> None:
        """Count a failure."""
        if not self.failures:
            _LOG.error("%s: %s Trying again.", self.what, error)
        self.failures += 1

    def ended(self) -> None:
        """Note that it went well."""
        if self.failures:
            _LOG.warning("%s: well again, after %d failures.", self.what, self.failures)
        self.failures = 0


def wait(interval: float, failures: int) -> float:
    """Return the seconds to wait after so many failures on end: the interval, doubled with each of them."""
    return min(interval * 2.0 ** min(failures, 16), max(interval, LONGEST_WAIT))


async def follow(queue: Queue, arguments: Mapping[str, Any]) -> None:
    """Put an event into the queue for each change, until cancelled.

    Args:
        queue: of the rulebook.
        arguments: of the source, see :func:`~.options.read_options`.

    Raises:
        EventError: an argument, or the file with the place, is wrong.
    """
    options = read_options(arguments)
    place = await asyncio.to_thread(load_place, options.cursor_file) if options.cursor_file else None
    follower = Follower(options.store, options.nodes, options.since, place)
    reading, keeping, begun = Trouble("event source"), Trouble("event source"), time.time()
    while True:
        try:
            part = await asyncio.to_thread(follower.read)
        except TrustError as error:
            reading.began(error)
            if follower.place is None and follower.since is None:
                # What comes while the store is away is new: without this, the first look would call it old.
                follower.since = begun
            await asyncio.sleep(wait(options.interval, reading.failures))
            continue
        reading.ended()
        await _hand_over(queue, part, options, keeping)
        if not part.more:
            await asyncio.sleep(options.interval)


async def _hand_over(queue: Queue, part: Part, options: Options, keeping: Trouble) -> None:
    for event in part.events:
        await queue.put(event)
    if options.cursor_file is None:
        return
    try:
        await asyncio.to_thread(save_place, options.cursor_file, part.place)
    except TrustError as error:
        # The events matter more: without the file some come again after a restart.
        keeping.began(error)
    else:
        keeping.ended()


__all__ = ["LONGEST_WAIT", "Queue", "Trouble", "follow", "wait"]
