# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWX as code: the modules of awx.awx take every call, every name leads somewhere, and secrets stay secret."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from tests.lab.paths import CHECKOUT
from tests.unit.awx.configuration import AWX, asked, specification
from tests.unit.docs.pages import page

CALLS = list(
    asked(awx_notification_url="https://hooks.example.net/trust", awx_slices=3, awx_acting_credentials=["site CA"])
)
TEMPLATES = {arguments["name"]: arguments for module, arguments in CALLS if module == "job_template"}


@pytest.mark.parametrize(("module", "arguments"), CALLS, ids=[f"{m}-{a['name']}" for m, a in CALLS])
def test_the_modules_take_what_they_are_given(module: str, arguments: dict[str, Any]) -> None:
    try:
        found = specification(module)
    except LookupError as missing:
        pytest.skip(str(missing))
    result = ArgumentSpecValidator(found).validate(dict(arguments))
    assert result.error_messages == []


def test_a_wrong_argument_would_be_found() -> None:
    try:
        found = specification("schedule")
    except LookupError as missing:
        pytest.skip(str(missing))
    assert ArgumentSpecValidator(found).validate({"name": "x", "every": 5}).error_messages


def test_every_job_template_runs_a_playbook_of_the_project() -> None:
    for name, template in TEMPLATES.items():
        assert (CHECKOUT / template["playbook"]).is_file(), name
    assert {name for name, template in TEMPLATES.items() if template["job_slice_count"] == 3} == {
        "palantir.trust attest"
    }, "of slices, none may decide for all"


def used_by(variable: str) -> set[str]:
    """Return the playbooks that read a variable, by the last column of the page that has all."""
    (row,) = re.findall(rf"^\| [^|]*`{variable}`.*\| ([^|]+) \|$", page("playbooks.md"), re.MULTILINE)
    return set(re.findall(r"`(\w+)`", row))


def test_surveys_ask_for_what_their_playbooks_read() -> None:
    for name, template in TEMPLATES.items():
        playbook = Path(template["playbook"]).stem
        for question in template.get("survey_spec", {}).get("spec", ()):
            variable, kind, default = question["variable"], question["type"], question["default"]
            assert playbook in used_by(variable), f"{name}: {variable}"
            assert kind in ("text", "integer", "multiplechoice"), "AWX has no other kinds that fit"
            if kind == "multiplechoice":
                assert all(isinstance(choice, str) for choice in question["choices"])
                assert default in (*question["choices"], "")
            if kind == "integer" and default != "":
                assert question["min"] <= default <= question["max"]


def test_the_survey_of_the_orchestrator_has_its_verbs() -> None:
    role = yaml.safe_load((CHECKOUT / "roles/orchestrate/meta/argument_specs.yml").read_text(encoding="utf-8"))
    questions = {q["variable"]: q for q in TEMPLATES["palantir.trust orchestrate"]["survey_spec"]["spec"]}
    verbs = role["argument_specs"]["main"]["options"]["orchestrate_verb"]["choices"]
    assert questions["palantir_trust_verb"]["choices"] == verbs
    asked = {question["variable"] for question in questions.values()}
    assert asked == set(
        re.findall(r"palantir_trust_\w+", (CHECKOUT / "playbooks/orchestrate.yml").read_text(encoding="utf-8"))
    ) - {"palantir_trust_known_hosts"}


def test_the_workflow_asks_before_it_remediates() -> None:
    (workflow,) = [arguments for module, arguments in CALLS if module == "workflow_job_template"]
    nodes = {node["identifier"]: node for node in workflow["workflow_nodes"]}
    followed = {
        name: {after: [n["identifier"] for n in nexts] for after, nexts in node.get("related", {}).items()}
        for name, node in nodes.items()
    }
    assert followed == {
        "attest": {"failure_nodes": ["trial"]},
        "trial": {"success_nodes": ["approval"]},
        "approval": {"success_nodes": ["remediate"]},
        "remediate": {},
    }
    assert nodes["approval"]["unified_job_template"]["type"] == "workflow_approval"
    jobs = [n["unified_job_template"] for n in nodes.values() if n["unified_job_template"]["type"] == "job_template"]
    assert {job["name"] for job in jobs} <= TEMPLATES.keys()
    trial = TEMPLATES[nodes["trial"]["unified_job_template"]["name"]]
    assert trial["extra_vars"]["palantir_trust_dry_run"] is True


