# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source as ansible-rulebook runs it: by its path, in an event loop of others."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import runpy
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.cursor import load_place
from ansible_collections.palantir.trust.plugins.plugin_utils.events.options import read_options
from ansible_collections.palantir.trust.plugins.plugin_utils.events.source import wait
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.events.site import attest

ROOT = Path(__file__).resolve().parents[3]
PLUGIN = ROOT / "collections/ansible_collections/palantir/trust/extensions/eda/plugins/event_source/verdicts.py"
SOUND = {"os": "affirming"}
LOST = {"os": "contraindicated"}
TIMES = "give seconds since 1970, or 2026-05-01T12:00:00Z."


async def run(arguments: dict[str, Any], during: Callable[[asyncio.Queue[Any]], Awaitable[None]]) -> list[Any]:
    """Run the plugin while something happens, stop it, and return the events that are left."""
    main = runpy.run_path(str(PLUGIN))["main"]
    assert asyncio.iscoroutinefunction(main)
    queue = asyncio.Queue[Any]()
    task = asyncio.create_task(main(queue, arguments))
    try:
        await asyncio.wait_for(during(queue), 30)
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return [queue.get_nowait() for _ in range(queue.qsize())]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path}/store.sqlite3")


def arguments(tmp_path: Path, **others: Any) -> dict[str, Any]:
    return {"store": f"sqlite:///{tmp_path}/store.sqlite3", "interval": 1, **others}


def test_a_change_comes_as_an_event(store: Store, tmp_path: Path) -> None:
    attest(store, "edge1", SOUND)

    async def lose(queue: asyncio.Queue[Any]) -> None:
        await asyncio.sleep(0.5)
        assert queue.empty()
        await asyncio.to_thread(attest, store, "edge1", LOST)
        event = await queue.get()
        assert (event["kind"], event["node"], event["tier"]) == ("verdict", "edge1", "contraindicated")

    assert asyncio.run(run(arguments(tmp_path), lose)) == []


def test_the_loop_of_others_goes_on_while_the_store_is_locked(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.palantir.trust.plugins.plugin_utils.store.database.BUSY_SECONDS", 0.5)
    attest(store, "edge1", SOUND)
    store.close()
    file = tmp_path / "store.sqlite3"
    # The journal's old mode is the one in which SQLite keeps readers out.
    lock = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    lock.execute("PRAGMA journal_mode = DELETE")

    async def lock_and_lose(queue: asyncio.Queue[Any]) -> None:
        lock.execute("BEGIN EXCLUSIVE")
        ticks = 0
        while "locked" not in caplog.text:
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 10
        await asyncio.sleep(2)
        lock.execute("COMMIT")
        lock.close()
        attest(Store(f"sqlite:///{file}"), "edge1", LOST, at=2e9)
        # The store was never read before: what was recorded since the start is new.
        event = await queue.get()
        assert (event["previous_tier"], event["tier"]) == ("affirming", "contraindicated")

    with caplog.at_level(logging.WARNING, "palantir.trust.verdicts"):
        assert asyncio.run(run(arguments(tmp_path), lock_and_lose)) == []
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]
    assert caplog.records[1].getMessage().startswith("event source: well again, after ")


