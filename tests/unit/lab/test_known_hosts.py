# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host keys the lab's inventory has ssh believe: the image's, until a node's TPM has proved its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml

from tests.lab.paths import CHECKOUT

TASKS = [
    {"ansible.builtin.debug": {"var": "ansible_ssh_common_args"}},
    {"ansible.builtin.debug": {"var": "hostvars[inventory_hostname].ansible_host_key_checking"}},
]


def test_a_node_that_is_enrolled_is_believed_by_what_it_has_proved_and_by_nothing_else(tmp_path: Path) -> None:
    proved = tmp_path / "known_hosts"
    proved.write_text("node1,[127.0.0.1]:24701 ssh-ed25519 AAAA\n@revoked node1,[127.0.0.1]:24701 ssh-ed25519 BBBB\n")
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "nodes", "gather_facts": False, "tasks": TASKS}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "inventories/lab/hosts.yml", str(play)]
    environment = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "PALANTIR_TRUST_LAB_PORT": "24700"}
    done = subprocess.run(
        [*command, "-e", f"palantir_trust_known_hosts={proved}"],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    told, checked = (task["hosts"] for task in json.loads(done.stdout)["plays"][0]["tasks"])
    files = {}
    for node, result in told.items():
        words = result["ansible_ssh_common_args"].split()
        options = dict(word.split("=", 1) for word in words if word != "-o")
        assert options["StrictHostKeyChecking"] == "yes"
        assert options["GlobalKnownHostsFile"] == "/dev/null"
        files[node] = options["UserKnownHostsFile"]
    assert files["node1"] == str(proved)
    assert files["node2"].endswith("/build/lab/ssh/known_hosts"), "the key that the lab put into its image"
    assert {next(v for k, v in result.items() if "checking" in k) for result in checked.values()} == {True}
