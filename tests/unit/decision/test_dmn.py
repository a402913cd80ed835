# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models in the manners of the modellers, and what is refused of them, by name, rule and column."""

from __future__ import annotations

import re
import time

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.dmn import NAMESPACES
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import evaluate
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import rule_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

CAMUNDA = """\
<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" xmlns:biodi="http://bpmn.io/schema/dmn/biodi/2.0"
    xmlns:camunda="http://camunda.org/schema/1.0/dmn" id="d1" name="DRD" namespace="http://camunda.org/schema/1.0/dmn"
    exporter="Camunda Modeler" exporterVersion="5.14.0">
  <decision id="Decision_1" name="sc-remediation">
    <decisionTable id="DecisionTable_1">
      <input id="Input_1" label="How bad" biodi:width="192" camunda:inputVariable="tier">
        <inputExpression id="Expression_1" typeRef="string"><text>tier</text></inputExpression>
        <inputValues id="Values_1"><text>"none","affirming","warning","contraindicated"</text></inputValues>
      </input>
      <input id="Input_2">
        <inputExpression id="Expression_2" typeRef="integer"><text>attempt</text></inputExpression>
        <inputValues id="Values_2"><text>[0..9]</text></inputValues>
      </input>
      <output id="Output_1" label="Do" name="verb" typeRef="string">
        <outputValues id="Values_3"><text>"restart","hold","observe"</text></outputValues>
      </output>
      <rule id="Rule_1">
        <description>A fresh container has none of it.</description>
        <inputEntry id="U1"><text>"contraindicated"</text></inputEntry>
        <inputEntry id="U2"><text>&lt; 2</text></inputEntry>
        <outputEntry id="L1"><text>"restart"</text></outputEntry>
      </rule>
      <rule id="Rule_2">
        <inputEntry id="U3"><text>"contraindicated"</text></inputEntry>
        <inputEntry id="U4"><text>&gt;= 2</text></inputEntry>
        <outputEntry id="L2"><text>"hold"</text></outputEntry>
      </rule>
      <rule id="Rule_3">
        <inputEntry id="U5"><text>not("contraindicated")</text></inputEntry>
        <inputEntry id="U6"><text></text></inputEntry>
        <outputEntry id="L3"><text>"observe"</text></outputEntry>
      </rule>
    </decisionTable>
  </decision>
</definitions>
"""
KOGITO = """\
<?xml version="1.0" encoding="UTF-8" ?>
<dmn:definitions xmlns:dmn="http://www.omg.org/spec/DMN/20180521/MODEL/" xmlns:kie="https://kie.org/dmn/extensions/1.0"
    xmlns:feel="http://www.omg.org/spec/DMN/20180521/FEEL/" id="_1" name="remediation" namespace="https://kie.org/dmn/_1"
    typeLanguage="http://www.omg.org/spec/DMN/20180521/FEEL/">
  <dmn:extensionElements/>
  <dmn:itemDefinition id="_2" name="tTier" isCollection="false">
    <dmn:typeRef>tWord</dmn:typeRef>
    <dmn:allowedValues kie:constraintType="enumeration" id="_3">
      <dmn:text>"none", "affirming", "warning", "contraindicated"</dmn:text>
    </dmn:allowedValues>
  </dmn:itemDefinition>
  <dmn:itemDefinition id="_4" name="tWord"><dmn:typeRef>string</dmn:typeRef></dmn:itemDefinition>
  <dmn:itemDefinition id="_5" name="tAttempt">
    <dmn:typeRef>number</dmn:typeRef>
    <dmn:allowedValues><dmn:text>[0..9]</dmn:text></dmn:allowedValues>
  </dmn:itemDefinition>
  <dmn:inputData id="_6" name="tier"><dmn:variable id="_7" name="tier" typeRef="tTier"/></dmn:inputData>
  <dmn:decision id="_8" name="verb">
    <dmn:variable id="_9" name="verb" typeRef="string"/>
    <dmn:decisionTable id="_10" hitPolicy="PRIORITY" preferredOrientation="Rule-as-Row">
      <dmn:input id="_11">
        <dmn:inputExpression id="_12" typeRef="tTier"><dmn:text>tier</dmn:text></dmn:inputExpression>
      </dmn:input>
      <dmn:input id="_13">
        <dmn:inputExpression id="_14" typeRef="tAttempt"><dmn:text>attempt</dmn:text></dmn:inputExpression>
      </dmn:input>
      <dmn:output id="_15">
        <dmn:outputValues><dmn:text>"hold", "restart", "observe"</dmn:text></dmn:outputValues>
        <dmn:defaultOutputEntry id="_16"><dmn:text>"hold"</dmn:text></dmn:defaultOutputEntry>
      </dmn:output>
      <dmn:annotation name="Why"/>
      <dmn:annotation name="Cool down"/>
      <dmn:rule id="_17">
        <dmn:inputEntry><dmn:text>"contraindicated"</dmn:text></dmn:inputEntry>
        <dmn:inputEntry><dmn:text>-</dmn:text></dmn:inputEntry>
        <dmn:outputEntry><dmn:text>"restart"</dmn:text></dmn:outputEntry>
        <dmn:annotationEntry><dmn:text>try it</dmn:text></dmn:annotationEntry>
        <dmn:annotationEntry><dmn:text>5m</dmn:text></dmn:annotationEntry>
      </dmn:rule>
      <dmn:rule id="_18" label="person">
        <dmn:inputEntry><dmn:text>"contraindicated"</dmn:text></dmn:inputEntry>
        <dmn:inputEntry><dmn:text>]1..9]</dmn:text></dmn:inputEntry>
        <dmn:outputEntry><dmn:text>"hold"</dmn:text></dmn:outputEntry>
        <dmn:annotationEntry><dmn:text/></dmn:annotationEntry>
        <dmn:annotationEntry><dmn:text/></dmn:annotationEntry>
      </dmn:rule>
      <dmn:rule id="_19">
        <dmn:inputEntry><dmn:text>"none", "affirming", "warning"</dmn:text></dmn:inputEntry>
        <dmn:inputEntry><dmn:text>-</dmn:text></dmn:inputEntry>
        <dmn:outputEntry><dmn:text>"observe"</dmn:text></dmn:outputEntry>
        <dmn:annotationEntry><dmn:text></dmn:text></dmn:annotationEntry>
        <dmn:annotationEntry><dmn:text></dmn:text></dmn:annotationEntry>
      </dmn:rule>
    </dmn:decisionTable>
  </dmn:decision>
</dmn:definitions>
"""


