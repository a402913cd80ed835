# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The analysis finds exactly what trying every input finds, and each witness shows it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.evaluate import evaluate
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.findings import rule_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.brute import ACTING, GRAVITY, VERBS, Drawn, tables

POLICIES = ["UNIQUE", "ANY", "PRIORITY", "COLLECT"]
drawn_tables = st.sampled_from(POLICIES).flatmap(tables)
modest = settings(max_examples=100, deadline=None)


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
