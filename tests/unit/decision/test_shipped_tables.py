# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a site that writes none: a decision for every layer, tier and attempt, and the plan that follows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import SHIPPED, read_tables
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.inspection import inspect
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import AVAILABLE_VERBS, LAYERS
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.scenes import attested, incident, plan, silent, state, transcript

DNS = ("dns-filter-1",)
LADDERS = {
    "hardware": ["move", *["hold"] * 9],
    "firmware": ["move", *["hold"] * 9],
    "os": ["reboot", "reboot", *["hold"] * 8],
    "runtime": ["reboot", "reboot", *["hold"] * 8],
    "sc": ["restart", "restart", "move", *["hold"] * 7],
}
LEAVE = ["preserve node1", "cordon node1", "move dns-filter-1 > node2", "attest dns-filter-1"]


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("tier", ["none", "affirming", "warning", "contraindicated"])
def test_every_layer_and_tier_has_a_ladder(layer: str, tier: str) -> None:
    compiled = load_rulebook(read_tables(None), AVAILABLE_VERBS).by_layer[layer]
    verbs = []
    for attempt in range(10):
        rule = compiled.evaluate({"layer": layer, "tier": tier, "attempt": attempt}).rule
        assert rule is not None
        assert rule.rationale
        verbs.append(rule.then[0])
    assert verbs == (LADDERS[layer] if tier == "contraindicated" else ["observe"] * 10)


def scene(layer: str, tier: str, attempt: int) -> list[str]:
    name = "dns_filter_1" if layer == "sc" else layer
    tiers: dict[str, Any] = {name: tier}
    ears = {"node1": attested(instances=DNS, **tiers), "node2": attested()}
    known = "sc:dns-filter-1" if layer == "sc" else layer
    return transcript(plan(ears, state(*([incident(known, attempt)] if attempt else []))))


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("tier", ["none", "warning"])
def test_without_a_verdict_of_distrust_each_layer_is_observed(layer: str, tier: str) -> None:
    assert scene(layer, tier, 0) == ["observe dns-filter-1" if layer == "sc" else "observe node1"]


@pytest.mark.parametrize("layer", LAYERS)
def test_an_affirming_layer_asks_for_nothing(layer: str) -> None:
    assert scene(layer, "affirming", 0) == []


@pytest.mark.parametrize(
    ("layer", "attempt", "steps"),
    [
        ("hardware", 0, ["confirm node1", *LEAVE]),
        ("firmware", 0, ["confirm node1", *LEAVE]),
        ("os", 0, ["confirm node1", *LEAVE, "reboot node1", "attest node1", "uncordon node1"]),
        ("runtime", 1, ["confirm node1", *LEAVE, "reboot node1", "attest node1", "uncordon node1"]),
        ("sc", 0, ["confirm dns-filter-1", "preserve dns-filter-1", "restart dns-filter-1", "attest dns-filter-1"]),
        (
            "sc",
            2,
            [
                "confirm dns-filter-1",
                "preserve dns-filter-1",
                "move dns-filter-1 > node2",
                "attest dns-filter-1",
            ],
        ),
        ("hardware", 1, ["hold node1"]),
        ("firmware", 9, ["hold node1"]),
        ("os", 2, ["hold node1"]),
        ("runtime", 5, ["hold node1"]),
        ("sc", 3, ["hold dns-filter-1"]),
    ],
)
def test_a_contraindicated_layer_climbs_its_ladder(layer: str, attempt: int, steps: list[str]) -> None:
    assert scene(layer, "contraindicated", attempt) == steps


@pytest.mark.parametrize("node_state", ["unreachable", "not_enrolled", "no_evidence", "rebooting", "verifier_fault"])
def test_silence_and_the_verifiers_own_faults_touch_nothing(node_state: str) -> None:
    made = plan({"node1": silent(node_state), "node2": attested()})
    assert transcript(made) == ["observe node1"]
    assert made["decisions"][0]["inputs"] == {"state": node_state}


def test_they_are_sound_and_decide_every_layer_once() -> None:
    inspection = inspect(read_tables(None))
    assert (inspection.errors, inspection.undecided) == ((), ())
    assert [item.findings for item in inspection.files] == [(), ()]


