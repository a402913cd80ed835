# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with the generations of an instance, in which order: as transcripts of what the drivers are asked."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _front, _generations, _private_network, _units
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._generations import Place
from tests.unit.drivers.scene import BASE, generation

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners of a range can only be set by root")


class Node:
    """A node that notes what its driver, its front and its isolation are asked, and knows what runs."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = Place("dns-1", str(directory / "dns-1"))
        self.did: list[str] = []
        self.running: set[str] = set()
        monkeypatch.setattr(_generations, "DRIVERS", {"podman": self})
        monkeypatch.setattr(_generations, "_unit_tags", lambda _name: [])
        monkeypatch.setattr(_generations, "end_of_instance", lambda _name, _running: False)
        monkeypatch.setattr(_units, "running", lambda unit: unit in self.running)
        self.front: int | None = None
        monkeypatch.setattr(_front, "promote", lambda one, _others: self._promote(one))
        monkeypatch.setattr(_front, "is_open", lambda _name: self.front is not None)
        monkeypatch.setattr(_front, "close", self._close)
        monkeypatch.setattr(_private_network, "disconnect", lambda _one: False)

    def of(self, number: int, network: str = "host") -> Generation:
        place = {"directory": self.place.directory, "uid_base": BASE + number * 65_536}
        return generation(number=number, network=network, **place)

    def start(self, one: Generation) -> str:
        self.running.add(one.unit)
        self._note("start", one)
        return one.tag

    def halt(self, one: Generation) -> None:
        self.running.discard(one.unit)
        self._note("halt", one)

    stop = halt

    def remove(self, one: Generation) -> bool:
        self.running.discard(one.unit)
        return self._note("remove", one)

    def prepare(self, one: Generation) -> None:
        self._note("prepare", one)

    def freeze(self, one: Generation) -> bool:
        return self._note("freeze", one)

    def preserve(self, one: Generation) -> dict[str, bytes]:
        return {"log.txt": one.tag.encode()}

    def _promote(self, one: Generation) -> bool:
        self.front = one.number
        return self._note("promote", one)

    def _close(self, _name: str) -> bool:
        self.front = None
        self.did.append("close")
        return True

    def _note(self, what: str, one: Generation) -> bool:
        self.did.append(f"{what} g{one.number}")
        return True

    def told(self) -> list[str]:
        """Return what was done since this was asked last."""
        did, self.did = self.did, []
        return did


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    return Node(tmp_path, monkeypatch)


def test_on_the_nodes_network_the_one_before_is_ended_and_kept_until_the_next_is_promoted(node: Node) -> None:
    _generations.started(node.of(1), None, False)
    with pytest.raises(NodeError, match="another generation has the node's ports"):
        _generations.started(node.of(2), None, False)
    node.told()
    assert "gap_ms" in _generations.started(node.of(2), None, False, displace_previous=True)
    assert node.told() == ["prepare g2", "halt g1", "close", "start g2"]
    assert _generations.promoted(node.place, 2, replace_previous=True) == {"changed": True}
    assert node.told() == ["remove g1"]
    assert _generations.promoted(node.place, 2, replace_previous=True) == {"changed": False}


def test_on_the_nodes_network_the_one_before_can_be_gone_back_to(node: Node) -> None:
    _generations.started(node.of(1), None, False)
    _generations.started(node.of(2), None, False, displace_previous=True)
    node.told()
    _generations.absent(node.place, 2)
    assert _generations.operating(node.place, 1, None)["changed"]
    assert node.told() == ["remove g2", "start g1"]


def test_ports_are_given_back_though_the_unit_of_what_was_halted_goes_on_for_a_moment(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[int]] = []

    def end_of_instance(_name: str, running: list[int]) -> bool:
        told.append(running)
        return True

    monkeypatch.setattr(_generations, "end_of_instance", end_of_instance)
    monkeypatch.setattr(node, "halt", lambda _one: None)
    _generations.started(node.of(1), None, False)
    _generations.started(node.of(2), None, False, displace_previous=True)
    assert told == [[]]


def test_on_private_networks_both_run_until_the_next_is_promoted(node: Node) -> None:
    _generations.started(node.of(1, "private"), None, True)
    assert node.told() == ["prepare g1", "start g1", "promote g1"]
    _generations.started(node.of(2, "private"), None, False, displace_previous=True)
    assert node.told() == ["prepare g2", "start g2"]
    _generations.promoted(node.place, 2, replace_previous=True)
    assert node.told() == ["promote g2", "remove g1"]


def test_what_is_gone_back_to_gets_its_ports_back_from_the_nodes_network(node: Node) -> None:
    _generations.started(node.of(1, "private"), None, True)
    _generations.started(node.of(2), None, False, displace_previous=True)
    assert node.told()[-4:] == ["prepare g2", "halt g1", "close", "start g2"]
    _generations.absent(node.place, 2)
    _generations.operating(node.place, 1, None)
    assert node.told() == ["remove g2", "start g1", "promote g1"]


def test_only_what_has_a_network_of_its_own_can_be_promoted_alone(node: Node) -> None:
    _generations.started(node.of(1), None, False)
    with pytest.raises(NodeError) as refused:
        _generations.promoted(node.place, 1)
    assert refused.value.code == "not_private"


def test_what_does_not_run_is_not_promoted(node: Node) -> None:
    wanted: Any = node.of(1, "private")
    _generations.started(wanted, None, False)
    _generations.stopped(node.place, 1)
    with pytest.raises(NodeError) as refused:
        _generations.promoted(node.place, 1, replace_previous=True)
    assert refused.value.code == "not_running"


def removal_fails(_one: Generation) -> bool:
    raise NodeError("podman_failed", "podman rm timed out.", "try again.")


def test_a_promotion_whose_removal_fails_is_gone_on_with(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    _generations.started(node.of(1, "private"), None, True)
    _generations.started(node.of(2, "private"), None, False, displace_previous=True)
    with monkeypatch.context() as patch:
        patch.setattr(node, "remove", removal_fails)
        with pytest.raises(NodeError, match="timed out"):
            _generations.promoted(node.place, 2, replace_previous=True)
    node.told()
    _generations.promoted(node.place, 2, replace_previous=True)
    assert node.told() == ["promote g2", "remove g1"]


@pytest.mark.parametrize("breaks", ["the removal of the one before", "the front"])
def test_what_is_gone_back_to_has_the_ports_also_after_another_was_promoted(
    node: Node, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    _generations.started(node.of(1, "private"), None, True)
    _generations.started(node.of(2, "private"), None, False, displace_previous=True)

    def broken_off(one: Generation, _others: object) -> bool:
        node.front = one.number
        raise NodeError("conntrack_failed", "conntrack --delete failed.", "try again.")

    with monkeypatch.context() as patch:
        if breaks == "the front":
            patch.setattr(_front, "promote", broken_off)
        else:
            patch.setattr(node, "remove", removal_fails)
        with pytest.raises(NodeError):
            _generations.promoted(node.place, 2, replace_previous=True)
    _generations.absent(node.place, 2)
    assert node.front is None, "it leads to nothing that is gone"
    assert _generations.operating(node.place, 1, None)["changed"]
    assert node.front == 1


def test_what_runs_beside_one_on_the_nodes_network_does_not_take_its_ports(node: Node) -> None:
    _generations.started(node.of(1), None, True)
    _generations.started(node.of(2, "private"), None, False, displace_previous=True)
    assert not _generations.operating(node.place, 2, None)["changed"]
    assert node.front is None


@pytest.mark.parametrize(("number", "kept"), [(1, "dns-1-g1"), (2, "dns-1-g2"), (None, "dns-1-g2"), (3, "")])
def test_all_stand_still_while_the_evidence_of_the_one_that_is_named_is_kept(
    node: Node, number: int | None, kept: str
) -> None:
    _generations.started(node.of(1, "private"), None, True)
    _generations.started(node.of(2, "private"), None, False, displace_previous=True)
    node.told()
    answer = _generations.preserved(node.place, number)
    assert node.told() == ["freeze g1", "freeze g2"]
    assert base64.b64decode(answer["preserved"].get("log.txt", "")).decode() == kept


def test_what_is_gone_back_to_does_not_run_where_another_has_its_ports(node: Node) -> None:
    for number in (1, 2, 3):
        _generations.started(node.of(number), None, False, displace_previous=True)
    _generations.absent(node.place, 2)
    with pytest.raises(NodeError, match="another generation has the node's ports"):
        _generations.operating(node.place, 1, None)
    _generations.absent(node.place, 3)
    assert _generations.operating(node.place, 1, None)["changed"]
