# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every plan, whatever the nodes say and whatever the tables want."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.plan import decide
from tests.unit.decision.scenes import CATALOGUE, HOST_LAYERS, NOW, attested, incident, instance, shipped_tables, silent
from tests.unit.support.examples import examples

NODES = ("node1", "node2", "node3", "node4")
TIERS = ("affirming", "affirming", "affirming", "none", "warning", "contraindicated")
QUIET = {"observe", "hold", "uncordon"}
modest = examples(150)


def harsh(layers: list[str], verb: str) -> dict[str, Any]:
    """Return a table that acts on warnings too, as far as the analysis lets it."""
    return {
        "decision_table": f"harsh-{verb}",
        "inputs": [
            {"name": "layer", "values": layers},
            {"name": "tier", "values": ["none", "affirming", "warning", "contraindicated"]},
            {"name": "attempt", "type": "integer", "range": "[0..9]"},
        ],
        "outputs": [{"name": "verb", "values": [verb, "hold", "observe"]}],
        "rules": [
            {"id": "quiet", "when": {"tier": ["none", "affirming"]}, "then": {"verb": "observe"}},
            {"id": "act", "when": {"tier": ["warning", "contraindicated"], "attempt": "< 5"}, "then": {"verb": verb}},
            {
                "id": "end",
                "when": {"tier": ["warning", "contraindicated"], "attempt": ">= 5"},
                "then": {"verb": "hold"},
            },
        ],
    }


TABLES: list[Any] = [
    shipped_tables(),
    [harsh(list(HOST_LAYERS), "reboot"), harsh(["sc"], "restart")],
    [harsh(list(HOST_LAYERS), "move"), harsh(["sc"], "move")],
    [harsh(["sc"], "reboot")],
]


@st.composite
def results(draw: st.DrawFn, node: str) -> dict[str, Any]:
    if draw(st.integers(0, 4)) == 0:
        return silent(draw(st.sampled_from(["unreachable", "not_enrolled", "rebooting", "verifier_fault"])))
    names = tuple(name for name in (f"{node}-a", f"{node}-b") if draw(st.booleans()))
    tiers = {name.replace("-", "_"): draw(st.sampled_from(TIERS)) for name in (*HOST_LAYERS, *names)}
    result = attested(NOW - draw(st.sampled_from([0, 120])), names, **tiers)
    for number, submod in enumerate(result["ear"]["submods"].values()):
        for found in submod["palantir.findings"]:
            found["digest"] = f"sha256:{draw(st.integers(0, 1)) or node}{number}"
    return result


@st.composite
def arguments(draw: st.DrawFn) -> tuple[Any, Any, Any, Any, int]:
    ears = {node: draw(results(node)) for node in NODES}
    known = [instance(f"{node}-{letter}", node) for node in NODES for letter in "ab" if draw(st.booleans())]
    incidents = []
    for number, node in enumerate(NODES):
        if draw(st.integers(0, 2)) == 0:
            layer = draw(st.sampled_from([*HOST_LAYERS, f"sc:{node}-a"]))
            held = draw(st.sampled_from(["open", "open", "held"]))
            incidents.append(incident(layer, draw(st.integers(0, 6)), node, id=number, state=held))
    state = {
        "now": NOW,
        "nodes": {node: {"cordoned": draw(st.integers(0, 4)) == 0} for node in NODES},
        "instances": known,
        "incidents": incidents,
    }
    return ears, draw(st.sampled_from(TABLES)), CATALOGUE, state, draw(st.integers(1, 3))


def tiers_of(result: dict[str, Any]) -> dict[str, str]:
    return {layer: submod["ear_status"] for layer, submod in result["ear"]["submods"].items()}


@modest
@given(arguments())
def test_every_plan_is_safe(drawn: tuple[Any, Any, Any, Any, int]) -> None:
    ears, tables, catalogue, state, limit = drawn
    made = decide(ears, tables, catalogue, state, limits={"max_in_repair": limit})
    acting = [step for step in made["steps"] if step["action"] not in QUIET]
    sequences: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in acting:
        sequences[json.dumps(step["incident"])].append(step)

    for step in acting:
        subject = step["incident"]
        result = ears[subject["node"]]
        # Silence and a missing verdict are never acted on.
        assert result["state"] == "attested"
        tiers = tiers_of(result)
        layer = f"sc:{subject['instance']}" if subject["instance"] else subject["layer"]
        assert tiers[layer] in ("warning", "contraindicated")
        above = HOST_LAYERS[: HOST_LAYERS.index(layer)] if layer in HOST_LAYERS else HOST_LAYERS
        # Host before container.
        assert all(tiers[name] in ("affirming", "warning") for name in above)
        # What a person has is left alone.
        assert not any(i["id"] == subject["id"] and i["state"] == "held" for i in state["incidents"])
        if step["action"] == "move":
            assert ears[step["target"]]["state"] == "attested"
            assert all(tiers_of(ears[step["target"]])[name] == "affirming" for name in HOST_LAYERS)
            assert not state["nodes"][step["target"]]["cordoned"]
            assert step["target"] != step["node"]

    for steps in sequences.values():
        # Evidence first, proof last.
        assert next(step["action"] for step in steps if step["action"] != "confirm") == "preserve"
        assert steps[-1]["action"] in ("attest", "cordon")
    # Only one layer acts on a node, or several SCs of a sound host.
    by_node = defaultdict(set)
    for step in acting:
        by_node[step["incident"]["node"]].add(step["incident"]["layer"])
    assert all(len(layers) == 1 for layers in by_node.values())

    recovered = {entry["incident"]["id"] for entry in made["recovered"] + made["closed"]}
    busy = {i["node"] for i in state["incidents"] if i["state"] == "open" and i["attempt"] and i["id"] not in recovered}
    assert len(by_node) <= limit or set(by_node) <= busy
    assert [step["id"] for step in made["steps"]] == [f"s{n}" for n in range(1, len(made["steps"]) + 1)]


@modest
@given(arguments(), st.randoms(use_true_random=False))
def test_plans_depend_on_nothing_but_what_is_known(drawn: tuple[Any, Any, Any, Any, int], chance: Any) -> None:
    ears, tables, catalogue, state, limit = drawn
    made = decide(ears, tables, catalogue, state, limits={"max_in_repair": limit})
    json.dumps(made)
    nodes = list(ears)
    chance.shuffle(nodes)
    instances = list(state["instances"])
    chance.shuffle(instances)
    again = decide(
        {node: ears[node] for node in nodes},
        tables,
        catalogue,
        {**state, "instances": instances},
        limits={"max_in_repair": limit},
    )
    assert again == made
