# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node wrote, on its way through real tasks of the playbooks: shown and kept, and never rendered or run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from ansible_collections.palantir.trust.plugins.plugin_utils.challenge import round as attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.store import (
    identities,
    incidents,
    schema,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.unit.appraisal.scene import Guest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
LAB = ROOT / "inventories" / "lab"


def payload(mark: Path) -> str:
    """Return text that leaves a file where a template, a shell or a terminal takes it for its own."""
    template = f"{{{{ lookup('pipe', 'touch {mark}.template') }}}}"
    return f"/opt/{template}$(touch {mark}.shell)`touch {mark}.tick`\x1b[2J\nok: 9*9"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One run of the playbooks' own tasks on hostile results: what was shown, what was kept, what was run."""
    home = tmp_path_factory.mktemp("hostile")
    mark = home / "mark"
    text = payload(mark)
    ear = Guest().ran(text, b"evil").appraise()
    store = Store(f"sqlite:///{home}/store.sqlite3")
    with store.transaction() as connection:
        identities.save(connection, "localhost", "e" * 64, {"ak_public": ""}, {}, 1.0)
        incidents.open_incident(connection, "localhost", "os", "unknown_executable", 2.0)
    failed = attestation.give_up(store, "localhost", "no_evidence", f"localhost: {text}", 5.0)
    store.close()
    # As a task's result, which is where a node's words come in: never as a variable that somebody wrote.
    answer = {"node": "localhost", "state": "attested", "message": failed.message, "ear": ear, "raw": text}
    (home / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    step = {"node": "localhost", "instance": None, "action": "preserve", "incident_id": 1, "subject": "os"}
    tasks = [
        {"ansible.builtin.slurp": {"src": str(home / "answer.json")}, "register": "read"},
        {
            "ansible.builtin.set_fact": {
                "palantir_trust_attestation": "{{ read.content | b64decode | from_json }}",
            }
        },
        {"ansible.builtin.include_tasks": str(ROOT / "playbooks" / "tasks" / "show_verdicts.yml")},
        {
            "ansible.builtin.assert": {
                "that": "(palantir_trust_attestation.ear or {}).ear_status | default('none') == 'affirming'",
                "fail_msg": "{{ palantir_trust_attestation.message | default('x', true) }}",
                "quiet": True,
            },
            "register": "required",
            "ignore_errors": True,
        },
        {
            "palantir.trust.incident": {
                "id": 1,
                "event": "step",
                "outcome": "failed",
                "step": step,
                "reason": "{{ required.msg }}",
            }
        },
        {"ansible.builtin.include_tasks": str(ROOT / "roles" / "remediate" / "tasks" / "decide.yml")},
        {"ansible.builtin.include_tasks": str(ROOT / "roles/remediate/tasks/actions/preserve_host.yml")},
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {
            "palantir_trust_nodes": "all",
            "palantir_trust_rules": str(LAB / "rules"),
            "palantir_trust_catalogue": str(LAB / "catalogue"),
            "remediate_nodes": ["localhost"],
            "remediate_since": 1,
            "remediate_labels": {},
            "remediate_maintenance": {},
            "remediate_dry_run": False,
            "remediate_act": False,
            "remediate_step": step,
            "remediate_evidence": str(home / "evidence"),
        },
        "tasks": tasks,
    }
    (home / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "PALANTIR_TRUST_STORE": f"sqlite:///{home}/store.sqlite3",
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local"]
    # A program of the node that calls itself so shows up among its processes.
    with subprocess.Popen([text, "60"], executable="/bin/sleep") as running:
        try:
            run = subprocess.run(
                [*command, str(home / "play.yml")],
                env=environment,
                cwd=ROOT,
                check=False,
                capture_output=True,
                timeout=120,
            )
        finally:
            running.kill()
    shown = (run.stdout + run.stderr).decode()
    assert run.returncode == 0, shown
    with Store(environment["PALANTIR_TRUST_STORE"]).transaction() as connection:
        bodies = [json.loads(body) for body in connection.execute(select(schema.ledger.c.body)).scalars()]
    return {"shown": shown, "bodies": bodies, "home": home, "text": text}


def test_nothing_that_a_node_wrote_is_rendered_or_run(outcome: dict[str, Any]) -> None:
    assert sorted(path.name for path in outcome["home"].glob("mark*")) == []


def test_a_terminal_sees_the_words_and_no_escape(outcome: dict[str, Any]) -> None:
    assert "{{ lookup('pipe'," in outcome["shown"]
    assert "\x1b" not in outcome["shown"]
    assert not [line for line in outcome["shown"].splitlines() if line.startswith("ok: 9*9")]


def test_the_ledger_has_the_words_as_one_bounded_line(outcome: dict[str, Any]) -> None:
    (failed,) = [body for body in outcome["bodies"] if body.get("outcome") == "failed"]
    assert failed["reason"].startswith("localhost: /opt/{{ lookup('pipe'")
    assert failed["reason"].isprintable()


def test_what_is_preserved_of_a_host_is_kept_as_it_was(outcome: dict[str, Any]) -> None:
    kept = (outcome["home"] / "evidence" / "host.txt").read_text(encoding="utf-8", errors="replace")
    assert "{{ lookup('pipe'," in kept


SITE = {"palantir_trust_policy": {"name": "site"}, "palantir_trust_replace": False}
NODE = """#!/bin/sh
cat > /dev/null
echo '{"changed": false, "rc": 0, "stdout": "", "ansible_facts":
  {"palantir_trust_policy": {"name": "own"}, "palantir_trust_replace": true}}'
"""
"""A node whose Python answers for every module, and says which policy counts."""


def told_by_a_node(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run tasks on a hostile node, by itself and delegated; then show the site's variables, and ask for its rules."""
    python = home / "python"
    python.write_text(NODE, encoding="utf-8")
    python.chmod(0o755)
    node = {"ansible_connection": "local", "ansible_python_interpreter": str(python)}
    hosts = {"all": {"vars": SITE, "hosts": {"localhost": {"ansible_connection": "local"}, "node1": node}}}
    read = {"ansible.builtin.command": "true", "changed_when": False}
    shown = {"ansible.builtin.debug": {"msg": "{{ palantir_trust_policy.name }} {{ palantir_trust_replace }}"}}
    rules = {"palantir.trust.check_rules": {"rules": str(LAB / "rules")}}
    play = [
        {"hosts": "node1", "gather_facts": False, "tasks": [read, shown]},
        {"hosts": "localhost", "gather_facts": False, "tasks": [{**read, "delegate_to": "node1"}, shown]},
        {"hosts": "all", "gather_facts": False, "tasks": [shown]},
        {"hosts": "localhost", "gather_facts": False, "tasks": [rules]},
    ]
    (home / "hosts.yml").write_text(yaml.safe_dump(hosts), encoding="utf-8")
    (home / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False), encoding="utf-8")
    program = str(Path(sys.executable).with_name("ansible-playbook"))
    return subprocess.run(
        [program, "-i", str(home / "hosts.yml"), str(home / "play.yml")],
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_HOME": str(home / "home"),
            "PALANTIR_TRUST_STORE": f"sqlite:///{home}/store.sqlite3",
            **environment,
        },
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_what_a_node_calls_a_fact_is_no_variable_of_the_site(tmp_path: Path) -> None:
    run = told_by_a_node(tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("msg: site False") == 4
    assert "own" not in run.stdout


def test_where_it_would_be_one_nothing_is_done(tmp_path: Path) -> None:
    run = told_by_a_node(tmp_path, ANSIBLE_INJECT_FACT_VARS="True")
    assert run.stdout.count("msg: own True") == 4, "the site's own policy does not count any more"
    assert run.returncode == 2
    assert "Next: set inject_facts_as_vars = False" in " ".join(run.stdout.split())