def test_a_model_of_camunda_modeler() -> None:
    table = load_table(CAMUNDA, "rules/sc.dmn")
    assert (table.name, table.hit_policy) == ("sc-remediation", "UNIQUE")
    assert [(column.name, column.type) for column in table.inputs] == [("tier", "string"), ("attempt", "integer")]
    assert [rule.id for rule in table.rules] == ["Rule_1", "Rule_2", "Rule_3"]
    assert table.rules[0].rationale == "A fresh container has none of it."
    assert table.rules[2].when[1].is_any
    assert evaluate(table, {"tier": "contraindicated", "attempt": 1}).fired == ("Rule_1",)
    assert rule_findings(CAMUNDA, "rules/sc.dmn") == []


def test_a_model_of_kogito() -> None:
    table = load_table(KOGITO, "rules/sc.dmn")
    assert table.inputs[0].values == ("none", "affirming", "warning", "contraindicated")
    assert (table.inputs[1].type, table.inputs[1].range is not None) == ("integer", True)
    assert [output.name for output in table.outputs] == ["verb"]
    assert [rule.id for rule in table.rules] == ["_17", "person", "_19"]
    assert (table.rules[0].rationale, table.rules[0].guards.cool_down) == ("try it", 300)
    assert evaluate(table, {"tier": "contraindicated", "attempt": 2}).fired == ("person",)
    assert rule_findings(KOGITO, "rules/sc.dmn") == []


