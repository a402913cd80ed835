# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node isolated and released over SSH, by a controller at the other end of a cable; and one that is locked out."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.lab.light import sshd
from tests.lab.paths import CHECKOUT
from tests.lab.wait import wait_for
from tests.unit.support.namespace import NFT, NODE, Namespace, joined, lone, needs_nft

pytestmark = needs_nft
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

# As where the controllers of a site share an address that is not always the same.
WRONG_PEER = "ForceCommand SSH_CONNECTION='192.0.2.77 4 192.0.2.2 22' sh -c \"$SSH_ORIGINAL_COMMAND\""


class Site:
    """One node in a namespace of its own, and a controller in another."""

    def __init__(self, home: Path, node: Namespace, controller: Namespace, lie: str) -> None:
        self.home, self.node, self.controller = home, node, controller
        self.url = f"sqlite:///{home}/store.sqlite3"
        sshd.make_key(home / "key", "controller")
        sshd.make_key(home / sshd.HOST_KEY, "node")
        shutil.copyfile(home / "key.pub", home / "authorized_keys")
        text = sshd.configuration(home, 22).replace("127.0.0.1", NODE)
        path = f"PATH={Path(str(NFT)).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        text += f"SetEnv {path}\n{lie}\n"
        (home / "sshd_config").write_text(text, encoding="utf-8")
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        command = ["nsenter", f"--net=/proc/{node.pid}/ns/net", str(SSHD), "-D", "-e", "-f", str(home / "sshd_config")]
        self.server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self.inventory = {
            "ansible_host": NODE,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(home / "key"),
            "ansible_ssh_common_args": "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no",
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        with Store(self.url).transaction() as connection:
            identities.save(connection, "edge1", "e" * 64, {}, {}, 1.0)
        wait_for("the SSH server", self._answers, timeout_s=10, interval_s=0.05)

    def _answers(self) -> bool | None:
        probe = f"import socket; socket.create_connection(('{NODE}', 22), 1)"
        return self.controller.run(sys.executable, "-c", probe, check=False).returncode == 0 or None

    def isolation(self, **arguments: Any) -> dict[str, Any]:
        """Run the task as a play does; return its result."""
        (self.home / "hosts.json").write_text(json.dumps({"all": {"hosts": {"edge1": self.inventory}}}))
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
            "ANSIBLE_HOME": str(self.home / "home"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.home / "cp"),
            "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_TIMEOUT": "3",
            "PALANTIR_TRUST_STORE": self.url,
        }
        command = [str(Path(sys.executable).with_name("ansible")), "edge1", "-i", str(self.home / "hosts.json")]
        command += [
            "-m",
            "palantir.trust.isolation",
            "-a",
            json.dumps({"trial": 20, **arguments}),
            "--tree",
            str(self.home / "results"),
        ]
        done = self.controller.run(*command, check=False, env=environment, cwd=CHECKOUT)
        result = self.home / "results" / "edge1"
        assert result.is_file(), done.stdout + done.stderr
        told: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
        result.unlink()
        return told

    def is_noted(self) -> bool:
        with Store(self.url).transaction() as connection:
            record = identities.find(connection, "edge1")
        assert record is not None
        return record.isolated

    def reaches(self, port: int) -> bool:
        """Return whether a packet of the controller comes to the node."""
        listen = f"import socket; s = socket.create_server(('{NODE}', {port})); print(flush=True); s.accept()"
        command = ["nsenter", f"--net=/proc/{self.node.pid}/ns/net", sys.executable, "-c", listen]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            server.stdout.readline()
            ask = f"import socket; socket.create_connection(('{NODE}', {port}), 0.5)"
            done = self.controller.run(sys.executable, "-c", ask, check=False)
            server.kill()
        return done.returncode == 0


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if SSHD is None:
        pytest.skip("sshd is not installed")
    with lone() as node, joined(node) as controller:
        made = Site(tmp_path_factory.mktemp("i"), node, controller, getattr(request, "param", ""))
        yield made
        made.server.terminate()
        made.server.wait(timeout=10)


def test_a_node_is_isolated_and_released_over_ssh(site: Site) -> None:
    assert site.reaches(8080)
    done = site.isolation()
    assert (done.get("msg"), done.get("changed")) == (None, True)
    assert done["peers"] == ["192.0.2.1"]
    assert not site.reaches(8080)
    assert site.is_noted()
    assert site.isolation()["changed"] is False
    assert site.isolation(state="released")["changed"] is True
    assert site.reaches(8080)
    assert not site.is_noted()
    assert site.isolation(state="released")["changed"] is False


@pytest.mark.parametrize("site", [WRONG_PEER], indirect=True)
def test_rules_that_lock_the_controller_out_undo_themselves(site: Site) -> None:
    done = site.isolation(trial=10)
    assert "The controller came back only after the trial" in done["msg"]
    assert site.reaches(8080)
    assert not site.is_noted()
