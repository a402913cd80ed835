# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers and one incident: who may begin a step."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action import incident
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in which controller a leased incident 1 at time 100."""
    opened = Store(f"sqlite:///{tmp_path}/store.sqlite3")
    with opened.transaction() as connection:
        incidents.open_incident(connection, "node1", "os", "unknown_executable", 100.0)
        assert incidents.lease(connection, 1, "a", 100.0)
    return opened


def begin(store: Store, controller: str, at: float, monkeypatch: pytest.MonkeyPatch, outcome: str = "started") -> Any:
    action = incident.ActionModule.__new__(incident.ActionModule)
    monkeypatch.setattr(action, "_task", SimpleNamespace(check_mode=False), raising=False)
    monkeypatch.setattr(action, "open_store", lambda _arguments: store)
    monkeypatch.setattr(action, "controller", lambda: controller)
    monkeypatch.setattr(action, "now", lambda: at)
    arguments = {"id": 1, "event": "step", "outcome": outcome, "step": {"action": "reboot"}, "reason": ""}
    return action.act(arguments, {})["incident"]


def test_a_step_renews_the_lease_so_that_a_long_plan_keeps_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in (500.0, 1300.0, 2100.0):
        begin(store, "a", at, monkeypatch)
        with pytest.raises(StoreError, match="incident 1: is held by a"):
            begin(store, "b", at + 1, monkeypatch)


def test_who_was_slower_than_its_lease_does_not_go_on_beside_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.transaction() as connection:
        assert incidents.lease(connection, 1, "b", 100.0 + incidents.LEASE + 1)
    with pytest.raises(StoreError, match="incident 1: is held by b"):
        begin(store, "a", 1100.0, monkeypatch)
    # What it did already is on record all the same.
    assert begin(store, "a", 1100.0, monkeypatch, "failed")["lease_owner"] == "b"


def test_an_incident_that_is_over_begins_no_step(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with store.transaction() as connection:
        incidents.recovered(connection, 1, 200.0)
    with pytest.raises(StoreError, match="incident 1: is recovered"):
        begin(store, "a", 201.0, monkeypatch)
