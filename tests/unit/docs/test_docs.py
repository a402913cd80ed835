# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation says what the code does: its tables are complete."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.palantir.trust.plugins.action.attest import NODE_OPTIONS
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import build_ear
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import (
    AppraisalPolicy,
    ImaPolicy,
    Waiver,
    load_policy,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding, LayerVerdict
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import CODES, severity
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    GUARD_RAILS,
    LABEL,
    SUBJECT_INPUTS,
    VERBS,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import KINDS, ReferenceDocument
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import STATES
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import metadata
from tests.unit.docs.pages import PAGES, PLAYBOOKS, ROOT, blocks, first_codes, page, rows, section

# Variables


def plays() -> Iterator[Path]:
    yield from PLAYBOOKS
    yield from (ROOT / "playbooks/tasks").glob("*.yml")
    yield from (ROOT / "roles").rglob("*.yml")


def set_by_plays() -> set[str]:
    """Return the variables that plays set for themselves."""
    found: set[str] = set()
    for path in plays():
        for part in walk(yaml.safe_load(path.read_text(encoding="utf-8"))):
            found.update(str(part[key]) for key in ("register", "loop_var") if key in part)
            for key in ("vars", "ansible.builtin.set_fact"):
                found.update(part.get(key) or {})
    return found


def walk(data: Any) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        yield data
    for item in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from walk(item)


def named_variables(paths: Iterable[Path]) -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in paths)
    return {name for text in texts for name in re.findall(r"\bpalantir_trust_[a-z0-9_]+", text)}


def test_every_variable_is_documented_and_every_documented_one_exists() -> None:
    code = named_variables([*plays(), *(ROOT / "inventories").rglob("*.yml")]) - set_by_plays()
    code |= {f"palantir_trust_{option}" for option in NODE_OPTIONS}
    edge = ROOT / "plugins/plugin_utils/edge"
    code |= named_variables([ROOT / "plugins/inventory/catalogue.py", edge / "agent.py", edge / "ssh.py"])
    for_users = {name for name in code if not name.startswith("palantir_trust_lab_")}
    assert named_variables(PAGES) == for_users
    assert named_variables([ROOT / "docs/playbooks.md"]) == for_users


@pytest.mark.parametrize("role", ["attester", "node_access", "orchestrate", "power", "remediate", "sc_image", "timers"])
def test_every_variable_of_a_role_is_documented(role: str) -> None:
    text = section(page("playbooks.md"), "## Variables of the roles")
    specification = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
    options = set(specification["argument_specs"]["main"]["options"])
    assert {name for name in first_codes(text) if name.startswith(f"{role}_")} == options
    defaults = yaml.safe_load((ROOT / f"roles/{role}/defaults/main.yml").read_text(encoding="utf-8"))
    shown = {name.strip("`"): cells[1].replace("\\|", "|") for name, *cells in (r[:1] + r for r in rows(text))}
    for name, default in defaults.items():
        for value in default if isinstance(default, list) else [default]:
            assert f"`{json.dumps(value) if isinstance(value, bool) else value}`" in shown[name], name


def test_every_playbook_is_documented() -> None:
    text = page("playbooks.md")
    assert first_codes(text[: text.index("## ")]) == [
        "reference_values",
        "enrol",
        "known_hosts",
        "access",
        "package",
        "admit",
        "deploy",
        "orchestrate",
        "rules",
        "attest",
        "cycle",
        "watch",
        "remediate",
        "answer",
        "stop",
        "power",
        "report",
        "store",
        "rulebook",
    ]
    assert {path.stem for path in PLAYBOOKS} == set(first_codes(text[: text.index("## ")]))


# Reference pages


def test_the_policy_page_names_every_key() -> None:
    text = page("policy.md")
    assert sorted(re.findall(r"^### `(\w+)`$", text, re.MULTILINE)) == sorted(f.name for f in fields(AppraisalPolicy))
    assert first_codes(section(text, "### `ima`")) == [f.name for f in fields(ImaPolicy)]
    assert sorted(first_codes(section(text, "### `waivers`"))) == sorted(f.name for f in fields(Waiver))


@pytest.mark.parametrize("key", [f.name for f in fields(AppraisalPolicy) if f.name != "ima"])
def test_the_policy_page_has_the_defaults(key: str) -> None:
    said = section(page("policy.md"), f"### `{key}`").strip()
    default = getattr(AppraisalPolicy(), key)
    if isinstance(default, str):
        assert said.startswith(f"Default: `{default}`.")
    elif isinstance(default, bool):
        assert said.startswith(f"Default: `{str(default).lower()}`.")
    elif not default:
        assert said.startswith("Default: none.")
    elif key == "selection":
        assert yaml.safe_load(re.findall(r"`(.+?)`", said)[0]) == load_policy({}).selection_plain()
    elif key == "aliases":
        assert set(re.findall(r"`(/[^`]*)`", said.partition(". Directory")[0])) - {"/usr"} == set(default)
    else:
        assert tuple(re.findall(r"`(/[^`]+)`", said.partition(". The")[0])) == default


def test_the_policy_page_has_the_defaults_of_ima() -> None:
    for (name, shown, _meaning), field in zip(
        rows(section(page("policy.md"), "### `ima`")), fields(ImaPolicy), strict=True
    ):
        default = getattr(ImaPolicy(), field.name)
        if field.name == "templates":
            assert tuple(re.findall(r"`([^`]+)`", shown.replace("\\|", "|"))) == default
        else:
            plain = "none" if default == () else f"`{json.dumps(default) if isinstance(default, bool) else default}`"
            assert shown == plain, name


