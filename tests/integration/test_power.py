# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role ``power`` through ansible-playbook: commands, and a board's controller that speaks Redfish over TLS."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.lab.paths import CHECKOUT

PASSWORD = "hunter2-of-the-board"


def power(home: Path, fence: Any, state: str, **variables: Any) -> subprocess.CompletedProcess[str]:
    """Run the role for one node, as verbosely as it gets."""
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "roles": [{"role": "palantir.trust.power", "vars": {"power_node": "edge1", "power_state": state, **variables}}],
    }
    hosts = {"localhost": {"ansible_connection": "local"}, "edge1": {"palantir_trust_fence": fence}}
    (home / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    (home / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False), encoding="utf-8")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_HOME": str(home / "home"),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
    }
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "-i", str(home / "hosts.json")]
    return subprocess.run(
        [*command, str(home / "play.yml")],
        env=environment,
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    "fence",
    [{}, None, "redfish", {"driver": "ssh"}, {"driver": "redfish"}, {"driver": "ipmi", "address": "192.0.2.1"}],
)
def test_a_node_without_a_driver_is_left_alone_with_a_clear_message(tmp_path: Path, fence: Any) -> None:
    done = power(tmp_path, fence, "off")
    assert done.returncode == 2
    assert "edge1: palantir_trust_fence does not say what powers it. Next: give it a driver (command, ipmi," in said(
        done
    )


def test_a_command_is_a_list_of_arguments_and_what_it_says_counts(tmp_path: Path) -> None:
    state = tmp_path / "it's; touch $HOME"
    record = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    show = "import sys; print('edge1 is', open(sys.argv[1]).read())"
    fence = {
        "driver": "command",
        "power_off": [sys.executable, "-c", record, str(state), "off"],
        "power_on": [sys.executable, "-c", record, str(state), "on"],
        "status": [sys.executable, "-c", show, str(state)],
    }
    for wanted in ("off", "on"):
        done = power(tmp_path, fence, wanted)
        assert (done.returncode, state.read_text()) == (0, wanted), done.stdout
    stuck = power(tmp_path, {**fence, "power_off": ["true"]}, "off", power_timeout=2)
    assert stuck.returncode == 2, "it says that it is on"
    failing = power(tmp_path, {**fence, "power_off": ["false"]}, "off")
    assert failing.returncode == 2


class Board(ThreadingHTTPServer):
    """A board's controller: the part of Redfish (DSP0266) that powers a system; ``obeys`` tells whether it does."""

    daemon_threads = True
    powered = "On"
    obeys = True

    def __init__(self, certificate: Path) -> None:
        super().__init__(("127.0.0.1", 0), Redfish)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)


class Redfish(BaseHTTPRequestHandler):
    """Its answers."""

    server: Board
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        system = "/redfish/v1/Systems/1"
        reset = {"target": f"{system}/Actions/ComputerSystem.Reset"}
        reset |= {"ResetType@Redfish.AllowableValues": ["On", "ForceOff"]}  # type: ignore[dict-item]
        resources: dict[str, Any] = {
            "/redfish/v1": {"Systems": {"@odata.id": "/redfish/v1/Systems"}},
            "/redfish/v1/Systems": {"Members": [{"@odata.id": system}], "Members@odata.count": 1},
            system: {
                "@odata.id": system,
                "Id": "1",
                "PowerState": self.server.powered,
                "Actions": {"#ComputerSystem.Reset": reset},
            },
        }
        self._answer(200, resources.get(self.path.rstrip("/"), {}))

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "Basic" not in self.headers.get("Authorization", ""):
            self._answer(401, {})
            return
        if self.server.obeys:
            self.server.powered = {"ForceOff": "Off", "On": "On"}[asked["ResetType"]]
        self._answer(200, {})

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "board")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    (tmp_path / "ca.pem").write_bytes(certificate)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "board.pem").write_bytes(private + certificate)
    server = Board(tmp_path / "board.pem")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_redfish_powers_off_and_on_and_keeps_its_password(tmp_path: Path, board: Board) -> None:
    fence = {
        "driver": "redfish",
        "address": f"127.0.0.1:{board.server_port}",
        "username": "admin",
        "password": PASSWORD,
        "ca_path": str(tmp_path / "ca.pem"),
    }
    for wanted, powered in (("off", "Off"), ("off", "Off"), ("on", "On")):
        done = power(tmp_path, fence, wanted)
        assert (done.returncode, board.powered) == (0, powered), done.stdout
        assert PASSWORD not in done.stdout + done.stderr

    board.obeys = False
    done = power(tmp_path, {**fence, "resource_id": "1"}, "off", power_timeout=2)
    assert done.returncode == 2
    assert "edge1: its board's controller does not confirm that it is off." in said(done)
    assert PASSWORD not in done.stdout + done.stderr

    del fence["ca_path"]
    done = power(tmp_path, fence, "off")
    assert done.returncode == 2, "nobody vouches for the board"
    assert "does not power it off" in said(done)
    assert PASSWORD not in done.stdout + done.stderr
