# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role node_access on this machine, in a mount namespace with an /etc of its own: real accounts, sshd and sudo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.light import sshd
from tests.lab.ssh import answers
from tests.lab.wait import wait_for

CHECKOUT = Path(__file__).resolve().parents[2]
COLLECTOR = '#!/bin/sh\necho "collected by $(id -un) with $# words, for: $SSH_ORIGINAL_COMMAND"\n'
MISSING = [name for name in ("sshd", "visudo", "sudo", "unshare", "nsenter", "useradd") if shutil.which(name) is None]


def why_not() -> str:
    """Return what keeps this machine from having another /etc for a while."""
    if os.geteuid() != 0 or MISSING:
        return f"accounts and a mount namespace need root, and {', '.join(MISSING) or 'nothing else'}"
    probe = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "t", "/mnt"], capture_output=True, check=False
    )
    return f"no mount namespaces here: {probe.stderr.decode()[:200]}" if probe.returncode else ""


REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


class Machine:
    """This machine with an /etc that is a copy, an SSH server of its own, and a site whose CA it is to trust."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        subprocess.run(["cp", "-a", "/etc", directory / "etc"], check=True)
        (directory / "collector").write_text(COLLECTOR)
        self._keeper = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f"mount --bind {directory}/etc /etc && echo && exec sleep 600"],
            stdout=subprocess.PIPE,
        )
        assert self._keeper.stdout is not None
        assert self._keeper.stdout.readline() == b"\n"
        self.port = sshd.free_port()
        self._server: subprocess.Popen[bytes] | None = None
        configuration = Path("etc/ssh/sshd_config")
        (directory / "etc/ssh/sshd_config.d").mkdir(parents=True, exist_ok=True)
        sshd.make_key(directory / "etc/ssh/ssh_host_ed25519_key", "machine")
        sshd.make_key(directory / "login", "administrator")
        shutil.copyfile(directory / "login.pub", directory / "etc/ssh/administrators")
        (directory / configuration).write_text(
            "Include /etc/ssh/sshd_config.d/*.conf\n"
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey /etc/ssh/ssh_host_ed25519_key\nPidFile none\n"
            "UsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nLogLevel VERBOSE\n"
            "AuthorizedKeysFile /etc/ssh/administrators\nSubsystem sftp internal-sftp\n"
            # As a directory service would that lets one person in as anybody.
            "AuthorizedKeysCommand /usr/bin/cat /etc/ssh/administrators\nAuthorizedKeysCommandUser root\n"
        )

    def close(self) -> None:
        for process in (self._server, self._keeper):
            if process is not None:
                process.kill()
                process.wait()

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        entered = ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", *command]
        return subprocess.run(entered, capture_output=True, text=True, timeout=900, check=False, **options)

    def serve(self) -> None:
        """Start the SSH server, or have it read its settings again."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = ["nsenter", f"--mount=/proc/{self._keeper.pid}/ns/mnt", "/usr/sbin/sshd", "-D", "-e"]
        with (self.directory / "sshd.log").open("ab") as log:
            self._server = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the SSH server", lambda: answers(self.port) or None, timeout_s=60, interval_s=0.05)

    def play(self, tasks: list[dict[str, Any]], *options: str) -> dict[str, Any]:
        """Run tasks as root on this machine; return the number of changes, and the failures' messages."""
        book = self.directory / "play.yml"
        book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / "collections"),
            "ANSIBLE_INJECT_FACT_VARS": "False",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_HOME": str(self.directory / "ansible"),
            "PALANTIR_TRUST_STORE": f"sqlite:///{self.directory}/store.sqlite3",
            "XDG_DATA_HOME": str(self.directory / "data"),
        }
        playbook = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [playbook, "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}", *options, str(book)]
        done = self.run(*command, env=environment, cwd=self.directory)
        told = json.loads(done.stdout[done.stdout.index("{") :])
        results = [task["hosts"]["localhost"] for play in told["plays"] for task in play["tasks"]]
        return {
            "changed": told["stats"]["localhost"]["changed"],
            "failed": [str(result.get("msg")) for result in results if result.get("failed")],
            "results": results,
        }

    def role(self, *options: str, **variables: Any) -> dict[str, Any]:
        given = {
            "node_access_service": "",
            "node_access_collector": str(self.directory / "collector"),
            "node_access_collector_path": str(self.directory / "libexec/collector"),
            "node_access_home": str(self.directory / "home"),
        }
        task = {"ansible.builtin.include_role": {"name": "palantir.trust.node_access"}, "vars": given | variables}
        return self.play([task], *options)

    def certificates(self, wanted: dict[str, dict[str, Any]]) -> None:
        """Have certificates of roles issued, into files that are named after them."""
        common = {"state": "issued", "holder": "anna"}
        issued = [{**common, "role": role, "dest": str(self.directory / role), **more} for role, more in wanted.items()]
        assert self.play([{"palantir.trust.ssh_certificate": each} for each in issued])["failed"] == []

    def ssh(self, user: str, key: str, *command: str) -> subprocess.CompletedProcess[str]:
        public = " ".join((self.directory / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2])
        (self.directory / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}\n")
        given = ["ssh", "-F", "/dev/null", "-i", str(self.directory / key), "-p", str(self.port)]
        given += ["-o", f"UserKnownHostsFile={self.directory}/known_hosts", "-o", "StrictHostKeyChecking=yes"]
        given += ["-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none"]
        asked = [*given, f"{user}@127.0.0.1", *command]
        return subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)

    def settings(self) -> dict[str, str]:
        """Return what the role may change in /etc, by path."""
        root = self.directory / "etc"
        files = [*root.glob("ssh/**/*"), *root.glob("sudoers.d/*"), root / "passwd"]
        return {str(file): file.read_text(errors="replace") for file in sorted(files) if file.is_file()}


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    # Accounts of roles have to reach it, which pytest's own directory does not allow.
    with tempfile.TemporaryDirectory(prefix="node-access-") as name:
        Path(name).chmod(0o755)
        machine = Machine(Path(name))
        try:
            yield machine
        finally:
            machine.close()


