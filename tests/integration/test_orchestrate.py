# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ``orchestrate`` on a node whose podman is a script that notes its calls, and which has no TPM."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.integration.test_change_flavour import APART, JOURNALCTL, PODMAN, SYSTEMCTL, site
from tests.lab.paths import CHECKOUT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners of a range can only be set by root")
HOST = ("hardware", "firmware", "os", "runtime")


class Place:
    """A site of one node, localhost, where dns-filter-1 lives; its newest result is affirming."""

    def __init__(self, home: Path) -> None:
        self.home, self.url = home, f"sqlite:///{home}/store.sqlite3"
        (home / "catalogue").mkdir()
        site(home / "catalogue", 53)
        (home / "bin").mkdir()
        scripts = {"podman": PODMAN.format(home=home, broken="none", container="c0" * 32), "systemctl": SYSTEMCTL}
        for name, text in {**scripts, "journalctl": JOURNALCTL}.items():
            (home / "bin" / name).write_text(text)
            (home / "bin" / name).chmod(0o755)
        submods = {layer: {"ear_status": str(Tier.AFFIRMING)} for layer in HOST}
        with Store(self.url).transaction() as connection:
            identities.save(connection, "localhost", "e" * 64, {}, {}, 1.0)
            of = {"instance": "dns-filter-1", "sc": "dns-filter", "flavour": "plain", "node": "localhost"}
            record = instances.allocate(connection, **of, files={}, reset_count=0, at=1.0)
            instances.set_state(connection, record.id, "live", 1.0)
            ear = {"iat": 4_000_000_000, "submods": submods}
            attestations.record(connection, "localhost", 4_000_000_000.0, "attested", ear=ear)

    def run(self, verb: str, *options: str, **given: Any) -> subprocess.CompletedProcess[str]:
        """Carry out a verb."""
        variables = {
            "palantir_trust_verb": verb,
            "palantir_trust_catalogue": str(self.home / "catalogue"),
            "palantir_trust_reference_values": str(self.home / "catalogue"),
            "palantir_trust_evidence": str(self.home / "evidence"),
            "palantir_trust_nodes": "all",
            **{f"palantir_trust_{key}": value for key, value in given.items()},
        }
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.home / "home"),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "PALANTIR_TRUST_STORE": self.url,
            "PALANTIR_TRUST_SIGNING_KEY": str(self.home / "key.pem"),
            "PATH": f"{self.home}/bin:{os.environ['PATH']}",
        }
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", *options]
        command += ["-e", json.dumps(variables), "playbooks/orchestrate.yml"]
        return subprocess.run(
            [*APART, *command], env=environment, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=120
        )

    @property
    def known(self) -> list[str]:
        with Store(self.url).transaction() as connection:
            found = instances.of_node(connection, "localhost")
        return [f"{record.instance} g{record.generation} {record.state}" for record in found]

    @property
    def called(self) -> str:
        log = self.home / "podman.log"
        return log.read_text(encoding="utf-8") if log.is_file() else ""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_instance_is_given_up_once(place: Place) -> None:
    foreseen = place.run("terminate", "--check", instance="dns-filter-1")
    assert foreseen.returncode == 0, foreseen.stdout + foreseen.stderr
    assert "terminate dns-filter-1: dns-filter as plain on localhost" in foreseen.stdout
    assert (place.known, place.called) == (["dns-filter-1 g1 live"], "")
    done = place.run("terminate", instance="dns-filter-1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert place.known == ["dns-filter-1 g1 retired"]
    again = place.run("terminate", instance="dns-filter-1")
    assert "is not deployed" in " ".join(again.stdout.split())


def test_health_is_shown_and_changes_nothing(place: Place) -> None:
    foreseen = place.run("health", "--check", instance="dns-filter-1")
    assert foreseen.returncode == 0, foreseen.stdout + foreseen.stderr
    assert "health dns-filter-1: dns-filter as plain on localhost" in foreseen.stdout
    assert "changed=0" in foreseen.stdout


def test_a_verb_that_is_done_but_for_what_served_before_is_finished(place: Place) -> None:
    with Store(place.url).transaction() as connection:
        of = {"instance": "dns-filter-1", "sc": "dns-filter", "flavour": "plain", "node": "localhost"}
        record = instances.allocate(connection, **of, files={}, reset_count=0, at=2.0)
        instances.set_state(connection, record.id, "live", 2.0)
    foreseen = place.run("change_flavour", "--check", instance="dns-filter-1", flavour="plain")
    assert foreseen.returncode == 0, foreseen.stdout + foreseen.stderr
    assert "finish dns-filter-1: dns-filter as plain on localhost (generation 2 is proved" in foreseen.stdout
    assert "Have the node go on" in foreseen.stdout
    assert place.known == ["dns-filter-1 g1 live", "dns-filter-1 g2 live"]


@pytest.mark.parametrize("verb", ["change_flavour", "heal"])
def test_what_runs_is_left_alone_where_its_node_proves_nothing(place: Place, verb: str) -> None:
    done = place.run(verb, instance="dns-filter-1")
    assert done.returncode == 2
    assert place.known == ["dns-filter-1 g1 live"]
    assert place.called == "", "nothing was started, and nothing ended"


def test_nothing_new_is_started_where_a_node_proves_nothing(place: Place) -> None:
    with Store(place.url).transaction() as connection:
        [before] = instances.live(connection)
        instances.set_state(connection, before.id, "retired", 2.0)
    done = place.run("scale", sc="dns-filter", count=1)
    assert "instantiate dns-filter-1: dns-filter as plain on localhost" in done.stdout, done.stdout + done.stderr
    assert done.returncode == 2
    assert (place.known, place.called) == (["dns-filter-1 g1 retired"], "")
