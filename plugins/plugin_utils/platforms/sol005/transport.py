# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTPS request and its answer, verified and bounded: no redirect is followed, so no secret goes elsewhere.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import urlsplit

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.clock import Clock

BODY_LIMIT: Final = 4 * MIB
_CHUNK: Final = 64 * 1024
_PATIENCE_S: Final = 30.0
_FAULT: Final = (OSError, http.client.HTTPException, ValueError)


class UnansweredError(PlatformError):
    """A request without an answer: whether it was carried out is not known."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request; ``body`` is what goes over the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def told(self) -> str:
        """Return the request as errors show it, without its query and whatever it carries."""
        return f"{self.method} {printable(self.url.partition('?')[0], 200)}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: ``headers`` have lower-case names, ``body`` is at most :data:`BODY_LIMIT` bytes."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self, subject: str) -> Any:
        """Return the body's data.

        Raises:
            PlatformError: it is no JSON.
        """
        try:
            return json.loads(self.body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise PlatformError(
                subject, "was answered with what is no JSON.", "check the platform's url and version."
            ) from None


def trust(ca_file: str) -> ssl.SSLContext:
    """Return how a server proves itself: by certificate and name, TLS 1.2 or newer.

    Args:
        ca_file: the certificate authorities that count, as PEM; the system's where it is empty.

    Raises:
        PlatformError: the file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        reason = printable(getattr(error, "strerror", None) or error, 200)
        raise PlatformError(ca_file, f"cannot be read as certificates: {reason}.", "check ca_file.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Transport:
    """Sends requests, each over a connection of its own, none longer than the clock's deadline."""

    def __init__(self, context: ssl.SSLContext, clock: Clock) -> None:
        self.context = context
        self.clock = clock

    def send(self, request: Request) -> Answer:
        """Send a request and return its answer.

        Raises:
            UnansweredError: there is no connection, no answer in time, or one that is no HTTP.
            PlatformError: the server does not prove itself, or says too much.
        """
        parts = urlsplit(request.url)
        patience = min(_PATIENCE_S, self.clock.left())
        if patience <= 0:
            raise UnansweredError(request.told, "there is no time left for it.", "raise the platform's timeout.")
        connection = http.client.HTTPSConnection(
            str(parts.hostname), parts.port or 443, timeout=patience, context=self.context
        )
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(request.method, path, request.body or None, dict(request.headers))
            response = connection.getresponse()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, self._body(response, request))
        except ssl.SSLCertVerificationError as error:
            cause = f"the server's certificate is not accepted: {printable(error.verify_message, 200)}."
            raise PlatformError(request.told, cause, "name its certificate authority as ca_file.") from None
        except _FAULT as error:
            reason = printable(str(error) or type(error).__name__, 200)
            raise UnansweredError(request.told, f"has no answer: {reason}.", "check the platform.") from None
        finally:
            connection.close()

    def _body(self, response: http.client.HTTPResponse, request: Request) -> bytes:
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > BODY_LIMIT:
                raise PlatformError(request.told, f"was answered with more than {BODY_LIMIT} bytes.")
            if self.clock.left() <= 0:
                raise UnansweredError(request.told, "was not answered in time.", "raise the platform's timeout.")
        if response.length:
            raise UnansweredError(request.told, "was answered in part only.", "check the platform.")
        return bytes(body)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


__all__ = ["BODY_LIMIT", "Answer", "Request", "Transport", "UnansweredError", "trust"]
