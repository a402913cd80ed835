# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the agent of a generation: as the role that may, and no other; and what of its answers counts.

The site's CA issues a certificate for each question. Its key is new, and is never kept.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import peer as peers
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.authority import Authority
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import (
    Client,
    Peer,
    PeerError,
    SilentPeerError,
    UnbelievedPeerError,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_role
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

LIFETIME: Final = timedelta(minutes=5)
"""How long the certificate of a question is valid."""
BODY_LIMIT: Final = MIB
"""Longest request that an agent reads, in bytes."""
_FILES: Final = 256
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_AS_IT_WAS_STARTED: Final = ("foreign_file", "needs_replacement")


class OtherwiseError(PkiError):
    """The right agent cannot do this, and has done nothing: the node itself may be able to."""


@dataclass(frozen=True, slots=True)
class Agent:
    """The agent of one generation: who it has to be, where it serves, and what the site knows of it.

    Attributes:
        store: where certificates are recorded, and peers that were turned away.
        authority: the site's CA.
        peer: the generation, by its name.
        now: tells the time, in seconds since the epoch.
    """

    store: Store
    authority: Authority
    peer: Peer
    now: Callable[[], float]

    def ask(self, role: str, method: str, path: str, body: Any = None) -> Any:
        """Return an answer; record in the ledger a peer that is not believed.

        Raises:
            PeerError: as :func:`~..pki.peer.ask`.
            PkiError: there is no such role.
        """
        with self.store.transaction() as connection:
            client = client_of(connection, self.authority, role, self.now())
        try:
            return peers.ask(self.peer, client, method, path, body)
        except UnbelievedPeerError as error:
            with self.store.transaction() as connection:
                certificates.refuse(connection, str(self.peer.name), self.now(), error.code)
            raise

    def held(self) -> dict[str, str | None]:
        """Return the digest of each configuration file that the instance has; None for one that cannot be read.

        Raises:
            PeerError: as :meth:`ask`; ``malformed`` where that is not what it answers.
        """
        answer = self.ask("observer", "GET", "/v1/configuration")
        if not isinstance(answer, dict) or len(answer) > _FILES or not all(map(_is_digest, answer.values())):
            raise PeerError(str(self.peer.name), "malformed", "answers with something else than digests of files.")
        return answer

    def health(self) -> dict[str, Any]:
        """Return whether its program runs, ``running``, and since when the agent does, ``since``, by its own word.

        Raises:
            PeerError: as :meth:`ask`; ``malformed`` where that is not what it answers.
        """
        answer = self.ask("observer", "GET", "/v1/health")
        told = answer if isinstance(answer, dict) else {}
        running, since = told.get("running"), told.get("since")
        if not isinstance(running, bool) or isinstance(since, bool) or not isinstance(since, (int, float)):
            raise PeerError(str(self.peer.name), "malformed", "answers with something else than its health.")
        return {"running": running, "since": float(since)}

    def write(self, sc: Mapping[str, Any], paths: list[str]) -> bool:
        """Have it write files of an SC, and its program read them; return whether that was told to.

        Args:
            sc: as lookup ``palantir.trust.sc`` returns it.
            paths: of the files that are written, which say ``reload: none`` or ``signal``.

        Raises:
            OtherwiseError: nothing was written: its generation was started with other files, or ways to read them, or
                its program was started anew; or there is more than it reads at once.
            PkiError: it refuses; it is not known what was written; or its program was not told to read it.
        """
        files = [file for file in sc["files"] if file["path"] in paths]
        body = {"files": {file["path"]: base64.b64encode(file["content"].encode()).decode() for file in files}}
        name = str(self.peer.name)
        if len(json.dumps(body)) > BODY_LIMIT:
            raise OtherwiseError(name, f"reads {BODY_LIMIT} bytes of files at once, and these are more.")
        if not self.health()["running"]:
            raise OtherwiseError(name, "does not know the process that runs: its service may have started it anew.")
        try:
            answer = self.ask("orchestrator", "PUT", "/v1/configuration", body)
        except SilentPeerError:
            raise
        except PeerError as error:
            if error.code in _AS_IT_WAS_STARTED:
                raise OtherwiseError(name, f"{error.cause} ({error.code})") from None
            if error.code in ("ended", "malformed"):
                raise _uncertain(error) from None
            raise
        signals = answer.get("signals") if isinstance(answer, dict) else None
        told = isinstance(signals, list) and bool(signals)
        if not told and any(file["reload"] == "signal" for file in files):
            raise PkiError(name, "has the files, and does not tell its program to read them.", "heal the instance.")
        return told


def client_of(connection: Connection, authority: Authority, role: str, now: float) -> Client:
    """Issue a certificate of a role for a key that is made for it, and record it.

    Raises:
        PkiError: there is no such role.
    """
    key, moment = ec.generate_private_key(ec.SECP256R1()), datetime.fromtimestamp(now, UTC)
    issued = ca.issue(authority, of_role(ca.domain_of(authority), role), key.public_key(), moment, LIFETIME)
    certificates.record(connection, issued, now)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Client(issued.public_bytes(serialization.Encoding.PEM), private, authority.pem)


def differing(wanted: Mapping[str, str], held: Mapping[str, str | None]) -> list[str]:
    """Return the paths whose digest is not the wanted one."""
    return sorted(path for path, digest in wanted.items() if held.get(path) != digest)


def _is_digest(told: object) -> bool:
    return told is None or (isinstance(told, str) and _DIGEST.fullmatch(told) is not None)


def _uncertain(error: PeerError) -> PkiError:
    cause = printable(error.cause.rstrip("."), 300)
    return PkiError(
        error.subject,
        f"{cause}. Whether it has the files, and its program has read them, is not known.",
        "configure it again, then heal it, which has its program read them in any case.",
    )


__all__ = ["BODY_LIMIT", "LIFETIME", "Agent", "OtherwiseError", "client_of", "differing"]
