# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SC whose package is withdrawn: its instances are told of in every cycle, and none is made anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import Package
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import plan
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.recovery.test_planning import SC, attested, ear, site, store

__all__ = ["store"]  # a fixture
REASON = "signer acme is denied: Its key was stolen"
TOLD = f"node1 dns-filter-1: is deployed, and the package of dns-filter is withdrawn: {REASON}"


def planned(store: Store, withdrawn: str) -> dict[str, Any]:
    found = site()
    package = Package("sha256:" + "0" * 64, "acme", withdrawn)
    catalogue = {name: replace(descriptor, package=package) for name, descriptor in found.catalogue.items()}
    with store.transaction() as connection:
        return plan(connection, replace(found, catalogue=catalogue), 100.0, 101.0)


def test_what_is_deployed_is_told_of_and_left_alone(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC), node2=ear(100))
    made = planned(store, REASON)
    assert (made["steps"], made["unresolved"]) == ([], [TOLD])


def test_an_attacked_instance_is_held_as_no_new_one_may_be_made(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    made = planned(store, REASON)
    assert [step["action"] for step in made["steps"]] == ["hold"]
    assert [held["reason"] for held in made["held"]] == ["withdrawn"]
    assert TOLD in made["unresolved"]


def test_of_an_attacked_host_it_moves_nowhere(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, os="unknown_executable"), node2=ear(100))
    steps = planned(store, REASON)["steps"]
    assert [step["action"] for step in steps] == ["confirm", "preserve", "cordon", "reboot", "attest", "uncordon"]
    assert [step["action"] for step in steps if step["instance"]] == []


def test_a_package_that_counts_changes_nothing(store: Store) -> None:
    attested(store, 100.0, node1=ear(100, SC, dns_filter_1="unknown_executable"), node2=ear(100))
    made = planned(store, "")
    assert [step["action"] for step in made["steps"]] == ["confirm", "preserve", "restart", "attest"]
