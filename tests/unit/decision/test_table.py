# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A typing mistake in a table is one error that names the rule, the wrong word and the nearest right one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import evaluate
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import rule_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.scenes import shipped_tables

TABLE: dict[str, Any] = {
    "decision_table": "sc-remediation",
    "hit_policy": "UNIQUE",
    "inputs": [
        {"name": "layer", "type": "string", "values": ["hardware", "firmware", "os", "runtime", "sc"]},
        {"name": "tier", "type": "string", "values": ["none", "affirming", "warning", "contraindicated"]},
        {"name": "attempt", "type": "integer", "range": "[0..5]"},
    ],
    "outputs": [{"name": "verb", "type": "string", "values": ["fence", "restart", "hold", "observe"]}],
    "rules": [
        {
            "id": "first-restart",
            "when": {"layer": "sc", "tier": "contraindicated", "attempt": "< 2"},
            "then": {"verb": "restart"},
            "rationale": "A fresh container has none of it.",
        },
        {"id": "else", "when": {"tier": "not(contraindicated)"}, "then": {"verb": "observe"}},
    ],
}


BOMB = "\n".join(
    ["decision_table: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20))]
)
"""A text of 1 KB that stands for more values than there are atoms in a glass of water."""


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    table = copy.deepcopy(TABLE)
    change(table)
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.update(rulez=[]),
            "table sc-remediation: has the unknown key 'rulez'. Next: did you mean 'rules'?",
        ),
        (lambda t: t.pop("decision_table"), "decision_table: is missing."),
        (lambda t: t.pop("rules"), "table sc-remediation, rules: is missing."),
        (lambda t: t.update(rules={}), "table sc-remediation, rules: must be a list, not dict."),
        (lambda t: t.update(inputs=[]), "table sc-remediation: needs at least one input and one output."),
        (
            lambda t: t.update(hit_policy="UNIQE"),
            "table sc-remediation, hit_policy: 'UNIQE' is unknown. Next: did you mean 'UNIQUE'?",
        ),
        (
            lambda t: t.update(hit_policy="FIRST"),
            "FIRST is not accepted: it makes the meaning of a rule depend on all rules above it, so that no",
        ),
        (
            lambda t: t.update(hit_policy="RULE ORDER"),
            "RULE ORDER is not accepted: it makes the order of the rules part",
        ),
        (lambda t: t.update(hit_policy="OUTPUT ORDER"), "OUTPUT ORDER is not accepted: it yields a list"),
        (
            lambda t: t["inputs"][0].update(type="text"),
            "table sc-remediation, input layer, type: 'text' is unknown. Next: choose from: string, integer,",
        ),
        (
            lambda t: t["inputs"][0].update(value=[]),
            "table sc-remediation, inputs[0]: has the unknown key 'value'. Next: did you mean 'values'?",
        ),
        (
            lambda t: t["inputs"][0].update(range="[0..1]"),
            "input layer: has both values and a range. Next: keep one of",
        ),
        (
            lambda t: t["inputs"][2].update(range="[5..0]"),
            "input attempt, range: the test '[5..0]' has an interval whose",
        ),
        (lambda t: t["inputs"][2].update(range="(2..3)"), "input attempt, range: '(2..3)' holds no value."),
        (lambda t: t["inputs"][2].update(range=5), "input attempt, range: must be one interval, not 5."),
        (lambda t: t["inputs"][1].update(name="layer"), "table sc-remediation, inputs: has the name 'layer' twice."),
        (lambda t: t["inputs"][1]["values"].append("none"), "input tier, values: has the value 'none' twice."),
        (
            lambda t: t["inputs"][0].update(values=["sc", True]),
            "input layer, values: expects a string where YAML reads the boolean true. Next: put yes, no",
        ),
        (lambda t: t["rules"][1].update(id="first-restart"), "rules: has the id 'first-restart' twice."),
        (lambda t: t["rules"][0].pop("id"), "table sc-remediation, rules[0], id: is missing."),
        (
            lambda t: t["rules"][0].update(than={}),
            "table sc-remediation, rule first-restart: has the unknown key 'than'. Next: did you mean 'then'?",
        ),
        (
            lambda t: t["rules"][0].update(cooldown=5),
            "table sc-remediation, rule first-restart: has the unknown key 'cooldown'. Next: did you mean 'cool_down'?",
        ),
        (
            lambda t: t["rules"][0]["when"].update(teir="none"),
            "table sc-remediation, rule first-restart, when: has the unknown input 'teir'. Next: did you mean 'tier'?",
        ),
        (
            lambda t: t["rules"][0]["when"].update(tier="contraindicted"),
            "input tier: 'contraindicted' is not among the declared values. Next: did you mean 'contra",
        ),
        (
            lambda t: t["rules"][0]["when"].update(tier="not(warnin)"),
            "input tier: 'warnin' is not among the declared values. Next: did you mean 'warning'?",
        ),
        (
            lambda t: t["rules"][0]["when"].update(attempt=6),
            "table sc-remediation, rule first-restart, input attempt: 6 is outside the declared range.",
        ),
        (
            lambda t: t["rules"][0]["then"].update(verb="restrat"),
            "output verb: 'restrat' is not among the declared values. Next: did you mean 'restart'?",
        ),
        (
            lambda t: t["rules"][0].update(then={}),
            "rule first-restart, output verb: is missing. Next: give every output",
        ),
        (
            lambda t: t["rules"][0]["then"].update(verbs="hold"),
            "then: has the unknown output 'verbs'. Next: did you mean",
        ),
        (lambda t: t["rules"][0].update(budget=0), "rule first-restart, budget: must be an integer from 1, not 0."),
        (
            lambda t: t["rules"][0].update(cool_down="soon"),
            "cool_down: must be a duration, not 'soon'. Next: write 90, 90s",
        ),
        (lambda t: t["rules"][0].update(confirmation=True), "confirmation: must be fresh_quote, not True."),
        (lambda t: t["rules"][0].update(approval="me"), "approval: must be person or a mapping, not 'me'."),
        (
            lambda t: t["rules"][0].update(preserve=False),
            "preserve: can only be true. Next: evidence is preserved before",
        ),
        (lambda t: t["rules"][0].update(expires="2027-13-01"), "expires: must be a date, not '2027-13-01'."),
        (lambda t: t.update(rules=["x"]), "table sc-remediation, rules[0]: must be a mapping, not str."),
        (
            lambda t: (t.update(hit_policy="PRIORITY"), t["outputs"][0].pop("values")),
            "output verb: has no values, whose order is the priority. Next: list them from the highest priority to the",
        ),
    ],
)
def test_a_mistake_is_named(change: Callable[[dict[str, Any]], Any], message: str) -> None:
    with pytest.raises(RuleError) as caught:
        load_table(changed(change))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("decision_table: [", "rules/x.yml: is not the YAML of a decision table at line 1, column 18:"),
        ("decision_table: a\ndecision_table: b", "at line 2, column 1: the key 'decision_table' comes twice."),
        (BOMB, "rules/x.yml: holds more than 1000000 items. Next: split the decision table."),
        ("a: &x [*x]", "rules/x.yml: holds more than 1000000 items."),
        ("[" * 20_000, "rules/x.yml: is nested too deeply to be a decision table."),
        ("just text", "rules/x.yml: must be a mapping, not str."),
        ("", "rules/x.yml: must be a mapping, not NoneType."),
        ("a: \x00", "rules/x.yml: is not YAML:"),
        ("a" * (5 << 20), "rules/x.yml: is longer than 4194304 characters. Next: split the decision table."),
        ("decision_table: t\nrulez: []", "rules/x.yml: table t: has the unknown key 'rulez'."),
    ],
)
def test_bad_text_is_one_error_that_names_the_file(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        load_table(text, "rules/x.yml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"layer": "sc", "tier": "none"}, "table sc-remediation: the input 'attempt' is missing."),
        (
            {"layer": "sc", "tier": "bad", "attempt": 0},
            "table sc-remediation, input tier: the value 'bad' is outside the declared domain.",
        ),
        ({"layer": "sc", "tier": "none", "attempt": 6}, "input attempt: the value 6 is outside the declared domain."),
        ({"layer": "sc", "tier": "none", "attempt": True}, "input attempt: the value True is outside the declared"),
        ({"layer": "sc", "tier": "none", "attempt": None}, "input attempt: the value None is outside the declared"),
        (
            {"layer": "sc", "tier": "none", "attempt": 0, "teir": "none"},
            "table sc-remediation: has no input 'teir'. Next: did you mean 'tier'?",
        ),
    ],
)
def test_an_unknown_input_is_an_error_and_no_match(inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError) as caught:
        evaluate(load_table(TABLE), inputs)
    assert message in str(caught.value)


