# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook ``report`` through ansible-playbook, on a store in which a cycle held something back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.descriptor import load_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import read_tables
from ansible_collections.palantir.trust.plugins.plugin_utils.recovery.planning import Site, plan
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities, switch
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.lab.paths import CHECKOUT
from tests.unit.recovery.test_planning import LAB, ear


def test_who_asks_at_night_is_told_what_holds_it_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.sqlite3"
    with Store(url).transaction() as connection:
        identities.save(connection, "node1", "1" * 64, {}, {"hardware": None, "events": None}, 1.0)
        attestations.record(connection, "node1", 100.0, "attested", ear=ear(100, os="unknown_executable"))
        switch.stop(connection, "alice", "audit until Friday", 90.0)
        site = Site(["node1"], read_tables(None), load_directory(LAB / "catalogue"), "controller")
        assert plan(connection, site, 100.0, 101.0)["steps"] == []
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("-i", "localhost,", "-c", "local", str(CHECKOUT / "playbooks" / "report.yml")),
        ],
        env={
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(tmp_path / "home"),
            "PALANTIR_TRUST_STORE": url,
        },
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    shown = " ".join(done.stdout.split())
    assert "OF DUE HELD BY SINCE UNTIL node1 os reboot stopped 01-01 00:01Z -" in shown
    assert (
        "node1 os: reboot by host-reboot: Stopped by alice: audit until Friday. Until remediation is let go on" in shown
    )
    assert "The ledger is whole" in shown
