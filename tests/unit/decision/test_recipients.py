# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table that says who is told: read beside those that decide, and refused where it could not say it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.recipients import Recipients, check_channels
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.inspection import inspect
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    AVAILABLE_VERBS,
    NOTICE_EVENTS,
    NOTICE_INPUTS,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from tests.unit.decision.scenes import shipped_tables

ASKED: dict[str, Any] = {
    "event": "opened",
    "layer": "os",
    "node": "edge1",
    "instance": "none",
    "finding": "unknown_executable",
    "attempt": 0,
    "minutes": 0,
}


def table(**changed: Any) -> dict[str, Any]:
    return {
        "decision_table": "who",
        "hit_policy": "COLLECT",
        "inputs": [
            {"name": "event", "type": "string", "values": list(NOTICE_EVENTS)},
            {"name": "attempt", "type": "integer", "range": "[0..9]"},
        ],
        "outputs": [{"name": "notify", "type": "string", "values": ["day", "night", "boss"]}],
        "rules": [
            {"id": "r1", "when": {"event": "opened"}, "then": {"notify": "night"}},
            {"id": "r2", "when": {"attempt": "< 3"}, "then": {"notify": "day"}},
            {"id": "r3", "when": {"attempt": ">= 3"}, "then": {"notify": "boss"}},
        ],
        **changed,
    }


def recipients(**changed: Any) -> Recipients:
    return Recipients(("boss", "day", "night"), load_rulebook(table(**changed), AVAILABLE_VERBS).notify)


def test_each_rule_that_fires_counts() -> None:
    assert set(ASKED) == set(NOTICE_INPUTS)
    assert recipients().of(ASKED) == (("day", "night"), ("r1", "r2"))
    assert recipients().of({**ASKED, "attempt": 3}) == (("boss", "night"), ("r1", "r3"))
    assert recipients().of({**ASKED, "event": "held"}) == (("day",), ("r2",))


def test_an_input_that_no_rule_matches_tells_nobody_and_one_outside_the_table_everybody() -> None:
    assert recipients(rules=table()["rules"][:1]).of({**ASKED, "event": "held"}) == ((), ())
    assert recipients().of({**ASKED, "attempt": 10}) == (("boss", "day", "night"), ())
    assert Recipients(("day",)).of(ASKED) == (("day",), ())


def test_it_stands_beside_the_tables_that_decide() -> None:
    texts = shipped_tables()
    book = load_rulebook([*texts.values(), table()], AVAILABLE_VERBS)
    assert book.notify is not None
    assert book.notify.table.name == "who"
    assert set(book.by_layer) == set(load_rulebook(texts, AVAILABLE_VERBS).by_layer)
    text = "decision_table: who\nhit_policy: COLLECT\ninputs: [{name: event, type: string}]\n"
    text += "outputs: [{name: notify, type: string, values: [day]}]\n"
    text += "rules: [{id: r1, when: {}, then: {notify: day}}]\n"
    assert inspect({**texts, "who.yml": text}).errors == ()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"outputs": [{"name": "notify", "type": "string"}]}, "notify must be a string with the names of the channels"),
        ({"inputs": [{"name": "tier", "type": "string"}], "rules": []}, "the input 'tier' is unknown"),
        ({"inputs": [{"name": "minutes", "type": "string"}], "rules": []}, "must have the type integer, not string"),
        (
            {"inputs": [{"name": "event", "type": "string", "values": ["closed"]}], "rules": []},
            "input event: the value 'closed' is unknown",
        ),
    ],
)
def test_a_table_that_could_not_say_it_is_refused(changed: dict[str, Any], message: str) -> None:
    if "rules" in changed:
        changed = {**changed, "rules": [{"id": "r1", "when": {}, "then": {"notify": "day"}}]}
    with pytest.raises(RuleError) as refused:
        load_rulebook(table(**changed), AVAILABLE_VERBS)
    assert message in str(refused.value)


def test_two_of_them_are_refused_and_so_is_a_channel_that_there_is_not() -> None:
    with pytest.raises(RuleError, match="says who is told, as table who does"):
        load_rulebook([table(), table(decision_table="too")], AVAILABLE_VERBS)
    compiled = load_rulebook(table(), AVAILABLE_VERBS).notify
    assert compiled is not None
    check_channels(compiled.table, ["boss", "day", "night"])
    with pytest.raises(RuleError, match=r"output notify: the value 'boss' is unknown"):
        check_channels(compiled.table, ["day", "night"])
