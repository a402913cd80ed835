# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module ``store``, run as a task runs it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from ansible_collections.palantir.trust.plugins.action import store as module
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.retention import DAY

OPTIONS = {"retention": {}, "seconds": 60.0, "file": None}


def act(store: Store, at: float, check_mode: bool = False, **arguments: Any) -> dict[str, Any]:
    """Run the action as Ansible does, without Ansible."""
    action = module.ActionModule.__new__(module.ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    action.now = lambda: at  # type: ignore[method-assign]
    url = store._engine.url.render_as_string(hide_password=False)
    return dict(action.act({"store": url, **OPTIONS, **arguments}, {}))


def test_old_results_are_pruned_and_in_check_mode_they_are_not(store: Store) -> None:
    with store.transaction() as connection:
        for day in (1, 2, 3, 4):
            attestations.record(connection, "n1", day * DAY, "unreachable", str(day))
    wanted: dict[str, Any] = {"operation": "prune", "retention": {"attestations": "5d", "evidence": "5d"}}
    assert not act(store, 9 * DAY, check_mode=True, **wanted)["changed"]
    done = act(store, 9 * DAY, **wanted)
    assert (done["changed"], done["pruned"]["attestations"]) == (True, 2)
    assert not act(store, 9 * DAY, **wanted)["changed"]


def test_a_policy_that_is_wrong_removes_nothing(store: Store) -> None:
    with pytest.raises(PolicyError, match="has no kind 'logs'"):
        act(store, 1.0, operation="prune", retention={"logs": "1d"})


def test_a_check_fails_with_all_that_is_wrong(store: Store) -> None:
    sound = act(store, 1.0, operation="check")
    assert (sound.get("failed"), sound["health"]["problems"]) == (None, [])
    with store.transaction() as connection:
        attestations.record(connection, "n1", 1.0, "unreachable")
        connection.execute(update(schema.ledger).values(subject="n2"))
    told = act(store, 1.0, operation="check")
    assert told["failed"]
    assert "ledger entry 1: is missing, or does not follow" in told["msg"]
    assert "geheim" not in str(told)


def test_a_backup_is_written_and_restored(store: Store, tmp_path: Path) -> None:
    with store.transaction() as connection:
        attestations.record(connection, "n1", 1.0, "unreachable")
    file = tmp_path / "copy"
    wanted: dict[str, Any] = {"operation": "backup", "file": str(file)}
    assert act(store, 1.0, check_mode=True, **wanted) == {"changed": True}
    assert not file.exists()
    assert act(store, 1.0, **wanted)["bytes"] == file.stat().st_size
    other = Store(f"sqlite:///{tmp_path}/other")
    assert act(other, 1.0, **wanted | {"operation": "restore"})["changed"]
    with other.transaction() as connection:
        assert attestations.latest(connection, ["n1"], 0)["n1"].state == "unreachable"
    other.close()


def test_a_backup_needs_a_file(store: Store) -> None:
    with pytest.raises(StoreError, match=r"^backup: needs the option file\."):
        act(store, 1.0, operation="backup")
