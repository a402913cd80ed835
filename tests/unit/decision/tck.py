# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision tables of the DMN TCK, compliance level 2, in our own words: what each says, and what it must answer.

https://github.com/dmn-tck/tck, TestCases/compliance-level-2. Of its decisions, those that are decision tables are
here, by the number of their case. All of them ask for the age, the category of risk, and whether it is affordable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

NAMESPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"
Rule = tuple[str, str, str, tuple[str, ...]]
STATUS, RATE = ('"Approved", "Declined"', '"Best", "Standard"')


@dataclass(frozen=True)
class Case:
    """A decision table, and for each (age, risk, affordable) the results of the rules that decide.

    ``outputs`` gives name and allowed values; a name is empty where the model leaves it to the decision.
    """

    hit_policy: str
    outputs: tuple[tuple[str, str], ...]
    rules: tuple[Rule, ...]
    answers: dict[tuple[int, str, bool], list[tuple[str, ...]]] = field(default_factory=dict)
    codes: frozenset[str] = frozenset()
    aggregation: str = ""

    def model(self) -> str:
        """Return it as a DMN model, as modellers lay it out."""
        inputs = (
            ("Age", "number", ""),
            ("RiskCategory", "string", '"High", "Low", "Medium"'),
            ("isAffordable", "boolean", ""),
        )
        lines = [
            f'<definitions xmlns="{NAMESPACE}" name="tck" namespace="https://example.com">',
            '<decision id="d" name="Approval Status"><variable name="Approval Status" typeRef="string"/>',
            f'<decisionTable hitPolicy="{self.hit_policy}"{self.aggregation and f" aggregation={self.aggregation!r}"}>',
        ]
        for name, kind, values in inputs:
            lines.append(
                f'<input label="{name}"><inputExpression typeRef="{kind}"><text>{name}</text></inputExpression>'
            )
            lines.append(f"<inputValues><text>{values}</text></inputValues></input>" if values else "</input>")
        for name, values in self.outputs:
            named = f' name="{name}" typeRef="string"' if name else ""
            allowed = f"<outputValues><text>{values}</text></outputValues>" if values else ""
            lines.append(f"<output{named}>{allowed}</output>")
        for number, (*tests, results) in enumerate(self.rules, 1):
            lines.append(f'<rule id="_{number}">{_entries("inputEntry", tests)}')
            lines.append(f"{_entries('outputEntry', [f'{chr(34)}{text}{chr(34)}' for text in results])}</rule>")
        return "\n".join([*lines, "</decisionTable></decision></definitions>"])


def _entries(tag: str, texts: Sequence[str]) -> str:
    return "".join(f"<{tag}><text>{escape(text)}</text></{tag}>" for text in texts)


ONE = (("", STATUS),)
TWO = (("Status", STATUS), ("Rate", RATE))
OPEN_RATE = (("Approved/Declined", STATUS), ("Rate", ""))
_SIMPLE: dict[tuple[int, str, bool], list[tuple[str, ...]]] = {
    (18, "Medium", True): [("Approved",)],
    (17, "Medium", True): [("Declined",)],
    (18, "High", True): [("Declined",)],
}
_LAX: tuple[Rule, ...] = (
    (">=18", '"Medium","Low"', "true", ("Approved",)),
    ("<18", "-", "-", ("Declined",)),
    ("-", '"High"', "-", ("Declined",)),
    ("-", "-", "false", ("Declined",)),
)
_RATED: tuple[Rule, ...] = (
    (">=18", '"Low"', "true", ("Approved", "Best")),
    (">=18", '"Medium"', "true", ("Approved", "Standard")),
    ("<18", '"Medium","Low"', "true", ("Declined", "Standard")),
    ("-", '"High"', "true", ("Declined", "Standard")),
    ("-", "-", "false", ("Declined", "Standard")),
)
_OPEN: tuple[Rule, ...] = (
    (">=18", '"Medium","Low"', "true", ("Approved", "Basic")),
    ("<18", "-", "-", ("Declined", "Standard")),
    ("-", '"High"', "-", ("Approved", "Standard")),
)

