# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs in check mode: they say what they would change, no node is contacted, and the store stays as it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from sqlalchemy import insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.store import instances, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
SC: dict[str, Any] = {
    "sc": "dns",
    "image_id": "sha256:" + "0" * 64,
    "driver": "podman",
    "probe": {"type": "dns"},
    "network": "host",
    "command": [],
    "resources": {},
}
ROOT = Path(__file__).parents[3]
VERBS: dict[str, dict[str, Any]] = {
    "cordon": {"palantir.trust.cordon": {"node": "node1"}},
    "reboot": {"palantir.trust.reboot": {}},
    "restart": {
        "palantir.trust.sc_instance": {"state": "instantiated", "instance": "dns-1", "sc": SC, "replace": True}
    },
    "preserve": {"palantir.trust.sc_instance": {"state": "preserved", "instance": "dns-1", "dest": "kept"}},
    "terminate": {"palantir.trust.sc_instance": {"state": "terminated", "instance": "dns-1"}},
    "certificate": {"palantir.trust.certificate": {"state": "issued", "role": "observer", "dest": "key.pem"}},
    "revoke": {"palantir.trust.certificate": {"state": "revoked", "role": "operator"}},
    "ssh certificate": {"palantir.trust.ssh_certificate": {"state": "issued", "role": "observer", "dest": "key"}},
    "contained": {"palantir.trust.incident": {"id": 1, "event": "contained"}},
    "reopen": {"palantir.trust.answer": {"incident": 1, "answer": "reopen"}},
}
UNCHANGED: dict[str, dict[str, Any]] = {
    "start": {"palantir.trust.sc_instance": {"state": "instantiated", "instance": "dns-1", "sc": SC}},
    "terminate another": {"palantir.trust.sc_instance": {"state": "terminated", "instance": "dns-2"}},
}


def contents(store: Store) -> dict[str, list[Any]]:
    with store.transaction() as connection:
        return {t.name: [tuple(row) for row in connection.execute(select(t))] for t in schema.metadata.sorted_tables}


def play(root: Path, tasks: list[dict[str, Any]], url: str) -> tuple[dict[str, Any], list[str]]:
    """Run tasks in check mode on a node that does not exist; return their results, and the names of all files."""
    (root / "play.yml").write_text(yaml.safe_dump([{"hosts": "node1", "gather_facts": False, "tasks": tasks}]))
    done = subprocess.run(
        [PLAYBOOK, "--check", "-i", "node1,", "-e", "ansible_host=127.0.0.1 ansible_port=9", "play.yml"],
        cwd=root,
        env={**os.environ, "PALANTIR_TRUST_STORE": url, "XDG_DATA_HOME": str(root)}
        | {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_INJECT_FACT_VARS": "False"}
        | {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    plays = json.loads(done.stdout)["plays"]
    results = {task["task"]["name"]: task["hosts"]["node1"] for task in plays[0]["tasks"]}
    return results, sorted(os.listdir(root))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run every verb on a node that does not exist, and return the results with the store before and after."""
    root = tmp_path_factory.mktemp("check")
    url = f"sqlite:///{root}/store.sqlite3"
    store = Store(url)
    with store.transaction() as connection:
        connection.execute(insert(schema.nodes).values(name="node1", identity={}, recorded={}, enrolled_at=1.0))
        held = {"node": "node1", "layer": "sc:dns-1", "open_key": "node1 sc:dns-1", "state": "held", "detected_at": 1.0}
        connection.execute(insert(schema.incidents).values(**held))
        known = {"serial": "7", "name": "spiffe://palantir.trust/role/operator", "issued_at": 1.0, "not_after": 1e12}
        connection.execute(insert(schema.certificates).values(**known, reason=""))
        record = instances.allocate(
            connection, instance="dns-1", sc="dns", flavour="podman", node="node1", files={}, reset_count=0, at=1.0
        )
        instances.set_state(connection, record.id, "live", 2.0)
    before = contents(store)
    tasks = [{"name": name, **task, "ignore_errors": True} for name, task in {**VERBS, **UNCHANGED}.items()]
    results, files = play(root, tasks, url)
    return {"before": before, "after": contents(store), "results": results, "files": files}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_says_what_it_would_change(outcome: dict[str, Any], verb: str) -> None:
    result = outcome["results"][verb]
    assert not result.get("failed"), result
    assert not result.get("skipped"), result
    assert result["changed"] is True


@pytest.mark.parametrize("verb", UNCHANGED)
def test_a_verb_that_would_change_nothing_says_so(outcome: dict[str, Any], verb: str) -> None:
    result = outcome["results"][verb]
    assert not result.get("failed"), result
    assert result["changed"] is False


def test_the_store_stays_as_it_was(outcome: dict[str, Any]) -> None:
    assert outcome["after"] == outcome["before"]


def test_no_file_is_written(outcome: dict[str, Any]) -> None:
    assert [name for name in outcome["files"] if not name.startswith("store.sqlite3")] == ["play.yml"]


def test_what_would_be_revoked_is_in_no_list_yet(outcome: dict[str, Any]) -> None:
    result = outcome["results"]["revoke"]
    assert [item["serial"] for item in result["certificates"]] == ["7"]
    assert list(x509.load_pem_x509_crl(result["revocations"].encode())) == []


def test_a_site_without_a_store_gets_none_and_no_key(tmp_path: Path) -> None:
    attest = {"palantir.trust.attest": {"reference_values": ".", "require": "any"}}
    watch = {"palantir.trust.watch": {"reference_values": ".", "nodes": ["node1"], "duration": 2}}
    tasks = [{"name": "attest", **attest}, {"name": "terminate", **VERBS["terminate"]}, {"name": "watch", **watch}]
    results, files = play(tmp_path, tasks, f"sqlite:///{tmp_path}/store.sqlite3")
    assert (results["attest"]["state"], results["terminate"]["changed"]) == ("not_enrolled", False)
    assert [(told["node"], told["state"]) for told in results["watch"]["results"]] == [("node1", "unreachable")]
    assert files == ["play.yml"]
