# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's agent as it runs, and who is turned away: no certificate, a foreign, expired, revoked or wrong one."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import peer as peer_module
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import (
    Client,
    Peer,
    PeerError,
    SilentPeerError,
    UnbelievedPeerError,
    ask,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_instance, of_role

pytestmark = pytest.mark.slow

AGENT = Path(__file__).parents[3] / "extensions" / "sc_agent" / "sc_agent.py"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
DOMAIN = "example.test"
NAME = of_instance(DOMAIN, "dns-filter-1", 3)
WAIT_S = 20.0
# Counts the signals that it gets, into the file beside its configuration.
PROGRAM = """
import pathlib, signal, sys, time
config, told = map(pathlib.Path, sys.argv[1:])
def read(*_): told.write_text(told.read_text() + config.read_text())
signal.signal(signal.SIGHUP, read)
told.write_text("")
read()
while True: time.sleep(0.05)
"""


def authority() -> ca.Authority:
    return ca.load(ca.make(DOMAIN, NOW), "CA")


SITE = authority()


def client(role: str = "orchestrator", issuer: ca.Authority = SITE, lifetime: timedelta = DAY, **other: Any) -> Client:
    """As whom one asks; with ``name`` as somebody who is no role."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = other.get("name") or of_role(DOMAIN, role)
    issued = ca.issue(issuer, name, key.public_key(), other.get("now", NOW), lifetime)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Client(issued.public_bytes(serialization.Encoding.PEM), private, SITE.pem)


def serial(asker: Client) -> int:
    return x509.load_pem_x509_certificate(asker.certificate).serial_number


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < deadline, f"not after {WAIT_S} s: {what}"
        time.sleep(0.02)


@dataclass
class Instance:
    """An agent that runs, with a program under it."""

    root: Path
    revoked: list[ca.Revoked] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (self.root / "config").write_text("first\n")
        settings = {
            "name": str(NAME),
            "address": "127.0.0.1",
            "port": self.port,
            "authority": SITE.pem.decode(),
            "revocations": self.revocations(),
            "directory": str(self.root / "keys"),
            "configuration": {
                str(self.root / "config"): "HUP",
                str(self.root / "other"): "HUP",
                str(self.root / "gone" / "config"): "HUP",
            },
            "seconds": 8,
        }
        (self.root / "settings.json").write_text(json.dumps(settings))
        program = [sys.executable, "-c", PROGRAM, str(self.root / "config"), str(self.root / "told")]
        with (self.root / "log").open("wb") as log:
            command = [sys.executable, str(AGENT), str(self.root / "settings.json"), *program]
            self.process = subprocess.Popen(command, stdout=log)
        until((self.root / "keys" / "request.pem").exists, "a request for a certificate")
        until(lambda: self.told() == "first\n", "its program to have started")

    def revocations(self) -> str:
        return ca.revocation_list(SITE, self.revoked, len(self.revoked), NOW).decode()

    def told(self) -> str:
        return (self.root / "told").read_text() if (self.root / "told").exists() else ""

    def certify(self, issuer: ca.Authority = SITE, name: Any = NAME, **how: Any) -> int:
        key = ca.public_key_of((self.root / "keys" / "request.pem").read_bytes(), "dns-filter-1")
        issued = ca.issue(issuer, name, key, how.get("now", NOW), how.get("lifetime", DAY))
        partial = self.root / "keys" / "partial"
        partial.write_bytes(issued.public_bytes(serialization.Encoding.PEM))
        partial.rename(self.root / "keys" / "certificate.pem")
        until(self._listens, "a port that listens")
        return issued.serial_number

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, asker: Client, method: str = "GET", path: str = "/v1/health", body: Any = None) -> Any:
        return ask(Peer("127.0.0.1", self.port, NAME, lambda _serial: True), asker, method, path, body)

    def refusals(self) -> list[str]:
        return [item["reason"] for item in self.ask(client("observer"), path="/v1/refusals")]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    started = Instance(tmp_path)
    try:
        started.start()
        yield started
    finally:
        if started.process is not None:
            started.process.kill()
            started.process.wait()
            # The program is the agent's child, and the test's to end where the agent could not.
            for pid in _children(str(tmp_path / "config")):
                os.kill(pid, signal.SIGKILL)


def _children(argument: str) -> list[int]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdecimal():
            try:
                words = (directory / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if argument.encode() in words:
                found.append(int(directory.name))
    return found


def test_nothing_is_served_before_there_is_a_certificate(instance: Instance) -> None:
    with pytest.raises(PeerError) as refused:
        instance.ask(client())
    assert refused.value.code == "unreachable"
    instance.certify()
    assert instance.ask(client("observer"))["running"] is True


def test_the_key_is_the_agents_alone(instance: Instance) -> None:
    key = instance.root / "keys" / "key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    assert (instance.root / "keys").stat().st_mode & 0o777 == 0o700


def test_configuration_is_changed_and_read_again(instance: Instance) -> None:
    instance.certify()
    path = str(instance.root / "config")
    files = {path: base64.b64encode(b"second\n").decode()}
    answer = instance.ask(client(), "PUT", "/v1/configuration", {"files": files})
    assert (answer["changed"], answer["restart"]) == ([path], False)
    until(lambda: instance.told() == "first\nsecond\n", "the program to read its configuration")
    assert instance.ask(client(), "PUT", "/v1/configuration", {"files": files})["changed"] == []
    assert instance.ask(client("observer"), path="/v1/configuration") == answer["configuration"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"files": {"/etc/passwd": ""}}, "foreign_file"),
        ({"files": {}}, "malformed"),
        ({"files": []}, "malformed"),
        ([], "malformed"),
        (None, "malformed"),
    ],
)
def test_only_its_own_files_are_written(instance: Instance, body: Any, reason: str) -> None:
    instance.certify()
    with pytest.raises(PeerError) as refused:
        instance.ask(client(), "PUT", "/v1/configuration", body)
    assert refused.value.code == reason
    assert instance.told() == "first\n"


@pytest.mark.parametrize(
    ("role", "method", "path", "may"),
    [
        ("observer", "GET", "/v1/health", True),
        ("observer", "POST", "/v1/reload", False),
        ("observer", "PUT", "/v1/configuration", False),
        ("operator", "POST", "/v1/reload", True),
        ("operator", "PUT", "/v1/configuration", False),
        ("operator", "PUT", "/v1/revocations", False),
        ("orchestrator", "POST", "/v1/reload", True),
    ],
)
def test_a_role_may_do_its_verbs_and_no_other(instance: Instance, role: str, method: str, path: str, may: bool) -> None:
    instance.certify()
    if may:
        instance.ask(client(role), method, path)
        return
    with pytest.raises(PeerError) as refused:
        instance.ask(client(role), method, path)
    assert refused.value.code == "role_forbidden"
    assert instance.refusals() == ["role_forbidden"]


def foreign() -> Client:
    return client(issuer=authority())


def expired() -> Client:
    return client(now=NOW - 3 * DAY)


def instance_itself() -> Client:
    return client(name=NAME)


def other_domain() -> Client:
    return client(name=of_role("example.org", "orchestrator"))


@pytest.mark.parametrize(
    ("asker", "reason"),
    [
        (foreign, "certificate_foreign"),
        (expired, "certificate_expired"),
        (instance_itself, "certificate_wrong_purpose"),
        (other_domain, "role_unknown"),
    ],
)
def test_a_peer_without_a_certificate_that_holds_is_turned_away_and_recorded(
    instance: Instance, asker: Callable[[], Client], reason: str
) -> None:
    instance.certify()
    with pytest.raises(PeerError):
        instance.ask(asker())
    assert instance.refusals() == [reason]


def test_a_peer_without_any_certificate_is_turned_away_and_recorded(instance: Instance) -> None:
    instance.certify()
    context = ssl.create_default_context(cadata=SITE.pem.decode())
    context.check_hostname = False
    with (
        socket.create_connection(("127.0.0.1", instance.port)) as plain,
        context.wrap_socket(plain) as channel,
        pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"),
    ):
        channel.recv(1)
    assert instance.refusals() == ["certificate_missing"]


def test_an_older_tls_is_turned_away(instance: Instance) -> None:
    instance.certify()
    context = client().context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", instance.port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain)


def test_a_revoked_certificate_is_turned_away_and_recorded(instance: Instance) -> None:
    instance.certify()
    lost = client()
    instance.ask(lost)
    instance.revoked.append(ca.Revoked(serial(lost), NOW.timestamp()))
    instance.ask(client(), "PUT", "/v1/revocations", {"revocations": instance.revocations()})
    with pytest.raises(PeerError):
        instance.ask(lost)
    assert instance.refusals() == ["certificate_revoked"]


def test_what_is_no_list_of_revocations_changes_nothing(instance: Instance) -> None:
    instance.certify()
    with pytest.raises(PeerError) as refused:
        instance.ask(client(), "PUT", "/v1/revocations", {"revocations": "none"})
    assert refused.value.code == "malformed"
    assert instance.ask(client("observer"))["running"] is True


def with_a_ca_of_ones_own(site: str, mine: ca.Authority) -> str:
    return site + mine.pem.decode() + ca.revocation_list(mine, [], 99, NOW).decode()


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (with_a_ca_of_ones_own, "malformed"),
        (lambda _site, mine: mine.pem.decode(), "malformed"),
        (lambda site, _mine: site + site, "malformed"),
        (lambda _site, mine: ca.revocation_list(mine, [], 99, NOW).decode(), "foreign_list"),
        (lambda site, _mine: site.replace("\n-----END", "=AAAA\n-----END"), "malformed"),
    ],
)
def test_who_may_tell_of_revocations_brings_in_no_ca_and_no_list_of_another(
    instance: Instance, told: Callable[[str, ca.Authority], str], reason: str
) -> None:
    """A stolen certificate of an orchestrator would else outlive its revocation, by a CA that its thief has made."""
    instance.certify()
    mine = authority()
    with pytest.raises(PeerError) as refused:
        instance.ask(client(), "PUT", "/v1/revocations", {"revocations": told(instance.revocations(), mine)})
    assert refused.value.code == reason
    assert instance.ask(client("observer"))["running"] is True
    with pytest.raises(PeerError):
        instance.ask(client(issuer=mine))
    assert instance.refusals()[-1] == "certificate_foreign"


def test_an_older_list_gives_no_certificate_back(instance: Instance) -> None:
    instance.certify()
    before, lost = instance.revocations(), client()
    instance.revoked.append(ca.Revoked(serial(lost), NOW.timestamp()))
    for _twice in range(2):
        instance.ask(client(), "PUT", "/v1/revocations", {"revocations": instance.revocations()})
    with pytest.raises(PeerError) as refused:
        instance.ask(client(), "PUT", "/v1/revocations", {"revocations": before})
    assert refused.value.code == "older_list"
    with pytest.raises(PeerError):
        instance.ask(lost)


def test_files_are_written_all_or_none(instance: Instance) -> None:
    other = instance.root / "other"
    other.write_text("old\n")
    instance.certify()
    paths = {str(other): b"new\n", str(instance.root / "gone" / "config"): b"x\n"}
    files = {path: base64.b64encode(content).decode() for path, content in paths.items()}
    with pytest.raises(PeerError) as refused:
        instance.ask(client(), "PUT", "/v1/configuration", {"files": files})
    assert refused.value.code == "not_written"
    assert other.read_text() == "old\n"


def test_who_only_holds_connections_open_keeps_nobody_else_out(instance: Instance) -> None:
    instance.certify()
    held = [socket.create_connection(("127.0.0.1", instance.port), 5, ("127.0.0.2", 0)) for _number in range(12)]
    try:
        assert instance.ask(client())["running"] is True
    finally:
        for connection in held:
            connection.close()


def test_a_request_that_comes_byte_by_byte_has_an_end(instance: Instance) -> None:
    instance.certify()
    with (
        socket.create_connection(("127.0.0.1", instance.port), 5) as plain,
        client("observer").context().wrap_socket(plain) as channel,
    ):
        channel.sendall(b"GET /v1/health HTTP/1.1\r\nX: ")
        until(lambda: not _takes(channel), "an end of the connection")


def _takes(channel: ssl.SSLSocket) -> bool:
    try:
        channel.sendall(b"x")
    except OSError:
        return False
    return True


def test_an_instance_that_answers_byte_by_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_module, "DEADLINE_S", 2.0)
    served = socket.create_server(("127.0.0.1", 0))
    slow = threading.Thread(target=_dribble, args=(served,), daemon=True)
    slow.start()
    begun = time.monotonic()
    with pytest.raises(PeerError) as refused:
        ask(Peer("127.0.0.1", served.getsockname()[1], NAME, lambda _serial: True), client(), "GET", "/v1/health")
    assert refused.value.code in ("ended", "malformed", "refused")
    assert time.monotonic() - begun < WAIT_S
    slow.join(WAIT_S)


def plainly(plain: socket.socket) -> None:
    plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    plain.recv(4096)


def at_once(plain: socket.socket) -> None:
    plain.recv(4096)


def by_an_older_tls(plain: socket.socket) -> None:
    context = _serving()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.wrap_socket(plain, server_side=True)


def with_nothing(plain: socket.socket) -> None:
    with _serving().wrap_socket(plain, server_side=True) as channel:
        channel.recv(4096)


@pytest.mark.parametrize(
    ("answers", "code", "kind"),
    [
        (plainly, "tls_failed", UnbelievedPeerError),
        (by_an_older_tls, "tls_failed", UnbelievedPeerError),
        (at_once, "unreachable", SilentPeerError),
        (with_nothing, "ended", PeerError),
    ],
)
def test_who_answers_otherwise_is_told_from_who_is_not_there(
    answers: Callable[[socket.socket], None], code: str, kind: type[PeerError]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as served:

        def serve() -> None:
            with contextlib.suppress(OSError), served.accept()[0] as plain:
                answers(plain)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        peer = Peer("127.0.0.1", served.getsockname()[1], NAME, lambda _serial: True)
        with pytest.raises(PeerError) as refused:
            ask(peer, client(), "GET", "/v1/health")
        thread.join(WAIT_S)
    assert (refused.value.code, type(refused.value)) == (code, kind)


def test_a_name_of_no_host_is_nobody() -> None:
    with pytest.raises(SilentPeerError):
        ask(Peer("a..b", 9443, NAME, lambda _serial: True), client(), "GET", "/v1/health")


def _serving() -> ssl.SSLContext:
    key, context = ec.generate_private_key(ec.SECP256R1()), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = ca.issue(SITE, NAME, key.public_key(), NOW, DAY)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with tempfile.NamedTemporaryFile() as both:
        both.write(private + issued.public_bytes(serialization.Encoding.PEM))
        both.flush()
        context.load_cert_chain(both.name)
    return context


def _dribble(served: socket.socket) -> None:
    context = _serving()
    with served, contextlib.suppress(OSError), context.wrap_socket(served.accept()[0], server_side=True) as channel:
        channel.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while True:
            channel.sendall(b"x")
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        ({"issuer": authority()}, "certificate_foreign"),
        ({"now": NOW - 3 * DAY}, "certificate_expired"),
        ({"name": of_instance(DOMAIN, "dns-filter-1", 2)}, "certificate_wrong"),
        ({"name": of_instance(DOMAIN, "waf-1", 3)}, "certificate_wrong"),
    ],
)
def test_an_instance_that_is_not_the_one_is_not_asked(instance: Instance, shown: Any, code: str) -> None:
    instance.certify(**shown)
    with pytest.raises(PeerError) as refused:
        instance.ask(client(), "PUT", "/v1/configuration", {"files": {}})
    assert refused.value.code == code


def test_an_instance_whose_certificate_was_taken_back_is_not_asked(instance: Instance) -> None:
    taken_back = instance.certify()
    peer = Peer("127.0.0.1", instance.port, NAME, lambda number: number != taken_back)
    with pytest.raises(PeerError) as refused:
        ask(peer, client(), "GET", "/v1/health")
    assert refused.value.code == "certificate_revoked"


def test_a_new_certificate_is_used_without_a_restart(instance: Instance) -> None:
    instance.certify(now=NOW - 3 * DAY)
    with pytest.raises(PeerError) as refused:
        instance.ask(client())
    assert refused.value.code == "certificate_expired"
    instance.certify()
    assert instance.ask(client())["running"] is True


def test_the_agent_ends_with_its_program_and_its_status(instance: Instance) -> None:
    assert instance.process is not None
    (program,) = (pid for pid in _children(str(instance.root / "config")) if pid != instance.process.pid)
    os.kill(program, signal.SIGTERM)
    assert instance.process.wait(WAIT_S) == -signal.SIGTERM % 256
