# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario's site: one store of its own, the lab's inventory, and playbooks run as an operator runs them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, incidents, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.scenarios.kill import kill_all

ROOT = Path(__file__).resolve().parents[2]
_PROBE_S = 0.05


class ScenarioError(Exception):
    """A step of a scenario did not go as it must."""


@dataclass(frozen=True)
class Site:
    """Where a scenario keeps what it makes.

    Attributes:
        directory: below build/, its own.
        log: file that takes the playbooks' output; the terminal where None.
    """

    directory: Path
    log: Path | None = None

    @classmethod
    def fresh(cls, name: str) -> Site:
        """Return a site without a past at build/NAME."""
        directory = ROOT / "build" / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        return cls(directory)

    @property
    def evidence(self) -> Path:
        """Where the evidence of incidents is preserved."""
        return self.directory / "evidence"

    @property
    def known_hosts(self) -> Path:
        """Where the host keys are that the nodes' TPMs have proved."""
        return self.directory / "known_hosts"

    @property
    def ca(self) -> Path:
        """The file of the site's CA."""
        return self.directory / "ca.pem"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the playbooks."""
        return {
            **os.environ,
            "PALANTIR_TRUST_STORE": f"sqlite:///{self.directory}/store.sqlite3",
            "PALANTIR_TRUST_SIGNING_KEY": str(self.directory / "ear-signing-key.pem"),
            "PALANTIR_TRUST_CA": str(self.ca),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_LOG_PATH": str(self.directory / "ansible.log"),
        }

    def playbook(self, name: str, deadline: float, *, limit: str = "", **variables: Any) -> float:
        """Run a playbook of the collection and return how long it took, in seconds.

        Args:
            name: as in ``palantir.trust.<name>``.
            deadline: seconds after which it is stopped.
            limit: hosts that it is confined to; all where empty.
            variables: extra variables.

        Raises:
            ScenarioError: it failed, or the deadline passed.
        """
        begun = time.monotonic()
        status = self.run(ROOT / "playbooks" / f"{name}.yml", deadline, variables, limit)
        if status:
            raise ScenarioError(f"playbook {name} ended with status {status}; its output is {self.shown_in}")
        return time.monotonic() - begun

    def run(self, playbook: Path, deadline: float, variables: Mapping[str, Any], limit: str = "") -> int:
        """Run a playbook and return its exit status.

        Raises:
            ScenarioError: the deadline passed.
        """
        with self.running(playbook, variables, limit) as process:
            try:
                return process.wait(deadline)
            except subprocess.TimeoutExpired:
                raise self._late(playbook, deadline) from None

    def run_and_kill(
        self, playbook: Path, deadline: float, until: Callable[[], bool], variables: Mapping[str, Any]
    ) -> None:
        """Run a playbook, and kill it with all its workers once something is so: its controller is gone at once.

        Raises:
            ScenarioError: it ended before, or the deadline passed.
        """
        end = time.monotonic() + deadline
        with self.running(playbook, variables) as process:
            while not until():
                if process.poll() is not None:
                    raise ScenarioError(f"playbook {playbook.stem} ended before it was killed; see {self.shown_in}")
                if time.monotonic() > end:
                    raise self._late(playbook, deadline)
                time.sleep(_PROBE_S)
            kill_all(process.pid)
            process.wait(10)

    @contextlib.contextmanager
    def running(
        self, playbook: Path, variables: Mapping[str, Any], limit: str = ""
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a playbook beside the body; it is ended with it."""
        command = [str(Path(sys.executable).with_name("ansible-playbook")), str(playbook)]
        own = {"palantir_trust_evidence": str(self.evidence), "palantir_trust_known_hosts": str(self.known_hosts)}
        command += ["--extra-vars", json.dumps({**own, **variables})]
        command += ["--limit", limit] if limit else []
        with self._output() as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
            try:
                yield process
            finally:
                _end(process)

    def _late(self, playbook: Path, deadline: float) -> ScenarioError:
        return ScenarioError(
            f"playbook {playbook.stem} was not done after {deadline:.0f} s; its output is {self.shown_in}"
        )

    @property
    def shown_in(self) -> str:
        """Where the playbooks' output is, for people."""
        return f"in {self.log}" if self.log else f"above and in {self.directory}"

    @contextlib.contextmanager
    def _output(self) -> Iterator[IO[bytes] | None]:
        if self.log is None:
            yield None
            return
        with self.log.open("ab") as output:
            yield output

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Run the body in one transaction of the site's store."""
        store = Store(self.environment["PALANTIR_TRUST_STORE"])
        try:
            with store.transaction() as connection:
                yield connection
        finally:
            store.close()

    def history(self, since: float = 0.0) -> list[attestations.Attestation]:
        """Return all results since a time, oldest first."""
        with self.transaction() as connection:
            return attestations.history(connection, since)

    def incidents(self, since: float = 0.0) -> list[incidents.Incident]:
        """Return the incidents detected since a time."""
        with self.transaction() as connection:
            return incidents.since(connection, since)

    def cordoned(self, node: str) -> bool:
        """Tell whether a node is cordoned."""
        with self.transaction() as connection:
            record = identities.find(connection, node)
        return record is not None and record.cordoned

    def living(self) -> dict[str, instances.InstanceRecord]:
        """Return the live generation of each instance."""
        with self.transaction() as connection:
            return {record.instance: record for record in instances.live(connection)}


def tiers(result: attestations.Attestation) -> Mapping[str, str]:
    """Return the tier of each layer; that of a void one is ``void``. Empty where there is no verdict."""
    if result.ear is None:
        return {}
    return {
        layer: "void" if submod.get("palantir.void_by") else submod["ear_status"]
        for layer, submod in result.ear["submods"].items()
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the playbook's own processes, gently first."""
    for gentle in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, gentle)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


__all__ = ["ROOT", "ScenarioError", "Site", "tiers"]
