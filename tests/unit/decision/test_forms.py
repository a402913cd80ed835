# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table says the same in every form: plain data, YAML, CSV and DMN XML."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.plain import plain_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.write import write_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import Table, load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import write
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.brute import Drawn, tables
from tests.unit.decision.scenes import shipped_tables

MODELS = Path(__file__).parent / "models"
SHEET = """\
decision_table,sc-remediation,,,,
description,What is done about an SC.,,,,
hit_policy,UNIQUE,,,,
role,id,input,input,output,cool_down
name,,tier,attempt,verb,
type,,string,integer,string,
domain,,"none, affirming, warning, contraindicated",[0..9],"restart, hold, observe",
note,,The layer's tier,,,
rule,restart,contraindicated,< 2,restart,5m
rule,person,contraindicated,>= 2,hold,
rule,observe,not(contraindicated),-,observe,
,,,,,
"""
TEXT = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12).filter(
    lambda t: t == t.strip() and t.isprintable()
)
from tests.unit.support.examples import examples

LINES = st.text(st.characters(exclude_categories=["C"], include_characters="\n\r\t"), max_size=30).map(str.strip)


def normal(table: Table) -> Table:
    """Return a table with its tests in their canonical form, which is how XML brings them back."""
    rules = tuple(replace(r, when=tuple(replace(test, text=write(test)) for test in r.when)) for r in table.rules)
    return replace(table, rules=rules)


