# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The analysis finds exactly what trying every input finds, and each witness shows it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import evaluate
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import rule_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.brute import ACTING, DOMAINS, GRAVITY, VERBS, Drawn, tables
from tests.unit.support.examples import examples

POLICIES = ["UNIQUE", "ANY", "PRIORITY", "COLLECT"]
drawn_tables = st.sampled_from(POLICIES).flatmap(tables)
modest = examples(50)


def of_code(table: Drawn, code: str) -> list[dict[str, Any]]:
    return [finding for finding in rule_findings(table.data) if finding["code"] == code]


def fixed(point: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {**point, name: value}


@modest
@given(drawn_tables)
def test_evaluation_matches_what_the_cells_admit(table: Drawn) -> None:
    loaded = load_table(table.data)
    for point in table.points():
        matching = table.matching(point)
        verbs = {table.verb(rule) for rule in matching}
        policy = table.data["hit_policy"]
        if (policy == "UNIQUE" and len(matching) > 1) or (policy == "ANY" and len(verbs) > 1):
            with pytest.raises(RuleError, match="match together"):
                evaluate(loaded, point)
            continue
        outcome = evaluate(loaded, point)
        if policy == "PRIORITY":
            assert list(outcome.fired) == table.deciding(point)
        else:
            assert list(outcome.fired) == matching
        assert {result[0] for result in outcome.results} == (
            {table.worst(point)} if policy == "PRIORITY" and matching else verbs
        )


@modest
@given(drawn_tables)
def test_gaps(table: Drawn) -> None:
    found = of_code(table, "gap")
    missing = [point for point in table.points() if not table.matching(point)]
    assert bool(found) == bool(missing)
    for finding in found:
        assert finding["witness"] in missing
    witnesses = [tuple(finding["witness"].items()) for finding in found]
    assert len(set(witnesses)) == len(witnesses)


@modest
@given(drawn_tables)
def test_overlaps(table: Drawn) -> None:
    policy = table.data["hit_policy"]
    wanted = set()
    for point in table.points():
        for first, second in combinations(table.matching(point), 2):
            if policy == "UNIQUE" or (policy == "ANY" and table.verb(first) != table.verb(second)):
                wanted.add((first, second))
    found = of_code(table, "overlap")
    assert {tuple(finding["rules"]) for finding in found} == wanted
    for finding in found:
        assert set(finding["rules"]) <= set(table.matching(finding["witness"]))


@modest
@given(tables("PRIORITY"))
def test_masked(table: Drawn) -> None:
    reached = {rule for point in table.points() for rule in table.matching(point)}
    deciding = {rule for point in table.points() for rule in table.deciding(point)}
    found = of_code(table, "masked")
    assert {finding["rules"][0] for finding in found} == reached - deciding
    for finding in found:
        masked, *maskers = finding["rules"]
        assert masked in table.matching(finding["witness"])
        for point in table.points():
            matching = table.matching(point)
            if masked in matching:
                ahead = [rule for rule in matching if VERBS.index(table.verb(rule)) < VERBS.index(table.verb(masked))]
                assert set(ahead) & set(maskers)


@modest
@given(drawn_tables)
def test_subsumed_and_never_matching(table: Drawn) -> None:
    where = {rule["id"]: [p for p in table.points() if rule["id"] in table.matching(p)] for rule in table.rules}
    wanted = set()
    for first, second in combinations(where, 2):
        if table.verb(first) == table.verb(second) and where[first] and where[second]:
            if all(point in where[first] for point in where[second]):
                wanted.add(second)
            elif all(point in where[second] for point in where[first]):
                wanted.add(first)
    found = of_code(table, "subsumed")
    assert {finding["rules"][0] for finding in found} == wanted
    for finding in found:
        assert set(finding["rules"]) <= set(table.matching(finding["witness"]))
    assert {f["rules"][0] for f in of_code(table, "never_matches")} == {rule for rule in where if not where[rule]}


@modest
@given(tables("PRIORITY"))
def test_misleading(table: Drawn) -> None:
    deciding = {rule for point in table.points() for rule in table.deciding(point)}
    cells = {rule["id"]: sets for rule, sets in zip(table.rules, table.admitted, strict=True)}
    wanted = set()
    for point in table.points():
        for winner, loser in permutations(table.matching(point), 2):
            outranks = VERBS.index(table.verb(winner)) < VERBS.index(table.verb(loser))
            broad = any(
                cells[winner][name] == set(DOMAINS[name]) and cells[loser][name] != set(DOMAINS[name])
                for name in table.names
            )
            if outranks and broad and loser in deciding:
                wanted.add((winner, loser))
    found = of_code(table, "misleading")
    assert {tuple(finding["rules"]) for finding in found} == wanted
    for finding in found:
        assert set(finding["rules"]) <= set(table.matching(finding["witness"]))
        assert finding["rules"][1] not in table.deciding(finding["witness"])


@modest
@given(drawn_tables)
def test_contraction(table: Drawn) -> None:
    cells = {rule["id"]: sets for rule, sets in zip(table.rules, table.admitted, strict=True) if all(sets.values())}
    wanted = set()
    for first, second in combinations(cells, 2):
        different = [name for name in table.names if cells[first][name] != cells[second][name]]
        if table.verb(first) == table.verb(second) and len(different) == 1:
            one, other = cells[first][different[0]], cells[second][different[0]]
            if not (one <= other or other <= one):
                wanted.add((first, second))
    found = of_code(table, "contraction")
    pairs = {pair for finding in found for pair in combinations(finding["rules"], 2)}
    assert pairs <= wanted
    # A pair that is not told of has a third rule that holds the whole of one of the two.
    for first, second in wanted - pairs:
        assert any(
            table.verb(third) == table.verb(one) and all(cells[one][name] <= cells[third][name] for name in table.names)
            for one in (first, second)
            for third in cells
            if third != one
        )
    for finding in found:
        assert finding["severity"] == "warning"
        # Told of together, the rules and their union match the same points.
        (name,) = (n for n in table.names if len({cells[rule][n] for rule in finding["rules"]}) > 1)
        joined = {**cells[finding["rules"][0]], name: frozenset().union(*(cells[r][name] for r in finding["rules"]))}
        for point in table.points():
            together = any(rule in table.matching(point) for rule in finding["rules"])
            assert together == all(point[n] in joined[n] for n in table.names)


@modest
@given(drawn_tables)
def test_unreachable_verbs(table: Drawn) -> None:
    priority = table.data["hit_policy"] == "PRIORITY"
    reached = {
        table.verb(rule)
        for point in table.points()
        for rule in (table.deciding(point) if priority else table.matching(point))
    }
    found = of_code(table, "unreachable_verb")
    told = {verb for verb in VERBS for finding in found if f"the verb {verb} is never" in finding["message"]}
    assert told == set(VERBS) - reached
    for finding in found:
        assert not finding["witness"] or set(finding["rules"]) & set(table.matching(finding["witness"]))


@modest
@given(drawn_tables)
def test_monotonicity(table: Drawn) -> None:
    found = of_code(table, "not_monotonic")
    if "tier" not in table.names:
        assert not found
        return

    def inverted(point: Mapping[str, Any]) -> bool:
        """Return whether a better tier gets a more severe verb than this point."""
        milder = table.worst(dict(point))
        better = GRAVITY[: GRAVITY.index(point["tier"])] if point["tier"] in GRAVITY else []
        verbs = [table.worst(fixed(point, "tier", tier)) for tier in better]
        return milder is not None and any(v is not None and VERBS.index(v) < VERBS.index(milder) for v in verbs)

    assert bool(found) == any(inverted(point) for point in table.points())
    for finding in found:
        assert inverted(finding["witness"])
        assert finding["rules"][0] in table.matching(finding["witness"])


@modest
@given(drawn_tables)
def test_ladders_end(table: Drawn) -> None:
    found = of_code(table, "no_exit")
    if "attempt" not in table.names:
        assert not found
        return

    def stuck(point: Mapping[str, Any]) -> bool:
        """Return whether the ladder through a point acts, and ends neither in a fence nor with a person."""
        rungs = [table.worst(fixed(point, "attempt", attempt)) for attempt in range(4)]
        return bool(ACTING & set(rungs)) and rungs[3] not in (None, "fence", "hold")

    assert bool(found) == any(stuck(point) for point in table.points())
    for finding in found:
        assert finding["witness"]["attempt"] == 3
        assert stuck(finding["witness"])
        assert finding["rules"][0] in table.deciding(finding["witness"])


@modest
@given(drawn_tables)
def test_nothing_destructive_on_unknown(table: Drawn) -> None:
    found = of_code(table, "destructive_on_unknown")
    wanted = {
        rule
        for point in table.points()
        for rule in table.deciding(point)
        if point.get("tier") == "none" and table.verb(rule) in ("fence", "move", "restart")
    }
    assert {finding["rules"][0] for finding in found} == wanted
    for finding in found:
        assert finding["witness"]["tier"] == "none"
        assert finding["rules"][0] in table.deciding(finding["witness"])