def test_a_prefix_on_every_element_and_on_types_as_signavio_and_trisotech_write_it() -> None:
    text = CAMUNDA.replace('typeRef="string"', 'typeRef="feel:string"').replace(
        "<definitions xmlns=", "<s:definitions xmlns:s="
    )
    for tag in ("definitions", "decision", "decisionTable", "input", "inputExpression", "inputValues", "output"):
        text = text.replace(f"<{tag} ", f"<s:{tag} ").replace(f"</{tag}>", f"</s:{tag}>")
    for tag in ("outputValues", "rule", "description", "inputEntry", "outputEntry", "text"):
        text = (
            text.replace(f"<{tag} ", f"<s:{tag} ").replace(f"<{tag}>", f"<s:{tag}>").replace(f"</{tag}>", f"</s:{tag}>")
        )
    assert load_table(text) == load_table(CAMUNDA)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_version_of_dmn_has_the_same_tables(namespace: str) -> None:
    text = CAMUNDA.replace("https://www.omg.org/spec/DMN/20191111/MODEL/", namespace)
    assert load_table(text) == load_table(CAMUNDA)


RULE = "table sc-remediation, rule Rule_1, input"


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        (
            '<text>"contraindicated"',
            "<text>contraindicated",
            f"{RULE} tier: the test 'contraindicated' refers to the name",
        ),
        (
            '<text>"contraindicated"',
            '<text>lower case("X")',
            f"{RULE} tier: 'lower case(\"X\")' has the FEEL function lower case,",
        ),
        (
            '<text>"contraindicated"',
            '<text>contains(?, "x")',
            f"{RULE} tier: 'contains(?, \"x\")' has FEEL's ?, which S-FEEL",
        ),
        (
            "<text>&lt; 2",
            "<text>&lt; limit + 2",
            f"{RULE} attempt: '< limit + 2' has the FEEL operator +, which S-FEEL has not.",
        ),
        (
            "<text>&lt; 2",
            "<text>&lt; 4 - 2",
            f"{RULE} attempt: '< 4 - 2' has the FEEL operator -, which S-FEEL has not.",
        ),
        ("<text>&lt; 2", "<text>&lt; limit", f"{RULE} attempt: expects an integer, not 'limit'."),
        ("<text>&lt; 2", "<text>= 2", f"{RULE} attempt: '= 2' has the FEEL operator =, which S-FEEL has not."),
        ("<text>&lt; 2", "<text>null", f"{RULE} attempt: 'null' has FEEL's null, which S-FEEL has not."),
        (
            "<text>&lt; 2",
            '<text>date("2027-01-31")',
            f"{RULE} attempt: 'date(\"2027-01-31\")' has the FEEL function date,",
        ),
        ("<text>&lt; 2", '<text>@"2027-01-31"', f"{RULE} attempt: '@\"2027-01-31\"' has a date or time, which S-FEEL"),
        (
            'id="U2"',
            'id="U2" expressionLanguage="juel"',
            f"{RULE} attempt: is written in 'juel'. Next: write it in S-FEEL.",
        ),
        (
            '<text>"restart"<',
            "<text>tier<",
            "rule Rule_1, output verb: the test 'tier' refers to the name 'tier'. Next: write",
        ),
        (
            '<text>"restart"<',
            '<text>"restart", "hold"<',
            'rule Rule_1, output verb: is \'"restart", "hold"\', which is no',
        ),
        ('<text>"restart"<', "<text><", "rule Rule_1, output verb: is empty."),
        ("<text>attempt<", "<text>attempt * 2<", "input attempt * 2: is a FEEL expression; an input is a plain name."),
        ("<text>attempt<", "<text>node.load<", "input node.load: is a FEEL expression; an input is a plain name."),
        ("<text>attempt<", "<text><", "input 2: has no expression. Next: name the input in its expression."),
        (
            'typeRef="integer"',
            'typeRef="date"',
            "input attempt: has the type 'date', which no test here knows. Next: use",
        ),
        (
            'id="DecisionTable_1"',
            'hitPolicy="FIRST"',
            "table sc-remediation, hit_policy: FIRST is not accepted: it makes the",
        ),
        (
            'id="DecisionTable_1"',
            'hitPolicy="COLLECT" aggregation="SUM"',
            "table sc-remediation, hitPolicy: the aggregation SUM is not accepted: it makes one value of many rules",
        ),
        ('<inputEntry id="U2"><text>&lt; 2</text></inputEntry>', "", "rule Rule_1: has 1 input entries for 2 inputs."),
        (
            "<decisionTable ",
            "<literalExpression><text>1</text></literalExpression><x ",
            "rules/sc.dmn: is not well-formed XML",
        ),
        (
            '<decision id="Decision_1"',
            '<decision id="a" name="a"/><decision id="Decision_1"',
            "rules/sc.dmn: holds 2 decisions (a, sc-remediation). Next: export one decision table to a file.",
        ),
        (
            '<decisionTable id="DecisionTable_1">',
            '<informationRequirement><requiredDecision href="#a"/></informationRequirement><decisionTable>',
            "table sc-remediation: depends on another decision. Next: give the table all that it needs as inputs.",
        ),
        (
            '<decision id="Decision_1"',
            '<itemDefinition name="string"><itemComponent name="a"/></itemDefinition><decision id="Decision_1"',
            "input tier: has the type 'string', which is a structure. Next: use plain values.",
        ),
        (
            '<decision id="Decision_1"',
            '<itemDefinition name="string"><typeRef>string</typeRef></itemDefinition><decision id="Decision_1"',
            "input tier: has a type that is defined by itself.",
        ),
        (
            'name="DRD"',
            'name="DRD" expressionLanguage="http://www.java.com/"',
            "table sc-remediation: is written in 'http://www.java.com/'. Next: write it in S-FEEL.",
        ),
        (
            "20191111",
            "20991111",
            "rules/sc.dmn: is no DMN model: its root is {https://www.omg.org/spec/DMN/20991111/MODEL/}def",
        ),
        (
            "<definitions ",
            "<!DOCTYPE definitions><definitions ",
            "has a document type declaration (DOCTYPE) at line 2. Next",
        ),
        ("</definitions>", "", "rules/sc.dmn: is not well-formed XML at line 37"),
    ],
)
def test_what_is_refused_is_named(right: str, wrong: str, message: str) -> None:
    assert right in CAMUNDA
    with pytest.raises(RuleError) as caught:
        load_table(CAMUNDA.replace(right, wrong, 1), "rules/sc.dmn")
    assert message in str(caught.value)


