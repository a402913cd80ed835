# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking an instance's agent, over mutual TLS 1.3 and as a role.

The address proves nothing: the peer is who its certificate names, by the site's CA, and nobody else is asked.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import SpiffeId, of_certificate

ANSWER_LIMIT: Final = MIB
_TIMEOUT_S: Final = 15.0
DEADLINE_S: Final = 60.0
"""Most seconds for one question and its answer, however lively the peer is."""
# OpenSSL's X509_V_ERR_* (x509_vfy.h).
_EXPIRED: Final = 10


class PeerError(PkiError):
    """A peer that was not believed, or that did not believe us; ``code`` is the stable name of the cause."""

    def __init__(self, subject: str, code: str, cause: str, next_step: str = "") -> None:
        self.code = code
        super().__init__(subject, cause, next_step)


class SilentPeerError(PeerError):
    """Nobody answered who could have been believed or not: nothing was sent."""

    def __init__(self, subject: str, cause: object) -> None:
        said = printable(cause, 200) or "does not answer"
        super().__init__(subject, "unreachable", f"{said}.", "check that it runs, and what is between.")


class UnbelievedPeerError(PeerError):
    """Somebody answered who is not the one that was to be asked: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Client:
    """As whom one asks: certificate and key of a role as PEM, and the CA's certificate."""

    certificate: bytes
    key: bytes = field(repr=False)
    authority: bytes

    def context(self) -> ssl.SSLContext:
        """Return TLS 1.3 and nothing older.

        Raises:
            PkiError: the certificate or the key is none, or they are not of each other.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.check_hostname = False  # the name is a SPIFFE ID, checked after the handshake
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        try:
            context.load_verify_locations(cadata=self.authority.decode("ascii"))
            # Python reads keys from files alone. The directory is this user's.
            with tempfile.TemporaryDirectory() as directory:
                path = os.path.join(directory, "client.pem")
                with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                    stream.write(self.key + b"\n" + self.certificate)
                context.load_cert_chain(path)
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            raise PkiError(
                "client certificate", "and its key cannot be used.", "issue it anew: palantir.trust.certificate."
            ) from None
        return context


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom one asks: where it listens, who it must be, and whether a serial number of its certificate still counts."""

    address: str
    port: int
    name: SpiffeId
    counts: Callable[[int], bool]


def ask(peer: Peer, client: Client, method: str, path: str, body: Any = None) -> Any:
    """Return the JSON answer of an agent.

    Args:
        peer: the instance.
        client: as whom.
        method: of HTTP.
        path: of the verb, ``/v1/…``.
        body: JSON-safe data, or None.

    Raises:
        SilentPeerError: ``unreachable``.
        UnbelievedPeerError: ``tls_failed``, ``certificate_missing``, ``certificate_expired``, ``certificate_foreign``,
            ``certificate_wrong``, ``certificate_revoked``: the peer's does not hold.
        PeerError: of the one that was to be asked: its own reason, or ``refused``, where it refuses us; ``ended`` where
            it does not answer to the end; ``malformed`` where it answers with something else.
        PkiError: our own certificate cannot be used.
    """
    subject = f"{peer.name} at {peer.address}:{peer.port}"
    context = client.context()
    try:
        with (
            socket.create_connection((peer.address, peer.port), _TIMEOUT_S) as plain,
            _ending(plain),
            _handshake(context, plain, subject) as channel,
        ):
            _check(channel.getpeercert(binary_form=True), peer, subject)
            return _answer(channel, method, path, body, subject)
    except (OSError, UnicodeError) as error:  # a name of no host is a UnicodeError
        raise SilentPeerError(subject, error) from None


def _handshake(context: ssl.SSLContext, plain: socket.socket, subject: str) -> ssl.SSLSocket:
    try:
        return context.wrap_socket(plain)
    except ssl.SSLCertVerificationError as error:
        expired = error.verify_code == _EXPIRED
        raise UnbelievedPeerError(
            subject,
            "certificate_expired" if expired else "certificate_foreign",
            f"shows a certificate that does not hold: {error.verify_message}.",
            "heal the instance, which gives its agent a new one." if expired else "find out what answers there.",
        ) from None
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        raise SilentPeerError(subject, "it ends the connection at once") from None
    except ssl.SSLError as error:
        said = printable(error.reason or "no TLS", 80)
        raise UnbelievedPeerError(
            subject, "tls_failed", f"does not speak TLS 1.3: {said}.", "find out what answers there."
        ) from None


def _answer(channel: ssl.SSLSocket, method: str, path: str, body: Any, subject: str) -> Any:
    try:
        return _exchange(channel, method, path, body, subject)
    except ssl.SSLError as error:
        said = printable(error.reason or "its connection ended", 80)
        raise PeerError(
            subject,
            "refused",
            f"does not take this side's certificate: {said}.",
            "compare the clocks, and see its refusals.",
        ) from None
    except (OSError, http.client.HTTPException) as error:
        said = printable(error, 200) or "the connection ended"
        raise PeerError(subject, "ended", f"does not answer to the end: {said}.", "see the log of its agent.") from None


@contextlib.contextmanager
def _ending(connection: socket.socket) -> Iterator[None]:
    """End a connection once its time is over: each byte would give a slow peer as much time again."""
    with connection.dup() as end:
        timer = threading.Timer(DEADLINE_S, _shut, [end])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _check(der: bytes | None, peer: Peer, subject: str) -> None:
    if der is None:
        raise UnbelievedPeerError(subject, "certificate_missing", "shows no certificate.")
    try:
        certificate = x509.load_der_x509_certificate(der)
        name = of_certificate(certificate)
    except (PkiError, ValueError):
        raise UnbelievedPeerError(subject, "certificate_wrong", "shows a certificate without a SPIFFE ID.") from None
    if name != peer.name:
        raise UnbelievedPeerError(
            subject, "certificate_wrong", f"is {printable(name, 200)}.", "check where the instance runs."
        )
    if not peer.counts(certificate.serial_number):
        raise UnbelievedPeerError(
            subject,
            "certificate_revoked",
            "shows a certificate that does not count any more.",
            "heal the instance, which gives its agent a new one.",
        )


def _exchange(channel: ssl.SSLSocket, method: str, path: str, body: Any, subject: str) -> Any:
    connection = http.client.HTTPConnection("instance", timeout=_TIMEOUT_S)
    connection.sock = channel
    data = None if body is None else json.dumps(body).encode()
    connection.request(method, path, body=data, headers={"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read(ANSWER_LIMIT + 1)
    try:
        plain = json.loads(text) if len(text) <= ANSWER_LIMIT else None
    except (ValueError, RecursionError):
        plain = None
    if answer.status != 200:
        said = plain if isinstance(plain, dict) else {}
        code = printable(said.get("refused", "refused"), 64)
        raise PeerError(subject, code, f"refuses: {printable(said.get('message', answer.status), 300)}")
    if plain is None:
        raise PeerError(subject, "malformed", "does not answer with JSON of a length that is read.")
    return plain


__all__ = [
    "ANSWER_LIMIT",
    "DEADLINE_S",
    "Client",
    "Peer",
    "PeerError",
    "SilentPeerError",
    "UnbelievedPeerError",
    "ask",
]
