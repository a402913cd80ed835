# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of an SC instance: serves health and configuration over mutual TLS 1.3 alone.

Usage: ``sc_agent.py SETTINGS PROGRAM [ARGUMENT...]`` inside an image. It is the first process of the instance, runs the
program, ends when that ends, and with its status. Or ``sc_agent.py SETTINGS`` on a node, beside an instance that
something else runs. SETTINGS is a JSON file:

=================  ==================================================================================================
``name``           SPIFFE ID of this generation; peers of another trust domain are refused
``address, port``  where it serves
``authority``      certificate of the site's CA, PEM
``revocations``    the CA's CRL, PEM; may be left out where the directory has one
``directory``      for the key, the request and the certificate; a tmpfs, so that the key is never on a disk
``configuration``  path → signal that makes the program read it again (``HUP``), an empty text where it notices by
                   itself, or null where it has to start anew
``seconds``        most that a connection may last; 30 where it is left out
``files``          beside an instance: path → where that file is on the node
``program``        beside an instance: the file that tells which process its program is, ``{"pid": …, "since": …}``
=================  ==================================================================================================

The key is made in place and never leaves: in an image here, else by who starts this. In an image its request is
``request.pem`` in the directory; nothing is served before ``certificate.pem`` is put beside it. Whenever that is
replaced the new one is used. So is ``revocations.pem``, where it is the CA's and not older than the list that is in
force. A list that a peer brings is kept there: who is revoked stays so when this starts again.

Python 3.8 or newer, its standard library and the openssl command alone: it is part of images.
"""

from __future__ import annotations

import base64
import binascii
import collections
import contextlib
import hashlib
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ANYBODY = ("observer", "operator", "orchestrator")
BODY_LIMIT = 1 << 20
CONNECTIONS = 8
OF_ONE_ADDRESS = 4
"""Most connections of one address: who does nothing with them is not to take them all."""
HANDSHAKE_S = 10.0
CONNECTION_S = 30.0
REFUSALS = 100
LIST_LIMIT = 8 << 20
_POLL_S = 0.2
_REQUEST = [
    "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=sc",
]  # fmt: skip
_LIST = re.compile(r"-----BEGIN X509 CRL-----\s[A-Za-z0-9+/=\s]+-----END X509 CRL-----\s*")
_NUMBER = re.compile(rb"crlNumber=(?:0x)?([0-9A-Fa-f]{1,40})")
# OpenSSL's X509_V_ERR_* that have a name of their own here (x509_vfy.h).
_REASONS = {
    2: "certificate_foreign",
    7: "certificate_foreign",
    10: "certificate_expired",
    18: "certificate_foreign",
    19: "certificate_foreign",
    20: "certificate_foreign",
    21: "certificate_foreign",
    23: "certificate_revoked",
    26: "certificate_wrong_purpose",
}


class Refusal(NamedTuple):
    """A peer that was turned away: when, from where, and why."""

    at: float
    peer: str
    reason: str


class RefusedError(Exception):
    """A request that is not carried out: HTTP status, stable reason, and what to say."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(message)


class Beside:
    """A program that something else started: the file that names it is written anew whenever it runs again."""

    def __init__(self, path: str) -> None:
        self.path = path

    def poll(self) -> int | None:
        """Return None while it runs; why it ended is not known here."""
        return 0 if self._process() is None else None

    def send_signal(self, number: int) -> None:
        """Send it a signal.

        Raises:
            ProcessLookupError: it does not run.
        """
        process = self._process()
        if process is None:
            raise ProcessLookupError
        os.kill(process, number)

    def _process(self) -> int | None:
        """Return the process, if it is the one that was noted: numbers are given out again."""
        try:
            noted = json.loads(_content(self.path) or b"{}")
            process = int(noted["pid"])
            # proc(5), /proc/PID/stat: the second field may have blanks and parentheses, and the 22nd is the start.
            state, *fields = (_content(f"/proc/{process}/stat") or b"").rpartition(b")")[2].split()
            return process if process > 0 and state != b"Z" and int(fields[18]) == noted["since"] else None
        except (IndexError, KeyError, TypeError, ValueError):
            return None