@st.composite
def dressed(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a table with everything that a table may have besides rules, in words from all over Unicode."""
    drawn: Drawn = draw(st.sampled_from(["UNIQUE", "PRIORITY", "COLLECT"]).flatmap(tables))
    data = drawn.data
    data["decision_table"] = draw(TEXT)
    data["description"] = draw(LINES)
    data["inputs"] = [{**column, "description": draw(LINES)} for column in data["inputs"]]
    data["inputs"].append({"name": "sc", "type": "string"})
    data["outputs"].append({"name": "said", "type": "string"})
    data["outputs"].append({"name": "weight", "type": "number", "values": [0, 0.25, 1]})
    for number, rule in enumerate(data["rules"]):
        rule["id"] = f"{draw(TEXT)}{number}"
        if draw(st.booleans()):
            rule["when"]["sc"] = draw(st.lists(TEXT.map(lambda t: f'"{_escaped(t)}"'), min_size=1, max_size=3))
        rule["then"] |= {"said": draw(st.text(st.characters(exclude_categories=["C"]), max_size=8)), "weight": 0.25}
        rule.update(
            draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "rationale": LINES,
                        "budget": st.integers(1, 1_000_000),
                        "cool_down": st.sampled_from([90, "5m", "2h"]),
                        "approval": st.just("person"),
                        "expires": st.sampled_from(["2027-01-31", "2030-12-31T06:00:00+02:00"]),
                        "owner": TEXT,
                        "preserve": st.just(True),
                    },
                )
            )
        )
    return data


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@examples(60)
@given(dressed())
def test_every_form_brings_the_same_table_back(data: dict[str, Any]) -> None:
    table = load_table(data)
    assert load_table(plain_table(table)) == table
    assert load_table(write_table(table, "yaml"), "t.yml") == table
    assert load_table(write_table(table, "csv"), "t.csv") == table
    # What a form is can also be told from the text.
    assert load_table(write_table(table, "csv")) == table
    assert normal(load_table(write_table(table, "dmn"))) == normal(table)


@pytest.mark.parametrize("name", sorted(shipped_tables()))
def test_the_shipped_tables_go_through_every_form(name: str) -> None:
    table = load_table(shipped_tables()[name], name)
    for form in ("yaml", "csv"):
        assert load_table(write_table(table, form)) == table
    assert load_table(write_table(table, "dmn")) == normal(table)


def test_a_model_that_dmn_js_has_saved_is_the_table_that_it_was_given() -> None:
    """The model is our own table, opened and saved again by dmn-js 17.10, on which Camunda Modeler is built."""
    text = (MODELS / "host-remediation.dmn").read_text(encoding="utf-8")
    assert load_table(text, "host-remediation.dmn") == normal(load_table(shipped_tables()["host-remediation.yml"]))


def test_a_sheet_reads_as_it_is_written() -> None:
    table = load_table(SHEET, "rules/sc.csv")
    assert table.name == "sc-remediation"
    assert table.description == "What is done about an SC."
    assert table.inputs[0].description == "The layer's tier"
    assert [rule.guards.plain() for rule in table.rules] == [{"cool_down": 300}, {}, {}]
    assert load_table(SHEET.replace("\n", "\r\n"), "rules/sc.csv") == table
    assert load_table("\ufeff" + SHEET, "rules/sc.csv") == table
    assert load_table(SHEET.rstrip(), "rules/sc.csv") == table
    assert write_table(table, "csv").splitlines()[8] == "rule,restart,contraindicated,< 2,restart,300"


@pytest.mark.parametrize(
    ("wrong", "right", "message"),
    [
        (
            "decision_table,",
            "decision_tabel,",
            "rules/sc.csv, line 1: begins with 'decision_tabel'. Next: did you mean",
        ),
        (
            "hit_policy,UNIQUE",
            "hit_policy,FIRST",
            "rules/sc.csv: table sc-remediation, hit_policy: FIRST is not accepted",
        ),
        (
            "hit_policy,UNIQUE,",
            "hit_policy,UNIQUE,ANY",
            "table sc-remediation, hit_policy: must have one value, at line 3.",
        ),
        (
            "role,id,input",
            "role,id,imput",
            "table sc-remediation, role: 'imput' is unknown. Next: did you mean 'input'?",
        ),
        ("role,id,", "role,owner,", "table sc-remediation, role: has no column id."),
        (
            "type,,string,integer",
            "type,,string,whole",
            "input attempt, type: 'whole' is unknown. Next: choose from: string",
        ),
        ("[0..9]", "not(3)", "input attempt, domain: is 'not(3)'. Next: list the values, or give one interval."),
        ("< 2,restart", "< 2,restrat", "rule restart, output verb: 'restrat' is not among the declared values."),
        ("< 2,restart", ",restart", 'table sc-remediation, rule restart, input attempt: is empty. Next: write "-"'),
        ("< 2,restart", '< 2,"restart, hold"', "rule restart, output verb: is 'restart, hold', which is no literal."),
        ("rule,restart,", "rule,,", "table sc-remediation, line 9: has no id. Next: name each rule."),
        ("rule,restart,", "rule,restart,-,", "rules/sc.csv, line 9: has 7 cells where the row role has 6."),
        (
            "rule,restart,",
            'rule,re"start,',
            "rules/sc.csv: is not CSV (RFC 4180) at line 9: '\"'. Next: put a cell that",
        ),
        ("rule,person,", 'rule,"person,', "rules/sc.csv: is not CSV (RFC 4180) at line 10"),
        ("type,,string", "name,,string", "rules/sc.csv, line 6: is the second row name. Next: keep one of them."),
        ("name,,tier,attempt,verb,\n", "", "rules/sc.csv: has no row name. Next: add it; see docs/rules.md."),
        ("5m", "soon", "rule restart, cool_down: must be a duration, not 'soon'."),
        (
            "name,,tier",
            "name,x,tier",
            "table sc-remediation, name: is given for the column id. Next: leave the cell empty.",
        ),
    ],
)
def test_a_mistake_in_a_sheet_is_named(wrong: str, right: str, message: str) -> None:
    assert SHEET.count(wrong) >= 1
    with pytest.raises(RuleError) as caught:
        load_table(SHEET.replace(wrong, right, 1), "rules/sc.csv")
    assert message in str(caught.value)


def test_a_sheet_with_semicolons_is_told_so() -> None:
    with pytest.raises(RuleError, match="export it with commas between the cells, not semicolons"):
        load_table('decision_table;"a"\nhit_policy;"UNIQUE"\n', "rules/sc.csv")


def test_rows_may_not_change_their_order() -> None:
    lines = SHEET.splitlines(keepends=True)
    with pytest.raises(RuleError, match="line 10: has the row note too late"):
        load_table("".join([*lines[:7], lines[8], lines[9], lines[7], *lines[10:]]), "rules/sc.csv")


@examples(200)
@given(st.text(max_size=60), st.sampled_from(["t.csv", "t.dmn", "t.yml", ""]))
def test_any_text_is_a_table_or_one_rule_error(text: str, source: str) -> None:
    with contextlib.suppress(RuleError):
        load_table(text, source)


@examples(100)
@given(st.integers(0, 2000), st.integers(0, 40), st.text('<>/"&;,-x \n', max_size=4), st.sampled_from(["csv", "dmn"]))
def test_a_damaged_form_is_a_table_or_one_rule_error(at: int, size: int, new: str, form: str) -> None:
    text = write_table(load_table(SHEET, "t.csv"), form)
    at %= len(text)
    with contextlib.suppress(RuleError):
        load_table(text[:at] + new + text[at + size :], f"t.{form}")


@pytest.mark.parametrize("form", ["yaml", "csv", "dmn"])
@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\u2028", "\x85"])
def test_line_ends_within_a_text_stay(form: str, end: str) -> None:
    data = plain_table(load_table(SHEET, "t.csv"))
    data["rules"][0]["rationale"] = data["description"] = f"one{end}two"
    read = load_table(write_table(load_table(data), form))
    assert read.rules[0].rationale == read.description == f"one{end}two"


def test_an_unknown_form_is_named() -> None:
    with pytest.raises(RuleError, match="form: 'xls' is unknown"):
        write_table(load_table(SHEET, "t.csv"), "xls")


def test_what_xml_cannot_hold_is_refused_and_not_dropped() -> None:
    data = {**plain_table(load_table(SHEET, "t.csv")), "description": "a\x01b"}
    with pytest.raises(RuleError, match=r"table sc-remediation: holds '\\x01', which XML cannot"):
        write_table(load_table(data), "dmn")
