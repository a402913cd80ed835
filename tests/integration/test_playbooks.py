# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks do where all is not well, through ansible-playbook, on nodes that have no verdict.

One node is this machine, by a connection that cannot be watched and without a TPM; nothing listens for the other one.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, incidents, instances, schema
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.lab.paths import CHECKOUT

ATTEST = "Challenge, gather evidence, verify and appraise"
DECIDE = "Decide by the rule tables"
RENEW = "Renew them"
REQUIRE = "Require that nothing is left for a person"


@dataclass(frozen=True)
class Run:
    """A playbook that has ended: its exit status, and what the callback ``ansible.posix.json`` tells of it."""

    status: int
    told: Mapping[str, Any]

    @cached_property
    def tasks(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Each task that was not skipped everywhere, in order: its name, and its result for each host."""
        every = [(task["task"]["name"], task["hosts"]) for play in self.told["plays"] for task in play["tasks"]]
        return [(name, hosts) for name, hosts in every if not all(host.get("skipped") for host in hosts.values())]

    def result(self, name: str, host: str) -> Mapping[str, Any]:
        found = [hosts[host] for task, hosts in self.tasks if task.rpartition(" : ")[2] == name and host in hosts]
        return dict(found[-1])

    def order(self, *names: str) -> list[str]:
        """Return these names as their tasks came."""
        return [task for task, _hosts in self.tasks for task in [task.rpartition(" : ")[2]] if task in names]

    @property
    def left(self) -> Mapping[str, Any]:
        """What is left to the jobs that follow."""
        return dict(self.told["global_custom_stats"])


class Site:
    """A site of two nodes, with a store."""

    def __init__(self, home: Path, port: int) -> None:
        self.home, self.url = home, f"sqlite:///{home}/store.sqlite3"
        away = {"ansible_host": "127.0.0.1", "ansible_port": port, "ansible_ssh_args": "-o ControlPath=none"}
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        nodes = {"hosts": {"away": away, "here": here}}
        inventory = {"all": {"hosts": {"localhost": here}, "children": {"nodes": nodes}}}
        (home / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
        (home / "reference_values").mkdir()
        with Store(self.url).transaction() as connection:
            for number, node in enumerate(nodes["hosts"]):
                identities.save(connection, node, f"{number:064}", {}, {"hardware": None, "events": None}, 1.0)

    def run(self, playbook: str, **variables: Any) -> Run:
        """Run a playbook of the collection."""
        command = ["-i", str(self.home / "hosts.json"), str(CHECKOUT / "playbooks" / f"{playbook}.yml")]
        known = {
            "palantir_trust_reference_values": str(self.home / "reference_values"),
            "palantir_trust_catalogue": str(CHECKOUT / "inventories" / "lab" / "catalogue"),
            "palantir_trust_evidence": str(self.home / "evidence"),
        }
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.home / "home"),
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.json",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "PALANTIR_TRUST_STORE": self.url,
            "PALANTIR_TRUST_SIGNING_KEY": str(self.home / "key.pem"),
            "PALANTIR_TRUST_CA": str(self.home / "ca.pem"),
        }
        done = subprocess.run(
            [str(Path(sys.executable).with_name("ansible-playbook")), "-e", json.dumps(known | variables), *command],
            env=environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.stdout.startswith("{"), done.stderr
        return Run(done.returncode, json.loads(done.stdout))

    def hold(self) -> int:
        """Put an incident on record that is left to a person; return its number."""
        with Store(self.url).transaction() as connection:
            number = incidents.open_incident(connection, "away", "os", "unknown_executable", 2.0).id
            incidents.hold(connection, number, 3.0, "A person looks.")
        return number

    def certify(self) -> None:
        """Put an instance with an agent on record, whose certificate has ended."""
        values = {"instance": "dns-1", "sc": "dns-filter", "flavour": "standard", "node": "here"}
        ended = {"serial": "7", "name": "spiffe://palantir.trust/instance/dns-1/generation/1", "reason": ""}
        with Store(self.url).transaction() as connection:
            record = instances.allocate(connection, **values, files={}, reset_count=0, at=1.0)
            instances.set_state(connection, record.id, "live", 2.0)
            connection.execute(insert(schema.certificates).values(**ended, issued_at=1.0, not_after=2.0))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with socket.socket() as bound:  # to a port for as long as it is open, and it never listens
        bound.bind(("127.0.0.1", 0))
        yield Site(tmp_path, int(bound.getsockname()[1]))


def test_a_cycle_renews_certificates_after_all_else_and_its_own_result_stands(site: Site) -> None:
    site.certify()
    (site.home / "ca.pem").write_text("no CA\n", encoding="utf-8")
    ended = site.run("cycle")
    assert ended.status != 0
    assert ended.order(ATTEST, DECIDE, RENEW, REQUIRE) == [ATTEST, DECIDE, RENEW, REQUIRE]
    renewed = ended.result(RENEW, "here")
    assert "ca.pem" in renewed["msg"]
    assert renewed["msg"] in ended.result("Tell why they are not", "here")["msg"]
    required = ended.result(REQUIRE, "localhost")
    assert required["failed"]
    assert required["msg"].startswith("here: no_evidence")
    assert ended.left["palantir_trust_verdicts"]["no_evidence"] == 1


def test_a_cycle_that_cannot_decide_says_so_at_its_end_and_has_renewed_certificates(site: Site) -> None:
    site.certify()
    ended = site.run("cycle", palantir_trust_rules=str(site.home / "nowhere"))
    assert ended.status != 0
    (waiting,) = ended.result(RENEW, "here")["waiting"]
    assert waiting["instance"] == "dns-1"
    assert ended.result(RENEW, "away")["waiting"] == []
    last, hosts = ended.tasks[-1]
    assert last == "Require that the remediation did not fail"
    assert hosts["localhost"]["msg"] == ended.result(DECIDE, "localhost")["msg"]
    assert str(site.home / "nowhere") in hosts["localhost"]["msg"]


def test_a_watch_leaves_its_verdicts_and_incidents_to_the_jobs_that_follow(site: Site) -> None:
    number = site.hold()
    ended = site.run("watch", palantir_trust_watch_for=2, palantir_trust_watch_turns=2)
    assert ended.status == 0, "an incident that is left to a person does not end it"
    verdicts = ended.left["palantir_trust_verdicts"]
    assert (verdicts["nodes"], verdicts["unreachable"], verdicts["no_evidence"]) == (2, 1, 1)
    assert verdicts["not_affirming"] == ["away", "here"]
    assert ended.left["palantir_trust_incidents"] == {"open": 0, "held": 1, "ids": [number]}
