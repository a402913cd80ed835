# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision tables of the DMN TCK, compliance level 2: the answers that it asks for, or a refusal by name."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable, evaluate
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import rule_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.tck import CASES, REFUSED

# Every risk and both answers, with an age on either side of each limit that a table draws.
POINTS = [
    {"Age": age, "RiskCategory": risk, "isAffordable": affordable}
    for age, risk, affordable in product((17, 18, 19), ("High", "Low", "Medium"), (True, False))
]


@pytest.mark.parametrize("name", CASES)
def test_a_case_has_its_answers(name: str) -> None:
    case = CASES[name]
    table = load_table(case.model(), f"{name}.dmn")
    for (age, risk, affordable), answer in case.answers.items():
        outcome = evaluate(table, {"Age": age, "RiskCategory": risk, "isAffordable": affordable})
        assert list(outcome.results) == answer


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_analysed(name: str) -> None:
    case = CASES[name]
    found = rule_findings(case.model(), f"{name}.dmn")
    assert {finding["code"] for finding in found} == case.codes
    table = load_table(case.model())
    for finding in found:
        if finding["code"] == "gap":
            assert not evaluate(table, finding["witness"]).fired


@pytest.mark.parametrize("name", CASES)
def test_what_a_lost_rule_leaves_open_is_a_gap(name: str) -> None:
    case = CASES[name]
    for number in range(len(case.rules)):
        less = replace(case, rules=case.rules[:number] + case.rules[number + 1 :])
        compiled = CompiledTable(load_table(less.model()))
        open_points = [point for point in POINTS if not compiled.matching(point)]
        assert bool(open_points) == ("gap" in {finding["code"] for finding in rule_findings(less.model())})


@pytest.mark.parametrize("name", REFUSED)
def test_a_case_is_refused_by_name(name: str) -> None:
    case, words = REFUSED[name]
    with pytest.raises(RuleError) as caught:
        load_table(case.model(), f"{name}.dmn")
    assert str(caught.value).startswith(f"{name}.dmn: table Approval Status, hit")
    assert words in str(caught.value)
