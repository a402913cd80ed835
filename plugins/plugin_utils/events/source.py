# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of an event source: look, hand over what changed, wait; whatever happens to the store.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.cursor import alone, load_place, save_place
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import Follower, Part, Place
from ansible_collections.palantir.trust.plugins.plugin_utils.events.options import Options, read_options

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
    with alone(options.cursor_file):
        place = await finish(load_place, options.cursor_file) if options.cursor_file else None
        await _follow(queue, options, Follower(options.store, options.nodes, options.since, place))


async def _follow(queue: Queue, options: Options, follower: Follower) -> None:
    reading, keeping, begun = Trouble("event source"), Trouble("event source"), time.time()
    while True:
        try:
            part = await finish(follower.read)
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
    # Event by event, as ansible-rulebook is killed by the signals that end it: what is repeated then is one event.
    for event in part.events:
        await queue.put(event)
        await _keep(part.up_to(event), options, keeping)
    await _keep(part.end, options, keeping)


async def _keep(place: Place, options: Options, keeping: Trouble) -> None:
    if options.cursor_file is None:
        return
    try:
        await finish(save_place, options.cursor_file, place)
    except TrustError as error:
        # The events matter more: without the file some come again after a restart.
        keeping.began(error)
    else:
        keeping.ended()


async def finish(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a function that blocks returns; when cancelled, wait for its end: no thread outlives the source."""
    # The future itself and not a task around it: those are cancelled with all others when a loop ends.
    running = asyncio.get_running_loop().run_in_executor(None, function, *arguments)
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        while not running.done():
            # Bounded by the time-outs of the store. It may be cancelled more than once.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([running])
        # Whether it failed matters to nobody any more.
        running.exception()
        raise


__all__ = ["LONGEST_WAIT", "Queue", "Trouble", "finish", "follow", "wait"]