def test_the_table_of_the_design_reads_from_text_too() -> None:
    text = """
decision_table: sc-remediation
inputs:
  - {name: attempt, type: integer, range: "[0..5]"}
  - {name: finding, type: string}
outputs:
  - {name: verb, type: string, values: [restart, hold]}
rules:
  - {id: one, when: {attempt: "< 2"}, then: {verb: restart}, rationale: try it, cool_down: 5m, expires: 2027-01-31}
  - {id: 2, when: {attempt: ">= 2", finding: 'not("unknown_executable", other)'}, then: {verb: hold}}
"""
    table = load_table(text)
    assert table.hit_policy == "UNIQUE"
    assert table.rules[0].guards.plain() == {"cool_down": 300, "expires": 1801439999.999999}
    assert evaluate(table, {"attempt": 1, "finding": "x"}).fired == ("one",)
    assert evaluate(table, {"attempt": 3, "finding": "x"}).fired == ("2",)
    [gap] = rule_findings(text)
    assert gap == {
        "code": "gap",
        "severity": "error",
        "rules": [],
        "witness": {"attempt": 2, "finding": "unknown_executable"},
        "message": "no rule matches attempt [2..5]; finding unknown_executable, other.",
    }


def test_open_domains_are_covered_only_by_open_tests() -> None:
    table = {
        "decision_table": "t",
        "inputs": [{"name": "size", "type": "number"}, {"name": "sc"}],
        "outputs": [{"name": "class"}],
        "rules": [
            {"id": "small", "when": {"size": "<= 0.5"}, "then": {"class": "s"}},
            {"id": "large", "when": {"size": "> 0.75", "sc": "not(dns)"}, "then": {"class": "l"}},
        ],
    }
    assert [finding["message"] for finding in rule_findings(table)] == [
        "no rule matches size (0.5..0.75].",
        "no rule matches size > 0.75; sc dns.",
    ]


