# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Large tables for tests and benchmarks, and inputs to ask them."""

from __future__ import annotations

import random
from typing import Any

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


def random_inputs(chance: random.Random, count: int) -> list[Region]:
    """Return inputs of :func:`sound_table`, most of which end in one of its many actions."""
    points = []
    for _ in range(count):
        point: Region = {name: chance.choice(domain) for name, domain in DOMAINS.items() if name != "load"}
        points.append(
            point | {"load": chance.uniform(0, 100), "tier": "contraindicated", "attempt": chance.randrange(10)}
        )
    return points
