# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are not safe to run, and arguments that make no sense, are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, RuleError, TrustError
from tests.unit.decision.scenes import attested, guarded, incident, plan, shipped_tables, silent, state

DNS = ("dns-filter-1",)
SOUND = attested()
ATTACKED_SC = attested(instances=DNS, dns_filter_1="contraindicated")
ATTACKED_HOST = attested(instances=DNS, os="contraindicated", runtime="contraindicated", dns_filter_1="contraindicated")


def remade(**changes: Any) -> dict[str, Any]:
    return {**guarded(), **changes}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            remade(rules=guarded()["rules"][1:]),
            (
                "table guarded: gap: no rule matches tier none, affirming, warning."
                " Witness: layer sc, tier none, attempt 0. Next: see all findings with the filter"
            ),
        ),
        (
            remade(rules=[{"id": "all", "then": {"verb": "restart"}}]),
            "rule all: the ladder that does restart is still at restart at its last attempt; it must end in fence",
        ),
        (remade(hit_policy="COLLECT"), "hit_policy: COLLECT yields many verbs where one is needed. Next: use UNIQUE,"),
        (
            remade(outputs=[{"name": "verb", "values": ["restrat"]}], rules=[]),
            "table guarded, output verb: the value 'restrat' is unknown. Next: did you mean 'restart'?",
        ),
        (
            remade(inputs=[{"name": "layer", "values": ["os"]}, *guarded()["inputs"][1:]]),
            "table guarded, rule act: the verb restart is only for the layer sc. Next: add layer: sc to its when.",
        ),
        (
            remade(inputs=[{"name": "layer", "values": ["sc"]}], rules=[{"id": "r", "then": {"verb": "restart"}}]),
            "rule r: the verb restart is destructive, but the table has no input tier. Next: declare it",
        ),
        (
            remade(inputs=[{"name": "layer", "values": ["scs"]}], rules=[]),
            "table guarded, input layer: the value 'scs' is unknown. Next: did you mean 'sc'?",
        ),
        (
            remade(inputs=[{"name": "teir"}], rules=[]),
            "table guarded: the input 'teir' is unknown. Next: did you mean 'tier'?",
        ),
        (
            [guarded(), remade(decision_table="again")],
            "table again: decides the layer sc, as table guarded does. Next: name the layers of each table",
        ),
        ({"rules/a.yml": "decision_table: a\nrulez: []"}, "rules/a.yml: table a: has the unknown key 'rulez'."),
        (5, "tables: must be decision tables, not int."),
    ],
)
def test_a_table_that_is_not_safe_to_run_is_refused(tables: Any, message: str) -> None:
    with pytest.raises(RuleError) as caught:
        plan({"node1": SOUND}, tables=tables)
    assert message in str(caught.value)


def test_a_table_that_yields_what_cannot_be_carried_out_is_refused() -> None:
    with pytest.raises(
        RuleError, match=r"rule act: the verb restart is not available here. Next: choose from: hold, ob"
    ):
        plan({"node1": SOUND}, tables=guarded(), available_verbs=["hold", "observe"])


@pytest.mark.parametrize(
    ("ears", "known", "catalogue", "message"),
    [
        ({"node1": silent("asleep")}, state(), {}, "decide: ears.node1.state: 'asleep' is unknown. Next: choose from"),
        ({"node1": {"state": "attested", "ear": None}}, state(), {}, "decide: ears.node1.ear: must be a mapping, not"),
        ([], state(), {}, "decide: ears: must be a mapping, not list."),
        (
            {},
            {"now": "later"},
            {},
            "decide: state.now: must be a time, not 'later'. Next: give seconds",
        ),
        ({}, state(incident("os", -1)), {}, "decide: state.incidents[0].attempt: must be an integer from 0, not -1."),
        ({}, state(incident("os", 1, state="asleep")), {}, "state.incidents[0].state: 'asleep' is unknown."),
        ({}, state(instances=[{"instance": "x"}]), {}, "decide: state.instances[0].sc: must be a text."),
        (
            {},
            state(),
            {"dns-filter": {"placement": {"rack": 1}}},
            "SC dns-filter, placement: has the unknown key 'rack'",
        ),
    ],
)
def test_malformed_arguments_are_one_clear_error(ears: Any, known: Any, catalogue: Any, message: str) -> None:
    with pytest.raises(TrustError) as caught:
        plan(ears, known, catalogue=catalogue, tables=shipped_tables())
    assert message in str(caught.value)
    assert isinstance(caught.value, CatalogueError) == bool(catalogue)