def test_the_rules_page_is_complete() -> None:
    text = page("rules.md")
    assert tuple(first_codes(section(text, "## Inputs"))) == (*SUBJECT_INPUTS, f"{LABEL}KEY")
    assert sorted(first_codes(section(text, "## Guard rails"))) == sorted(GUARD_RAILS)
    assert set(first_codes(section(text, "## Verbs"))) == set(VERBS)
    found = {row[0].strip("`"): row[1] for row in rows(section(text, "## Static analysis"))}
    assert found == {code: severity(code, "UNIQUE") for code in CODES}


def test_the_default_tables_are_told_as_they_are() -> None:
    text = section(page("rules.md"), "## The default tables")
    for name in ("sc-remediation", "host-remediation"):
        table = yaml.safe_load((ROOT / f"roles/remediate/files/rules/{name}.yml").read_text(encoding="utf-8"))
        told = text.partition(f"`{name}.yml`")[2].partition("-remediation.yml`")[0]
        verbs = [re.findall(r"`(\w+)`", cell) for row in rows(told) for cell in row[-2:-1]]
        assert verbs == [[rule["then"]["verb"]] for rule in table["rules"]]


def test_the_reference_values_page_names_every_key_and_kind() -> None:
    text = page("reference-values.md")
    keys = {"format"} | {f.name for f in fields(ReferenceDocument)}
    assert set(first_codes(section(text, "## Format"))) == keys
    assert set(first_codes(section(text, "## Kinds"))) == set(KINDS)


def test_the_ear_page_names_every_claim() -> None:
    finding = LayerFinding("hardware_changed", "It changed.", Claim.HARDWARE, 97)
    verdict = LayerVerdict("hardware", {Claim.HARDWARE: 2}, (finding,))
    ear = build_ear([verdict], node="n", policy="p", now=datetime.now(UTC), nonce=bytes(32), boot={})
    text = page("ear.md")
    whole = {*ear, "palantir.challenged_at"}  # the round with the node adds when it was challenged
    assert set(first_codes(section(text, "## Claims of the whole"))) == whole
    submodule = ear["submods"]["hardware"]
    assert set(first_codes(section(text, "## Claims of a layer"))) == set(submodule)
    (plain,) = submodule["palantir.findings"]
    assert set(first_codes(section(text, "## A finding"))) == set(plain)
    (layout,) = (json.loads(block.text) for block in blocks("json", "ear.md"))
    assert set(layout) == whole
    assert set(layout["submods"]["sc:dns-filter-1"]) == set(submodule)
    assert set(layout["submods"]["sc:dns-filter-1"]["palantir.findings"][0]) == set(plain)


def test_tiers_and_states_are_explained() -> None:
    text = section(page("README.md"), "## What the verdicts mean")
    assert first_codes(text) == ["affirming", "none", "warning", "contraindicated", "void", *STATES]
    assert set(Tier) < set(first_codes(text))
    told = first_codes(section(page("troubleshooting.md"), "## A node without a verdict"))
    assert told == [state for state in STATES if state != "attested"]


def error_codes() -> set[str]:
    """Return every code with which a module of a node fails."""
    found = set()
    for path in (ROOT / "plugins/module_utils").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Tool":
                label = node.args[1]
                assert isinstance(label, ast.Constant) and isinstance(label.value, str)  # noqa: PT018
                found |= {f"no_{label.value}", f"{label.value}_failed"}
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("NodeError", "LogKind", "_no_answer"):
                place = 1 if getattr(node.func, "id", "") == "LogKind" else 0
                code = node.args[place]
                if isinstance(code, ast.Constant):
                    found.add(str(code.value))
    return found


def test_every_error_code_of_the_nodes_modules_is_explained() -> None:
    text = section(page("troubleshooting.md"), "## Error codes of the node's modules")
    told = first_codes(text)
    assert len(told) == len(set(told))
    assert set(told) == error_codes()


def test_the_store_page_names_every_table() -> None:
    assert set(first_codes(section(page("store.md"), "## Tables"))) == set(metadata.tables)
    columns = {column.name for column in metadata.tables["ledger"].columns}
    assert set(first_codes(section(page("store.md"), "## The ledger"))) == columns


def test_the_ledger_check_of_the_store_page_works(tmp_path: Path) -> None:
    (script,) = blocks("python", "store.md")
    file = tmp_path / "store.sqlite3"
    store = Store(f"sqlite:///{file}")
    with store.transaction() as connection:
        for number in range(3):
            ledger.append(connection, 1.5 + number, "action", "edge1", {"note": "é", "number": number})

    def run() -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script.text, str(file)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    whole = run()
    assert whole.returncode == 0, whole.stderr
    assert whole.stdout.startswith("3 entries, whole; head ")
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE ledger SET subject = 'edge2' WHERE sequence = 2")
    assert run().stderr == "entry 2 is missing, or was altered\n"
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE ledger SET subject = 'edge1' WHERE sequence = 2")
        connection.exec_driver_sql("DELETE FROM ledger WHERE sequence = 3")
    assert run().stderr == "the end after entry 2 is missing\n"
