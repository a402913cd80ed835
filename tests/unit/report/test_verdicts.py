# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.filter.verdict_table import FilterModule
from ansible_collections.palantir.trust.plugins.plugin_utils.report.incidents import incident_table
from ansible_collections.palantir.trust.plugins.plugin_utils.report.plans import plan_table
from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import WIDTH, columns
from ansible_collections.palantir.trust.plugins.plugin_utils.report.verdicts import verdict_table
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from tests.unit.support.examples import examples


def finding(code: str, tier: str, message: str = "", digest: str | None = None) -> dict[str, Any]:
    return {"code": code, "tier": tier, "path": None, "message": message, "digest": digest}


def submod(tier: str, *findings: dict[str, Any], **claims: Any) -> dict[str, Any]:
    return {"ear_status": tier, "palantir.findings": list(findings), "palantir.void_by": None, **claims}


def attested(node: str, **submods: dict[str, Any]) -> dict[str, Any]:
    return {"node": node, "state": "attested", "message": "", "ear": {"submods": submods}}


def test_a_result_is_one_line_for_each_layer() -> None:
    hostile = finding(
        "unknown_executable",
        "contraindicated",
        "A program ran that no Reference Value names. It is /x\x1b[31m\nnode9  os  affirming",
        "sha256:" + "ab" * 32,
    )
    results = [
        {"node": "node2", "state": "unreachable", "message": "node2: is unreachable: no route", "ear": None},
        attested(
            "node1",
            hardware=submod("affirming"),
            os=submod("contraindicated", finding("late", "warning", "a little late"), hostile),
            runtime=submod("contraindicated", **{"palantir.limited_by": "firmware"}),
            sc=submod("contraindicated", **{"palantir.void_by": "os"}),
        ),
    ]
    assert verdict_table(results).split("\n") == [
        "NODE   LAYER     TIER",
        "node1  hardware  affirming",
        "node1  os        contraindicated",
        "node1  runtime   contraindicated",
        "node1  sc        void",
        "node2  -         unreachable",
        "",
        "node1 os: unknown_executable: A program ran that no Reference Value",
        r"  names. It is /x\x1b[31m\nnode9  os  affirming",
        "  sha256:abababababababab… (and 1 more)",
        "node1 runtime: firmware is no better.",
        "node1 sc: os is contraindicated, so its own verdict counts for nothing.",
        "node2 -: is unreachable: no route",
    ]


def test_a_warning_layer_shows_its_warning_before_what_weighs_less() -> None:
    layer = submod("warning", finding("a", "none", "first"), finding("b", "warning", "second"))
    assert "node1 os: b: second" in verdict_table([attested("node1", os=layer)])


def test_no_results_are_a_table_without_rows() -> None:
    assert verdict_table([]) == "NODE  LAYER  TIER"


@pytest.mark.parametrize("value", [None, 1, "text", [1], [{}], [{"node": "n", "state": "s", "ear": {"x": 1}}], [None]])
def test_the_filter_refuses_what_is_no_list_of_results(value: Any) -> None:
    with pytest.raises(AnsibleFilterError, match=r"^verdict_table: the input is not a list of results of "):
        FilterModule().filters()["verdict_table"](value)


@given(texts=st.lists(st.text(max_size=90), min_size=6, max_size=6))
@examples(100)
def test_whatever_a_node_says_a_layer_is_one_line(texts: list[str]) -> None:
    node, layer, tier, code, digest, message = texts
    ear = {"submods": {layer: submod(tier, finding(code, tier, message, digest)), layer + "2": submod(tier)}}
    results: list[dict[str, Any]] = [
        {"node": node, "state": "attested", "ear": ear},
        {"node": node, "state": tier, "message": message, "ear": None},
    ]
    lines = verdict_table(results).split("\n")
    assert len(lines) >= 4
    assert all(line.isprintable() and columns(line) <= WIDTH for line in lines)


def step(**changed: Any) -> dict[str, Any]:
    plain = {"id": 1, "action": "restart", "instance": "dns-filter-1", "node": "node1", "target": None}
    return plain | {"rule": "first-restart", "rationale": "a fresh instance"} | changed


def test_a_plan_is_one_line_for_each_step() -> None:
    steps = [step(), step(id=2, action="move", target="node2", rule=None), step(id=3, action="reboot", instance=None)]
    assert plan_table({"steps": steps, "held": [], "waiting": [], "deferred": []}).split("\n") == [
        "STEP  ACTION   OF            ON             RULE",
        "1     restart  dns-filter-1  node1          first-restart",
        "2     move     dns-filter-1  node1 > node2",
        "3     reboot   node1         node1          first-restart",
        "",
        "first-restart: a fresh instance",
    ]
    assert plan_table({"steps": [], "held": [], "waiting": [], "deferred": []}) == ""


@given(texts=st.lists(st.text(max_size=90), min_size=7, max_size=7))
@examples(100)
def test_whatever_a_plan_says_a_step_is_one_line(texts: list[str]) -> None:
    keys = ("id", "action", "instance", "node", "target", "rule", "rationale")
    lines = plan_table(
        {"steps": [dict(zip(keys, texts, strict=True)), step()], "held": [], "waiting": [], "deferred": []}
    ).split("\n")
    assert len(lines) >= 3
    assert all(line.isprintable() and columns(line) <= WIDTH for line in lines)


def test_incidents_are_one_line_each_and_open_ones_say_what_was_found() -> None:
    plain: dict[str, Any] = {
        "open_key": None,
        "last_action_at": None,
        "lease_owner": None,
        "lease_until": None,
        "node": "node1",
        "detected_at": 1_795_400_000.4,
    }
    over = Incident(
        id=1,
        layer="sc:dns-filter-1",
        state="recovered",
        attempt=1,
        finding="unknown_executable",
        contained_at=1_795_400_012.4,
        restored_at=1_795_400_026.0,
        **plain,
    )
    still = Incident(
        id=2, layer="os", state="held", attempt=2, finding="modified_file", contained_at=None, restored_at=None, **plain
    )
    assert incident_table([over, still]).split("\n") == [
        "ID  OF                     STATE      DETECTED              CONT.  REST.",
        "1   node1 sc:dns-filter-1  recovered  2026-11-23 02:13:20Z  12 s   26 s",
        "2   node1 os               held       2026-11-23 02:13:20Z  -      -",
        "",
        "2: modified_file, attempt 2",
    ]