def test_a_store_that_comes_later_is_all_new(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def begin(queue: asyncio.Queue[Any]) -> None:
        while "unable to open" not in caplog.text:
            await asyncio.sleep(0.01)
        late = Store(f"sqlite:///{tmp_path}/store.sqlite3")
        attest(late, "edge1", LOST, at=2e9)
        assert [(await queue.get())["kind"] for _ in range(2)] == ["state", "verdict"]

    asyncio.run(run(arguments(tmp_path), begin))
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1


def test_a_restart_goes_on_where_it_was(store: Store, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor.json"
    attest(store, "edge1", SOUND)

    async def read(queue: asyncio.Queue[Any]) -> None:
        while not cursor.exists():
            await asyncio.sleep(0.01)

    assert asyncio.run(run(arguments(tmp_path, cursor_file=str(cursor)), read)) == []
    attest(store, "edge1", LOST)

    async def lost(queue: asyncio.Queue[Any]) -> None:
        event = await queue.get()
        assert (event["previous_tier"], event["tier"]) == ("affirming", "contraindicated")
        # First it is kept that this event was told, and then that the entry was told whole.
        while (place := load_place(cursor)) is None or place.sequence != 2:
            await asyncio.sleep(0.01)

    assert asyncio.run(run(arguments(tmp_path, cursor_file=str(cursor), since=0), lost)) == []
    assert cursor.stat().st_mode & 0o777 == 0o600

    async def idle(queue: asyncio.Queue[Any]) -> None:
        await asyncio.sleep(1.5)

    assert asyncio.run(run(arguments(tmp_path, cursor_file=str(cursor), since=0), idle)) == []


def test_events_come_where_the_place_cannot_be_kept(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    attest(store, "edge1", LOST)

    async def read(queue: asyncio.Queue[Any]) -> None:
        assert [(await queue.get())["kind"] for _ in range(2)] == ["state", "verdict"]
        await asyncio.sleep(2.5)

    asyncio.run(run(arguments(tmp_path, since=0, cursor_file=str(tmp_path / "none" / "cursor.json")), read))
    (error,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    cause = f"cursor_file {tmp_path}/none/cursor.json: No such file or directory. Next: check its directory."
    assert error == f"event source: {cause} Trying again."


def test_python_without_ansible_finds_the_collection(store: Store, tmp_path: Path) -> None:
    """As in an environment of ansible-rulebook, where another collection is there, and none of Ansible's loaders."""
    attest(store, "edge1", LOST)
    other = tmp_path / "other" / "ansible_collections"
    (other / "ansible" / "eda").mkdir(parents=True)
    script = f"""
import asyncio, json, runpy, sys
import ansible_collections
main = runpy.run_path({str(PLUGIN)!r})["main"]
class Queue:
    async def put(self, event):
        print(json.dumps(event))
        if event["kind"] == "verdict":
            raise SystemExit
asyncio.run(main(Queue(), {{"store": "sqlite:///{tmp_path}/store.sqlite3", "since": 0}}))
assert "ansible" not in sys.modules
"""
    for kind in ("namespace", "package"):
        if kind == "package":
            (other / "__init__.py").touch()
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(other.parent)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=tmp_path,
        )
        assert done.stderr == ""
        assert json.loads(done.stdout.splitlines()[-1])["tier"] == "contraindicated"


def test_the_documentation_names_every_option() -> None:
    documented = yaml.safe_load(runpy.run_path(str(PLUGIN))["DOCUMENTATION"])["options"]
    with pytest.raises(EventError) as caught:
        read_options({"nodez": []})
    assert str(caught.value) == f"argument nodez: is unknown. Next: use {', '.join(documented)}."
    assert documented["interval"]["default"] == read_options({}).interval
    assert yaml.safe_load(runpy.run_path(str(PLUGIN))["EXAMPLES"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"interval": 0}, "argument interval: must be 1 to 3600 seconds, not 0."),
        ({"interval": "nan"}, "argument interval: must be 1 to 3600 seconds, not nan."),
        ({"nodes": {"edge1": 1}}, "argument nodes: must be a list of at most 10000 names."),
        ({"nodes": [1]}, "argument nodes: must be a list of at most 10000 names."),
        (
            {"since": "noon"},
            "argument since: is no time: noon. Next: give seconds since 1970, or 2026-05-01T12:00:00Z.",
        ),
        ({"since": "inf"}, "argument since: is no time: inf. Next: give seconds since 1970, or 2026-05-01T12:00:00Z."),
    ],
)
def test_a_wrong_argument_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(EventError) as caught:
        read_options(wrong)
    assert str(caught.value) == message


def test_since_is_a_time_in_any_of_its_forms() -> None:
    forms = (1777636800, "1777636800", "2026-05-01T12:00:00Z", "2026-05-01T14:00:00+02:00", "2026-05-01 12:00:00")
    assert {read_options({"since": form}).since for form in forms} == {1777636800.0}
    assert read_options({"nodes": "edge1"}).nodes == {"edge1"}


def test_it_waits_longer_after_each_failure_and_a_minute_at_most() -> None:
    assert [wait(5, failures) for failures in range(6)] == [5, 10, 20, 40, 60, 60]
    assert wait(300, 9) == 300
    assert wait(1, 1_000_000) == 60
