# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random small tables, and what trying every input says of them.

Nothing here uses the engine: a cell is drawn as the set of values that it admits, and only written as a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from hypothesis import strategies as st

DOMAINS: dict[str, list[Any]] = {
    "tier": ["none", "affirming", "warning", "contraindicated"],
    "attempt": [0, 1, 2, 3],
    "urgent": [False, True],
    "load": [0, 0.5, 1],
}
COLUMNS: dict[str, dict[str, Any]] = {
    "tier": {"type": "string", "values": DOMAINS["tier"]},
    "attempt": {"type": "integer", "range": "[0..3]"},
    "urgent": {"type": "boolean"},
    "load": {"type": "number", "values": DOMAINS["load"]},
}
VERBS = ["fence", "move", "restart", "hold", "observe"]
ACTING = {"move", "restart"}
GRAVITY = ["affirming", "warning", "contraindicated"]


@dataclass(frozen=True)
class Drawn:
    """A table as plain data, and for each rule the values that each cell admits."""

    data: dict[str, Any]
    admitted: tuple[dict[str, frozenset[Any]], ...]

    @property
    def rules(self) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = self.data["rules"]
        return rules

    @property
    def names(self) -> list[str]:
        return [column["name"] for column in self.data["inputs"]]

    def points(self) -> Iterator[dict[str, Any]]:
        for values in product(*(DOMAINS[name] for name in self.names)):
            yield dict(zip(self.names, values, strict=True))

    def matching(self, point: dict[str, Any]) -> list[str]:
        return [
            rule["id"]
            for rule, cells in zip(self.rules, self.admitted, strict=True)
            if all(point[name] in cells[name] for name in self.names)
        ]

    def verb(self, rule: str) -> str:
        return next(str(item["then"]["verb"]) for item in self.rules if item["id"] == rule)

    def worst(self, point: dict[str, Any]) -> str | None:
        """Return the most severe verb at a point."""
        found = [VERBS.index(self.verb(rule)) for rule in self.matching(point)]
        return VERBS[min(found)] if found else None

    def deciding(self, point: dict[str, Any]) -> list[str]:
        """Return the rules with the most severe verb at a point."""
        return [rule for rule in self.matching(point) if self.verb(rule) == self.worst(point)]


def _written(values: frozenset[Any], name: str) -> str:
    if isinstance(next(iter(values)), bool):
        return ", ".join("true" if value else "false" for value in sorted(values))
    return ", ".join(str(value) for value in sorted(values, key=DOMAINS[name].index))


@st.composite
def cells(draw: st.DrawFn, name: str) -> tuple[Any, frozenset[Any]]:
    """Draw a cell, as it is written and as the values that it admits."""
    domain = DOMAINS[name]
    values = draw(st.sets(st.sampled_from(domain), min_size=1).map(frozenset))
    ways: list[tuple[Any, frozenset[Any]]] = [(_written(values, name), values)]
    ways.append((sorted(values, key=domain.index), values))
    ways.append((f"not({_written(values, name)})", frozenset(domain) - values))
    if name in ("attempt", "load"):
        low, high = min(values), max(values)
        ways.append((f"[{low}..{high}]", frozenset(v for v in domain if low <= v <= high)))
        ways.append((f"]{low}..{high}]", frozenset(v for v in domain if low < v <= high)))
        ways.append((f"({low}..{high})", frozenset(v for v in domain if low < v < high)))
        ways.append((f"< {high}", frozenset(v for v in domain if v < high)))
        ways.append((f">= {low}", frozenset(v for v in domain if v >= low)))
        ways.append((f"not(> {low})", frozenset(v for v in domain if v <= low)))
    chosen: tuple[Any, frozenset[Any]] = draw(st.sampled_from(ways))
    return chosen


@st.composite
def tables(draw: st.DrawFn, policy: str = "UNIQUE") -> Drawn:
    """Draw a table of two to four inputs and up to seven rules."""
    names = draw(st.lists(st.sampled_from(list(DOMAINS)), min_size=2, max_size=4, unique=True))
    rules, admitted = [], []
    for number in range(draw(st.integers(0, 7))):
        when: dict[str, Any] = {}
        sets: dict[str, frozenset[Any]] = {name: frozenset(DOMAINS[name]) for name in names}
        for name in names:
            if draw(st.booleans()):
                when[name], sets[name] = draw(cells(name))
        rules.append({"id": f"r{number}", "when": when, "then": {"verb": draw(st.sampled_from(VERBS))}})
        admitted.append(sets)
    data = {
        "decision_table": "drawn",
        "hit_policy": policy,
        "inputs": [{"name": name, **COLUMNS[name]} for name in names],
        "outputs": [{"name": "verb", "type": "string", "values": VERBS}],
        "rules": rules,
    }
    return Drawn(data, tuple(admitted))
