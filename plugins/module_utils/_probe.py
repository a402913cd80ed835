# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of a Security Capability, as its descriptor asks for it: one interface for every kind of probe.

A probe is plain data: ``type``, ``address`` and ``port``, and what is tried there.

- ``dns``: ``queries``, each ``name`` and exactly the ``addresses`` that must answer (a list, or None for any answer);
- ``http``: ``requests``, each ``path`` and the ``status`` codes that are right; may have ``method`` (GET), ``host``,
  ``headers``, ``body`` and ``contains``, a text within the first 64 KiB of the answer;
- ``tcp``: ``connections``, each the ``state`` that is right (``open``, ``closed``, ``filtered``); may have ``port``,
  where it is not the probe's, and ``banner``, what an open port says first. One at least is not ``filtered``: a host
  that is not there is silent, too.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Callable, List, Mapping, NamedTuple, Sequence

from ansible_collections.palantir.trust.plugins.module_utils import _dns, _http, _tcp
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

CHECKS = 64
"""Most checks that a probe may have."""
_PAUSE_S = 0.2
_UNAVAILABLE = 503


class Health(NamedTuple):
    """A probe that was passed: its type, how many checks it has, and how long its last attempts took together."""

    type: str
    checks: int
    milliseconds: float


class _Place(NamedTuple):
    address: str
    port: int
    seconds: float
    tries: int


def probe(plain: Mapping[str, Any], seconds: float, tries: int) -> Health:
    """Try all that a probe names, in its order, each until it is as it should be or has been tried often enough.

    Tried again is what may yet come: no answer, a cut connection, HTTP status 503, a port in another state. Any other
    answer that is not the right one ends the probe at once.

    Args:
        plain: the probe, as the descriptor has it.
        seconds: for each attempt.
        tries: attempts for each check, at least one.

    Raises:
        NodeError: ``bad_argument``; ``dns_timeout``, ``dns_refused``, ``dns_malformed``, ``dns_mismatch``;
            ``http_timeout``, ``http_refused``, ``http_malformed``, ``http_mismatch``; ``tcp_failed``, ``tcp_mismatch``.
    """
    kind = plain.get("type") or "dns"
    if kind not in _KINDS:
        raise _bad("%.40r is no type of probe" % (kind,), "use %s." % ", ".join(sorted(_KINDS)))
    if tries < 1 or seconds <= 0:
        raise _bad("A probe without a try or without time tells nothing", "give at least one try, and some seconds.")
    place = _Place(_address(plain.get("address")), _port(plain.get("port")), seconds, tries)
    key, check = _KINDS[kind]
    checks = plain.get(key)
    if not isinstance(checks, (list, tuple)) or not 0 < len(checks) <= CHECKS:
        raise _bad("A probe of type %s needs 1 to %d %s" % (kind, CHECKS, key), "name what a healthy instance does.")
    if kind == "tcp" and all(item.get("state", "open") == "filtered" for item in checks):
        raise _bad("A probe that wants silence alone is passed by what is not there", "name an open or closed port.")
    taken = [check(place, item) for item in checks]
    return Health(kind, len(taken), round(sum(taken), 3))


def _dns_check(place: _Place, item: Mapping[str, Any]) -> float:
    answer = _dns.ask(place.address, place.port, _text(item, "name"), place.seconds, place.tries - 1)
    _dns.require(answer, item["name"], item.get("addresses"))
    return answer.milliseconds


def _http_check(place: _Place, item: Mapping[str, Any]) -> float:
    wanted, right = _http_request(place, item), _statuses(item.get("status"))
    response = _answer(place, wanted, right)
    if response.status not in right:
        raise NodeError(
            "http_mismatch",
            "The HTTP server answers %s %.200s with status %d, not with %s."
            % (wanted.method, wanted.target, response.status, " or ".join(map(str, right))),
            "check the server's configuration.",
        )
    if (item.get("contains") or "").encode("utf-8") not in response.body:
        raise NodeError(
            "http_mismatch",
            "The HTTP server's answer to %s %.200s does not contain %.80r."
            % (wanted.method, wanted.target, item["contains"]),
            "check the server's configuration.",
        )
    return response.milliseconds


def _answer(place: _Place, wanted: _http.Request, right: Sequence[int]) -> _http.Response:
    for left in reversed(range(place.tries)):
        try:
            response = _http.request(place.address, place.port, wanted, place.seconds)
        except NodeError as error:
            if left == 0 or error.code not in ("http_timeout", "http_refused"):
                raise
        else:
            if left == 0 or response.status in right or response.status != _UNAVAILABLE:
                return response
        time.sleep(min(place.seconds, _PAUSE_S))
    raise AssertionError("the last try returns or raises")


def _http_request(place: _Place, item: Mapping[str, Any]) -> _http.Request:
    host = "[%s]" % place.address if ":" in place.address else place.address
    headers = item.get("headers") or {}
    if not isinstance(headers, Mapping) or len(headers) > CHECKS:
        raise _bad("The headers of a request are no mapping", "give names and values.")
    body = item.get("body")
    return _http.Request(
        method=str(item.get("method") or "GET"),
        target=_text(item, "path"),
        host=str(item.get("host") or "%s:%d" % (host, place.port)),
        headers={str(name): str(value) for name, value in headers.items()},
        body=None if body is None else str(body).encode("utf-8"),
    )


def _statuses(given: Any) -> List[int]:
    right = [given] if isinstance(given, int) else given
    if not isinstance(right, (list, tuple)) or not right or not all(isinstance(item, int) for item in right):
        raise _bad("A request has no status that is right", "give a number, or a list of such.")
    return list(right)


def _tcp_check(place: _Place, item: Mapping[str, Any]) -> float:
    wanted, port = item.get("state") or "open", _port(item.get("port") or place.port)
    if wanted not in _tcp.STATES:
        raise _bad("%.40r is no state of a port" % (wanted,), "use %s." % ", ".join(_tcp.STATES))
    banner = str(item.get("banner") or "").encode("utf-8")
    for left in reversed(range(place.tries)):
        started = time.monotonic()
        found = _tcp.state_of(place.address, port, place.seconds, banner)
        taken = time.monotonic() - started
        if found == wanted:
            return taken * 1000
        if left:
            time.sleep(max(0.0, min(place.seconds, _PAUSE_S) - taken))
    raise NodeError(
        "tcp_mismatch",
        "Port %d of %s is %s, not %s." % (port, place.address, found, wanted),
        "check that the service runs and listens there, and the filters on the way.",
    )


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise _bad("A check of the probe has no %s" % key, "give it as a text.")
    return value


def _address(given: Any) -> str:
    try:
        return str(ipaddress.ip_address(given))
    except ValueError:
        raise _bad("%.80r is no IP address" % (given,), "give the server by address.") from None


def _port(given: Any) -> int:
    if not isinstance(given, int) or not 0 < given < 65536:
        raise _bad("%.40r is no port" % (given,), "give a number from 1 to 65535.")
    return given


def _bad(cause: str, next_step: str) -> NodeError:
    return NodeError("bad_argument", cause + ".", next_step)


_Check = Callable[[_Place, Mapping[str, Any]], float]
_KINDS: Mapping[str, tuple[str, _Check]] = {
    "dns": ("queries", _dns_check),
    "http": ("requests", _http_check),
    "tcp": ("connections", _tcp_check),
}

__all__ = ["CHECKS", "Health", "probe"]
