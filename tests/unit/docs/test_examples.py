# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation's examples load, and its links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import parse
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.findings import rule_findings
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import VERBS
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import from_plain
from tests.unit.docs.pages import PAGES, PLAYBOOKS, ROOT, Block, blocks, named, of_file

# Blocks


@pytest.mark.parametrize("block", blocks("yaml"), ids=named)
def test_yaml_parses(block: Block) -> None:
    assert yaml.safe_load(block.text)


@pytest.mark.parametrize("block", blocks("json"), ids=named)
def test_json_parses(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", blocks("python"), ids=named)
def test_python_compiles(block: Block) -> None:
    compile(block.text, named(block), "exec")


@pytest.mark.parametrize("block", blocks("shell"), ids=named)
def test_commands_name_playbooks_and_make_targets_that_exist(block: Block) -> None:
    playbooks = {path.stem for path in PLAYBOOKS}
    for command in re.findall(r"^ansible-playbook .*", block.text, re.MULTILINE):
        called = set(re.findall(r"\bpalantir\.trust\.(\w+)", command))
        assert called <= playbooks, command
        assert called or (ROOT / command.split()[1]).is_file(), command
    targets = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make ([\w-]+)", block.text, re.MULTILINE):
        assert re.search(rf"^{target}:|^[\w -]*\b{target}\b[\w -]*:", targets, re.MULTILINE), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_relative_links_resolve(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)|^\[[\w-]+\]: (\S+)", text, re.MULTILINE):
        link = target[0] or target[1]
        if link.startswith("https://"):
            continue
        file, _hash, anchor = link.partition("#")
        aim = (path.parent / file).resolve() if file else path
        assert aim.is_file(), link
        if anchor:
            assert anchor in anchors(aim), link


def anchors(path: Path) -> set[str]:
    """Return the anchors that a renderer makes of a page's headings."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    heads = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def test_shown_text_fits_a_terminal() -> None:
    for block in blocks("text"):
        assert "flock" in block.text or max(map(len, block.text.splitlines())) <= 80, named(block)


# The site of the README


def test_the_inventory_has_the_nodes_and_localhost() -> None:
    inventory = of_file("hosts.yml")["all"]
    assert inventory["hosts"] == {"localhost": {"ansible_connection": "local"}}
    nodes = inventory["children"]["nodes"]["hosts"]
    site = of_file("group_vars/all/site.yml")
    assert {item["node"] for item in site["palantir_trust_instances"]} <= nodes.keys()
    assert set(of_file("catalogue/dns-filter.yml")["placement"]) == nodes.keys()


def test_the_policy_loads() -> None:
    assert load_policy(of_file("group_vars/all/site.yml")["palantir_trust_policy"]).name == "mysite"


def test_images_and_catalogue_fit_together() -> None:
    site = of_file("group_vars/all/site.yml")
    descriptor = parse(of_file("catalogue/dns-filter.yml"), "README.md")
    images = {image["kind"]: image for image in site["palantir_trust_images"]}
    assert tuple(images) == ("host", "boot", "sc")
    assert images["sc"]["name"] == descriptor.sc
    assert images["sc"]["document"] == descriptor.flavours[0].reference_values
    assert [item["sc"] for item in site["palantir_trust_instances"]] == [descriptor.sc]


def test_the_descriptor_is_the_shipped_one_at_another_place() -> None:
    ours = of_file("catalogue/dns-filter.yml")
    shipped = yaml.safe_load((ROOT / "inventories/lab/catalogue/dns-filter.yml").read_text(encoding="utf-8"))
    del ours["placement"]
    # One is enough to begin with.
    del shipped["flavours"][1:]
    for descriptor in (ours, shipped):
        for flavour in descriptor["flavours"]:
            del flavour["archive"]
    assert ours == shipped


def test_an_inventory_is_named_by_its_file() -> None:
    texts = [block.text for block in (*blocks("shell"), *blocks("ini"), *blocks("text"))]
    named_so = [name for text in texts for name in re.findall(r" -i (\S+)", text)]
    assert set(named_so) == {"inventories/mysite/hosts.yml", "inventories/mysite/palantir_trust.yml"}


def test_the_rule_tables_are_sound_and_decide_as_the_shipped_ones() -> None:
    tables = [of_file("rules/sc-remediation.yml")]
    tables += [yaml.safe_load(block.text) for block in blocks("yaml", "rules.md") if "decision_table" in block.text]
    *tables, told = tables
    assert len(tables) == 2
    assert load_rulebook(told, VERBS).notify is not None
    for table in tables:
        assert rule_findings(table) == []
        load_rulebook(table, VERBS)
    shipped = yaml.safe_load((ROOT / "roles/remediate/files/rules/sc-remediation.yml").read_text(encoding="utf-8"))
    for rule in shipped["rules"]:
        rule.pop("rationale")
    assert tables[0] == shipped


def test_the_sheet_of_the_rules_page_is_sound() -> None:
    (sheet,) = (block for block in blocks("text", "rules.md") if block.text.startswith("decision_table,"))
    assert rule_findings(sheet.text, "rules.csv") == []


def test_the_other_examples_load() -> None:
    for block in blocks("yaml", "policy.md"):
        load_policy(yaml.safe_load(block.text)["palantir_trust_policy"])
    (descriptor,) = (block for block in blocks("yaml", "catalogue.md") if block.text.startswith("sc:"))
    parse(yaml.safe_load(descriptor.text), "catalogue.md")
    (document,) = blocks("json", "reference-values.md")
    from_plain(json.loads(document.text), "reference-values.md")
