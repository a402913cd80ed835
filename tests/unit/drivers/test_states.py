# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of generations, with a driver that only notes what is asked of it; guests show the real ones."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import (
    _agent,
    _front,
    _generations,
    _instance_files,
    _isolation,
    _private_network,
    _units,
)
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import File, Generation, Port
from ansible_collections.palantir.trust.plugins.module_utils._generations import Place
from tests.unit.drivers.scene import BASE, generation

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="configuration belongs to a range, which only root can set")


class Driver:
    """Notes what is done with which generation; ``fails`` names what does not succeed."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.running: set[str] = set()
        self.fails: set[str] = set()

    def _note(self, verb: str, of: Generation) -> None:
        self.did.append(f"{verb} g{of.number}")
        if verb in self.fails:
            raise NodeError("unit_failed", "It does not start.", "see its log.")

    def prepare(self, of: Generation) -> None:
        self._note("prepare", of)

    def start(self, of: Generation) -> str:
        self._note("start", of)
        self.running.add(of.unit)
        return of.tag

    def halt(self, of: Generation) -> None:
        self._note("halt", of)
        self.running.discard(of.unit)

    def process(self, _of: Generation) -> int:
        return 4711

    def remove(self, of: Generation) -> bool:
        self._note("remove", of)
        self.running.discard(of.unit)
        return True


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Driver:
    found = Driver()
    monkeypatch.setattr(_generations, "DRIVERS", {"podman": found})
    monkeypatch.setattr(_units, "running", lambda unit: unit in found.running)
    monkeypatch.setattr(_front, "close", lambda _name: False)
    monkeypatch.setattr(_private_network, "disconnect", lambda _of: False)
    monkeypatch.setattr(_isolation, "MARKS", str(tmp_path / "isolated"))
    monkeypatch.setattr(_isolation, "_remove", lambda _table, _check: None)
    return found


def wanted(home: Path, number: int, **changes: Any) -> Generation:
    base = BASE + number * 65536
    return generation(**{"directory": str(home / "dns-1"), "number": number, "uid_base": base, **changes})


def begun(home: Path, *numbers: int) -> None:
    for number in numbers:
        _generations.started(wanted(home, number, network="private"), None, False)


def isolated(home: Path, *numbers: int) -> None:
    """Mark the instance as ``isolate_instance`` does, with the ranges of these generations."""
    _isolation._mark("dns-1", [(wanted(home, number).uid_base, 65536) for number in numbers])


def is_isolated() -> bool:
    return os.path.lexists(_isolation._mark_of("dns-1"))


def test_a_start_that_failed_is_tried_again(driver: Driver, tmp_path: Path) -> None:
    driver.fails = {"start"}
    with pytest.raises(NodeError, match="does not start"):
        _generations.started(wanted(tmp_path, 3), None, False)
    driver.fails, driver.did = set(), []
    again = wanted(tmp_path, 3, files=[File("/etc/other.conf", "x\n")])
    assert _generations.started(again, None, False)["changed"] is True
    assert driver.did == ["remove g3", "prepare g3", "start g3"]
    known = _instance_files.read(again.directory, 3)
    assert known is not None
    assert [file.path for file in known.files] == ["/etc/other.conf"]
    assert len(os.listdir(Path(again.place, "config"))) == 1, "nothing of the first try is left"


def test_no_user_of_the_node_comes_to_a_root_tree(driver: Driver, tmp_path: Path) -> None:
    """It has programs with set-user-ID, and who ran one would be a user of the range."""
    of = wanted(tmp_path, 3)
    _generations.started(of, None, False)
    place = os.stat(of.place)
    assert (stat.S_IMODE(place.st_mode), place.st_uid, place.st_gid) == (0o710, 0, of.uid_base)


def test_what_a_broken_off_start_left_without_a_record_is_removed_first(driver: Driver, tmp_path: Path) -> None:
    of = wanted(tmp_path, 3)
    (Path(of.place) / "config").mkdir(parents=True)
    Path(of.place, "generation.json").write_text('{"name": "dn')
    driver.running.add(of.unit)
    assert _generations.started(of, None, False)["changed"] is True
    assert driver.did == ["remove g3", "prepare g3", "start g3"]


def test_a_start_that_comes_too_late_replaces_nothing_newer(driver: Driver, tmp_path: Path) -> None:
    """Two controllers each allocated a generation; the node is asked for the second one first."""
    begun(tmp_path, 4)
    with pytest.raises(NodeError, match=r"dns-1-g3 comes too late: generation 4 is here\.") as caught:
        _generations.started(wanted(tmp_path, 3), None, True)
    assert caught.value.code == "superseded"
    assert driver.did == ["prepare g4", "start g4"]


def test_who_is_isolated_stays_so_while_it_runs(driver: Driver, tmp_path: Path) -> None:
    begun(tmp_path, 1, 2)
    isolated(tmp_path, 1, 2)
    place = Place("dns-1", str(tmp_path / "dns-1"))
    _generations.absent(place, 1)
    assert is_isolated(), "the second generation still runs"
    _generations.absent(place, 1)
    assert is_isolated(), "nor does asking twice give it back"
    _generations.absent(place, 2)
    assert not is_isolated()


def test_a_generation_that_was_not_isolated_is_reached_once_the_others_are_gone(driver: Driver, tmp_path: Path) -> None:
    begun(tmp_path, 1)
    isolated(tmp_path, 1)
    begun(tmp_path, 2)
    place = Place("dns-1", str(tmp_path / "dns-1"))
    _generations.absent(place, 2)
    assert is_isolated(), "the new one did not work out, and the old one is what it was"
    begun(tmp_path, 3)
    _generations.absent(place, 1)
    assert not is_isolated()


def test_on_the_nodes_own_network_the_next_one_gets_the_ports_of_one_that_ended(driver: Driver, tmp_path: Path) -> None:
    _generations.started(wanted(tmp_path, 1), None, False)
    isolated(tmp_path, 1)
    _generations.started(wanted(tmp_path, 2), None, True)
    assert driver.did == ["prepare g1", "start g1", "prepare g2", "halt g1", "start g2", "remove g1"]
    assert not is_isolated()


def test_the_nodes_ssh_port_is_nobody_elses(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sent to an instance, it would lock out who manages the node, and let the instance ask for passwords."""
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 40000 192.0.2.2 2222")
    with pytest.raises(NodeError, match="Port 2222 is the node's own SSH port"):
        _generations.started(wanted(tmp_path, 1, network="private", ports=[Port(2222, "tcp", 53)]), None, False)
    assert driver.did == []
    _generations.started(wanted(tmp_path, 1, network="private", ports=[Port(2222, "udp", 53)]), None, False)


