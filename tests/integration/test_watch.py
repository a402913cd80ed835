# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch over SSH: each of Ansible's ways to reach a node, and what comes of it."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_collections.palantir.trust.plugins.module_utils._tpm import open_tpm
from ansible_collections.palantir.trust.plugins.plugin_utils.store import attestations, identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.integration.runner import Runner
from tests.lab.light.node import LightNode
from tests.lab.wait import wait_for

TASK = "Watch"
PASSWORD = "correct horse"
ECDSA = b"\x00\x18"

# As sudo -S: it asks on standard error with its -p, reads one line of its input, and no more of it.
SUDO = """#!/usr/bin/python3
import os, sys
arguments, options = sys.argv[1:], {}
while arguments and arguments[0].startswith("-"):
    option = arguments.pop(0)
    if option in ("-p", "-u"):
        options[option] = arguments.pop(0)
if "-p" in options:
    for attempt in range(3):
        print(options["-p"], end="", file=sys.stderr, flush=True)
        line = b""
        while not line.endswith(b"\\n"):
            if not (byte := os.read(0, 1)):
                sys.exit("sudo: no password was provided")
            line += byte
        if line == b"correct horse\\n":
            break
        print("\\nSorry, try again.", file=sys.stderr, flush=True)
    else:
        sys.exit("sudo: 3 incorrect password attempts")
os.execvp(arguments[0], arguments)
"""

PLAYBOOK = """
- hosts: localhost
  gather_facts: false
  tasks:
    - name: Watch
      palantir.trust.watch:
        nodes: "{{ groups.nodes }}"
        reference_values: "{{ palantir_trust_reference_values }}"
        period: 1
        duration: "{{ watch_duration }}"
        hmac_cycles: "{{ watch_hmac_cycles | default(0) }}"
"""


class Site:
    """A site with one node that is enrolled, and with other names for it, each reached in another way."""

    def __init__(self, directory: Path, node: LightNode) -> None:
        self.runner = Runner(directory, [node])
        self.node = node
        self.runner.enrol()
        self.playbook = directory / "watch.yml"
        self.playbook.write_text(PLAYBOOK, encoding="utf-8")
        self.sudo = directory / "sudo"
        self.sudo.write_text(SUDO, encoding="utf-8")
        self.sudo.chmod(0o755)

    def reach(self, ways: Mapping[str, Mapping[str, Any]]) -> None:
        """Put names into the inventory in place of the node's own, and enrol each with the node's identity."""
        plain = self.node.inventory_variables()
        hosts = {name: {**plain, **way} for name, way in ways.items()}
        inventory = {
            "all": {"hosts": {"localhost": {"ansible_connection": "local"}}, "children": {"nodes": {"hosts": hosts}}}
        }
        (self.runner.directory / "inventory" / "hosts.json").write_text(json.dumps(inventory), encoding="utf-8")
        store = Store(f"sqlite:///{self.runner.directory}/store.sqlite")
        with store.transaction() as connection:
            known = identities.find(connection, "node1")
            assert known is not None
            for name in ways:
                certificate = hashlib.sha256(name.encode()).hexdigest()
                identities.save(connection, name, certificate, known.identity, known.recorded, 0.0)
        store.close()

    def watch(self, duration: float, **variables: Any) -> dict[str, Any]:
        settings = self.runner.directory / "env" / "extravars"
        values = json.loads(settings.read_text(encoding="utf-8"))
        settings.write_text(json.dumps({**values, **variables, "watch_duration": duration}), encoding="utf-8")
        return self.runner.run_file(self.playbook).result(TASK, "localhost")


