# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An event source that is stopped at any point and started again, and several of them at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.changes import Event
from ansible_collections.palantir.trust.plugins.plugin_utils.events.cursor import load_place, save_place
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import BATCH, Follower, Place
from ansible_collections.palantir.trust.plugins.plugin_utils.events.source import finish, follow
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.events.site import attest, open_incident

pytestmark = pytest.mark.slow

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[3] / "collections")}
SOUND = {"firmware": "affirming", "os": "affirming", "runtime": "affirming", "sc:a": "affirming"}
LOST = {"firmware": "affirming", "os": "contraindicated", "runtime": "void", "sc:a": "void"}


def history(url: str, entries: int) -> None:
    """Record results of two nodes; most entries make several events."""
    store = Store(url)
    for number in range(entries):
        attest(store, f"edge{number % 2 + 1}", LOST if number // 2 % 2 else SOUND)
    open_incident(store, "edge1", "os")
    store.close()


async def take(arguments: dict[str, Any], count: int) -> list[Event]:
    """Run an event source until this many events were taken, as ansible-rulebook takes them: one waits, others block.

    What waits when the source is stopped was handed over, too.
    """
    queue = asyncio.Queue[Event](1)
    task = asyncio.create_task(follow(queue, arguments))
    try:
        events = [await asyncio.wait_for(queue.get(), 20) for _ in range(count)]
        if count:
            # Stopped while it waits for room.
            await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return [*events, *(queue.get_nowait() for _ in range(queue.qsize()))]


@pytest.mark.parametrize("step", [1, 7])
def test_a_source_that_is_stopped_again_and_again_tells_each_change_once(url: str, tmp_path: Path, step: int) -> None:
    history(url, BATCH // 2 + 3)
    whole = Follower(url, since=0.0).read().events
    arguments = {"store": url, "interval": 1, "since": 0, "cursor_file": str(tmp_path / "cursor.json")}
    events: list[Event] = []
    while len(events) < len(whole):
        events += asyncio.run(take(arguments, min(step, len(whole) - len(events))))
    assert [event["id"] for event in events] == [event["id"] for event in whole]
    assert events == whole


def test_after_a_kill_one_event_comes_again_and_none_is_lost(url: str, tmp_path: Path) -> None:
    """As the signals do that end ansible-rulebook: nothing of the event source runs any more."""
    history(url, 8)
    whole = [event["id"] for event in Follower(url, since=0.0).read().events]
    script = f"""
import asyncio, os, signal
from ansible_collections.palantir.trust.plugins.plugin_utils.events.source import follow
class Queue:
    told = 0
    async def put(self, event):
        print(event["id"], flush=True)
        self.told += 1
        if self.told == 5 or event["id"] == {whole[-1]!r}:
            os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(follow(Queue(), {{"store": {url!r}, "since": 0, "cursor_file": {str(tmp_path / "cursor.json")!r}}}))
"""
    runs: list[list[str]] = []
    while not runs or runs[-1][-1] != whole[-1]:
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
        runs.append(done.stdout.split())
    assert len(runs) > 2
    assert [run[0] for run in runs[1:]] == [run[-1] for run in runs[:-1]]
    assert runs[0] + [number for run in runs[1:] for number in run[1:]] == whole


def test_a_replaced_ledger_is_told_once_whatever_comes_next(url: str, tmp_path: Path) -> None:
    history(url, 2)
    cursor = tmp_path / "cursor.json"
    save_place(cursor, Place(2, "ab" * 32))
    arguments = {"store": url, "interval": 1, "cursor_file": str(cursor)}
    assert [event["change"] for event in asyncio.run(take(arguments, 1))] == ["replaced"]
    assert Follower(url, place=load_place(cursor)).read().events == []


def test_what_is_told_in_part_is_kept_with_its_place(url: str, tmp_path: Path) -> None:
    history(url, 4)
    cursor = tmp_path / "cursor.json"
    events = asyncio.run(take({"store": url, "since": 0, "cursor_file": str(cursor)}, 6))
    place = load_place(cursor)
    assert place is not None
    assert (place.sequence, place.told) == (0, (2, 1))
    assert events[-1]["id"] == "2.1"
    rest = Follower(url, place=place)
    assert rest.read().events[0]["id"] == "2.2"
    assert rest.place is not None
    assert rest.place.told == (0, 0)


def test_two_sources_with_places_of_their_own_both_tell_everything(url: str, tmp_path: Path) -> None:
    history(url, 6)
    whole = Follower(url, since=0.0).read().events
    one, two = ({"store": url, "since": 0, "cursor_file": str(tmp_path / name)} for name in ("one.json", "two.json"))

    async def both() -> list[list[Event]]:
        return [*await asyncio.gather(take(one, len(whole)), take(two, len(whole)))]

    assert asyncio.run(both()) == [whole, whole]


def test_two_sources_do_not_share_a_place(url: str, tmp_path: Path) -> None:
    Store(url).close()
    arguments = {"store": url, "cursor_file": str(tmp_path / "cursor.json")}

    async def second() -> None:
        first = asyncio.create_task(follow(asyncio.Queue(), arguments))
        while not (tmp_path / "cursor.json").exists():
            await asyncio.sleep(0.01)
        with pytest.raises(EventError, match=r"cursor\.json: is in use by another event source\. Next: give each"):
            await follow(asyncio.Queue(), arguments)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        # Who comes after it may have the file.
        assert await take(arguments, 0) == []

    asyncio.run(second())


def test_no_thread_outlives_a_source_however_often_it_is_cancelled() -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def read() -> None:
        begun.set()
        may_end.wait(20)
        ended.set()
        raise ValueError("of what nobody waits for any more")

    async def stop(told: Callable[[dict[str, Any]], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told(context))
        task = asyncio.create_task(finish(read))
        await asyncio.to_thread(begun.wait)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.02)
        assert not task.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    complaints: list[dict[str, Any]] = []
    asyncio.run(stop(complaints.append))
    assert complaints == []


def test_ids_grow(url: str) -> None:
    history(url, BATCH + 5)
    follower, events = Follower(url, since=0.0), list[Event]()
    while (part := follower.read()).more:
        events += part.events
    numbers = [tuple(map(int, event["id"].split("."))) for event in [*events, *part.events]]
    assert all(first < second for first, second in pairwise(numbers))
