# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of roles: what is issued is on record, or nobody has it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action.certificate import ActionModule
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import database
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


def do(home: Path, state: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    monkeypatch.setattr(action, "_task", SimpleNamespace(check_mode=False), raising=False)
    given = {name: option.get("default") for name, option in ActionModule.SPEC.items()}
    given |= {"state": state, "role": "orchestrator", "ca": str(home / "ca.pem"), "dest": str(home / "key.pem")}
    return action.act(given | {"store": f"sqlite:///{home}/store.sqlite3"} | more, {})


def test_nobody_gets_a_certificate_that_the_store_cannot_take_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(f"sqlite:///{tmp_path}/store.sqlite3").transaction():
        pass
    other = sqlite3.connect(tmp_path / "store.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with pytest.raises(StoreError):
        do(tmp_path, "issued", monkeypatch)
    assert not (tmp_path / "key.pem").exists()
    other.execute("ROLLBACK")
    other.close()
    assert do(tmp_path, "issued", monkeypatch)["changed"]
    assert do(tmp_path, "revoked", monkeypatch)["changed"]


def test_what_could_not_be_written_is_not_on_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PkiError, match="check the directory"):
        do(tmp_path, "issued", monkeypatch, dest="/proc/nowhere/key.pem")
    assert not do(tmp_path, "revoked", monkeypatch)["changed"], "there is none"
