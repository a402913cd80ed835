# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A thousand rules over ten inputs: sound, broken in one place, and hopelessly entangled."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.evaluate import CompiledTable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import analyse
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.table import load_table
from tests.unit.decision.large import random_inputs, sound_table


@pytest.mark.parametrize("policy", ["UNIQUE", "PRIORITY", "ANY"])
def test_a_thousand_sound_rules_are_proved(policy: str) -> None:
    table = {**sound_table(1000), "hit_policy": policy}
    assert (len(table["rules"]) >= 1000, len(table["inputs"])) == (True, 10)
    # It is made by splitting regions, of which neighbours at times have the same verb: those could be one rule.
    assert {finding.code for finding in analyse(load_table(table))} == {"contraction"}


def test_one_mistake_among_a_thousand_rules_is_found() -> None:
    table = sound_table(1000)
    lost = table["rules"].pop(500)
    found = analyse(load_table(table))
    assert {finding.code for finding in found} >= {"gap"}
    compiled = CompiledTable(load_table({**table, "rules": [lost]}))
    assert all(compiled.evaluate(finding.witness).fired for finding in found if finding.code == "gap")


def test_a_hopelessly_entangled_table_is_given_up() -> None:
    table = sound_table(600)
    chance = random.Random(3)  # noqa: S311 - makes tables, no secrets
    for rule in table["rules"]:
        for name in list(rule["when"]):
            if chance.random() < 0.5:
                del rule["when"][name]
    table["hit_policy"] = "PRIORITY"
    codes = Counter(finding.code for finding in analyse(load_table(table)))
    assert max(codes.values()) <= 200


def test_each_decision_is_that_of_the_only_rule_that_matches() -> None:
    table = load_table(sound_table(1000))
    compiled = CompiledTable(table)
    ends = {rule.id for rule in table.rules if rule.id.endswith(("-act", "-end"))}
    for point in random_inputs(random.Random(1), 200):  # noqa: S311 - makes inputs, no secrets
        (fired,) = compiled.evaluate(point).fired
        assert fired in ends
        assert fired.endswith("-act") == (point["attempt"] < 3)
