# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.action.sc_instance import ActionModule
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.node_part import container_id
from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("c0" * 32, "c0" * 32),
        ("c0" * 31, None),
        ("C0" * 32, None),
        ("c0" * 32 + "\n", None),
        ("../" * 20 + "c0c0", None),
        ("{{ lookup('pipe', 'id') }}", None),
        (["c0" * 32], None),
        (None, None),
    ],
)
def test_only_the_id_of_a_container_is_kept_of_what_a_node_tells(told: object, kept: str | None) -> None:
    assert container_id(told) == kept


def test_a_machine_is_called_what_it_must_be_called_or_nothing_is_kept() -> None:
    assert container_id("dns-1-g3", "dns-1-g3") == "dns-1-g3"
    assert container_id("dns-1-g4", "dns-1-g3") is None
    assert container_id("") is None


class Channel:
    """A node's answers: that of the plain command, then that of the module."""

    def __init__(self, status: int, frozen: bool) -> None:
        self.asked: list[str] = []
        self.fails: set[str] = set()
        self.keeps = False
        self._status = status
        self._frozen = frozen

    def execute(self, command: str) -> dict[str, object]:
        """Answer a plain command."""
        self.asked.append(command)
        return {"rc": self._status, "stdout": "", "stderr": ""}

    def ask(self, _node: str, module: str, arguments: dict[str, object], _vars: object) -> dict[str, object]:
        """Answer as the module does."""
        number = f"g{arguments['generation']}" if "generation" in arguments else "any"
        self.asked.append(f"{module} {arguments['state']} {number}")
        if number in self.fails:
            raise NodeError("node1", f"{number} cannot be read.")
        kept = {"log.txt": base64.b64encode(number.encode()).decode()} if self.keeps else {}
        return {"changed": self._frozen, "frozen": self._frozen, "preserved": kept}


def preserving(directory: Path, **more: object) -> dict[str, Any]:
    """Return the arguments that preserve dns-1 in a directory."""
    given = {"state": "preserved", "instance": "dns-1", "node": "node1", "driver": "podman", "generation": None}
    where = {
        "store": f"sqlite:///{directory}/store.sqlite3",
        "directory": "/var/lib/x",
        "dest": str(directory / "kept"),
    }
    return {**given, **where, **more}


@pytest.mark.parametrize(
    ("container", "command"),
    [("c0" * 32, "podman pause dns-1-g1"), ("dns-1-g1", "systemctl freeze palantir-sc-dns-1-g1.service")],
)
@pytest.mark.parametrize(
    ("status", "module_froze", "frozen", "frozen_at"),
    [(0, False, True, 7.0), (125, True, True, None), (125, False, False, None)],
)
def test_an_instance_stands_still_before_a_module_has_started(
    status: int,
    module_froze: bool,
    frozen: bool,
    frozen_at: float | None,
    container: str,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    with Store(url).transaction() as connection:
        of = {"instance": "dns-1", "sc": "dns", "flavour": "any", "node": "node1"}
        record = instances.allocate(connection, **of, files={}, reset_count=0, at=1.0)
        instances.set_state(connection, record.id, "live", 1.0, container)
    action, channel = ActionModule.__new__(ActionModule), Channel(status, module_froze)
    monkeypatch.setattr(action, "_task", SimpleNamespace(check_mode=False), raising=False)
    monkeypatch.setattr(action, "now", lambda: 7.0)
    monkeypatch.setattr(action, "_low_level_execute_command", channel.execute)
    monkeypatch.setattr(action, "ask", channel.ask)
    kept = action.act(preserving(tmp_path), {})
    assert channel.asked == [command, "sc_generation preserved g1"]
    assert kept.pop("seconds") >= 0
    assert kept == {"changed": frozen, "frozen": frozen, "frozen_at": frozen_at, "preserved": {}}


@pytest.fixture
def broken_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ActionModule, Channel]:
    """A node where g1 serves, and a verb was broken off that began g2."""
    with Store(f"sqlite:///{tmp_path}/store.sqlite3").transaction() as connection:
        of = {"instance": "dns-1", "sc": "dns", "flavour": "any", "node": "node1"}
        record = instances.allocate(connection, **of, files={}, reset_count=0, at=1.0)
        instances.set_state(connection, record.id, "live", 1.0)
        instances.allocate(connection, **of, files={}, reset_count=0, at=2.0)
    action, channel = ActionModule.__new__(ActionModule), Channel(0, True)
    channel.keeps = True
    monkeypatch.setattr(action, "_task", SimpleNamespace(check_mode=False), raising=False)
    monkeypatch.setattr(action, "ask", channel.ask)
    return action, channel


def kept_in(directory: Path) -> dict[str, str]:
    found = sorted(path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_text(encoding="utf-8") for path in found}


def test_the_evidence_of_each_generation_is_kept_under_its_own_name(
    broken_off: tuple[ActionModule, Channel], tmp_path: Path
) -> None:
    action, _channel = broken_off
    kept = action.act(preserving(tmp_path), {})
    assert kept_in(tmp_path / "kept") == {"log.txt": "g1", "g2/log.txt": "g2"}
    assert sorted(kept["preserved"]) == ["g2/log.txt", "log.txt"]
    action.act(preserving(tmp_path, generation=2, dest=str(tmp_path / "other")), {})
    assert kept_in(tmp_path / "other") == {"log.txt": "g2", "g1/log.txt": "g1"}


def test_what_a_broken_off_verb_left_does_not_keep_the_evidence_of_what_serves_from_being_kept(
    broken_off: tuple[ActionModule, Channel], tmp_path: Path
) -> None:
    action, channel = broken_off
    channel.fails.add("g2")
    kept = action.act(preserving(tmp_path), {})
    assert kept_in(tmp_path / "kept") == {"log.txt": "g1"}
    assert kept["warnings"] == ["Nothing is kept of generation 2: node1: g2 cannot be read."]
    channel.fails.add("g1")
    with pytest.raises(NodeError):
        action.act(preserving(tmp_path), {})
