# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run as AWX runs them: ansible-runner, a private data directory, and a project that is this checkout."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner

from tests.lab.errors import LabError
from tests.lab.light.node import LightNode, write_inventory
from tests.lab.paths import CHECKOUT


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
        timeout = 120 + 20 * len(nodes)
        self._write("settings", {"job_timeout": timeout, "pexpect_timeout": 5, "suppress_env_files": True})
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

    def enrol(self) -> None:
        """Make Reference Values, and enrol the nodes.

        Raises:
            LabError: one of the playbooks failed.
        """
        for playbook in ("reference_values", "enrol"):
            if self.run(playbook).status != "successful":
                raise LabError(
                    f"playbook {playbook} failed for the light nodes; its output is in {self.directory}/artifacts"
                )

    def run(self, playbook: str) -> Job:
        return self.run_file(Path("playbooks") / f"{playbook}.yml")

    def run_file(self, playbook: Path) -> Job:
        """Run a playbook by its path, which is the project's where it is relative."""
        done = ansible_runner.run(private_data_dir=str(self.directory), playbook=str(playbook), quiet=True)
        return Job(done.status, list(done.events))


__all__ = ["Job", "Runner"]
