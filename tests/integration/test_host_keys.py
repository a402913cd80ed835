# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host keys over SSH and with a TPM: recorded, checked strictly after that, rotated, and somebody in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import fingerprint
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.integration.runner import Job, Runner
from tests.lab.light import sshd
from tests.lab.light.node import LightNode

ENROL = "Verify the TPM and bind the node to it"
ATTEST = "Challenge, gather evidence, verify and appraise"


class Site:
    """A site that knows its node by the keys on record, and by a file of an operator before there are any."""

    def __init__(self, directory: Path, node: LightNode) -> None:
        self.runner = Runner(directory, [node])
        self.node = node
        self.known_hosts = directory / "known_hosts"
        self.set(palantir_trust_known_hosts=str(self.known_hosts))

    def set(self, **variables: Any) -> None:
        path = self.runner.directory / "env" / "extravars"
        path.write_text(json.dumps(json.loads(path.read_text()) | variables))

    def connect(self, **variables: Any) -> None:
        """Have ssh know the node by a file, and reach it as variables say."""
        path = self.runner.directory / "inventory" / "hosts.json"
        inventory = json.loads(path.read_text())
        host = inventory["all"]["children"]["nodes"]["hosts"]["node1"]
        host["ansible_ssh_common_args"] = (
            f"-o UserKnownHostsFile={variables.pop('known_hosts')} -o StrictHostKeyChecking=yes"
            " -o GlobalKnownHostsFile=/dev/null"
        )
        # ansible-runner switches the check off, as AWX does, by the environment.
        host.update({"ansible_host_key_checking": True}, **variables)
        path.write_text(json.dumps(inventory))

    def run(self, playbook: str) -> Job:
        return self.runner.run(playbook)

    def access(self) -> Any:
        store = Store(f"sqlite:///{self.runner.directory}/store.sqlite")
        try:
            with store.transaction() as connection:
                found = ledger.newest(connection, "access", "node1")
        finally:
            store.close()
        return None if found is None else found[1]


def key_of(directory: Path) -> str:
    return " ".join((directory / sshd.HOST_KEY).with_suffix(".pub").read_text().split()[:2])


def os_codes(job: Job) -> list[str]:
    ear = job.result(ATTEST, "node1")["ear"]
    return [finding["code"] for finding in ear["submods"]["os"]["palantir.findings"]]


def restarted(node: LightNode) -> None:
    sshd.stop(node.directory)
    sshd.start(node.name, node.directory, node.port, node.client_key)


def deceive(site: Site, node: LightNode, known_hosts: Path) -> None:
    """Somebody in between answers with a key of his own, and passes everything on to the node."""
    between = node.directory.parent / "between"
    between.mkdir()
    port = sshd.free_port()
    sshd.start("between", between, port, node.client_key)
    try:
        known_hosts.write_text(f"[127.0.0.1]:{port} {key_of(between)}\n")
        site.connect(known_hosts=known_hosts, ansible_port=port)
        job = site.run("enrol")
    finally:
        sshd.stop(between)
    assert job.status == "failed"
    assert "host_key_foreign" in job.result(ENROL, "node1")["msg"]
    shown, proved = [fingerprint(key_of(between))], [key_of(node.directory)]
    assert site.access() == {"refused": "host_key_foreign", "shown": shown, "proved": proved}


def test_a_node_is_known_by_the_keys_that_its_tpm_proves(tmp_path: Path, node: LightNode) -> None:
    site, old = Site(tmp_path / "job", node), key_of(node.directory)
    first_contact = tmp_path / "first_contact"
    first_contact.write_text((node.directory / "known_hosts").read_text())
    assert site.run("reference_values").status == "successful"

    deceive(site, node, tmp_path / "deceived")
    site.connect(known_hosts=first_contact, ansible_port=node.port)
    job = site.run("enrol")
    assert job.status == "successful"
    enrolled = job.result(ENROL, "node1")
    assert enrolled["host_key_shown"] == fingerprint(old)
    assert enrolled["host_keys"] == [{"type": "ssh-ed25519", "fingerprint": fingerprint(old)}]
    assert site.known_hosts.read_text().splitlines()[1:] == [f"node1,[127.0.0.1]:{node.port} {old}"]

    site.connect(known_hosts=site.known_hosts)
    job = site.run("attest")
    assert job.status == "successful"
    assert os_codes(job) == []

    # A new key is announced beside the old one, and nobody is alarmed.
    sshd.make_key(node.directory / "ssh_host_new_key", "new")
    job = site.run("attest")
    assert job.status == "successful"
    assert os_codes(job) == ["host_key_added"]

    # Without that it would have been another node: the server shows the new key alone.
    for name in (sshd.HOST_KEY, f"{sshd.HOST_KEY}.pub"):
        (node.directory / name).unlink()
        (node.directory / name.replace("ed25519", "new")).rename(node.directory / name)
    restarted(node)
    new = key_of(node.directory)
    job = site.run("attest")
    assert job.result(ATTEST, "node1")["state"] == "unreachable"
    assert "host_key_changed" in job.result(ATTEST, "node1")["message"]
    assert site.access()["refused"] == "host_key_changed"

    # Who reaches it all the same, is told by what the TPM proves.
    first_contact.write_text(f"[127.0.0.1]:{node.port} {new}\n")
    site.connect(known_hosts=first_contact)
    assert os_codes(site.run("attest")) == ["host_key_changed"]
    site.set(palantir_trust_host_keys=True)
    assert site.run("enrol").status == "successful"
    who = f"node1,[127.0.0.1]:{node.port}"
    assert site.known_hosts.read_text().splitlines()[1:] == [f"{who} {new}", f"@revoked {who} {old}"]
    site.connect(known_hosts=site.known_hosts)
    job = site.run("attest")
    assert job.status == "successful"
    assert os_codes(job) == []
