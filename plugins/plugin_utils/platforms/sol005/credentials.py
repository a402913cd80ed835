# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who we are to a MANO: NFV-SOL 013 clause 8.3 (OAuth 2.0, RFC 6749 section 4.4), HTTP Basic, a token, or OSM's own.

A secret is read from its file or environment variable when it is needed, and is in no message.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import json
import os
import re
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote_plus, urlencode

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.hidden import Secrets
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import Authentication
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.transport import Answer, Request

_SECRET_LIMIT: Final = 64 * 1024
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
"""``b64token`` of RFC 6750 section 2.1: nothing in it can end a header."""


class Send(Protocol):
    """Sends one request."""

    def __call__(self, request: Request, /) -> Answer:
        """Return its answer."""


def read_secret(source: str) -> str:
    """Return the secret at ``file:PATH`` or ``env:NAME``, without a line end.

    Raises:
        PlatformError: it is not there, empty, or too long. Its text is in no error.
    """
    kind, _colon, place = source.partition(":")
    try:
        if kind == "env":
            text = os.environ.get(place, "")
        else:
            with Path(place).open(encoding="utf-8") as stream:
                text = stream.read(_SECRET_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise PlatformError(place, f"cannot be read: {reason}.", "it must hold a secret of the platform.") from None
    text = text.rstrip("\r\n")
    if not text or len(text) > _SECRET_LIMIT:
        what = "the environment variable" if kind == "env" else "the file"
        raise PlatformError(place, f"{what} holds no secret.", "it must hold a secret of the platform.")
    return text


class Credentials:
    """Gives the header ``Authorization``; a token that was asked for is kept until :meth:`renew`."""

    def __init__(self, site: Authentication, root: str, send: Send, secrets: Secrets) -> None:
        self._site = site
        self._root = root
        self._send = send
        self._secrets = secrets
        self._kept = ""

    def header(self) -> str:
        """Return the header's value.

        Raises:
            PlatformError: a secret is not there, or no token is given for it.
        """
        if self._site.type == "basic":
            return self._basic(self._site.username, self._read(self._site.password))
        if not self._kept:
            self._kept = self._token()
        return f"Bearer {self._kept}"

    def renew(self) -> bool:
        """Forget a token that was refused; tell whether another can be asked for."""
        had, self._kept = bool(self._kept), ""
        return had and self._site.type in {"oauth2", "osm"}

    def _token(self) -> str:
        if self._site.type == "token":
            return self._checked(self._read(self._site.token), self._site.token.partition(":")[2])
        if self._site.type == "oauth2":
            return self._ask(self._oauth2(), "access_token")
        return self._ask(self._osm(), "id")

    def _oauth2(self) -> Request:
        form = {"grant_type": "client_credentials"} | ({"scope": self._site.scope} if self._site.scope else {})
        # RFC 6749 section 2.3.1: both are form-encoded before they become a Basic credential.
        user, secret = quote_plus(self._site.client_id), quote_plus(self._read(self._site.client_secret))
        headers = {
            "Authorization": self._basic(user, secret),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        return Request("POST", self._site.token_url, headers, urlencode(form).encode())

    def _osm(self) -> Request:
        body = {"username": self._site.username, "password": self._read(self._site.password)}
        if self._site.project:
            body["project_id"] = self._site.project
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        return Request("POST", f"{self._root}/admin/v1/tokens", headers, json.dumps(body).encode())

    def _ask(self, request: Request, key: str) -> str:
        answer = self._send(request)
        if answer.status not in {200, 201}:
            # What the server says here may repeat what it was sent.
            raise PlatformError(request.told, f"gives no token, status {answer.status}.", "check authentication.")
        data = answer.json(request.told)
        return self._checked(data.get(key) if isinstance(data, dict) else None, request.told)

    def _read(self, source: str) -> str:
        secret = read_secret(source)
        self._secrets.add(secret, quote_plus(secret))
        return secret

    def _basic(self, user: str, secret: str) -> str:
        made = base64.b64encode(f"{user}:{secret}".encode()).decode("ascii")
        self._secrets.add(made)
        return f"Basic {made}"

    def _checked(self, token: Any, subject: str) -> str:
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise PlatformError(subject, "gives what is no bearer token.", "check authentication.")
        self._secrets.add(token)
        return token


__all__ = ["Credentials", "Send", "read_secret"]
