# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an instance goes, as what, and why: as transcripts of plans."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.decision.scenes import attested, incident, instance, plan, silent, state

FLAVOURS = [
    {"name": "podman", "driver": "podman", "archive": "dnsmasq.tar", "components": ["glibc-2.41"]},
    {"name": "nspawn", "driver": "nspawn", "archive": "tree.tar", "components": ["glibc-2.41"]},
    {"name": "unbound", "driver": "systemd", "archive": "unbound.tar", "components": ["musl-1.2.5"]},
]
FILTER: dict[str, Any] = {"criticality": "high", "flavours": FLAVOURS[:1]}
DNS = ("dns-filter-1",)
NOTHING_SHARED = "shares nothing that is known with what failed"
OLD, NEW = "kernel=6.1.0-40", "kernel=6.12.48"


def table(verb: str) -> list[dict[str, Any]]:
    layer = {"name": "layer", "values": ["sc"]}
    tiers = ["none", "affirming", "warning", "contraindicated"]
    return [
        {
            "decision_table": verb,
            "inputs": [
                layer,
                {"name": "tier", "values": tiers},
                {"name": "attempt", "type": "integer", "range": "[0..9]"},
            ],
            "outputs": [{"name": "verb", "values": [verb, "hold", "observe"]}],
            "rules": [
                {"id": "quiet", "when": {"tier": tiers[:3]}, "then": {"verb": "observe"}},
                {"id": "act", "when": {"tier": "contraindicated", "attempt": "< 9"}, "then": {"verb": verb}},
                {"id": "end", "when": {"tier": "contraindicated", "attempt": ">= 9"}, "then": {"verb": "hold"}},
            ],
        }
    ]


def ears(*nodes: str, **results: dict[str, Any]) -> dict[str, Any]:
    attacked = attested(instances=DNS, dns_filter_1="contraindicated")
    return {"node1": attacked, **{node: attested() for node in nodes}, **results}


def site(catalogue: dict[str, Any], verb: str = "move", known: Any = None, **more: Any) -> dict[str, Any]:
    """Return a plan for dns-filter-1, attacked on node1 of three."""
    given = known or state(nodes=("node1", "node2", "node3"))
    for name, kernel in (("node1", OLD), ("node2", OLD), ("node3", NEW)):
        given["nodes"][name].setdefault("components", [kernel])
    return plan(more.pop("results", None) or ears("node2", "node3"), given, catalogue=catalogue, tables=table(verb))


def step(made: dict[str, Any], action: str = "move") -> tuple[str | None, str | None, str | None, str]:
    (found,) = [item for item in made["steps"] if item["action"] == action]
    return found["target"], found["flavour"], found["sc"], found["note"]


def test_it_goes_where_another_kernel_runs() -> None:
    assert step(site({"dns-filter": FILTER})) == (
        "node3",
        None,
        None,
        "shares driver, image, libc with what failed; node3 is one of 2 fit",
    )


def test_it_becomes_what_shares_least_with_what_failed() -> None:
    assert step(site({"dns-filter": FILTER | {"flavours": FLAVOURS}})) == (
        "node3",
        "unbound",
        None,
        "as unbound; shares nothing that is known with what failed; node3 is one of 2 fit",
    )


def test_a_node_beside_distrust_is_taken_last() -> None:
    warned = attested(instances=("other-1",), other_1="warning")
    given = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("other-1", "node3", "other")])
    made = site({"dns-filter": FILTER, "other": {}}, known=given, results=ears("node2", node3=warned))
    assert step(made) == (
        "node2",
        None,
        None,
        "shares driver, image, kernel, libc with what failed; node2 is one of 2 fit",
    )


def test_an_older_result_counts_less() -> None:
    given = state(nodes=("node1", "node2", "node3"))
    given["nodes"]["node2"]["components"] = [NEW]
    made = site({"dns-filter": FILTER}, known=given, results=ears("node3", node2=attested(given["now"] - 900)))
    assert step(made)[0] == "node3"


@pytest.mark.parametrize(
    ("keys", "there", "target"),
    [
        ({"anti_affinity": ["ids"]}, "node3", "node2"),
        ({"affinity": ["ids"]}, "node2", "node2"),
        ({"labels": {"zone": "a"}}, "node3", None),
        ({"nodes": ["node1", "node2"]}, "node3", "node2"),
        ({}, "node3", "node3"),
    ],
)
def test_constraints_go_before_diversity(keys: dict[str, Any], there: str, target: str | None) -> None:
    given = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("ids-1", there, "ids")])
    made = site({"dns-filter": FILTER | {"placement": keys}, "ids": {}}, known=given)
    if target is None:
        assert made["held"][0]["reason"] == "no_target"
    else:
        assert step(made)[0] == target


def test_what_runs_there_may_refuse_it() -> None:
    given = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("ids-1", "node3", "ids")])
    made = site({"dns-filter": FILTER, "ids": {"placement": {"anti_affinity": ["dns-filter"]}}}, known=given)
    assert step(made)[0] == "node2"


def test_a_port_is_taken_once() -> None:
    given = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("dns-2", "node3", "other")])
    udp = {"probe": {"type": "dns", "port": 53}}
    for other, target in (
        ({"ports": [{"port": 53, "protocol": "udp"}]}, "node2"),
        ({"ports": [{"port": 53}]}, "node2"),
    ):
        assert step(site({"dns-filter": FILTER | udp, "other": other}, known=given))[0] == target
    tcp = {"ports": [{"port": 53, "protocol": "tcp"}]}
    assert step(site({"dns-filter": FILTER | udp, "other": tcp}, known=given))[0] == "node3"