def test_every_way_to_reach_a_node_and_the_first_loss_of_trust(tmp_path: Path, node: LightNode) -> None:
    site = Site(tmp_path / "job", node)
    plain = node.inventory_variables()
    common, key = str(plain["ansible_ssh_common_args"]), plain["ansible_ssh_private_key_file"]
    jump = f"ssh -i {key} {common} -p {plain['ansible_port']} -W %h:%p {plain['ansible_user']}@127.0.0.1"
    sudo = {"ansible_become": True, "ansible_become_exe": str(site.sudo), "ansible_become_user": "somebody"}
    good: dict[str, dict[str, Any]] = {
        "as-it-is": {},
        "by-arguments": {
            "ansible_port": None,
            "ansible_ssh_private_key_file": None,
            "ansible_ssh_args": "-o ControlPath=none",
            "ansible_ssh_extra_args": f"-p {plain['ansible_port']} -i {key}",
        },
        "over-a-jump-host": {"ansible_ssh_common_args": f"{common} -o ProxyCommand='{jump}' -o ControlPath=none"},
        "by-sudo": sudo,
        "by-sudo-with-a-password": {**sudo, "ansible_become_password": PASSWORD},
    }
    # It may be one without tpm2-pytss, and then says so: that is Ansible's discovery, and the collector was there.
    found = {"with-a-python-that-is-looked-for": {"ansible_python_interpreter": "auto_silent"}}
    bad: dict[str, dict[str, Any]] = {
        "wrong-password": {**sudo, "ansible_become_password": "wrong"},
        "no-such-python": {"ansible_python_interpreter": "/nowhere/python3"},
        "nothing-listens": {"ansible_port": 1},
        "wrong-host-key": {
            # A connection that is shared was checked before; and ansible-runner switches the check off.
            "ansible_ssh_args": "-o ControlPath=none",
            "ansible_host_key_checking": True,
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=yes",
        },
        "not-ssh": {"ansible_connection": "local"},
        "not-sudo": {"ansible_become": True, "ansible_become_method": "su"},
        "by-password": {"ansible_password": PASSWORD},
        "no-such-collector": {"palantir_trust_collector": "carrier pigeon"},
    }
    site.reach({**good, **found, **bad})
    told = site.watch(25)
    results = {result["node"]: result for result in told["results"]}
    messages = {name: result["message"] for name, result in results.items()} | told["periodic"]
    assert told["ended"] == "duration"
    assert {name: results[name]["tier"] for name in good} == dict.fromkeys(good, "affirming"), messages
    assert all(results[name]["cycles"] > 1 for name in good)
    assert {name: results[name]["state"] for name in bad if name in results} == {
        "wrong-password": "no_evidence",
        "no-such-python": "no_evidence",
        "nothing-listens": "unreachable",
        "wrong-host-key": "unreachable",
    }
    (looked_for,) = found
    assert results[looked_for]["tier"] == "affirming" or "cannot import tpm2_pytss" in messages[looked_for]
    assert messages["wrong-password"].startswith("wrong-password: does not accept the become password.")
    assert "/nowhere/python3: not found" in messages["no-such-python"]
    assert "Connection refused" in messages["nothing-listens"]
    assert "Host key verification failed" in messages["wrong-host-key"]
    assert messages["not-ssh"].startswith("not-ssh: cannot be watched over connection type 'local'")
    assert messages["not-sudo"].startswith("not-sudo: cannot be watched by become method 'su'")
    assert messages["by-password"].startswith("by-password: cannot be watched by a password of SSH.")
    assert "carrier pigeon" in messages["no-such-collector"]
    assert PASSWORD not in json.dumps(told)

    # With quotes by HMAC in between; two keys at once would be one too many for a TPM without a resource manager.
    site.reach({"one": {}})
    attack = threading.Thread(target=tampered_with_while_an_hmac_key_is_there, args=(node,))
    attack.start()
    lost = site.watch(120, watch_hmac_cycles=3)
    attack.join()
    assert lost["ended"] == "loss"
    assert lost["seconds"] < 60
    assert {loss["finding"] for loss in lost["losses"]} == {"unknown_executable"}
    tampered = next(result for result in lost["results"] if result["node"] == lost["losses"][0]["node"])
    assert tampered["ear"]["submods"]["os"]["ear_status"] == "contraindicated"
    assert lost["ak_only"] == {}
    assert tampered["hmac_quotes"] >= 1
    assert tampered["rounds"] >= 2, "the first, and the loss; a busy machine may have no time for the second proof"
    assert quotes_kept(site) == {ECDSA}, "what is kept is the AK's"
    assert left_behind(node) == []
    wait_for("the collector's end", lambda: transient_objects(node) == [] or None, timeout_s=20.0, interval_s=0.2)


def tampered_with_while_an_hmac_key_is_there(node: LightNode) -> None:
    """Measure what is unknown, a while after the node has got an HMAC key."""
    deadline = time.monotonic() + 100
    while not transient_objects(node) and time.monotonic() < deadline:
        time.sleep(0.3)
    time.sleep(3)
    node.append_measurement("/usr/bin/implant", b"evil")


def transient_objects(node: LightNode) -> list[int]:
    with open_tpm(node.tcti) as tpm:
        return tpm.handles(0x80000000)


def quotes_kept(site: Site) -> set[bytes]:
    """Return by what kind of signature the quotes are made that the store has."""
    store = Store(f"sqlite:///{site.runner.directory}/store.sqlite")
    with store.transaction() as connection:
        kept = [found.evidence for found in attestations.history(connection, 0.0) if found.evidence is not None]
        quotes = [attestations.load_evidence(connection, key)["quote"] for key in kept]
    store.close()
    return {base64.b64decode(quote["signature"])[:2] for quote in quotes}


def left_behind(node: LightNode) -> list[str]:
    """Return the command lines of collectors that still run on the node, which is this machine."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            line = (process / "cmdline").read_bytes()
            # sshd tells its own port in there.
            environment = (process / "environ").read_bytes().split(b"\0")
            if b"zlib.decompress(sys.stdin" in line and f" {node.port}".encode() in b"".join(
                value for value in environment if value.startswith(b"SSH_CONNECTION=")
            ):
                found.append(line.decode(errors="replace"))
    return found
