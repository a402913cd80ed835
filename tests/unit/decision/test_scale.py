# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand rules over ten inputs: sound, broken in one place, and hopelessly entangled."""

from __future__ import annotations

import random
import time
from collections import Counter
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.findings import analyse
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.table import load_table

Region = dict[str, Any]
DOMAINS: Region = {
    "layer": ["hardware", "firmware", "os", "runtime", "sc"],
    "finding": [f"finding_{number}" for number in range(30)],
    "sc": [f"sc-{number}" for number in range(12)],
    "criticality": ["low", "medium", "high"],
    "flavour": ["podman", "vm", "bare"],
    "host_tier": ["none", "affirming", "warning", "contraindicated"],
    "maintenance": [False, True],
    "load": (0, 100),
}


def split(regions: list[Region], chance: random.Random) -> None:
    """Part a random region in two along a random input."""
    number = chance.randrange(len(regions))
    region = regions[number]
    name = chance.choice(list(DOMAINS))
    values = region[name]
    if isinstance(values, tuple):
        low, high = values
        if high - low < 2:
            return
        middle = chance.randrange(low + 1, high)
        parts: list[Any] = [(low, middle), (middle, high)]
    else:
        if len(values) < 2:
            return
        at = chance.randrange(1, len(values))
        parts = [values[:at], values[at:]]
    regions[number : number + 1] = [{**region, name: part} for part in parts]


def sound_table(rules: int) -> Region:
    """Return a complete table without overlaps, whose ladders end: three rules for each of many regions."""
    chance = random.Random(7)  # noqa: S311 - makes tables, no secrets
    regions = [dict(DOMAINS)]
    while len(regions) * 3 < rules:
        split(regions, chance)
    written = []
    for number, region in enumerate(regions):
        low, high = region["load"]
        when = {**region, "load": f"[{low}..{high}{']' if high == 100 else ')'}"}
        written += [
            {"id": f"{number}-quiet", "when": {**when, "tier": "not(contraindicated)"}, "then": {"verb": "observe"}},
            {
                "id": f"{number}-act",
                "when": {**when, "tier": "contraindicated", "attempt": "< 3"},
                "then": {"verb": chance.choice(["reboot", "move", "restart"])},
            },
            {
                "id": f"{number}-end",
                "when": {**when, "tier": "contraindicated", "attempt": ">= 3"},
                "then": {"verb": "hold"},
            },
        ]
    inputs = [
        {"name": "tier", "values": ["none", "affirming", "warning", "contraindicated"]},
        {"name": "attempt", "type": "integer", "range": "[0..9]"},
    ]
    for name, domain in DOMAINS.items():
        if name == "load":
            inputs.append({"name": name, "type": "number", "range": "[0..100]"})
        elif name == "maintenance":
            inputs.append({"name": name, "type": "boolean"})
        else:
            inputs.append({"name": name, "values": domain})
    verbs = ["reboot", "move", "restart", "hold", "observe"]
    return {
        "decision_table": "large",
        "inputs": inputs,
        "outputs": [{"name": "verb", "values": verbs}],
        "rules": written,
    }


@pytest.mark.parametrize("policy", ["UNIQUE", "PRIORITY", "ANY"])
def test_a_thousand_sound_rules_are_proved_in_time(policy: str) -> None:
    table = {**sound_table(1000), "hit_policy": policy}
    assert (len(table["rules"]) >= 1000, len(table["inputs"])) == (True, 10)
    started = time.perf_counter()
    found = analyse(load_table(table))
    assert found == []
    assert time.perf_counter() - started < 5


def test_one_mistake_among_a_thousand_rules_is_found() -> None:
    table = sound_table(1000)
    lost = table["rules"].pop(500)
    found = analyse(load_table(table))
    assert {finding.code for finding in found} >= {"gap"}
    compiled = CompiledTable(load_table({**table, "rules": [lost]}))
    assert all(compiled.evaluate(finding.witness).fired for finding in found if finding.code == "gap")


def test_a_hopelessly_entangled_table_is_given_up_in_time() -> None:
    table = sound_table(600)
    chance = random.Random(3)  # noqa: S311 - makes tables, no secrets
    for rule in table["rules"]:
        for name in list(rule["when"]):
            if chance.random() < 0.5:
                del rule["when"][name]
    table["hit_policy"] = "PRIORITY"
    started = time.perf_counter()
    codes = Counter(finding.code for finding in analyse(load_table(table)))
    assert time.perf_counter() - started < 60
    assert max(codes.values()) <= 200


def test_decisions_are_fast() -> None:
    """The target is 50,000 a second on one core; a busy machine of the test farm must not fail it."""
    table = sound_table(1000)
    compiled = CompiledTable(load_table(table))
    chance = random.Random(1)  # noqa: S311 - makes tables, no secrets
    inputs = []
    for _ in range(2000):
        point: Region = {name: chance.choice(domain) for name, domain in DOMAINS.items() if name != "load"}
        point |= {"load": chance.uniform(0, 100), "tier": "contraindicated", "attempt": chance.randrange(10)}
        inputs.append(point)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        for point in inputs:
            compiled.evaluate(point)
        best = max(best, len(inputs) / (time.perf_counter() - started))
    assert best > 20_000