class Agent:
    """What the agent knows and can do, apart from the network."""

    def __init__(self, settings: Mapping[str, Any], program: subprocess.Popen[bytes] | Beside) -> None:
        self.settings = settings
        self.program = program
        self.started = time.time()
        self.refusals: collections.deque[Refusal] = collections.deque(maxlen=REFUSALS)
        self.revocations = str(settings.get("revocations", ""))
        self._seen = (0, 0)
        self._lock = threading.Lock()
        self.refresh()

    @property
    def domain(self) -> str:
        """The trust domain of this instance."""
        return str(self.settings["name"]).split("/")[2]

    def refuse(self, peer: str, reason: str) -> None:
        """Record that a peer was turned away, here and in the instance's own log."""
        refusal = Refusal(time.time(), peer, reason)
        self.refusals.append(refusal)
        sys.stdout.write(json.dumps({"refused": refusal._asdict()}) + "\n")
        sys.stdout.flush()

    def health(self) -> dict[str, Any]:
        """Return whether the program runs, and since when the agent does."""
        return {"name": self.settings["name"], "running": self.program.poll() is None, "since": self.started}

    def configuration(self) -> dict[str, str | None]:
        """Return the digest of each configuration file; None for one that cannot be read."""
        return {path: _digest(self._place(path)) for path in sorted(self.settings["configuration"])}

    def configure(self, body: Any) -> dict[str, Any]:
        """Write configuration files, all or none of them known here, and have the program read them.

        Raises:
            RefusedError: a file is not one of its own, has no content, cannot be written, or takes a new generation of
                an instance that something else runs.
        """
        files = body.get("files") if isinstance(body, dict) else None
        if not isinstance(files, dict) or not files:
            raise RefusedError(400, "malformed", "files must be a mapping of paths to base64 text.")
        foreign = sorted(str(path) for path in files if path not in self.settings["configuration"])
        if foreign:
            raise RefusedError(400, "foreign_file", f"{foreign[0][:200]} is no configuration file of this instance.")
        contents = {self._place(path): _decoded(path, text) for path, text in files.items()}
        fixed = sorted(path for path in files if self.settings["configuration"][path] is None)
        if fixed and isinstance(self.program, Beside):
            raise RefusedError(409, "needs_replacement", f"{fixed[0][:200]} is read once only: replace the instance.")
        with self._lock:
            before = self.configuration()
            _write_all(contents)
            after = self.configuration()
        changed = sorted(path for path in files if before[path] != after[path])
        ways = {self.settings["configuration"][path] for path in changed}
        signals = [] if None in ways else [name for name in sorted(filter(None, ways)) if self.signal(name)]
        return {"changed": changed, "restart": None in ways, "signals": signals, "configuration": after}

    def reload(self, _body: Any) -> dict[str, Any]:
        """Have the program read its configuration again."""
        names = sorted({name for name in self.settings["configuration"].values() if name})
        return {"signals": [name for name in names if self.signal(name)]}

    def revoke(self, body: Any) -> dict[str, Any]:
        """Take a newer list of revoked certificates.

        Raises:
            RefusedError: it is none, by another CA, or older than the one that is there; or it is in force, and cannot
                be kept for the next start.
        """
        text = str(body.get("revocations") if isinstance(body, dict) else None)
        with self._lock:
            self._take(text)
            try:
                _replace(Path(self.settings["directory"]) / "revocations.pem", text.encode())
            except OSError as error:
                raise RefusedError(500, "not_kept", f"The list is in force until the next start: {error}.") from None
        return {}

    def refresh(self) -> None:
        """Take the list that is kept in the directory, if it is another one, the CA's, and not older."""
        path = Path(self.settings["directory"]) / "revocations.pem"
        with self._lock, contextlib.suppress(OSError, RefusedError, ValueError):
            found = path.stat()
            if (found.st_mtime_ns, found.st_ino) == self._seen:
                return
            with path.open("rb") as file:
                text = file.read(LIST_LIMIT).decode("ascii")
            if text != self.revocations:
                self._take(text)
            # What could not be taken is tried again: it may be the one that turns somebody away.
            self._seen = (found.st_mtime_ns, found.st_ino)

    def _take(self, text: str) -> None:
        number, directory = self._list_number(text), Path(self.settings["directory"])
        if self.revocations and number < _list_number(self.revocations, directory, str(self.settings["authority"])):
            raise RefusedError(409, "older_list", "There is a newer list of revocations here.")
        self.revocations = text

    def _place(self, path: str) -> str:
        return str(self.settings.get("files", {}).get(path, path))

    def _list_number(self, text: str) -> int:
        # OpenSSL takes certificates of CAs from the same file, and lists of anybody.
        if not _LIST.fullmatch(text):
            raise RefusedError(400, "malformed", "revocations must be one CRL in PEM, and nothing else.")
        return _list_number(text, Path(self.settings["directory"]), str(self.settings["authority"]))

    def signal(self, name: str) -> bool:
        """Send a signal to the program; return whether it runs."""
        if self.program.poll() is not None:
            return False
        try:
            self.program.send_signal(getattr(signal, "SIG" + name))
        except ProcessLookupError:
            return False
        return True

    def context(self, revocations: str | None = None) -> ssl.SSLContext:
        """Return TLS 1.3 and nothing older, with a peer that has to show a certificate that holds."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
        context.num_tickets = 0  # each connection shows its certificate
        context.load_verify_locations(cadata=str(self.settings["authority"]))
        directory = Path(self.settings["directory"])
        _load_revocations(context, directory, revocations or self.revocations)
        context.load_cert_chain(str(directory / "certificate.pem"), str(directory / "key.pem"))
        return context


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of a peer whose certificate holds."""

    protocol_version = "HTTP/1.1"
    server_version = "sc-agent"
    sys_version = ""
    timeout = HANDSHAKE_S
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
        """Say nothing: refusals are recorded, and requests come often."""

    def do_GET(self) -> None:
        """Answer what changes nothing."""
        self._answer()

    def do_PUT(self) -> None:
        """Change something."""
        self._answer()

    def do_POST(self) -> None:
        """Have something done."""
        self._answer()

    def _answer(self) -> None:
        self.close_connection = True
        try:
            status, body = 200, self._act()
        except RefusedError as error:
            status, body = error.status, {"refused": error.reason, "message": str(error)}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _act(self) -> Any:
        agent = self.server.agent
        act, roles = _VERBS.get((self.command, self.path), (None, ()))
        role = _role(self.connection.getpeercert(), agent.domain)
        if role is None:
            self._refuse("role_unknown")
            raise RefusedError(403, "role_unknown", "The certificate names no role of this trust domain.")
        if act is None:
            raise RefusedError(404, "unknown", "There is no such verb.")
        if role not in roles:
            self._refuse("role_forbidden")
            raise RefusedError(403, "role_forbidden", f"The role {role} may not do that.")
        return act(agent, self._body())

    def _body(self) -> Any:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > BODY_LIMIT:
            raise RefusedError(413, "too_long", f"A body has {BODY_LIMIT} bytes at most.")
        try:
            return json.loads(self.rfile.read(int(length)) or b"null")
        except (ValueError, RecursionError):
            raise RefusedError(400, "malformed", "The body is not JSON.") from None

    def _refuse(self, reason: str) -> None:
        self.server.agent.refuse(self.client_address[0], reason)


