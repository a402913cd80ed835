# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request with the standard library alone (RFC 9112), to see whether a server answers and how.

The request's target is sent as it is given: a filter is asked with what it is to refuse, dots and all.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import io
import re
import socket
import time
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Mapping, NamedTuple, cast

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

_HEAD_LIMIT = 65_536
BODY_LIMIT = 65_536
"""How much of an answer's body is looked at, in bytes."""
_METHOD = re.compile(r"[A-Z]{1,16}")
_TARGET = re.compile(r"[!-~]{1,4096}")
_FIELD_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_FIELD_VALUE = re.compile(r"[!-~]([ -~]{0,4094}[!-~])?")
_OWN_FIELDS = frozenset({"connection", "content-length", "host", "transfer-encoding"})


class Request(NamedTuple):
    """What to send: method, target as in the request line, Host, further header fields, and a body.

    Without a body (None) no Content-Length is sent.
    """

    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    body: bytes | None


class Response(NamedTuple):
    """A server's answer: status code, the first 64 KiB of its body, time taken in milliseconds."""

    status: int
    body: bytes
    milliseconds: float


def request(address: str, port: int, wanted: Request, seconds: float) -> Response:
    """Send a request on a connection of its own, and read the answer.

    Args:
        address: IP address of the server.
        port: its TCP port.
        wanted: what to send.
        seconds: for all of it, from the connection to the end of the body.

    Raises:
        NodeError: ``bad_argument``, ``http_timeout``, ``http_refused`` (nothing listens, or the connection is cut),
            ``http_malformed``.
    """
    data = _encode(wanted)
    started = time.monotonic()
    try:
        with socket.create_connection((address, port), timeout=seconds) as channel:
            channel.sendall(data)
            status, body = _read(channel, wanted.method, started + seconds)
    except socket.timeout:
        raise _no_answer("http_timeout", address, port, "does not answer within %g s" % seconds) from None
    except HTTPException as error:
        # RemoteDisconnected is both of it: a connection that ends without a byte.
        if isinstance(error, OSError):
            raise _no_answer("http_refused", address, port, "ends the connection without an answer") from None
        raise _malformed(address, port, type(error).__name__) from None
    except OSError as error:
        raise _no_answer("http_refused", address, port, "cannot be asked: %s" % (error.strerror or error)) from None
    except ValueError:
        raise _malformed(address, port, "a number is none") from None
    return Response(status, body, round((time.monotonic() - started) * 1000, 3))


def _encode(wanted: Request) -> bytes:
    _require(_METHOD, wanted.method, "HTTP method", "use capital letters.")
    _require(_TARGET, wanted.target, "request target", "use printable ASCII without spaces, percent-encoded.")
    _require(_FIELD_VALUE, wanted.host, "Host", "use printable ASCII.")
    lines = ["%s %s HTTP/1.1" % (wanted.method, wanted.target), "Host: " + wanted.host, "Connection: close"]
    for name, value in wanted.headers.items():
        _require(_FIELD_NAME, name, "name of a header field", "use letters, digits and hyphens.")
        _require(_FIELD_VALUE, value, "value of a header field", "use printable ASCII.")
        if name.lower() in _OWN_FIELDS:
            raise NodeError("bad_argument", "The header field %s is set by the probe." % name, "leave it out.")
        lines.append("%s: %s" % (name, value))
    if wanted.body is not None:
        lines.append("Content-Length: %d" % len(wanted.body))
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (wanted.body or b"")


def _require(form: "re.Pattern[str]", text: str, what: str, next_step: str) -> None:
    if not form.fullmatch(text):
        raise NodeError("bad_argument", "%.80r is no %s." % (text, what), next_step)


def _read(channel: socket.socket, method: str, deadline: float) -> tuple[int, bytes]:
    response = HTTPResponse(cast(socket.socket, _Bounded(channel, deadline)), method=method)
    with response:
        response.begin()
        body = response.read(BODY_LIMIT)
        if len(body) < BODY_LIMIT and response.length:
            raise IncompleteRead(body, response.length)
        return response.status, body


class _Bounded(io.RawIOBase):
    """What a connection sends, until a deadline and up to a limit, however slowly it comes."""

    def __init__(self, channel: socket.socket, deadline: float) -> None:
        super().__init__()
        self._channel, self._deadline, self._left = channel, deadline, _HEAD_LIMIT + 2 * BODY_LIMIT

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Stand in for the socket that HTTPResponse wants."""
        return io.BufferedReader(self)

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        if self._left <= 0:
            raise HTTPException
        self._channel.settimeout(left)
        size = self._channel.recv_into(memoryview(buffer)[: self._left])
        self._left -= size
        return size


def _no_answer(code: str, address: str, port: int, what: str) -> NodeError:
    return NodeError(
        code,
        "The HTTP server %s port %d %s." % (address, port, what),
        "check that the service runs and listens there.",
    )


def _malformed(address: str, port: int, why: str) -> NodeError:
    return NodeError(
        "http_malformed",
        "The answer of the HTTP server %s port %d cannot be read: %s." % (address, port, why),
        "check what listens on that port.",
    )


__all__ = ["BODY_LIMIT", "Request", "Response", "request"]
