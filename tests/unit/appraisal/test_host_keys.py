# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH host keys in a verdict: what was announced alarms nobody, and a key in place of another does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.appraisal.scene import Guest, found, worsened
from tests.unit.ssh.keys import host_key

OLD, NEW = host_key(b"old"), host_key(b"new")


def guest(recorded: list[Any] | None, told: Any) -> Guest:
    node = Guest(facts={"ssh": told})
    if recorded is not None:
        node.record["recorded"]["ssh_host_keys"] = recorded
    return node


@pytest.mark.parametrize(
    ("recorded", "now", "codes"),
    [
        ([OLD], [OLD], []),
        (None, [], []),
        (None, [OLD], [("os", "host_keys_not_recorded", "none")]),
        ([], [OLD], [("os", "host_keys_not_recorded", "none")]),
        ([OLD], [OLD, NEW], [("os", "host_key_added", "none")]),
        ([OLD, NEW], [NEW], [("os", "host_key_gone", "none")]),
    ],
    ids=["same", "neither", "earlier release", "none recorded", "announced", "old one gone"],
)
def test_what_is_the_same_or_was_announced_lowers_nothing(
    recorded: list[str] | None, now: list[str], codes: list[Any]
) -> None:
    ear = guest(recorded, {"host_keys": now}).appraise()
    assert found(ear) == codes
    assert worsened(ear) == {}


@pytest.mark.parametrize("now", [[NEW], []])
def test_a_key_in_place_of_a_recorded_one_is_a_warning(now: list[str]) -> None:
    ear = guest([OLD], {"host_keys": now}).appraise()
    assert found(ear) == [("os", "host_key_changed", "warning")]
    assert worsened(ear) == {"os": "warning"}
    (finding,) = ear["submods"]["os"]["palantir.findings"]
    assert "ssh-ed25519 SHA256:" in finding["message"]


def test_the_policy_says_what_it_weighs() -> None:
    node = guest([OLD], {"host_keys": [NEW]})
    assert worsened(node.appraise(policy={"host_keys": "contraindicated"})) == {"os": "contraindicated"}
    assert worsened(node.appraise(policy={"host_keys": "affirming"})) == {}


@pytest.mark.parametrize("told", [[OLD], {"host_keys": [f"{OLD}\nroot"]}, {"host_keys": {"a": 1}}, 7])
def test_what_cannot_be_read_is_neither_trusted_nor_accused(told: Any) -> None:
    ear = guest([OLD], told).appraise()
    assert found(ear) == [("os", "host_keys_unreadable", "none")]
    assert worsened(ear) == {"os": "none"}


def test_a_node_that_keeps_its_keys_from_the_facts_has_lost_them() -> None:
    node = guest([OLD], {"host_keys": [OLD]})
    del node.facts["ssh"]
    assert found(node.appraise()) == [("os", "host_key_changed", "warning")]
