# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A light node over real SSH, by Ansible itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.light.node import LightNode, write_inventory
from tests.lab.process import ProcessRecord
from tests.unit.support.emulator import emulated_node

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
ANSIBLE = Path(sys.executable).with_name("ansible")
PATHS = {
    name: f"{{{{ palantir_trust_{name} }}}}"
    for name in ("ima_log_path", "event_log_path", "userspace_log_path", "proc_path", "sys_path", "ssh_path")
}


@pytest.fixture(scope="module")
def node() -> Iterator[LightNode]:
    if shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        pytest.skip("sshd is not installed")
    probe = subprocess.run(["/usr/bin/python3", "-c", "import tpm2_pytss"], capture_output=True, check=False)
    if probe.returncode != 0:
        pytest.skip("the system's Python has no tpm2_pytss (Debian: python3-tpm2-pytss)")
    with emulated_node("light1") as booted:
        booted.start()
        yield booted


def ansible(node: LightNode, module: str, **arguments: object) -> dict[str, Any]:
    """Run one module on the node and return its result."""
    home = node.directory.parent
    inventory = home / "hosts.json"
    write_inventory([node], inventory)
    command = [str(ANSIBLE), node.name, "-i", str(inventory), "-m", f"palantir.trust.{module}"]
    command += ["-a", json.dumps({"tcti": "{{ palantir_trust_tcti }}", **arguments}), "--tree", str(home / "results")]
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(home / "cp"),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
    }
    done = subprocess.run(
        command, env=environment, cwd=CHECKOUT, capture_output=True, text=True, timeout=120, check=False
    )
    try:
        result: dict[str, Any] = json.loads((home / "results" / node.name).read_text())
    except OSError:
        pytest.fail(done.stdout + done.stderr)
    return result


def test_modules_run_over_ssh(node: LightNode) -> None:
    assert ansible(node, "enrolment", operation="describe")["description"]["ak"]["created"] is True
    given = ansible(node, "evidence", nonce="5a" * 32, selection={"sha256": [0, 7, 10]}, **PATHS)
    assert given["evidence"]["facts"]["kernel"]["release"] == "6.1.0-light"
    assert given["evidence"]["ima_log"]["data"]


def test_a_failure_over_ssh_is_one_message(node: LightNode) -> None:
    result = ansible(node, "evidence", nonce="5a" * 32, selection={"sha256": [10]}, ak_handle="0x81010077", **PATHS)
    assert result["code"] == "ak_missing"
    assert "exception" not in result


def test_a_node_that_is_off_is_unreachable(node: LightNode) -> None:
    node.stop()
    try:
        result = ansible(node, "evidence", nonce="5a" * 32, selection={"sha256": [10]}, **PATHS)
    finally:
        node.start()
    assert result["unreachable"] is True


def test_stopping_leaves_no_process_behind(node: LightNode) -> None:
    with socket.create_connection(("127.0.0.1", node.port), timeout=5) as open_connection:
        assert open_connection.recv(4) == b"SSH-"
        records = [ProcessRecord.read(node.directory / f"{name}.pid.json") for name in ("swtpm", "sshd")]
        node.stop()
        open_connection.settimeout(5)
        while open_connection.recv(4096):
            pass
    for record in records:
        assert record is not None
        assert not Path(f"/proc/{record.pid}/exe").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", node.port), timeout=5)
    node.start()
