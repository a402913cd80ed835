# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks as AWX runs them: ansible-runner, a private data directory, and a project that is this checkout."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner
import pytest

from tests.lab.light import logs, tpm
from tests.lab.light.node import LightNode, write_inventory
from tests.lab.paths import CHECKOUT

AWX_LIMIT = 700_000  # characters; AWX puts {} in the place of a longer event
ENTRIES = 3000
PATH_LENGTH = 200


@dataclass(frozen=True)
class Job:
    """A finished job: its status, and its events as AWX would store them."""

    status: str
    events: list[dict[str, Any]]

    def result(self, task: str, host: str) -> dict[str, Any]:
        [event] = [
            event["event_data"]["res"]
            for event in self.events
            if event["event"] in ("runner_on_ok", "runner_on_failed")
            and event["event_data"]["task"] == task
            and event["event_data"]["host"] == host
        ]
        return dict(event)


class Runner:
    """A private data directory: ``project``, ``inventory``, ``env`` and, for each job, ``artifacts``."""

    def __init__(self, directory: Path, nodes: list[LightNode]) -> None:
        self.directory = directory
        for name in ("inventory", "env"):
            (directory / name).mkdir(parents=True)
        (directory / "project").symlink_to(CHECKOUT)
        write_inventory(nodes, directory / "inventory" / "hosts.json")
        image = directory / "image" / "etc" / "ima"
        image.mkdir(parents=True)
        (image / "ima-policy").write_bytes((CHECKOUT / "roles" / "attester" / "files" / "ima-policy").read_bytes())
        self._write("envvars", self._environment())
        self._write("settings", {"job_timeout": 120, "pexpect_timeout": 5, "suppress_env_files": True})
        self._write(
            "extravars",
            {
                "palantir_trust_prepare": False,
                "palantir_trust_reference_values": str(directory / "reference_values"),
                "palantir_trust_images": [
                    {"kind": "host", "name": "light", "source": str(directory / "image"), "document": "light"}
                ],
            },
        )

    def _environment(self) -> dict[str, str]:
        return {
            "PALANTIR_TRUST_STORE": f"sqlite:///{self.directory}/store.sqlite",
            "PALANTIR_TRUST_SIGNING_KEY": f"{self.directory}/signing-key.pem",
            "ANSIBLE_HOME": f"{self.directory}/ansible",
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
        }

    def _write(self, name: str, values: dict[str, Any]) -> None:
        (self.directory / "env" / name).write_text(json.dumps(values), encoding="utf-8")

    def run(self, playbook: str) -> Job:
        done = ansible_runner.run(
            private_data_dir=str(self.directory), playbook=f"playbooks/{playbook}.yml", quiet=True
        )
        return Job(done.status, list(done.events))


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LightNode]]:
    # A Unix socket's path has at most 107 characters.
    directory = tmp_path_factory.mktemp("n")
    with LightNode("node1", directory / "node1") as node1, LightNode("node2", directory / "node2") as node2:
        yield [node1, node2]


def run_unknown_programs(node: LightNode, count: int) -> None:
    """Have a node measure so many programs that no Reference Value names, each with a long path."""
    data = [logs.file_data(f"/opt/{n:05}".ljust(PATH_LENGTH, "x"), b"%d" % n, 0, 0o100755) for n in range(count)]
    with node.ima_log.open("ab") as log:
        log.writelines(map(logs.entry, data))
    tpm.extend(node.directory, (logs.Measurement.of(logs.IMA_PCR, entry) for entry in data))


def test_no_event_of_a_job_is_too_long_for_awx(tmp_path: Path, nodes: list[LightNode]) -> None:
    runner = Runner(tmp_path / "job", nodes)
    assert runner.run("reference_values").status == "successful"
    assert runner.run("enrol").status == "successful"
    assert runner.run("attest").status == "successful"

    run_unknown_programs(nodes[0], ENTRIES)
    assert nodes[0].ima_log.stat().st_size > AWX_LIMIT
    job = runner.run("attest")

    attest = "Challenge, gather evidence, verify and appraise"
    assert job.status == "failed"
    assert job.result(attest, "node1")["ear"]["submods"]["os"]["ear_status"] == "contraindicated"
    assert job.result(attest, "node2")["ear"]["ear_status"] == "affirming"
    longest = max(job.events, key=lambda event: len(json.dumps(event)))
    assert len(json.dumps(longest)) < AWX_LIMIT, f"{longest['event']} of {longest['event_data'].get('task')}"