def test_schedules_and_credentials_name_what_there_is() -> None:
    for module, arguments in CALLS:
        if module == "schedule":
            assert arguments["unified_job_template"] in {*TEMPLATES, "palantir.trust round"}
            assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=MINUTELY;INTERVAL=[1-9]\d*", arguments["rrule"])
        if module == "credential":
            types = {a["name"] for m, a in CALLS if m == "credential_type"}
            assert arguments["credential_type"] in types
            assert all(arguments["name"] in template["credentials"] for template in TEMPLATES.values())


def test_what_acts_gets_the_credentials_for_it() -> None:
    given = {name for name, template in TEMPLATES.items() if "site CA" in template["credentials"]}
    assert given == {f"palantir.trust {name}" for name in ("cycle", "remediate", "watch", "orchestrate")}


def test_secrets_reach_a_job_by_its_environment_and_by_files_alone() -> None:
    documented = page("playbooks.md").partition("## Environment of the controller")[2]
    for module, arguments in CALLS:
        if module != "credential_type":
            continue
        secret = {field["id"] for field in arguments["inputs"]["fields"] if field["secret"]}
        assert secret == {field["id"] for field in arguments["inputs"]["fields"]}
        assert secret == set(arguments["inputs"]["required"])
        assert set(arguments["injectors"]) == {"file", "env"}, "and extra_vars never: AWX keeps and shows them"
        assert all(f"`{name}`" in documented for name in arguments["injectors"]["env"])
        used = set(re.findall(r"\{\{ (\w+) \}\}", str(arguments["injectors"])))
        files = set(re.findall(r"tower\.filename\.(\w+)", str(arguments["injectors"])))
        assert used == secret
        assert files == {name.removeprefix("template.") for name in arguments["injectors"]["file"]}
    for file in AWX.rglob("*.yml"):
        assert "extra_vars" not in re.findall(r"injectors.*", file.read_text(encoding="utf-8"))


def test_where_a_site_has_its_files_holds_in_a_job_of_awx_too() -> None:
    """There the inventory is a script of AWX's own, far away from the project."""
    for template in TEMPLATES.values():
        paths = {name: value for name, value in template["extra_vars"].items() if "{{" in str(value)}
        assert paths == {
            f"palantir_trust_{name}": f"{{{{ playbook_dir }}}}/../inventories/lab/{name}"
            for name in ("ca", "catalogue", "reference_values", "rules")
        }


def test_a_site_that_imports_the_playbooks_names_its_directory_itself() -> None:
    """The directory of an imported playbook is the collection's, in which no site is."""
    own = asked(awx_site_directory="/runner/project/inventories/mysite/", awx_site_files=["catalogue"])
    values = [arguments["extra_vars"] for module, arguments in own if module == "job_template"]
    assert {value["palantir_trust_catalogue"] for value in values} == {"/runner/project/inventories/mysite/catalogue"}
    assert "`awx_site_directory`" in page("awx.md")


def test_the_guide_names_every_variable_of_the_configuration() -> None:
    (play,) = yaml.safe_load((AWX / "configure.yml").read_text(encoding="utf-8").replace("!unsafe", ""))
    text = page("awx.md")
    assert {name for name in play["vars"] if f"`{name}`" not in text} == set()
    assert {name for name in TEMPLATES if f"`{name.removeprefix('palantir.trust ')}`" not in text} == set()
