# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page on Event-Driven Ansible names every key of an event, every option and every rule."""

from __future__ import annotations

import json

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.events import options, rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.events.changes import Known, replaced
from ansible_collections.palantir.trust.plugins.plugin_utils.store.ledger import LedgerEntry
from tests.unit.docs.pages import blocks, first_codes, page, rows, section
from tests.unit.events.site import ear

COMMON = {"id", "sequence", "at", "kind", "node"}


def events() -> dict[str, set[str]]:
    """Return kind → keys of the events that are made of one entry of each kind."""
    result = {"id": 1, "state": "attested", "ear": ear({"os": "affirming"})}
    entries = [("attestation", "edge1", result), ("incident", "edge1/os", {"id": 1, "opened": "x"})]
    known, made = Known(), [replaced(1, 0.0)]
    for kind, subject, body in entries:
        made += known.changes(LedgerEntry(1, 0.0, kind, subject, json.dumps(body), "", ""))
    return {event["kind"]: set(event) - COMMON for event in made}


@pytest.mark.parametrize("kind", ["verdict", "state", "incident", "ledger"])
def test_every_key_of_an_event_is_told(kind: str) -> None:
    text = section(page("eda.md"), "## Events")
    common, *_ = text.partition("A `verdict` is")
    assert set(first_codes(common)) == COMMON
    told = next(part for part in text.split("\n\nA") if f"`{kind}`" in part.partition("\n")[0] and "|" in part)
    assert set(first_codes(told)) == events()[kind]


def test_every_option_is_told() -> None:
    assert set(first_codes(section(page("eda.md"), "## The event source"))) == set(options.NAMES)
    text = page("eda.md").partition("\n## The rulebook of a site\n")[2].partition("\n### ")[0]
    keys, _head, rules = text.partition("| rule | when | does |")
    assert set(first_codes(keys)) == set(rulebook.KEYS)
    (made,) = yaml.safe_load(rulebook.rulebook_files({"directory": "/d", "inventory": "/i"})[rulebook.RULEBOOK])
    told = [row[0] for row in rows("| rule | when | does |" + rules.partition("\n\n")[0])]
    assert told == [rule["name"] for rule in made["rules"]]


def test_the_example_of_a_site_makes_a_rulebook() -> None:
    (block,) = (block for block in blocks("yaml", "eda.md") if "palantir_trust_eda" in block.text)
    site = {"directory": "/d", "inventory": "/i", **yaml.safe_load(block.text)["palantir_trust_eda"]}
    assert set(rulebook.rulebook_files(site)) == {rulebook.RULEBOOK, rulebook.PLAYBOOK}
