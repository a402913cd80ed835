# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as AWX has Receptor carry them: ``ansible-runner transmit | worker | process``, an inventory cut into slices.

What a job is made of is as in AWX 24.6.1 (``awx/main/tasks/jobs.py``, ``awx/main/models/inventory.py``): a project that
is a copy of the checkout, an inventory that is a script, a file for each credential, and slices that take every n-th
host by name. What is not here is the container, and Receptor's own network.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ansible_runner

from tests.integration.runner import Job
from tests.lab.paths import CHECKOUT
from tests.scenarios.kill import kill_all

_PROGRAMS = Path(sys.executable).parent
_INVENTORY = "#!/usr/bin/env python3\nprint(r'''{}''')\n"
_TIMEOUT_S = 900


def slice_of(hosts: Mapping[str, Any], number: int, count: int) -> dict[str, Any]:
    """Return every count-th host by name, from the number-th on."""
    return {name: hosts[name] for name in sorted(hosts)[number - 1 :: count]}


@dataclass(frozen=True)
class Site:
    """What all jobs have in common.

    Attributes:
        home: directory for the jobs and for the machines that run them.
        project: a copy of the checkout.
        store: URL of the store.
        signing_key: PEM of the key that signs.
        variables: extra variables of all job templates.
        hosts: the inventory, host to its variables.
    """

    home: Path
    project: Path
    store: str
    signing_key: bytes
    variables: Mapping[str, Any]
    hosts: Mapping[str, Mapping[str, Any]]

    def job(self, name: str, playbook: str, hosts: Mapping[str, Any] | None = None) -> Worker:
        """Start a job: transmit it to a machine, and have that work."""
        own, machine = self.home / "jobs" / name, self.home / "machines" / name
        (own / "env").mkdir(parents=True)
        (own / "inventory").mkdir()
        machine.mkdir(parents=True)
        script = own / "inventory" / "hosts"
        script.write_text(_INVENTORY.format(json.dumps(_script(hosts or self.hosts))), encoding="utf-8")
        script.chmod(0o700)
        key = own / "env" / "tmpsigningkey"
        key.touch(mode=0o600)
        key.write_bytes(self.signing_key)
        environment = {
            "PALANTIR_TRUST_STORE": self.store,
            "PALANTIR_TRUST_SIGNING_KEY": f"{machine}/env/{key.name}",
            "ANSIBLE_COLLECTIONS_PATH": f"{machine}/requirements_collections:collections:~/.ansible/collections",
            "ANSIBLE_HOME": f"{machine}/home",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": f"{machine}/cp",
            "ANSIBLE_FORKS": "4",
            "PATH": f"{_PROGRAMS}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }
        for file, value in (("envvars", environment), ("extravars", dict(self.variables))):
            (own / "env" / file).write_text(json.dumps(value), encoding="utf-8")
        (own / "project").symlink_to(self.project)
        return Worker.start(own, machine, playbook)


@dataclass(frozen=True)
class Worker:
    """A machine at work on a job; ``own`` is the job's private data directory on the control node."""

    own: Path
    machine: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, own: Path, machine: Path, playbook: str) -> Worker:
        project = (own / "project").resolve()
        (own / "project").unlink()
        subprocess.run(["cp", "-a", str(project), str(own / "project")], check=True)
        sent, received = own.with_suffix(".sent"), own.with_suffix(".received")
        transmit = ["transmit", str(own), "--playbook", f"playbooks/{playbook}.yml"]
        with sent.open("wb") as stream:
            subprocess.run([_program(), *transmit], stdout=stream, check=True, timeout=_TIMEOUT_S)
        with sent.open("rb") as given, received.open("wb") as answer:
            process = subprocess.Popen(
                [_program(), "worker", f"--private-data-dir={machine}"],
                stdin=given,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        return cls(own, machine, process)

    def kill(self) -> None:
        """End the machine as by a power cut."""
        kill_all(self.process.pid)
        self.process.wait(60)

    def end(self) -> Job:
        """Wait for the end, and have the control node process what came back."""
        try:
            self.process.wait(_TIMEOUT_S)
        finally:
            kill_all(self.process.pid)
        return self.processed()

    def processed(self) -> Job:
        """Return the job as the control node has it."""
        with self.own.with_suffix(".received").open("rb") as stream:
            done = ansible_runner.interface.run(
                streamer="process", _input=stream, private_data_dir=str(self.own), ident="1", quiet=True
            )
        events = (self.own / "artifacts" / "1" / "job_events").glob("[0-9]*.json")
        found = (json.loads(event.read_text(encoding="utf-8")) for event in events)
        return Job(done.status, sorted(found, key=lambda event: int(event["counter"])))


def _program() -> str:
    return str(_PROGRAMS / "ansible-runner")


def _script(hosts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what AWX's own inventory script prints; localhost is a host like any other, and in one slice only."""
    nodes: Sequence[str] = [name for name in hosts if name != "localhost"]
    return {
        "_meta": {"hostvars": dict(hosts)},
        "all": {"hosts": [name for name in hosts if name == "localhost"], "children": ["nodes"], "vars": {}},
        "nodes": {"hosts": nodes},
    }


def copy_of_the_checkout(destination: Path) -> None:
    """Copy what belongs to the project, links as links, as a clone of git has it."""
    skipped = [".venv", "build", ".git", ".cache", ".ansible", ".hypothesis", ".mypy_cache", ".pytest_cache"]
    excluded = [f"--exclude=./{name}" for name in (*skipped, ".ruff_cache", "tests/unit", "tests/fuzz")]
    destination.mkdir()
    with subprocess.Popen(["tar", "-C", str(CHECKOUT), *excluded, "-cf", "-", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run(["tar", "-C", str(destination), "-xf", "-"], stdin=packed.stdout, check=True)


__all__ = ["Site", "Worker", "copy_of_the_checkout", "slice_of"]
