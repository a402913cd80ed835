# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller is killed at every boundary of every step, and another one goes on; two work on one store at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import incident as incident_action
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery import planning
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.controllers import is_gone, name_of
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import plan
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    attempts,
    identities,
    incidents,
    instances,
    switch,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.recovery.test_planning import SC, actions, attested, ear, planned, site, store

__all__ = ["store"]  # a fixture
PROOFS = ("confirm", "attest")


class Run:
    """Steps of a plan, noted as the role does."""

    def __init__(self, store: Store, owner: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._store = store
        self._action = incident_action.ActionModule.__new__(incident_action.ActionModule)
        monkeypatch.setattr(self._action, "_task", SimpleNamespace(check_mode=False), raising=False)
        monkeypatch.setattr(self._action, "open_store", lambda _arguments: store)
        monkeypatch.setattr(self._action, "controller", lambda: owner)
        self.did: list[str] = []

    def note(self, step: dict[str, Any], outcome: str, at: float) -> None:
        self._action.now = lambda: at  # type: ignore[method-assign]
        arguments = {"id": step["incident_id"], "event": "step", "outcome": outcome, "step": step, "reason": ""}
        self._action.act(arguments, {})
        if outcome == "done":
            self.did.append(f"{step['action']} {step['instance'] or step['node']}")


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controllers whose names begin with ``dead`` have ended."""
    module = "ansible_collections.palantir.trust.plugins.plugin_utils.recovery.taking.is_gone"
    monkeypatch.setattr(module, lambda owner: owner.startswith("dead"))


HOST = {"os": "unknown_executable"}
INSTANCE = {"dns_filter_1": "unknown_executable"}
WHOLE = {
    "os": [
        "confirm node1",
        "preserve node1",
        "cordon node1",
        "move dns-filter-1",
        "attest dns-filter-1",
        "reboot node1",
        "attest node1",
        "uncordon node1",
    ],
    "sc": ["confirm dns-filter-1", "preserve dns-filter-1", "restart dns-filter-1", "attest dns-filter-1"],
}


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("noted", ["started", "done"])
@pytest.mark.parametrize(("layer", "killed_at"), [(layer, at) for layer in WHOLE for at in range(len(WHOLE[layer]))])
def test_a_controller_that_is_killed_is_resumed_and_nothing_done_is_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch, killed_at: int, noted: str, layer: str
) -> None:
    bad: dict[str, Any] = HOST if layer == "os" else INSTANCE
    attested(store, 100.0, node1=ear(100, SC, **bad), node2=ear(100))
    first = planned(store, 100.0, 101.0, "dead-1")
    assert actions(first) == WHOLE[layer]
    run = Run(store, "dead-1", monkeypatch)
    for step in first["steps"][:killed_at]:
        run.note(step, "started", 102.0)
        run.note(step, "done", 103.0)
    run.note(first["steps"][killed_at], "started", 104.0)
    if noted == "done":
        run.note(first["steps"][killed_at], "done", 105.0)
    finished = noted == "done" and first["steps"][killed_at]["last"]

    attested(store, 200.0, node1=ear(200, SC, **bad), node2=ear(200))
    second = planned(store, 200.0, 201.0, "alive")
    with store.transaction() as connection:
        incident = incidents.find(connection, 1)
        tried = attempts.of_incidents(connection, [1])
    if finished:  # all was done and it did not help: this is the next attempt
        assert (incident.attempt, len(tried)) == (2, 2)
        return
    assert (incident.attempt, incident.lease_owner, len(tried)) == (1, "alive", 1)
    repeated = {name for name in run.did if name.split()[0] not in PROOFS} & set(actions(second))
    assert not repeated
    began = {*run.did, *([actions(first)[killed_at]] if noted == "started" else [])}
    assert {name for name in WHOLE[layer] if name not in began} <= set(actions(second))


@pytest.mark.usefixtures("gone")
def test_a_reboot_that_happened_while_nobody_watched_is_not_repeated(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    attested(store, 100.0, node1=ear(100, **HOST), node2=ear(100))
    first = planned(store, 100.0, 101.0, "dead-1")
    run = Run(store, "dead-1", monkeypatch)
    reboot = next(step for step in first["steps"] if step["action"] == "reboot")
    with store.transaction() as connection:
        identities.set_last(connection, "node1", {"clock": 1, "reset_count": 7, "restart_count": 0, "safe": True})
    run.note(reboot, "started", 102.0)
    with store.transaction() as connection:
        identities.set_last(connection, "node1", {"clock": 1, "reset_count": 8, "restart_count": 0, "safe": True})
    attested(store, 200.0, node1=ear(200, **HOST), node2=ear(200))
    assert "reboot node1" not in actions(planned(store, 200.0, 201.0, "alive"))


@pytest.mark.usefixtures("gone")
def test_what_breaks_every_controller_off_goes_to_the_next_rung_in_the_end(store: Store) -> None:
    for number in range(6):
        at = 100.0 * (number + 1)
        attested(store, at, node1=ear(at, SC, **INSTANCE), node2=ear(at))
        assert planned(store, at, at + 1, f"dead-{number}")["steps"]
        with store.transaction() as connection:
            assert incidents.find(connection, 1).attempt == (1 if number < 4 else 2)


def test_an_attempt_of_a_controller_that_may_live_is_left_to_it(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    assert planned(store, 100.0, 101.0, "elsewhere/1/1")["steps"]
    attested(store, 200.0, node1=ear(200, SC, **INSTANCE), node2=ear(200))
    assert planned(store, 200.0, 201.0, "alive")["steps"] == []
    attested(store, 2000.0, node1=ear(2000, SC, **INSTANCE), node2=ear(2000))
    assert actions(planned(store, 2000.0, 2001.0, "alive")) == WHOLE["sc"]  # its lease has run out


@pytest.mark.usefixtures("gone")
def test_who_was_slower_than_its_lease_leaves_the_attempt_to_who_goes_on_with_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    first = planned(store, 100.0, 101.0, "dead-1")
    slow = Run(store, "dead-1", monkeypatch)
    slow.note(first["steps"][0], "started", 102.0)
    attested(store, 2000.0, node1=ear(2000, SC, **INSTANCE), node2=ear(2000))
    assert planned(store, 2000.0, 2001.0, "alive")["steps"]
    slow.note(first["steps"][0], "done", 2002.0)
    with pytest.raises(StoreError, match="is held by alive"):
        slow.note(first["steps"][1], "started", 2003.0)
    slow.note(first["steps"][1], "failed", 2004.0)
    slow.note(first["steps"][3], "done", 2005.0)
    with store.transaction() as connection:
        assert attempts.unfinished(connection, 1) is not None


def test_a_plan_from_before_the_site_was_stopped_begins_nothing_and_ends_what_has_begun(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    steps = planned(store, 100.0, 101.0, "a")["steps"]
    run = Run(store, "a", monkeypatch)
    with store.transaction() as connection:
        switch.stop(connection, "eve", "wait", 101.5)
    with pytest.raises(StoreError, match=r"incident 1: is left alone. Stopped by eve: wait."):
        run.note(steps[0], "started", 102.0)
    run.note(steps[0], "failed", 102.5)
    with store.transaction() as connection:
        switch.release(connection, "eve", 103.0)
    attested(store, 200.0, node1=ear(200, SC, **INSTANCE), node2=ear(200))
    again = planned(store, 200.0, 201.0, "a")["steps"]
    assert (again[0]["action"], again[0]["attempt"]) == ("confirm", 0)  # nothing was tried
    run.note(again[0], "started", 202.0)
    with store.transaction() as connection:
        switch.stop(connection, "eve", "wait", 203.0)
    run.note(again[0], "done", 204.0)
    run.note(again[1], "started", 205.0)


def test_what_a_second_quote_did_not_confirm_was_no_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that keeps silent when it is asked again would else come to a graver verb, with nothing tried before."""
    for number in range(4):
        at = 100.0 * (number + 1)
        attested(store, at, node1=ear(at, SC, **INSTANCE), node2=ear(at))
        steps = planned(store, at, at + 1, "a")["steps"]
        assert (steps[0]["action"], steps[0]["verb"], steps[0]["attempt"]) == ("confirm", "restart", 0)
        run = Run(store, "a", monkeypatch)
        run.note(steps[0], "started", at + 2)
        run.note(steps[0], "failed", at + 3)
    with store.transaction() as connection:
        assert incidents.find(connection, 1).attempt == 0
        assert {attempt.outcome for attempt in attempts.of_incidents(connection, [1])} == {"unconfirmed"}
        assert attempts.began_since(connection, 0.0) == [], "nothing was done that a limit could count"


def test_what_was_not_confirmed_is_no_fault_that_returns(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = ear(100, SC, **INSTANCE)
    found["submods"][SC]["palantir.findings"][0]["digest"] = "sha256:" + "ab" * 32
    for at in (100.0, 200.0):
        attested(store, at, node1=found | {"iat": int(at)}, node2=ear(at))
        made = planned(store, at, at + 1, "a")
        run = Run(store, "a", monkeypatch)
        run.note(made["steps"][0], "started", at + 2)
        run.note(made["steps"][0], "failed", at + 3)
    with store.transaction() as connection:
        read = planning._incident(incidents.find(connection, 1), attempts.of_incidents(connection, [1]))
    assert (read["faults"], read["attempt"]) == ([], 0)


def test_what_failed_once_anything_was_done_is_an_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    steps = planned(store, 100.0, 101.0, "a")["steps"]
    run = Run(store, "a", monkeypatch)
    for step in steps[:2]:
        run.note(step, "started", 102.0)
        run.note(step, "done" if step["action"] == "confirm" else "failed", 103.0)
    with store.transaction() as connection:
        assert incidents.find(connection, 1).attempt == 1
        assert [attempt.outcome for attempt in attempts.of_incidents(connection, [1])] == ["failed"]


@pytest.mark.usefixtures("gone")
def test_to_ask_for_an_approval_ends_no_attempt(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule was changed between: it asks now."""
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    planned(store, 100.0, 101.0, "dead-1")
    asking = {
        name: text.replace("confirmation", "approval: person\n    confirmation") for name, text in site().tables.items()
    }
    attested(store, 200.0, node1=ear(200, SC, **INSTANCE), node2=ear(200))
    with store.transaction() as connection:
        made = plan(connection, replace(site("alive"), tables=asking), 200.0, 201.0)
    assert actions(made) == ["ask dns-filter-1"]
    run = Run(store, "alive", monkeypatch)
    for outcome in ("started", "done"):
        run.note(made["steps"][0], outcome, 202.0)
    with store.transaction() as connection:
        assert attempts.unfinished(connection, 1) is not None


def test_an_attempt_is_against_what_was_found_where_the_instance_is_now(store: Store) -> None:
    digest = "sha256:" + "ab" * 32
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    planned(store, 100.0, 101.0, "a")
    with store.transaction() as connection:
        attempts.end(connection, 1, "failed", 110.0)
        old = instances.standing(connection)[0]
        instances.set_state(connection, old.id, "retired", 110.0)
        moved = {"instance": "dns-filter-1", "sc": "dns-filter", "flavour": "podman", "node": "node2"}
        fresh = instances.allocate(connection, **moved, files={}, reset_count=1, at=110.0)
        instances.set_state(connection, fresh.id, "live", 110.0)
    there = ear(200, SC, **INSTANCE)
    there["submods"][SC]["palantir.findings"][0]["digest"] = digest
    attested(store, 200.0, node1=ear(200), node2=there)
    assert planned(store, 200.0, 201.0, "a")["steps"]
    with store.transaction() as connection:
        last = attempts.of_incidents(connection, [1])[-1]
    assert (last.node, last.digests) == ("node2", [digest])


def test_of_two_controllers_at_once_one_acts(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, **INSTANCE), node2=ear(100))
    with ThreadPoolExecutor(2) as both:
        made = list(both.map(lambda owner: planned(store, 100.0, 101.0, owner), ("a", "b")))
    assert sorted(len(plan["steps"]) for plan in made) == [0, 4]
    with store.transaction() as connection:
        assert incidents.find(connection, 1).attempt == 1


def test_a_controller_is_gone_when_its_process_is() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    name = name_of(process.pid)
    assert not is_gone(name)
    assert not is_gone(name_of(os.getpid()))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert is_gone(name)


HERE, SPACE = name_of(1).split("/")[:2]


@pytest.mark.parametrize(
    "name",
    [
        *(f"elsewhere/{SPACE}/1/1", f"{HERE}/{SPACE}/x/y", "", "x", "localhost"),
        # As a release before this one wrote it; and a container that has its host's name.
        *(f"{HERE}/1/1", f"{HERE}/{SPACE.partition(':')[0]}:1/1/1", f"{HERE}/0-0:{SPACE.partition(':')[2]}/1/1"),
    ],
)
def test_of_any_other_name_nobody_knows_whether_it_is_gone(name: str) -> None:
    assert not is_gone(name)


def test_another_process_of_that_number_is_another_controller() -> None:
    where, number, start = name_of(os.getpid()).rsplit("/", 2)
    assert is_gone(f"{where}/{number}/{int(start) + 1}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may see processes by a /proc that hides them")
def test_a_controller_that_proc_does_not_show_is_not_gone() -> None:
    """As for a service of another user where /proc has ``hidepid`` (systemd: ``ProtectProc=invisible``)."""
    script = """
import os, sys
sys.path[:0] = sys.argv[2:]
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.controllers import is_gone
assert not is_gone(sys.argv[1])  # what it reads is read before it is nobody
os.setgroups([]), os.setgid(65534), os.setuid(65534)
assert not os.path.exists(sys.argv[1].split("/")[2].join(["/proc/", "/stat"])), "it is not hidden"
print(is_gone(sys.argv[1]))
"""
    hide = 'mount -t proc -o hidepid=invisible proc /proc && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", hide, "sh", sys.executable, "-c", script, name_of(os.getpid())]
    done = subprocess.run([*command, *filter(None, sys.path)], capture_output=True, text=True, check=False, timeout=30)
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"no namespace of mounts: {done.stderr.strip()}")
    assert done.stdout == "False\n", done.stderr