def test_what_runs_is_asked_for_its_health_and_its_agent_told_what_it_is(
    driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, int]] = []
    asked: list[object] = []
    monkeypatch.setattr(_agent, "there", lambda _of: True)
    monkeypatch.setattr(_agent, "note", lambda of, process: told.append((of.tag, process)))
    monkeypatch.setattr(_generations, "_healthy", lambda _of, health: asked.append(health))
    _generations.started(wanted(tmp_path, 1), None, True)
    asked.clear()
    place = Place("dns-1", str(tmp_path / "dns-1"))
    assert _generations.answering(place, 1, {"type": "dns"}) == {"changed": False}
    assert (told, asked) == ([("dns-1-g1", 4711)], [{"type": "dns"}])
    driver.running.clear()
    with pytest.raises(NodeError) as refused:
        _generations.answering(place, 1, None)
    assert refused.value.code == "not_running"
    with pytest.raises(NodeError) as refused:
        _generations.answering(place, 2, None)
    assert refused.value.code == "no_generation"


def test_one_at_a_time_acts_on_an_instance(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_generations, "LOCKS", str(tmp_path / "locks"))
    monkeypatch.setattr(_generations, "_LOCK_S", 0.3)
    with _generations.alone("dns-1"):
        with pytest.raises(NodeError, match="is being changed by another task") as caught, _generations.alone("dns-1"):
            pass
        with _generations.alone("dns-2"):
            pass
    assert caught.value.code == "busy"
    with _generations.alone("dns-1"):
        pass
    holder = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX)"
    subprocess.run([sys.executable, "-c", holder, str(tmp_path / "locks/dns-1")], check=True)
    with _generations.alone("dns-1"):  # whoever held it is gone, and so is the lock
        pass
