# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's site: one store of its own, the lab's inventory, and playbooks run as an operator runs them."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, incidents, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

ROOT = Path(__file__).resolve().parents[2]


class DemoError(Exception):
    """A step of the demo did not go as it must."""


@dataclass(frozen=True)
class Site:
    """Where the demo keeps what it makes, below build/demo/."""

    directory: Path

    @classmethod
    def fresh(cls) -> Site:
        """Return a site without a past."""
        directory = ROOT / "build" / "demo"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        return cls(directory)

    @property
    def evidence(self) -> Path:
        """Where the evidence of incidents is preserved."""
        return self.directory / "evidence"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the playbooks."""
        return {
            **os.environ,
            "PALANTIR_TRUST_STORE": f"sqlite:///{self.directory}/store.sqlite3",
            "PALANTIR_TRUST_SIGNING_KEY": str(self.directory / "ear-signing-key.pem"),
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_LOG_PATH": str(self.directory / "ansible.log"),
        }

    def playbook(self, name: str, deadline: float, **variables: Any) -> float:
        """Run a playbook of the collection and return how long it took, in seconds.

        Args:
            name: as in ``palantir.trust.<name>``.
            deadline: seconds after which it is stopped.
            variables: extra variables.

        Raises:
            DemoError: it failed, or the deadline passed.
        """
        command = [str(Path(sys.executable).with_name("ansible-playbook")), f"playbooks/{name}.yml"]
        for key, value in {"palantir_trust_evidence": self.evidence, **variables}.items():
            command += ["--extra-vars", f"{key}={value}"]
        begun = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=self.environment, start_new_session=True)
        try:
            status = process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise DemoError(f"playbook {name} was not done after {deadline:.0f} s") from None
        finally:
            _end(process)
        if status:
            raise DemoError(f"playbook {name} ended with status {status}; its output is above and in {self.directory}")
        return time.monotonic() - begun

    def store(self) -> Store:
        """Open the demo's store."""
        return Store(self.environment["PALANTIR_TRUST_STORE"])

    def history(self, since: float = 0.0) -> list[attestations.Attestation]:
        """Return all results since a time, oldest first."""
        with self.store().transaction() as connection:
            return attestations.history(connection, since)

    def incidents(self, since: float = 0.0) -> list[incidents.Incident]:
        """Return the incidents detected since a time."""
        with self.store().transaction() as connection:
            return incidents.since(connection, since)

    def cordoned(self, node: str) -> bool:
        """Tell whether a node is cordoned."""
        with self.store().transaction() as connection:
            record = identities.find(connection, node)
        return record is not None and record.cordoned

    def living(self) -> dict[str, instances.InstanceRecord]:
        """Return the live generation of each instance."""
        with self.store().transaction() as connection:
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


__all__ = ["ROOT", "DemoError", "Site", "tiers"]