ALL = ["observer", "operator", "orchestrator"]


def test_roles_get_in_and_do_what_they_may(machine: Machine) -> None:
    before = machine.settings()
    foreseen = machine.role("--check", node_access_roles=ALL)
    assert foreseen["failed"] == []
    assert foreseen["changed"] > 0
    assert machine.settings() == before

    commands = ["/usr/bin/id ^-[un]+$"]
    applied = machine.role(node_access_roles=ALL, node_access_operator_commands=commands)
    assert applied["failed"] == []
    machine.serve()
    forced = {"command": f"sudo -n {machine.directory}/libexec/collector"}
    machine.certificates({role: forced if role == "observer" else {} for role in ALL})

    # The account that was there before gets in as before.
    assert machine.ssh("root", "login", "id", "-un").stdout == "root\n"

    seen = machine.ssh("trust-observer", "observer", "cat", "/etc/shadow")
    assert seen.stdout == "collected by root with 0 words, for: \n", seen.stderr

    allowed = machine.ssh("trust-operator", "operator", "id -un; sudo -n id -un")
    assert allowed.stdout == "trust-operator\nroot\n", allowed.stderr
    for refused in (
        "sudo -n id -u --help",
        "sudo -n cat /etc/shadow",
        f"sudo -n {machine.directory}/libexec/collector",
    ):
        done = machine.ssh("trust-operator", "operator", refused)
        assert done.returncode != 0, refused
        assert "a password is required" in done.stderr, done.stderr

    assert machine.ssh("trust-orchestrator", "orchestrator", "sudo -n id -un; pwd").stdout.splitlines() == [
        "root",
        str(machine.directory / "home"),
    ]

    # Nobody gets into another's account, and no key without a certificate into any.
    assert machine.ssh("trust-orchestrator", "observer", "id").returncode == 255
    assert machine.ssh("root", "orchestrator", "id").returncode == 255
    assert machine.ssh("trust-operator", "login", "id").returncode == 255

    # What was taken back is refused once the node is given the list, which is all that changes then.
    taken = machine.play([{"palantir.trust.ssh_certificate": {"state": "revoked", "role": "operator"}}])
    assert taken["failed"] == []
    assert machine.ssh("trust-operator", "operator", "id", "-un").returncode == 0
    again = machine.role(node_access_roles=ALL, node_access_operator_commands=commands)
    assert (again["failed"], again["changed"]) == ([], 1)
    assert machine.ssh("trust-operator", "operator", "id", "-un").returncode == 255
    assert machine.ssh("trust-orchestrator", "orchestrator", "true").returncode == 0


def test_settings_that_would_not_work_are_put_back(machine: Machine) -> None:
    # Something of the site's own stands before the role's file, and would count more.
    own = machine.directory / "etc/ssh/sshd_config.d/30-site.conf"
    own.write_text("Match User trust-operator\n    DisableForwarding no\n")
    before = machine.settings()
    wrong = machine.role(node_access_roles=["operator"])
    assert "the SSH server would not do what is asked, so its settings were put back" in wrong["failed"][-1]
    after = machine.settings()
    drop_in = next(name for name in after if name.endswith("40-palantir-trust.conf"))
    assert after[drop_in] == before[drop_in]
    own.unlink()


def test_absent_leaves_nothing(machine: Machine) -> None:
    assert machine.role(node_access_state="absent")["failed"] == []
    left = machine.settings()
    assert not [name for name in left if "palantir" in name]
    assert not [text for text in left.values() if "trust-" in text]
    machine.serve()
    assert machine.ssh("root", "login", "id", "-un").stdout == "root\n"
    assert machine.ssh("trust-observer", "observer", "id").returncode == 255
