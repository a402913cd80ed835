# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from jsonschema import Draft7Validator  # type: ignore[import-untyped]

from ansible_collections.palantir.trust.plugins.filter.rulebook import FilterModule
from ansible_collections.palantir.trust.plugins.plugin_utils.events.rulebook import rulebook_files
from tests.unit.events.test_changes import CHANGES

SITE = {"directory": "/srv/mysite/eda", "inventory": "/srv/mysite/hosts.yml"}
JOB = {"name": "palantir.trust cycle", "organization": "Security"}
SITES: list[dict[str, Any]] = [
    SITE,
    {**SITE, "job_template": JOB},
    {**SITE, "notify": {"playbook": "/srv/mysite/notify.yml"}},
    {**SITE, "notify": {"job_template": JOB}, "nodes": ["edge1"], "cursor_file": "/var/lib/x.json", "interval": 2.5},
]


def made(options: dict[str, Any], name: str = "rulebook.yml") -> Any:
    (found,) = yaml.safe_load(rulebook_files(options)[name])
    return found


def action_of(options: dict[str, Any], rule: int) -> Any:
    return made(options)["rules"][rule]["action"]


@pytest.mark.parametrize("options", SITES)
def test_it_is_a_rulebook_by_the_schema(options: dict[str, Any]) -> None:
    schema = json.loads(files("ansiblelint").joinpath("schemas/rulebook.json").read_text(encoding="utf-8"))
    found = yaml.safe_load(rulebook_files(options)["rulebook.yml"])
    assert [error.message for error in Draft7Validator(schema).iter_errors(found)] == []


def test_a_loss_of_trust_is_followed_by_one_cycle_for_the_site() -> None:
    rule = made(SITE)["rules"][0]
    assert rule == {
        "name": "Run the cycle when trust was lost",
        "condition": 'event.kind == "verdict" and event.lost',
        "throttle": {"once_after": "10 seconds", "group_by_attributes": ["event.kind"]},
        "action": {
            "run_playbook": {"name": "/srv/mysite/eda/cycle.yml", "copy_files": False, "lock": "palantir.trust.cycle"}
        },
    }


def test_awx_runs_the_cycle_on_all_hosts_and_gets_no_event() -> None:
    options = {**SITE, "job_template": JOB}
    assert list(rulebook_files(options)) == ["rulebook.yml"]
    assert made(options)["hosts"] == "all"
    assert action_of(options, 0) == {
        "run_job_template": {**JOB, "include_events": False, "lock": "palantir.trust.cycle"}
    }


def test_persons_are_told_by_what_the_site_has_for_it() -> None:
    assert action_of(SITE, 1) == {"print_event": {"pretty": True}}
    assert action_of(SITES[2], 1) == {"run_playbook": {"name": "/srv/mysite/notify.yml"}}
    assert action_of(SITES[3], 1) == {"run_job_template": JOB}


def test_conditions_name_what_events_have() -> None:
    text = " ".join(rule["condition"] for rule in made(SITE)["rules"])
    compared = re.findall(r"event\.change (?:==|in) (\[.*?\]|\S+)", text)
    words = {word for part in compared for word in re.findall(r"\w+", part)}
    assert words < set(CHANGES)
    assert set(re.findall(r'event\.kind == "(\w+)"', text)) == {"verdict", "incident", "state", "ledger"}


def test_the_cycle_is_run_with_the_site_s_inventory_and_without_what_the_runner_sets(tmp_path: Path) -> None:
    """Run the task's command, with a program in place of ansible-playbook that tells what it got."""
    command = tmp_path / "ansible-playbook"
    command.write_text('#!/bin/sh\necho "$PWD" "$@"; env\n', encoding="utf-8")
    command.chmod(0o700)
    play = made({**SITE, "command": str(command), "workdir": str(tmp_path)}, "cycle.yml")
    task = play["tasks"][0]["ansible.builtin.command"]
    environment = {
        "PATH": "/usr/bin:/bin",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_STDOUT_CALLBACK": "awx_display",
    }
    environment["PALANTIR_TRUST_STORE"] = "sqlite:///x"
    done = subprocess.run(
        task["argv"], cwd=task["chdir"], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    first, *variables = done.stdout.splitlines()
    assert first == f"{tmp_path} -i /srv/mysite/hosts.yml palantir.trust.cycle"
    assert "PALANTIR_TRUST_STORE=sqlite:///x" in variables
    assert not [name for name in variables if name.startswith("ANSIBLE_")]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"directory": "eda"}, ".directory: is no absolute path: eda."),
        ({"settel": 1}, ": has the unknown key 'settel'. Next: did you mean 'settle'?"),
        ({"settle": 0}, ".settle: must be 1 to 3600 seconds, not 0."),
        ({"interval": True}, ".interval: must be 1 to 3600 seconds, not True."),
        ({"nodes": "edge1"}, ".nodes: must be a list of names, not str."),
        ({"job_template": {"name": "x"}}, ".job_template.organization: must be a text of one line, not None."),
        ({"notify": {"playbook": "/x", "job_template": JOB}}, ".notify: must have playbook or job_template."),
        (
            {"notify": {"mail": "x"}},
            ".notify: has the unknown key 'mail'. Next: choose from: playbook, job_template.",
        ),
        (
            {"cursor_file": "/{{ x }}"},
            ".cursor_file: holds a template, which would be evaluated again. Next: give the text itself.",
        ),
    ],
)
def test_a_wrong_option_is_named(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        FilterModule().filters()["rulebook"]({**SITE, **wrong})
    assert str(caught.value) == f"palantir_trust_eda{message}"


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match=r"^palantir_trust_eda: must be a mapping, not list\.$"):
        FilterModule().filters()["rulebook"]([])