def test_a_decision_without_a_table_is_named() -> None:
    text = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"><decision name="a">'
        "<literalExpression><text>1</text></literalExpression></decision></definitions>"
    )
    with pytest.raises(RuleError, match="the decision a is literalExpression, and no decision table"):
        load_table(text, "a.dmn")


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("a" + " " * 4000 + "b", "refers to the name 'a'"),
        ('"' + '\\"' * 2000, "which is no part of a test"),
        ("a " * 2000 + "(", "has the FEEL function a a a"),
        ("not (" * 800, "rule Rule_1, input tier: "),
        ("x" * 4_000_000, "is longer than 4096 characters"),
    ],
)
def test_a_long_cell_is_little_work(cell: str, message: str) -> None:
    begun = time.process_time()
    with pytest.raises(RuleError, match=re.escape(message)):
        load_table(CAMUNDA.replace('<text>"contraindicated"', f"<text>{cell}", 1), "rules/sc.dmn")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;&x;">]><a>&z;</a>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:1/a.dtd"><a/>',
    ],
)
def test_no_entity_is_ever_defined_or_fetched(text: str) -> None:
    with pytest.raises(RuleError, match="has a document type declaration"):
        load_table(text, "a.dmn")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a>" * 100, "a.dmn: has over 64 levels at line 1. Next: split the decision table."),
        ("<a>" + "<b/>" * 600_000 + "</a>", "a.dmn: has more than 500000 elements at line 1."),
        ("<a>&undefined;</a>", "a.dmn: is not well-formed XML at line 1, column 4: undefined entity."),
        ("", "a.dmn: is not well-formed XML at line 1, column 1: no element found."),
        ("<a>\ud800</a>", "a.dmn: is not well-formed XML at line 1, column 4: not well-formed (invalid token)."),
        ("<a " + " ".join(f"x{n}=''" for n in range(9)) + " x1=''/>", "duplicate attribute."),
    ],
)
def test_xml_is_bounded_and_well_formed(text: str, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        load_table(text, "a.dmn")
    assert message in str(caught.value)
