# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to an NFV-SOL 005 interface as NFV-SOL 013 wants them, repeated only where that cannot do a thing twice.

A GET is repeated on 5xx, 429 and silence. Any other request is repeated only where the server says that it did not take
it up and when to come again (503 or 429 with Retry-After, RFC 9110 section 10.2.3), and once with a new token on 401.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.clock import Clock
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.credentials import Credentials
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.transport import (
    Answer,
    Request,
    Transport,
    UnansweredError,
)

_TRIES: Final = 6
_BACKOFF_S: Final = 1.0
_LONGEST_S: Final = 60.0
_PAGES: Final = 64
_ITEMS: Final = 10_000
_NARROW: Final = "narrow what the account can see."
_ID: Final = re.compile(r"[A-Za-z0-9._~-]{1,255}")
_NEXT: Final = re.compile(r'<([^<>]{1,2048})>\s*;[^,]*\brel="?next"?(?=[;,\s]|$)')


class RefusedError(PlatformError):
    """An answer that is no success; ``status`` is HTTP's."""

    def __init__(self, subject: str, cause: str, next_step: str, status: int) -> None:
        self.status = status
        super().__init__(subject, cause, next_step)


class Client:
    """NS lifecycle management (NFV-SOL 005 clause 6) below ``root``, the API root with name and major version."""

    def __init__(self, root: str, version: str, transport: Transport, credentials: Credentials) -> None:
        self.root = root
        self._version = version
        self._transport = transport
        self._credentials = credentials

    @property
    def clock(self) -> Clock:
        """Return the clock with the deadline of all requests."""
        return self._transport.clock

    def read(self, path: str) -> Any:
        """Return a resource's data.

        Raises:
            RefusedError: the answer is no 200.
            PlatformError: there is no answer, or it is no JSON.
        """
        request = self._request("GET", self.root + path)
        return self._ask(request, {200}).json(request.told)

    def query(self, path: str, query: Mapping[str, str]) -> list[Any]:
        """Return all items of a container, page by page (NFV-SOL 013 clause 5.4.2.3).

        Raises:
            RefusedError: an answer is no 200.
            PlatformError: an answer is no list, or there is no end to the pages.
        """
        url = f"{self.root}{path}?{urlencode(query, quote_via=quote)}"
        items: list[Any] = []
        for _page in range(_PAGES):
            request = self._request("GET", url)
            answer = self._ask(request, {200})
            page = answer.json(request.told)
            if not isinstance(page, list):
                raise PlatformError(request.told, "was answered with what is no list.")
            items += page
            if len(items) > _ITEMS:
                raise PlatformError(request.told, f"was answered with more than {_ITEMS} items.", _NARROW)
            following = _NEXT.search(answer.headers.get("link", ""))
            if not following:
                return items
            url = self._own(urljoin(url, following[1]), request)
        raise PlatformError(self.root + path, f"has more than {_PAGES} pages.", _NARROW)

    def post(self, path: str, body: Mapping[str, Any] | None, expected: set[int]) -> Answer:
        """Post data, or nothing where ``body`` is None.

        Raises:
            RefusedError: the status is none of those expected.
            UnansweredError: nothing is known of what became of it.
            PlatformError: otherwise.
        """
        return self._ask(self._request("POST", self.root + path, body), expected)

    def delete(self, path: str) -> None:
        """Delete a resource; one that is gone is deleted.

        Raises:
            RefusedError: the status is neither 204 nor 404.
            PlatformError: otherwise.
        """
        self._ask(self._request("DELETE", self.root + path), {204, 404})

    def created(self, answer: Answer, path: str, subject: str) -> str:
        """Return the identifier at the end of an answer's Location, which must be below ``path``.

        Raises:
            PlatformError: there is no Location, or it leads elsewhere.
        """
        place = urlsplit(urljoin(f"{self.root}/", answer.headers.get("location", ""))).path
        before, _slash, name = place.rpartition("/")
        if not before.endswith(path):
            raise PlatformError(subject, f"was answered without a Location below {path}.")
        return identifier(name, subject)

    def _own(self, url: str, request: Request) -> str:
        # The token is sent along: only to whom it is for.
        if urlsplit(url)[:2] != urlsplit(self.root)[:2] or not url.startswith(f"{self.root}/"):
            raise PlatformError(request.told, "was answered with a next page elsewhere.")
        return url

    def _request(self, method: str, url: str, body: Mapping[str, Any] | None = None) -> Request:
        headers = {"Accept": "application/json", "Version": self._version}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Request(method, url, headers, json.dumps(body).encode() if body is not None else b"")

    def _ask(self, request: Request, expected: set[int]) -> Answer:
        for number in range(_TRIES):
            last = number == _TRIES - 1
            try:
                answer = self._authorised(request)
            except UnansweredError:
                if last or request.method != "GET" or not self.clock.wait(_BACKOFF_S * 2**number):
                    raise
                continue
            if answer.status in expected:
                return answer
            pause = _pause(request.method, answer, number)
            if last or pause is None or not self.clock.wait(pause):
                raise _refused(request, answer)
        raise AssertionError  # the last round returns or raises

    def _authorised(self, request: Request) -> Answer:
        answer = self._with_token(request)
        if answer.status == 401 and self._credentials.renew():
            answer = self._with_token(request)
        return answer

    def _with_token(self, request: Request) -> Answer:
        headers = {**request.headers, "Authorization": self._credentials.header()}
        return self._transport.send(Request(request.method, request.url, headers, request.body))


def identifier(value: object, subject: str) -> str:
    """Return an identifier that can stand in a path as it is.

    Raises:
        PlatformError: it cannot.
    """
    if not isinstance(value, str) or not _ID.fullmatch(value) or set(value) <= {"."}:
        raise PlatformError(subject, f"names what is no identifier: {printable(repr(value), 80)}.")
    return value


def _pause(method: str, answer: Answer, number: int) -> float | None:
    """Return the seconds to wait before a request may be repeated; None where it may not."""
    told = answer.headers.get("retry-after", "")
    asked = float(told) if re.fullmatch(r"\d{1,6}", told) else None
    if method == "GET" and (answer.status >= 500 or answer.status == 429):
        return min(asked if asked is not None else _BACKOFF_S * 2**number, _LONGEST_S)
    return asked if answer.status in {429, 503} else None


def _refused(request: Request, answer: Answer) -> RefusedError:
    """Return the error of an answer; its problem details (RFC 9457, NFV-SOL 013 clause 6.3) as far as they are text."""
    try:
        data = answer.json(request.told)
    except PlatformError:
        data = None
    detail = data.get("detail") or data.get("title") if isinstance(data, dict) else None
    said = f": {printable(detail, 500).rstrip('.')}" if detail else ""
    step = "check authentication." if answer.status in {401, 403} else "see the platform's log."
    return RefusedError(request.told, f"is refused with status {answer.status}{said}.", step, answer.status)


__all__ = ["Client", "RefusedError", "identifier"]