CASES = {
    "0004-simpletable-U": Case(
        "UNIQUE",
        ONE,
        (
            (">=18", '"Medium","Low"', "true", ("Approved",)),
            ("<18", '"Medium","Low"', "true", ("Declined",)),
            ("-", '"High"', "true", ("Declined",)),
            ("-", "-", "false", ("Declined",)),
        ),
        _SIMPLE,
    ),
    "0005-simpletable-A": Case("ANY", ONE, _LAX, _SIMPLE),
    "0006-simpletable-P1": Case("PRIORITY", ONE, _LAX, _SIMPLE),
    "0007-simpletable-P2": Case("PRIORITY", ONE, (_LAX[0], ("-", "-", "-", ("Declined",))), _SIMPLE),
    "0010-multi-output-U": Case(
        "UNIQUE",
        TWO,
        _RATED,
        {
            (18, "Medium", True): [("Approved", "Standard")],
            (17, "Medium", True): [("Declined", "Standard")],
            (18, "High", True): [("Declined", "Standard")],
        },
    ),
    "0117-multi-any-hitpolicy": Case(
        "ANY",
        TWO,
        (*_RATED, (">=19", '"Low"', "true", ("Approved", "Best"))),
        {
            (19, "Low", True): [("Approved", "Best")],
            (17, "High", True): [("Declined", "Standard")],
            (19, "Medium", True): [("Approved", "Standard")],
        },
        frozenset({"subsumed"}),
    ),
    "0118-multi-priority-hitpolicy": Case(
        "PRIORITY",
        OPEN_RATE,
        _OPEN,
        {
            (17, "High", True): [("Approved", "Standard")],
            (19, "Low", True): [("Approved", "Basic")],
            (10, "Low", True): [("Declined", "Standard")],
        },
        # Nobody of age with a low or medium risk hears what happens where it is not affordable.
        frozenset({"gap", "misleading"}),
    ),
    "0119-multi-collect-hitpolicy": Case(
        "COLLECT",
        OPEN_RATE,
        _OPEN,
        {
            (17, "High", True): [("Declined", "Standard"), ("Approved", "Standard")],
            (19, "Low", True): [("Approved", "Basic")],
            (10, "Low", True): [("Declined", "Standard")],
        },
        frozenset({"gap"}),
    ),
}
"""The cases that apply."""

REFUSED = {
    "0108-first-hitpolicy": (Case("FIRST", TWO, _RATED), "FIRST is not accepted"),
    "0109-ruleOrder-hitpolicy": (Case("RULE ORDER", TWO, _RATED), "RULE ORDER is not accepted"),
    "0110-outputOrder-hitpolicy": (Case("OUTPUT ORDER", TWO, _RATED), "OUTPUT ORDER is not accepted"),
    "0111-first-hitpolicy-singleoutputcol": (Case("FIRST", ONE, _LAX), "FIRST is not accepted"),
    "0112-ruleOrder-hitpolicy-singleinoutcol": (Case("RULE ORDER", ONE, _LAX), "RULE ORDER is not accepted"),
    "0113-outputOrder-hitpolicy-singleinoutcol": (Case("OUTPUT ORDER", ONE, _LAX), "OUTPUT ORDER is not accepted"),
    "0114-min-collect-hitpolicy": (
        Case("COLLECT", ONE, _LAX, aggregation="MIN"),
        "the aggregation MIN is not accepted",
    ),
    "0115-sum-collect-hitpolicy": (
        Case("COLLECT", ONE, _LAX, aggregation="SUM"),
        "the aggregation SUM is not accepted",
    ),
    "0116-count-collect-hitpolicy": (
        Case("COLLECT", ONE, _LAX, aggregation="COUNT"),
        "the aggregation COUNT is not accepted",
    ),
}
"""The cases that are refused, as they must be, and by which words."""

__all__ = ["CASES", "NAMESPACE", "REFUSED", "Case"]
