# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One site, several runs, each for some of its nodes: what is common to all is seen by all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.recovery import elsewhere
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import plan
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.recovery.test_planning import actions, attested, ear, site, store

__all__ = ["store"]  # a fixture
DIGEST = "sha256:" + "ab" * 32
BAD = {"os": "unknown_executable"}


def updated(at: float) -> dict[str, Any]:
    """An EAR of a node that runs a program that no Reference Value knows."""
    found = ear(at, **BAD)
    found["submods"]["os"]["palantir.findings"][0]["digest"] = DIGEST
    return found


def planned(store: Store, *nodes: str, limits: dict[str, Any] | None = None) -> dict[str, Any]:
    with store.transaction() as connection:
        return plan(connection, replace(site(), nodes=nodes, limits=limits or {}), 4000.0, 4100.0)


@pytest.fixture
def fleet(store: Store) -> Store:
    """Six nodes: two of this run, four of another."""
    with store.transaction() as connection:
        for number in range(3, 7):
            identities.save(connection, f"node{number}", str(number) * 64, {}, {"hardware": None, "events": None}, 1.0)
    attested(store, 4000.0, node1=updated(4000), node2=ear(4000))
    return store


def test_a_storm_is_seen_by_a_run_that_has_one_of_its_nodes(fleet: Store) -> None:
    attested(fleet, 4000.0, node3=updated(4000), node4=updated(4000), node5=updated(4000), node6=ear(4000))
    made = planned(fleet, "node1", "node2")
    assert actions(made) == ["hold node1"]
    assert [item["reason"] for item in made["held"]] == ["storm"]


@pytest.mark.parametrize("at", [4000.0, 4100.0 - elsewhere.LATELY - 1])
def test_what_is_on_few_nodes_or_long_ago_is_no_storm(fleet: Store, at: float) -> None:
    others = ("node3", "node4", "node5", "node6")
    attested(fleet, at, **{node: updated(at) if at < 4000 or node == "node3" else ear(at) for node in others})
    assert "reboot node1" in actions(planned(fleet, "node1", "node2"))


def test_the_newest_result_of_a_node_counts(fleet: Store) -> None:
    attested(fleet, 4000.0, node3=updated(4000), node4=updated(4000), node5=updated(4000))
    attested(fleet, 4050.0, node3=ear(4050), node4=ear(4050), node5=ear(4050))
    assert "reboot node1" in actions(planned(fleet, "node1", "node2"))


@pytest.mark.parametrize(("most", "begins"), [(3, False), (4, True), ("50%", False), ("67%", True)])
def test_unhealthy_nodes_of_other_runs_count(fleet: Store, most: int | str, begins: bool) -> None:
    attested(fleet, 4000.0, node3=ear(4000, **BAD), node4=ear(4000, **BAD), node5=None, node6=ear(4000))
    made = planned(fleet, "node1", "node2", limits={"max_unhealthy": most})
    assert ("reboot node1" in actions(made)) == begins


def test_what_was_seen_elsewhere_is_counted_without_the_nodes_in_question(fleet: Store) -> None:
    attested(fleet, 4000.0, node3=updated(4000), node4=None)
    with fleet.transaction() as connection:
        found = elsewhere.seen(connection, {"node1", "node2"}, 4100.0)
    assert found == {"nodes": 2, "attested": 1, "unhealthy": 2, "digests": {DIGEST: 1}}
