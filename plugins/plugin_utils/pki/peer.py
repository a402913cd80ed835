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
        PeerError: ``unreachable``; ``certificate_missing``, ``certificate_expired``, ``certificate_foreign``,
            ``certificate_wrong``, ``certificate_revoked`` where the peer's does not hold; the agent's own reason, or
            ``refused``, where it refuses ours; ``malformed`` where it answers with something else.
        PkiError: our own certificate cannot be used.
    """
    subject = f"{peer.name} at {peer.address}:{peer.port}"
    context = client.context()
    try:
        with (
            socket.create_connection((peer.address, peer.port), _TIMEOUT_S) as plain,
            _ending(plain),
            context.wrap_socket(plain) as channel,
        ):
            _check(channel.getpeercert(binary_form=True), peer, subject)
            return _exchange(channel, method, path, body, subject)
    except ssl.SSLCertVerificationError as error:
        code = "certificate_expired" if error.verify_code == _EXPIRED else "certificate_foreign"
        raise PeerError(subject, code, f"shows a certificate that does not hold: {error.verify_message}.") from None
    except ssl.SSLError as error:
        reason = printable(error.reason or "its connection ended", 80)
        raise PeerError(
            subject, "refused", f"does not take this side's certificate: {reason}.", "see its refusals."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        raise PeerError(
            subject, "unreachable", f"{printable(error, 200) or 'does not answer'}.", "check that it runs."
        ) from None


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
        raise PeerError(subject, "certificate_missing", "shows no certificate.")
    try:
        certificate = x509.load_der_x509_certificate(der)
        name = of_certificate(certificate)
    except (PkiError, ValueError):
        raise PeerError(subject, "certificate_wrong", "shows a certificate without a SPIFFE ID.") from None
    if name != peer.name:
        raise PeerError(subject, "certificate_wrong", f"is {printable(name, 200)}.", "check where the instance runs.")
    if not peer.counts(certificate.serial_number):
        raise PeerError(subject, "certificate_revoked", "shows a certificate that does not count any more.")


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


__all__ = ["ANSWER_LIMIT", "DEADLINE_S", "Client", "Peer", "PeerError", "ask"]
