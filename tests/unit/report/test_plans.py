# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan on a terminal: what is done, by which rule, and on which inputs."""

from __future__ import annotations

from ansible_collections.palantir.trust.plugins.plugin_utils.report.plans import plan_table
from tests.unit.decision.scenes import attested, plan

DNS = ("dns-filter-1",)


def test_a_plan_tells_the_rule_and_the_inputs_that_it_fired_on() -> None:
    ears = {"node1": attested(instances=DNS, dns_filter_1="contraindicated"), "node2": attested()}
    assert plan_table(plan(ears)).splitlines() == [
        "STEP  ACTION    OF            ON     RULE",
        "s1    confirm   dns-filter-1  node1  sc-restart",
        "s2    preserve  dns-filter-1  node1  sc-restart",
        "s3    restart   dns-filter-1  node1  sc-restart",
        "s4    attest    dns-filter-1  node1  sc-restart",
        "",
        "sc-restart: Foreign code ran in the container. A fresh one from the",
        "  pinned image has none of it.",
        "",
        "node1 dns-filter-1: restart by sc-restart of sc-remediation: layer sc,",
        "  tier contraindicated, attempt 0",
    ]


def test_what_is_held_is_told_with_its_inputs_too() -> None:
    ears = {"node1": attested(os="contraindicated"), "node2": attested(os="contraindicated"), "node3": attested()}
    ears["node3"]["ear"]["submods"]["os"] = ears["node1"]["ear"]["submods"]["os"]
    told = plan_table(plan(ears))
    assert "held: node1 os: The same digest appeared on many nodes" in told
    assert "node1 os: reboot by host-reboot of host-remediation: layer os" in told


def test_an_empty_plan_tells_nothing() -> None:
    assert plan_table(plan({"node1": attested(instances=DNS), "node2": attested()})) == ""
