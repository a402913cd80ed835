# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job leaves to those that follow, and how what is shown stays short enough to be kept by AWX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.action.plan import ActionModule
from ansible_collections.palantir.trust.plugins.filter.verdict_counts import FilterModule
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import RESULT_LIMIT
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, plan
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.size import MAX_STEPS
from ansible_collections.palantir.trust.plugins.plugin_utils.report.plans import plan_table
from ansible_collections.palantir.trust.plugins.plugin_utils.report.shorter import fitted, shortened
from ansible_collections.palantir.trust.plugins.plugin_utils.report.verdicts import LIMIT, verdict_table
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.recovery.test_planning import LAB, ear
from tests.unit.support.examples import examples

verdict_counts = FilterModule().filters()["verdict_counts"]


def attested(node: str, tier: str, **submods: Any) -> dict[str, Any]:
    return {"node": node, "state": "attested", "message": "", "ear": {"ear_status": tier, "submods": submods}}


def test_counts_have_nothing_in_them_that_a_node_wrote() -> None:
    trap = "{{ lookup('pipe', 'touch /tmp/trap') }}"
    results = [
        attested("node1", "affirming"),
        attested("node2", "contraindicated", os={"palantir.findings": [{"message": trap}]}),
        {"node": "node3", "state": "no_evidence", "message": trap, "ear": None},
        {"node": "node4", "state": "no_result"},
        attested("node5", trap),
        {"node": trap, "state": trap},
    ]
    assert verdict_counts(results) == {
        "nodes": 6,
        "none": 0,
        "affirming": 1,
        "warning": 0,
        "contraindicated": 1,
        "unreachable": 0,
        "not_enrolled": 0,
        "no_evidence": 1,
        "verifier_fault": 2,
        "no_result": 1,
        "not_affirming": ["node2", "node3", "node4", "node5"],
        "not_named": 1,
    }
    with pytest.raises(AnsibleFilterError, match=r"not a list of results of palantir\.trust\.attest"):
        verdict_counts([{}])


def test_of_a_large_fleet_as_many_are_named_as_a_variable_has_room_for() -> None:
    counts = verdict_counts([{"node": f"node{n:04}", "state": "unreachable"} for n in range(1000)])
    assert (counts["unreachable"], len(counts["not_affirming"]), counts["not_named"]) == (1000, 100, 900)


def test_a_short_result_is_left_alone() -> None:
    result = {"steps": [1], "held": ["x"] * 3, "table": "a\nb"}
    assert fitted(result, ("held", "table", "missing"), 1000) == result


def test_what_is_long_gives_room_to_what_is_short() -> None:
    result = {"steps": ["s"] * 10, "few": ["x"] * 3, "many": ["y" * 90] * 1000, "table": "line\n" * 9999}
    short = fitted(result, ("few", "many", "table"), 20_000)
    assert len(json.dumps(short)) <= 20_000
    assert (short["steps"], short["few"]) == (result["steps"], result["few"])
    assert short["left_out"] == {"many": 1000 - len(short["many"])}
    assert len(short["many"]) > 50
    assert short["table"].splitlines()[-1] == f"… and {10_000 - short['table'].count('line') + 1} more lines."


@given(st.text(), st.integers(200, 2000))
@examples(50)
def test_a_text_is_never_longer_than_said(text: str, limit: int) -> None:
    for long in (text, text * 50, "\n".join([text] * 50)):
        assert len(json.dumps(shortened(long, limit))) <= limit


def finding(number: int) -> dict[str, Any]:
    return {"code": "unknown_executable", "tier": "contraindicated", "path": "/x", "message": "é" * 200, "digest": None}


def test_the_verdicts_of_a_large_fleet_fit() -> None:
    layers = ("hardware", "firmware", "os", "runtime", *(f"sc:filter-{n}" for n in range(8)))
    good = {"ear_status": "affirming", "palantir.findings": []}
    bad = {"ear_status": "contraindicated", "palantir.findings": [finding(n) for n in range(3)]}
    sound = [attested(f"node{n:04}", "affirming", **dict.fromkeys(layers, good)) for n in range(1500)]
    text = verdict_table(
        [*sound, attested("node9999", "contraindicated", **{**dict.fromkeys(layers, good), "os": bad})]
    )
    assert text.startswith("1500 of 1501 nodes are affirming in every layer, and not shown.\n\nNODE")
    assert text.count("node9999") == len(layers) + 1
    text = verdict_table(attested(f"node{n:04}", "contraindicated", **dict.fromkeys(layers, bad)) for n in range(1500))
    assert LIMIT // 2 < len(json.dumps(text)) <= LIMIT
    assert text.count("more lines.") == 2, "of the table and of the notes"


FOR_A_PERSON = """
decision_table: all
hit_policy: UNIQUE
inputs:
  - {name: tier, type: string, values: [none, affirming, warning, contraindicated]}
outputs:
  - {name: verb, type: string, values: [hold, observe]}
rules:
  - {id: person, when: {tier: contraindicated}, then: {verb: hold}, rationale: A person looks.}
  - {id: nothing, when: {tier: not(contraindicated)}, then: {verb: observe}}
"""


def test_the_plan_of_a_large_fleet_fits_and_comes_to_all_of_it_in_time(tmp_path: Path) -> None:
    """Every node is distrusted, each for another reason: as many incidents as there are nodes, all for a person."""
    names = [f"node{n:03}" for n in range(600)]
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    with Store(url).transaction() as connection:
        for number, name in enumerate(names):
            identities.save(connection, name, f"{number:064}", {}, {"hardware": None, "events": None}, 1.0)
            found = ear(100, firmware=f"unknown_firmware_{name}") | {"ear_status": "contraindicated"}
            attestations.record(connection, name, 100.0, "attested", ear=found)
        site = Site(names, {"all.yml": FOR_A_PERSON}, load_directory(LAB / "catalogue"), "controller")
        made = plan(connection, site, 100.0, 101.0)
    whole = {**made, "table": plan_table(made)}
    assert len(json.dumps(whole)) > RESULT_LIMIT, "the test shows nothing"
    short = fitted(whole, ActionModule.FOR_PEOPLE, RESULT_LIMIT)
    assert len(json.dumps(short)) <= RESULT_LIMIT
    assert short["steps"] == made["steps"]
    assert len(made["steps"]) == MAX_STEPS
    put_off = [item for item in made["deferred"] if item["reason"] == "max_steps"]
    assert len(put_off) == len(names) - MAX_STEPS
    assert made["verdicts"]["contraindicated"] == len(names)
    assert made["incidents"]["open"] == MAX_STEPS
