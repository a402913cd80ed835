# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mails over a server on the loopback, with a certificate of its own."""

from __future__ import annotations

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.action.mail import ActionModule
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError

PASSWORD = "mail-3f9a-secret"
LOGIN = base64.b64encode(f"\0trust\0{PASSWORD}".encode()).decode()


class Letters(socketserver.StreamRequestHandler):
    """As much of SMTP (RFC 5321, 3207, 4954) as takes a mail in; what was said to it is kept, encrypted or not."""

    server: Server

    def handle(self) -> None:
        if self.server.at_once:
            self._encrypt()
        self._say("220 loopback")
        while line := self.rfile.readline():
            said = line.decode().strip()
            self.server.said.append((isinstance(self.request, ssl.SSLSocket), said))
            word = said.upper().partition(" ")[0]
            if word == "EHLO":
                offered = [] if isinstance(self.request, ssl.SSLSocket) or not self.server.offers else ["STARTTLS"]
                for extension in ["loopback", *offered, "AUTH PLAIN"]:
                    self._say(f"250-{extension}")
            if word == "STARTTLS":
                self._say("220 go on")
                self._encrypt()
            elif word == "AUTH" and said != f"AUTH PLAIN {LOGIN}":
                self._say(f"535 not {said}")
            elif word == "AUTH":
                self._say("235 welcome")
            elif word == "DATA":
                self._say("354 go on")
                self.server.letters.append(b"".join(iter(self.rfile.readline, b".\r\n")).decode())
                self._say("250 taken")
            else:
                self._say("250 loopback")
            if word == "QUIT":
                return

    def _encrypt(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", 0)

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class Server(socketserver.TCPServer):
    """A mail server."""

    context: ssl.SSLContext
    offers = True
    at_once = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Letters)
        self.said: list[tuple[bool, str]] = []
        self.letters: list[str] = []

    def handle_error(self, *_of: object) -> None:
        """A client that turns away is none."""


@contextmanager
def serving(certificate: Path, **how: bool) -> Iterator[Server]:
    with Server() as server:
        server.__dict__.update(how)
        server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        server.context.load_cert_chain(certificate)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def certificate(path: Path, address: str) -> Path:
    """Write a key and a certificate that it signs for itself."""
    key, now, name = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC), x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    named = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
    signed = builder.add_extension(named, critical=True).sign(key, hashes.SHA256())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + signed.public_bytes(pem))
    return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("mail") / "own.pem", "127.0.0.1")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("mail") / "foreign.pem", "192.0.2.1")


def send(server: Server, *, check_mode: bool = False, **more: Any) -> dict[str, Any]:
    action = ActionModule.__new__(ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    given = {name: option.get("default") for name, option in ActionModule.SPEC.items()}
    letter = {"to": ["ops@example.com", "night@example.com"], "subject": "held", "body": "A person decides.\n"}
    of_server = {"host": "127.0.0.1", "port": server.server_address[1], "timeout": 5}
    return action.act(given | letter | of_server | more, {})


def test_a_password_goes_to_a_server_that_proved_who_it_is(own: Path) -> None:
    with serving(own) as server:
        assert send(server, username="trust", password=PASSWORD, ca=str(own)) == {"changed": True}
    [letter] = server.letters
    assert "To: ops@example.com, night@example.com" in letter
    assert letter.endswith("\r\n\r\nA person decides.\r\n")
    assert (True, f"AUTH PLAIN {LOGIN}") in server.said
    assert [said for encrypted, said in server.said if not encrypted] == [server.said[0][1], "STARTTLS"]


def test_tls_from_the_start(own: Path) -> None:
    with serving(own, at_once=True) as server:
        send(server, secure="always", username="trust", password=PASSWORD, ca=str(own))
    assert len(server.letters) == 1
    assert all(encrypted for encrypted, _said in server.said)


@pytest.mark.parametrize("secure", ["starttls", "always"])
@pytest.mark.parametrize("case", ["no CA is named", "another's certificate"])
def test_a_server_that_does_not_prove_it_gets_nothing(own: Path, foreign: Path, secure: str, case: str) -> None:
    mine = own if case == "no CA is named" else foreign
    ca = None if case == "no CA is named" else str(foreign)
    with serving(mine, at_once=secure == "always") as server, pytest.raises(TrustError) as refused:
        send(server, secure=secure, username="trust", password=PASSWORD, ca=ca)
    assert str(refused.value).startswith("mail over 127.0.0.1: the server's certificate is not trusted: ")
    assert server.letters == []
    assert not [said for _encrypted, said in server.said if said.startswith("AUTH")]


def test_no_password_goes_over_a_server_that_offers_no_encryption(own: Path) -> None:
    with serving(own, offers=False) as server, pytest.raises(TrustError, match="offers no STARTTLS"):
        send(server, username="trust", password=PASSWORD)
    assert not [said for _encrypted, said in server.said if said.startswith("AUTH")]


@pytest.mark.parametrize("offers", [True, False])
def test_without_a_password_it_is_encrypted_where_it_can_be(own: Path, offers: bool) -> None:
    with serving(own, offers=offers) as server:
        send(server)
    assert len(server.letters) == 1
    assert [encrypted for encrypted, said in server.said if said == "data"] == [offers]


def test_what_a_server_says_of_a_login_is_not_shown(own: Path) -> None:
    wrong = PASSWORD + "-old"
    with serving(own) as server, pytest.raises(TrustError) as refused:
        send(server, username="trust", password=wrong, ca=str(own))
    assert str(refused.value) == (
        "mail over 127.0.0.1: the login was refused (535). Next: check username and password."
    )


def test_no_header_comes_in_by_a_subject(own: Path) -> None:
    with serving(own) as server, pytest.raises(TrustError, match="give sender, to and subject in one line"):
        send(server, subject="held\r\nBcc: evil@example.com")
    assert server.said == []


def test_check_mode_asks_no_server(own: Path) -> None:
    with serving(own) as server:
        assert send(server, check_mode=True) == {"changed": True}
    assert server.said == []


def test_a_server_that_is_not_there_is_one_message(own: Path) -> None:
    with serving(own) as server:
        pass
    with pytest.raises(TrustError, match="it was not taken: ConnectionRefusedError"):
        send(server)