def test_the_lab_has_the_same_ones() -> None:
    lab = Path(__file__).parents[3] / "inventories" / "lab" / "rules"
    assert read_tables(lab) == read_tables(SHIPPED)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"rules .*: holds no decision table \(.yml, .yaml, .csv, .dmn, .xml\). Next: mend palantir_trust_rules."),
        ({"a.txt": b""}, "holds no decision table"),
        ({"a.yml": b"", "a.csv": b""}, "holds a.csv and a.yml, one table in two forms. Next: keep one"),
        ({"a.yml": b"", "a.b.yml": b"", "a.dmn": b""}, "holds a.dmn and a.yml, one table in two forms"),
        ({"a.yml": b"\xff"}, "cannot be read: 'utf-8' codec can't decode"),
    ],
)
def test_a_directory_that_is_of_no_use_is_named(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(RuleError, match=message):
        read_tables(tmp_path)


def test_a_directory_that_is_not_there_is_no_reason_for_other_rules(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match=r"cannot be read: .*No such file.* leave it out for the shipped tables"):
        read_tables(tmp_path / "rules")


def table_of(**more: Any) -> dict[str, Any]:
    return {
        "decision_table": "by-site",
        "inputs": [
            {"name": "layer", "values": ["sc"]},
            {"name": "tier", "values": ["none", "affirming", "warning", "contraindicated"]},
            {"name": "attempt", "type": "integer", "range": "[0..9]"},
            {"name": "maintenance", "type": "boolean"},
            {"name": "label.zone"},
        ],
        "outputs": [{"name": "verb", "values": ["move", "hold", "observe"]}],
        "rules": [
            {"id": "quiet", "when": {"tier": "not(contraindicated)"}, "then": {"verb": "observe"}},
            {"id": "at-work", "when": {"tier": "contraindicated", "maintenance": True}, "then": {"verb": "hold"}},
            {
                "id": "edge",
                "when": {"tier": "contraindicated", "maintenance": False, "label.zone": "edge", "attempt": "< 2"},
                "then": {"verb": "move"},
            },
            {
                "id": "edge-end",
                "when": {"tier": "contraindicated", "maintenance": False, "label.zone": "edge", "attempt": ">= 2"},
                "then": {"verb": "hold"},
            },
            {
                "id": "elsewhere",
                "when": {"tier": "contraindicated", "maintenance": False, "label.zone": "not(edge)"},
                "then": {"verb": "hold"},
            },
        ],
        **more,
    }


@pytest.mark.parametrize(
    ("node", "fired"),
    [
        ({"labels": {"zone": "edge"}}, "edge"),
        ({"labels": {"zone": "edge"}, "maintenance": True}, "at-work"),
        ({"labels": {"zone": "core"}}, "elsewhere"),
        ({"labels": {}}, "elsewhere"),
        ({}, "elsewhere"),
    ],
)
def test_a_table_may_ask_for_a_nodes_labels_and_its_maintenance(node: dict[str, Any], fired: str) -> None:
    ears = {"node1": attested(instances=DNS, dns_filter_1="contraindicated"), "node2": attested()}
    situation = {**state(), "nodes": {"node1": node, "node2": {}}}
    (decision,) = plan(ears, situation, tables=table_of())["decisions"]
    assert decision["fired"] == [fired]
    assert decision["inputs"] == {
        "layer": "sc",
        "tier": "contraindicated",
        "attempt": 0,
        "maintenance": node.get("maintenance", False),
        "label.zone": node.get("labels", {}).get("zone", "none"),
    }
    assert set(decision["why_not"]) == {"quiet", "at-work", "edge", "edge-end", "elsewhere"} - {fired}


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"name": "maintenance"}, "input maintenance: must have the type boolean, not string."),
        ({"name": "label.zone", "type": "integer"}, "input label.zone: must have the type string, not integer."),
        ({"name": "lable.zone"}, "the input 'lable.zone' is unknown."),
    ],
)
def test_inputs_have_the_types_that_they_are_given_in(column: dict[str, str], message: str) -> None:
    table = table_of(inputs=[*table_of()["inputs"][:3], column], rules=table_of()["rules"][:1])
    with pytest.raises(RuleError) as caught:
        load_rulebook(table, AVAILABLE_VERBS)
    assert message in str(caught.value)