def test_guard_rails_that_differ_make_an_overlap_where_only_order_could_choose() -> None:
    table: dict[str, Any] = {
        "decision_table": "t",
        "hit_policy": "ANY",
        "inputs": [{"name": "tier", "values": ["warning", "contraindicated"]}],
        "outputs": [{"name": "class", "values": ["restart", "hold"]}],
        "rules": [
            {"id": "slow", "when": {}, "then": {"class": "hold"}, "cool_down": 60},
            {"id": "fast", "when": {"tier": "warning"}, "then": {"class": "hold"}},
        ],
    }
    [found] = rule_findings(table)
    assert found["message"] == (
        "rules slow, fast: both match tier warning, which the hit policy ANY does not allow"
        " with different results or guard rails."
    )
    table["hit_policy"] = "PRIORITY"
    assert [finding["code"] for finding in rule_findings(table)] == ["overlap"]
    # Where a third rule outranks both, neither of them decides, and their order does not matter.
    table["rules"].append({"id": "first", "when": {"tier": "warning"}, "then": {"class": "restart"}})
    assert "overlap" not in [finding["code"] for finding in rule_findings(table)]


@pytest.mark.parametrize("name", sorted(shipped_tables()))
def test_the_shipped_tables_are_sound(name: str) -> None:
    assert rule_findings(shipped_tables()[name], name) == []
