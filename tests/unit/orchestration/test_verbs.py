# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a verb means here and now, as transcripts: what an operator asks for, and the steps or the refusal."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.reading import read_situation
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.verbs import (
    Wanted,
    foresee,
    lines,
    unfinished,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord
from tests.unit.decision.scenes import attested, instance, silent, state

FLAVOURS = [{"name": name, "driver": name, "archive": f"{name}.tar"} for name in ("podman", "nspawn", "systemd")]
DNS = {"criticality": "high", "flavours": FLAVOURS, "instances": {"min": 1, "max": 3}}
NODES = ("node1", "node2", "node3")


def foreseen(verb: str, known: dict[str, Any] | None = None, dns: dict[str, Any] | None = None, **wanted: Any) -> Any:
    """Return the lines of a verb where dns-filter-1 runs on node1 of three, or why it is refused."""
    results = {name: attested() for name in NODES} | wanted.pop("results", {})
    situation = read_situation(results, {"dns-filter": DNS | (dns or {})}, known or state(nodes=NODES))
    try:
        return lines(foresee(Wanted(verb, **wanted), situation))
    except TrustError as error:
        return str(error)


def instances(*names: str, **more: Any) -> dict[str, Any]:
    given = [instance(name, node=f"node{1 + place % 3}") for place, name in enumerate(names)]
    return state(instances=given, nodes=NODES, **more)


def test_what_is_done_in_place_is_one_step() -> None:
    for verb in ("configure", "health", "start", "stop", "heal", "terminate"):
        assert foreseen(verb, instance="dns-filter-1") == [f"{verb} dns-filter-1: dns-filter as podman on node1"]


def test_a_new_instance_goes_where_the_least_runs_and_in_the_first_flavour() -> None:
    assert foreseen("instantiate", instance="dns-filter-2") == [
        "instantiate dns-filter-2: dns-filter as podman on node2 (as podman; node2 is one of 3 fit)"
    ]
    named: dict[str, Any] = {"instance": "edge", "sc": "dns-filter", "node": "node3", "flavour": "systemd"}
    assert foreseen("instantiate", **named) == [
        "instantiate edge: dns-filter as systemd on node3 (no other than node3 is fit)"
    ]


def test_what_is_so_already_needs_nothing() -> None:
    assert foreseen("instantiate", instance="dns-filter-1") == []
    assert foreseen("migrate", instance="dns-filter-1", node="node1") == []
    assert foreseen("change_flavour", instance="dns-filter-1", flavour="podman") == []
    assert foreseen("scale", sc="dns-filter", count=1) == []


def test_the_next_flavour_is_chosen_where_none_is_named() -> None:
    assert foreseen("change_flavour", instance="dns-filter-1") == [
        "change_flavour dns-filter-1: dns-filter as nspawn on node1"
    ]
    assert foreseen("change_flavour", instance="dns-filter-1", flavour="systemd") == [
        "change_flavour dns-filter-1: dns-filter as systemd on node1"
    ]
    assert foreseen("change_flavour", instance="dns-filter-1", flavour="sytemd") == (
        "SC dns-filter: has no flavour 'sytemd'. Next: did you mean 'systemd'?"
    )
    assert foreseen("change_flavour", dns={"flavours": FLAVOURS[:1]}, instance="dns-filter-1") == (
        "dns-filter-1: dns-filter has no other flavour. Next: see its descriptor."
    )


def test_an_instance_migrates_to_what_is_affirming_and_nowhere_else() -> None:
    away = {"node2": attested(os="contraindicated")}
    assert foreseen("migrate", results=away, instance="dns-filter-1") == [
        "migrate dns-filter-1: dns-filter as podman on node1 to node3 (no other than node3 is fit)"
    ]
    assert foreseen("migrate", results=away, instance="dns-filter-1", node="node2") == (
        "dns-filter-1: node2 is not affirming, but contraindicated. "
        "Next: attest the nodes, or see docs/orchestrator.md."
    )
    none = {"node2": silent(), "node3": attested(firmware="warning")}
    assert foreseen("migrate", results=none, instance="dns-filter-1") == (
        "dns-filter-1: no node is fit: affirming, open, and as the placement of its SC asks. "
        "Next: attest the nodes, or see docs/orchestrator.md."
    )
    assert "nothing proves that node2 is affirming: unreachable: no route to host." in foreseen(
        "migrate", results=none, instance="dns-filter-1", node="node2"
    )


@pytest.mark.parametrize(
    ("known", "dns", "why"),
    [
        (state(nodes=NODES, cordoned=("node2",)), {}, "node2 is cordoned."),
        (None, {"placement": {"nodes": ["node1", "node3"]}}, "node2 is not as the placement of dns-filter asks"),
        (
            instances("dns-filter-1", "dns-filter-2"),
            {"placement": {"anti_affinity": ["dns-filter"]}},
            "or what it needs",
        ),
    ],
)
def test_a_node_that_is_named_must_be_fit_as_one_that_is_chosen(known: Any, dns: dict[str, Any], why: str) -> None:
    assert why in foreseen("migrate", known, dns, instance="dns-filter-1", node="node2")


def test_scale_fills_free_names_and_gives_up_the_last() -> None:
    grown = foreseen("scale", instances("dns-filter-2"), sc="dns-filter", count=3)
    assert [line.partition(":")[0] for line in grown] == ["instantiate dns-filter-1", "instantiate dns-filter-3"]
    assert {line.partition(" on ")[2].split()[0] for line in grown} == {"node2", "node3"}
    shrunk = foreseen("scale", instances("dns-filter-1", "dns-filter-10", "dns-filter-9"), sc="dns-filter", count=1)
    assert [line.partition(":")[0] for line in shrunk] == ["terminate dns-filter-10", "terminate dns-filter-9"]


def test_scale_keeps_to_the_descriptor() -> None:
    refused = "dns-filter: may have 1 to 3 instances, not {}. Next: see its descriptor."
    assert foreseen("scale", sc="dns-filter", count=4) == refused.format(4)
    assert foreseen("scale", sc="dns-filter", count=0) == refused.format(0)
    full = instances("dns-filter-1", "dns-filter-2", "dns-filter-3")
    assert foreseen("instantiate", full, instance="dns-filter-4").startswith("dns-filter: has 3 instances")


def test_what_is_stopped_is_deployed_all_the_same() -> None:
    stopped = state(instances=[instance() | {"state": "stopped"}], nodes=NODES)
    assert foreseen("start", stopped, instance="dns-filter-1") == ["start dns-filter-1: dns-filter as podman on node1"]
    assert foreseen("scale", stopped, sc="dns-filter", count=1) == []
    for verb in ("configure", "health", "change_flavour", "migrate"):
        assert foreseen(verb, stopped, instance="dns-filter-1") == "dns-filter-1: is stopped. Next: start it first."


def test_what_is_not_trusted_gets_no_configuration() -> None:
    host = {"node1": attested(runtime="warning")}
    assert foreseen("configure", results=host, instance="dns-filter-1") == (
        "dns-filter-1: node1 is not affirming, but warning. Next: attest it, or migrate the instance."
    )
    itself = {"node1": attested(instances=("dns-filter-1",), dns_filter_1="contraindicated")}
    assert foreseen("configure", results=itself, instance="dns-filter-1") == (
        "dns-filter-1: is contraindicated. Next: heal it first."
    )


def test_what_is_not_there_is_named_with_the_nearest_that_is() -> None:
    assert foreseen("heal", instance="dns-filter-l") == (
        "instance 'dns-filter-l': is not deployed. Next: did you mean 'dns-filter-1'?"
    )
    assert foreseen("scale", sc="dns-filer", count=1) == (
        "SC 'dns-filer': is not in the catalogue. Next: did you mean 'dns-filter'?"
    )
    assert foreseen("heel", instance="dns-filter-1") == "orchestrate: 'heel' is no verb. Next: did you mean 'heal'?"
    assert foreseen("heal") == "heal: needs an instance. Next: name it."
    assert "is not a name" in foreseen("instantiate", instance="../dns", sc="dns-filter")


def deployed(*given: str) -> list[InstanceRecord]:
    """Return generations of instances from words as ``dns-1 node1 live``, oldest first."""
    made = []
    for number, (name, node, state_) in enumerate((item.split() for item in given), 1):
        made.append(InstanceRecord(number, name, "dns", "nspawn", node, number, 0, 1, 0, state_, {}, 1.0, None))
    return made


@pytest.mark.parametrize(
    ("known", "left"),
    [
        (["dns-1 node1 live", "dns-1 node1 live"], True),
        (["dns-1 node1 live", "dns-2 node1 live"], False),
        (["dns-1 node1 live", "dns-1 node2 live"], False),
        (["dns-1 node1 live", "dns-1 node1 stopped"], False),
        (["dns-1 node1 live"], False),
        ([], False),
    ],
    ids=["on one node", "another's", "of a migration", "stopped", "alone", "none"],
)
def test_what_served_before_is_left_to_be_given_up(known: list[str], left: bool) -> None:
    told = lines(unfinished(Wanted("change_flavour", "dns-1"), deployed(*known)))
    line = "finish dns-1: dns as nspawn on node1 (generation 2 is proved, and what served before is not given up yet)"
    assert told == ([line] if left else [])
