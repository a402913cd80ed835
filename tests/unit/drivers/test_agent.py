# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent beside a generation, from its key to its end: the agent is real, and a table of processes is systemd."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from ansible_collections.palantir.trust.plugins.module_utils import _agent, _instance_files, _units
from ansible_collections.palantir.trust.plugins.module_utils._agent import Given
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import File, Generation
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import Client, Peer, PeerError, ask
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_instance
from tests.unit.drivers import scene
from tests.unit.drivers.test_units import values, words
from tests.unit.pki.test_mutual_tls import AGENT, DAY, DOMAIN, NOW, SITE, client, expired, foreign, serial, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="configuration belongs to a range, which only root can set")
CONF, ZONES, FIXED = "/etc/dnsmasq.conf", "/etc/zones.conf", "/etc/fixed.conf"
ANALYZE = shutil.which("systemd-analyze")
# Tells of each signal that it gets.
PROGRAM = """
import signal, sys, time
def told(*_): print("read", flush=True)
signal.signal(signal.SIGHUP, told)
print("runs", flush=True)
while True: time.sleep(0.05)
"""


class Node:
    """A node's part: its generations, its services by name, and how often each was started."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.services: dict[str, subprocess.Popen[bytes]] = {}
        self.started: list[str] = []
        self.revoked: list[ca.Revoked] = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def generation(self, number: int = 3) -> Generation:
        files = [File(CONF, "old\n", "signal"), File(ZONES, "old\n", "none"), File(FIXED, "old\n")]
        found = scene.generation(directory=str(self.home / "dns-1"), number=number, files=files)
        if _instance_files.read(found.directory, number) is None:
            _instance_files.lay_out(found)
        return found

    def start(self, unit: str) -> None:
        (command,) = values(Path(_units.RUNTIME, unit).read_text(), "ExecStart")
        self.services[unit] = subprocess.Popen(words(command), stdout=subprocess.DEVNULL)
        self.started.append(unit)

    def stop(self, unit: str) -> None:
        if unit in self.services:
            self.services[unit].kill()
            self.services.pop(unit).wait()

    def running(self, unit: str) -> bool:
        return unit in self.services and self.services[unit].poll() is None

    def certify(self, of: Generation, process: int = 0, lifetime: timedelta = DAY, **more: Any) -> dict[str, bool]:
        key = ca.public_key_of(_agent.requested(of)["request"].encode(), "dns-1")
        name = of_instance(DOMAIN, of.name, of.number)
        issued = ca.issue(SITE, name, key, NOW, lifetime).public_bytes(serialization.Encoding.PEM).decode()
        revocations = ca.revocation_list(SITE, self.revoked, len(self.revoked), NOW).decode()
        where = {"address": "127.0.0.1", "port": self.port, **more}
        program = AGENT.read_text(encoding="utf-8")
        return _agent.installed(of, Given(str(name), issued, SITE.pem.decode(), revocations, program, **where), process)

    def ask(self, asker: Client, method: str = "GET", path: str = "/v1/health", body: Any = None, at: int = 3) -> Any:
        peer = Peer("127.0.0.1", self.port, of_instance(DOMAIN, "dns-1", at), lambda _serial: True)
        return ask(peer, asker, method, path, body)

    def put(self, path: str, content: bytes) -> Any:
        files = {path: base64.b64encode(content).decode()}
        return self.ask(client(), "PUT", "/v1/configuration", {"files": files})

    def refusals(self) -> list[str]:
        return [item["reason"] for item in self.ask(client("observer"), path="/v1/refusals")]


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    found = Node(tmp_path)
    monkeypatch.setattr(_agent, "AGENTS", str(tmp_path / "agents"))
    monkeypatch.setattr(_units, "RUNTIME", str(tmp_path / "units"))
    for name in ("start", "stop", "running"):
        monkeypatch.setattr(_units, name, getattr(found, name))
    monkeypatch.setattr(_units, "last_words", lambda _unit: "it says nothing.")
    monkeypatch.setattr(_units, "remove", lambda path, _unit: Path(path).unlink(missing_ok=True))
    yield found
    for service in list(found.services):
        found.stop(service)


def key_of(node: Node, of: Generation) -> Path:
    return node.home / "agents" / of.tag / "key.pem"


def test_each_generation_has_a_key_of_its_own_that_never_leaves(node: Node) -> None:
    third, fourth = node.generation(3), node.generation(4)
    answer = _agent.requested(third)
    assert (answer["changed"], answer["certificate"], answer["running"]) == (True, "", False)
    again = _agent.requested(third)
    assert again["changed"] is False
    keys = [ca.public_key_of(told["request"].encode(), "dns-1") for told in (answer, again, _agent.requested(fourth))]
    assert keys[0] == keys[1] != keys[2]
    found = key_of(node, third)
    assert (found.stat().st_mode & 0o777, found.stat().st_uid) == (0o600, 0)
    assert (found.parent.stat().st_mode & 0o777, found.parent.parent.stat().st_mode & 0o777) == (0o700, 0o700)
    assert not any("PRIVATE" in str(value) for value in answer.values())


def test_it_serves_and_a_renewal_needs_no_restart(node: Node) -> None:
    of = node.generation()
    assert node.certify(of) == {"changed": True, "restarted": True}
    assert node.ask(client("observer"))["running"] is False
    lost, before = client(), _agent.requested(of)
    assert (before["changed"], before["running"]) == (False, True)
    node.ask(lost)
    node.revoked.append(ca.Revoked(serial(lost), NOW.timestamp()))
    assert node.certify(of, address=None, port=None) == {"changed": True, "restarted": False}
    with pytest.raises(PeerError):
        node.ask(lost)
    assert node.refusals() == ["certificate_revoked"]
    after = x509.load_pem_x509_certificate(_agent.requested(of)["certificate"].encode())
    assert after.serial_number != x509.load_pem_x509_certificate(before["certificate"].encode()).serial_number
    assert node.started == ["palantir-agent-dns-1-g3.service"]


@pytest.mark.parametrize("brought", ["by the controller", "by a peer"])
def test_who_is_revoked_stays_so_when_the_agent_starts_again(node: Node, brought: str) -> None:
    of, lost = node.generation(), client()
    node.certify(of)
    node.revoked.append(ca.Revoked(serial(lost), NOW.timestamp()))
    if brought == "by a peer":
        revocations = ca.revocation_list(SITE, node.revoked, 1, NOW).decode()
        node.ask(client(), "PUT", "/v1/revocations", {"revocations": revocations})
    else:
        node.certify(of)
    (service,) = node.services
    node.stop(service)
    (node.home / "agents" / of.tag / "listening").unlink()
    node.start(service)
    until((node.home / "agents" / of.tag / "listening").exists, "an agent that listens")
    with pytest.raises(PeerError):
        node.ask(lost)
    assert node.refusals() == ["certificate_revoked"]


@pytest.mark.parametrize("kept", ["", "no list", ca.revocation_list(ca.load(ca.make(DOMAIN, NOW), "CA"), [], 9, NOW)])
def test_without_a_list_of_the_sites_ca_nobody_is_let_in(node: Node, kept: str | bytes) -> None:
    of = node.generation()
    node.certify(of)
    (service,) = node.services
    node.stop(service)
    folder = node.home / "agents" / of.tag
    (folder / "revocations.pem").write_bytes(kept if isinstance(kept, bytes) else kept.encode())
    (folder / "listening").unlink()
    node.start(service)
    until((folder / "listening").exists, "an agent that listens")
    with pytest.raises(PeerError):
        node.ask(client())


@pytest.mark.parametrize(("asker", "reason"), [(foreign, "certificate_foreign"), (expired, "certificate_expired")])
def test_who_shows_no_certificate_that_holds_is_turned_away(node: Node, asker: Any, reason: str) -> None:
    node.certify(node.generation())
    with pytest.raises(PeerError):
        node.ask(asker())
    with pytest.raises(PeerError) as refused:
        node.ask(client("observer"), "POST", "/v1/reload")
    assert refused.value.code == "role_forbidden"
    assert node.refusals() == [reason, "role_forbidden"]


def test_configuration_is_written_where_it_is_and_the_program_told(node: Node) -> None:
    of = node.generation()
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == b"runs\n"
            node.certify(of, program.pid)
            assert node.ask(client("observer"))["running"] is True
            assert node.ask(client("observer"), path="/v1/configuration") == _instance_files.digests(of.files)
            assert node.put(ZONES, b"new\n")["changed"] == [ZONES]
            assert node.put(CONF, b"new\n")["restart"] is False
            assert program.stdout.readline() == b"read\n", "told of the second one alone"
            for path, code in ((FIXED, "needs_replacement"), ("/etc/passwd", "foreign_file")):
                with pytest.raises(PeerError) as refused:
                    node.put(path, b"new\n")
                assert refused.value.code == code
        finally:
            program.send_signal(signal.SIGKILL)
    (conf,) = [Path(outer) for outer, inner in _instance_files.mounts(of) if inner == CONF]
    assert (conf.read_bytes(), conf.stat().st_uid) == (b"new\n", of.uid_base)
    assert node.ask(client("observer"))["running"] is False
    _agent.note(of, os.getpid())
    assert node.ask(client("observer"))["running"] is True, "another process was noted, and no restart was needed"


def test_a_number_that_was_given_to_another_process_is_no_program(node: Node) -> None:
    of = node.generation()
    node.certify(of, os.getpid())
    noted = node.home / "agents" / of.tag / "program.json"
    noted.write_text(noted.read_text().replace('"since": ', '"since": 1'))
    assert node.ask(client("observer"))["running"] is False


def test_the_next_generations_agent_takes_the_place_of_the_one_before(node: Node) -> None:
    third, fourth = node.generation(3), node.generation(4)
    node.certify(third)
    node.certify(fourth)
    assert list(node.services) == ["palantir-agent-dns-1-g4.service"]
    assert not key_of(node, third).exists()
    assert node.ask(client("observer"), at=4)["name"].endswith("/generation/4")
    with pytest.raises(PeerError) as refused:
        node.ask(client("observer"), at=3)
    assert refused.value.code == "certificate_wrong"


def test_nothing_is_left_of_one_that_is_removed(node: Node) -> None:
    of = node.generation()
    node.certify(of)
    assert not _agent.remove("dns"), "another instance's, though it begins as this one's name"
    assert _agent.remove("dns-1", 3)
    assert (node.services, list((node.home / "agents").iterdir()), list((node.home / "units").iterdir())) == (
        {},
        [],
        [],
    )
    assert not _agent.remove("dns-1")


def test_what_cannot_have_its_port_is_told(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_agent, "_LISTENING_S", 0.5)
    with socket.create_server(("127.0.0.1", node.port)), pytest.raises(NodeError, match="does not listen") as caught:
        node.certify(node.generation())
    assert caught.value.code == "unit_failed"


def test_an_agent_that_is_not_there_is_not_renewed(node: Node) -> None:
    with pytest.raises(NodeError, match="has no agent yet"):
        node.certify(node.generation(), address=None, port=None)
    assert node.started == []


def test_the_unit_leads_nowhere_else(node: Node, tmp_path: Path) -> None:
    of = node.generation()
    text = _agent.unit(of, 9443)
    assert values(text, "CapabilityBoundingSet") == ["CAP_DAC_OVERRIDE CAP_KILL"]
    assert values(_agent.unit(of, 443), "CapabilityBoundingSet")[0].endswith("CAP_NET_BIND_SERVICE")
    assert values(text, "ReadWritePaths") == [f"{tmp_path}/agents/dns-1-g3", f"{of.place}/config"]
    assert values(text, "RestrictAddressFamilies") == ["AF_INET AF_INET6"], "systemd is asked over AF_UNIX"
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed")
    path = tmp_path / "palantir-agent-dns-1-g3.service"
    path.write_text(text, encoding="utf-8")
    done = subprocess.run([ANALYZE, "verify", str(path)], capture_output=True, text=True, check=False, timeout=60)
    assert [line for line in done.stderr.splitlines() if path.name in line] == []
    weigh = [ANALYZE, "security", "--offline=yes", "--threshold=45", "--no-pager", str(path)]
    done = subprocess.run(weigh, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


@pytest.mark.skipif(not Path("/proc/net/if_inet6").is_file(), reason="this machine has no IPv6")
def test_it_serves_at_an_address_of_ipv6(node: Node) -> None:
    of = node.generation()
    node.certify(of, address="::1")
    told = _agent.requested(of)
    assert (told["address"], told["port"], told["running"]) == ("::1", node.port, True)
    peer = Peer("::1", node.port, of_instance(DOMAIN, "dns-1", 3), lambda _serial: True)
    assert ask(peer, client("observer"), "GET", "/v1/health")["running"] is False