class Server(http.server.ThreadingHTTPServer):
    """Connections, a bounded number of them; none is waited for by another."""

    daemon_threads = True
    request_queue_size = 32

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        self._of: collections.Counter[str] = collections.Counter()
        self._lock = threading.Lock()
        self._seconds = float(agent.settings.get("seconds", CONNECTION_S))
        self._certificate = (0, 0)
        self._revocations = ""
        self._context: ssl.SSLContext | None = None
        if ":" in str(agent.settings["address"]):
            self.address_family = socket.AF_INET6
        super().__init__((str(agent.settings["address"]), int(agent.settings["port"])), Handler)

    def server_bind(self) -> None:
        """Take the port; without asking DNS for this host's name, which may take long."""
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a peer in a thread of its own, where one is free."""
        if self._of[client_address[0]] >= OF_ONE_ADDRESS or not self._free.acquire(timeout=HANDSHAKE_S):
            self.shutdown_request(request)
            return
        self._count(client_address[0], 1)
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread can be started
            self._count(client_address[0], -1)
            self._free.release()
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Shake hands, and answer who shows a certificate that holds."""
        # Each byte would give a slow peer as much time again.
        end = request.dup()
        timer = threading.Timer(self._seconds, _shut, [end])
        timer.start()
        try:
            request.settimeout(HANDSHAKE_S)
            wrapped = self._current().wrap_socket(request, server_side=True)
        except (OSError, ValueError) as error:
            reason = _reason(error)
            if reason is not None:
                self.agent.refuse(client_address[0], reason)
            self.shutdown_request(request)
        else:
            super().process_request_thread(wrapped, client_address)
        finally:
            timer.cancel()
            end.close()
            self._count(client_address[0], -1)
            self._free.release()

    def _count(self, address: str, one: int) -> None:
        with self._lock:
            self._of[address] += one
            if not self._of[address]:
                del self._of[address]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a peer that goes away go."""

    def _current(self) -> ssl.SSLContext:
        self.agent.refresh()
        found = os.stat(os.path.join(str(self.agent.settings["directory"]), "certificate.pem"))
        certificate = (found.st_mtime_ns, found.st_ino)
        if self._context is None or (certificate, self.agent.revocations) != (self._certificate, self._revocations):
            revocations = self.agent.revocations
            self._context = self.agent.context(revocations)
            self._certificate, self._revocations = certificate, revocations
        return self._context


_VERBS: dict[tuple[str, str], tuple[Callable[[Agent, Any], Any], tuple[str, ...]]] = {
    ("GET", "/v1/health"): (lambda agent, _body: agent.health(), ANYBODY),
    ("GET", "/v1/configuration"): (lambda agent, _body: agent.configuration(), ANYBODY),
    ("GET", "/v1/refusals"): (lambda agent, _body: [item._asdict() for item in agent.refusals], ANYBODY),
    ("POST", "/v1/reload"): (Agent.reload, ("operator", "orchestrator")),
    ("PUT", "/v1/configuration"): (Agent.configure, ("orchestrator",)),
    ("PUT", "/v1/revocations"): (Agent.revoke, ("orchestrator",)),
}
"""Method and path → what is done, and the roles that may ask for it."""


def request_certificate(directory: Path) -> None:
    """Make a key, and a request for a certificate of it.

    Raises:
        subprocess.CalledProcessError: openssl failed.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, request = directory / "key.pem", directory / "request.pem"
    partial = directory / "request.partial"
    os.close(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    subprocess.run(  # noqa: S603 - a list of our own words
        [*_REQUEST, "-keyout", str(key), "-out", str(partial)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    partial.replace(request)


def serve(agent: Agent) -> None:
    """Wait for the certificate, then serve until the process ends."""
    certificate = Path(agent.settings["directory"]) / "certificate.pem"
    while not certificate.exists():
        time.sleep(_POLL_S)
    Server(agent).serve_forever()


def serve_beside(settings: Mapping[str, Any]) -> None:
    """Serve an instance that something else runs, until the process ends; ``listening`` says once the port is open."""
    server = Server(Agent(settings, Beside(str(settings["program"]))))
    _replace(Path(settings["directory"]) / "listening", str(os.getpid()).encode())
    server.serve_forever()


def main(arguments: list[str]) -> int:
    """Run the program if there is one, serve, and return the program's status."""
    with open(arguments[0], "rb") as file:
        settings = json.load(file)
    if len(arguments) == 1:
        serve_beside(settings)
        return 0
    program = subprocess.Popen(arguments[1:])  # noqa: S603 - the image's own command
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda found, _frame: program.send_signal(found))
    request_certificate(Path(settings["directory"]))
    threading.Thread(target=serve, args=(Agent(settings, program),), daemon=True).start()
    return _reap(program)


def _reap(program: subprocess.Popen[bytes]) -> int:
    """Wait for the program, and for what other processes left to the first one of the instance."""
    while True:
        try:
            status = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            return program.wait()
        if status is not None and status.si_pid == program.pid:
            return program.wait()
        if status is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(status.si_pid, 0)


def _role(certificate: Any, domain: str) -> str | None:
    names = [value for kind, value in (certificate or {}).get("subjectAltName", ()) if kind == "URI"]
    prefix = f"spiffe://{domain}/role/"
    if len(names) != 1 or not names[0].startswith(prefix):
        return None
    role: str = names[0][len(prefix) :]
    return role if role in ANYBODY else None


def _reason(error: Exception) -> str | None:
    """Return why a handshake failed; None where the peer only went away."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _REASONS.get(error.verify_code, "certificate_invalid")
    if isinstance(error, ssl.SSLError):
        if error.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
            return "certificate_missing"
        # A port that was only looked at: Python up to 3.11.3 calls that end an orderly one.
        return None if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) else "tls_failed"
    return "handshake_timeout" if isinstance(error, socket.timeout) else None


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _list_number(pem: str, directory: Path, authority: str) -> int:
    """Return the number of a CRL of the site's CA, which grows with each (RFC 5280 section 5.2.3).

    Raises:
        RefusedError: it is none, or not signed by that CA.
    """
    path = directory / f"authority.{os.getpid()}.{threading.get_ident()}"
    _write(str(path), authority.encode())
    try:
        read = ("openssl", "crl", "-noout", "-crlnumber", "-CAfile", str(path))
        done = subprocess.run(  # noqa: S603 - a list of our own words
            read,
            input=pem.encode(),
            capture_output=True,
            check=False,
        )
    finally:
        path.unlink()
    found = _NUMBER.match(done.stdout)
    if found is None:
        raise RefusedError(400, "malformed", "revocations must be a CRL in PEM, with a number.")
    # Its exit status has told of that only since OpenSSL 3.2.
    if done.returncode or done.stderr.strip() != b"verify OK":
        raise RefusedError(400, "foreign_list", "The list of revocations is not by the site's CA.")
    return int(found[1], 16)


def _load_revocations(context: ssl.SSLContext, directory: Path, pem: str) -> None:
    # Python reads a CRL from files alone; in memory it refuses what is not a certificate.
    path = directory / f"revocations.{os.getpid()}.{threading.get_ident()}"
    _write(str(path), pem.encode())
    try:
        context.load_verify_locations(cafile=str(path))
    finally:
        path.unlink()


def _decoded(path: str, text: Any) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(400, "malformed", f"{path}: its content is not base64 text.") from None


def _digest(path: str) -> str | None:
    content = _content(path)
    return None if content is None else "sha256:" + hashlib.sha256(content).hexdigest()


def _write_all(contents: Mapping[str, bytes]) -> None:
    """Write files, or leave all of them as they were.

    Raises:
        RefusedError: one cannot be written.
    """
    before = {path: _content(path) for path in contents}
    try:
        for path, content in contents.items():
            _write(path, content)
    except OSError as error:
        for path, old in before.items():
            with contextlib.suppress(OSError):
                if old is not None:
                    _write(path, old)
        raise RefusedError(500, "not_written", f"{str(error.filename)[:200]}: {error.strerror}.") from None


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    _write(str(partial), content)
    partial.replace(path)


def _write(path: str, content: bytes) -> None:
    # In place: a configuration file can be a mount of its own, which nothing can be renamed over.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
