# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTPS server on the loopback whose answers a test can spoil: refused, late, cut off, or lost once carried out."""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer; ``body`` is JSON's data, text, bytes as they are, or None for nothing."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Fault:
    """What happens to the next ``times`` requests of a method whose path a pattern finds.

    With ``reply`` they get that instead. With ``lose`` they are carried out, with ``drop`` they are not, and the
    connection ends without an answer.
    """

    method: str
    path: str
    reply: Reply | None = None
    lose: bool = False
    drop: bool = False
    delay: float = 0.0
    times: int = 1


class Api(Protocol):
    """What answers."""

    def answer(self, asked: Asked) -> Reply:
        """Carry out a request."""


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self.coming: list[Fault] = []
        self._lock = threading.Lock()

    def of(self, asked: Asked) -> Fault | None:
        with self._lock:
            for fault in self.coming:
                if fault.times and fault.method == asked.method and re.search(fault.path, asked.path):
                    fault.times -= 1
                    return fault
        return None


@dataclass(frozen=True)
class Served:
    """A running server: its root, the file with its certificate authority, and what was asked of it."""

    url: str
    ca_file: Path
    asked: list[Asked]
    faults: Faults

    def calls(self, *methods: str) -> list[str]:
        """Return the requests of these methods, ``POST /path``."""
        return [f"{asked.method} {asked.path}" for asked in self.asked if asked.method in methods]


@contextmanager
def serve(api: Api, directory: Path) -> Iterator[Served]:
    """Serve an API while the context lasts."""
    directory.mkdir(parents=True, exist_ok=True)
    certificate = _certificate(directory)
    lock = threading.Lock()
    asked: list[Asked] = []
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Asked(self.command, parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
            asked.append(request)
            fault = faults.of(request) or Fault("", "")
            time.sleep(fault.delay)
            reply = fault.reply
            if reply is None and not fault.drop:
                with lock:
                    reply = api.answer(request)
            if reply is None or fault.lose:
                self.close_connection = True
            else:
                self._reply(reply)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 # the library names them

        def _reply(self, reply: Reply) -> None:
            kind, data = _encoded(reply)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if data:
                self.send_header("Content-Type", kind)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """Say nothing: clients that do not trust us hang up."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, directory / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield Served(f"https://127.0.0.1:{server.server_address[1]}", certificate, asked, faults)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _encoded(reply: Reply) -> tuple[str, bytes]:
    if reply.body is None:
        return "", b""
    if isinstance(reply.body, bytes):
        return "application/octet-stream", reply.body
    if isinstance(reply.body, str):
        return "text/plain", reply.body.encode()
    return "application/json", json.dumps(reply.body).encode()


def _certificate(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "contract server")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (directory / "server.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    file = directory / "ca.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return file


__all__ = ["Api", "Asked", "Fault", "Reply", "Served", "serve"]