def test_cores_and_memory_are_not_given_twice() -> None:
    given = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("ids-1", "node3", "ids")])
    given["nodes"]["node3"] |= {"cpu": 2, "memory": 4 << 30}
    for ours, theirs, target in (
        ({"cpu": 1}, {"cpu": 1}, "node3"),
        ({"cpu": 1.1}, {"cpu": 1}, "node2"),
        ({"memory": 2 << 30}, {"memory": (2 << 30) + 1}, "node2"),
        ({"cpu": 0.7}, {"cpu": 1.3}, "node3"),
    ):
        made = site({"dns-filter": FILTER | {"resources": ours}, "ids": {"resources": theirs}}, known=given)
        assert step(made)[0] == target


def test_an_sc_that_stands_in_goes_where_there_is_no_place_for_the_sc_itself() -> None:
    stuck = FILTER | {"placement": ["node1"], "equivalent": ["resolver", "unbound-filter"]}
    others = {"resolver": {"flavours": FLAVOURS, "instances": {"max": 1}}, "unbound-filter": {"flavours": FLAVOURS[1:]}}
    made = site({"dns-filter": stuck, **others})
    assert step(made) == (
        "node3",
        "unbound",
        "resolver",
        f"resolver stands in for dns-filter, as unbound; {NOTHING_SHARED}; node3 is one of 2 fit",
    )
    full = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("resolver-1", "node2", "resolver")])
    assert step(site({"dns-filter": stuck, **others}, known=full))[1:3] == ("unbound", "unbound-filter")
    assert site({"dns-filter": stuck | {"equivalent": []}})["held"][0]["reason"] == "no_target"


def test_another_flavour_is_the_one_that_shares_least() -> None:
    made = site({"dns-filter": FILTER | {"flavours": FLAVOURS}}, "change_flavour")
    assert step(made, "change_flavour") == (
        None,
        "unbound",
        None,
        "as unbound; shares nothing that is known with what failed",
    )


def test_what_failed_before_is_not_tried_again_while_there_is_another() -> None:
    tried = [{"sc": "dns-filter", "flavour": "podman", "node": "node1"}]
    again = state(incident("sc:dns-filter-1", 1, tried=tried), nodes=("node1", "node2", "node3"))
    again["instances"][0]["flavour"] = "unbound"
    catalogue = {"dns-filter": FILTER | {"flavours": FLAVOURS}}
    assert step(site(catalogue, "change_flavour", again), "change_flavour")[1] == "nspawn"
    # Then an SC that stands in, where there is one, and else the next one again.
    again["incidents"][0]["tried"].append({"sc": "dns-filter", "flavour": "nspawn", "node": "node1"})
    assert step(site(catalogue, "change_flavour", again), "change_flavour")[1] == "podman"
    catalogue = {
        "dns-filter": catalogue["dns-filter"] | {"equivalent": ["resolver"]},
        "resolver": {"flavours": FLAVOURS},
    }
    assert step(site(catalogue, "change_flavour", again), "change_flavour")[1:3] == ("podman", "resolver")
    # Nor does it go back to a node that it has come from.
    again["incidents"][0]["tried"][0]["node"] = "node3"
    assert step(site({"dns-filter": FILTER}, "move", again))[0] == "node2"


def test_without_a_flavour_or_a_stand_in_nothing_is_changed() -> None:
    made = site({"dns-filter": FILTER}, "change_flavour")
    assert made["held"][0]["reason"] == "no_flavour"


@pytest.mark.parametrize("driver", ["kubernetes", "sol005"])
def test_no_repair_ends_where_nobody_attests(driver: str) -> None:
    elsewhere = {"name": "elsewhere", "driver": driver, "archive": "dnsmasq.tar"}
    catalogue = {"dns-filter": FILTER | {"flavours": [FLAVOURS[0], elsewhere]}}
    assert site(catalogue, "change_flavour")["held"][0]["reason"] == "no_flavour"
    assert step(site(catalogue)) == step(site({"dns-filter": FILTER}))
    # Nor is an SC that runs nowhere else one that can stand in.
    catalogue["dns-filter"] |= {"placement": ["node1"], "equivalent": ["resolver"]}
    catalogue["resolver"] = {"flavours": [elsewhere]}
    assert site(catalogue)["held"][0]["reason"] == "no_target"


def test_what_leaves_an_attacked_host_keeps_its_flavour_and_looks_for_another_kernel() -> None:
    host = [table("move")[0] | {"inputs": [{"name": "layer", "values": ["os"]}, *table("move")[0]["inputs"][1:]]}]
    given = state(nodes=("node1", "node2", "node3"), instances=[instance(), instance("dns-filter-2")])
    for name, kernel in (("node1", OLD), ("node2", OLD), ("node3", NEW)):
        given["nodes"][name]["components"] = [kernel]
    results = ears("node2", "node3", node1=attested(instances=(*DNS, "dns-filter-2"), os="contraindicated"))
    alone = FILTER | {"flavours": FLAVOURS, "placement": {"anti_affinity": ["dns-filter"]}}
    made = plan(results, given, catalogue={"dns-filter": alone}, tables=host)
    moves = [(s["instance"], s["target"], s["flavour"], s["note"]) for s in made["steps"] if s["action"] == "move"]
    assert moves == [
        ("dns-filter-1", "node3", None, "shares nothing that is known with what failed; node3 is one of 2 fit"),
        ("dns-filter-2", "node2", None, "shares kernel with what failed; no other than node2 is fit"),
    ]


def test_a_node_that_is_silent_or_not_wholly_affirming_is_no_place() -> None:
    results = ears(node2=silent(), node3=attested(firmware="warning"))
    made = site({"dns-filter": FILTER}, results=results)
    assert "no_target" in [item["reason"] for item in made["held"] if item["incident"]["instance"] == "dns-filter-1"]
