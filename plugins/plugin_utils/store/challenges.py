# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Challenges: 32 random bytes, for one node, used once, soon expired (RFC 9334 section 10.2).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ChallengeError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import challenges

NONCE_BYTES = 32
LIFETIME = 300.0
KEPT = 3600.0
"""Seconds for which an expired challenge is kept, to tell a replay from a nonce that nobody issued."""
_DROPPED = 8


def issue(connection: Connection, node: str, now: float) -> bytes:
    """Return a fresh nonce for one node and remember it: :func:`issue_all` for one."""
    return issue_all(connection, [node], now)[node]


def issue_all(connection: Connection, nodes: Iterable[str], now: float) -> dict[str, bytes]:
    """Return a fresh nonce for each of these nodes and remember them; some that expired long ago are dropped."""
    issued = {node: secrets.token_bytes(NONCE_BYTES) for node in nodes}
    times = {"issued_at": now, "expires_at": now + LIFETIME, "used_at": None}
    if issued:
        connection.execute(
            insert(challenges), [{"nonce": nonce.hex(), "node": node, **times} for node, nonce in issued.items()]
        )
    drop(connection, now - KEPT, len(issued) + _DROPPED)
    return issued


def drop(connection: Connection, expired_before: float, most: int) -> int:
    """Drop challenges that expired before a time, at most so many; return how many."""
    old = select(challenges.c.nonce).where(challenges.c.expires_at < expired_before).limit(most)
    return connection.execute(delete(challenges).where(challenges.c.nonce.in_(old))).rowcount


def redeem(connection: Connection, node: str, nonce: bytes, now: float) -> None:
    """Use up a challenge; the second call with the same nonce is refused.

    Raises:
        ChallengeError: never issued, issued to another node, already used, or expired.
    """
    mine = challenges.c.nonce == nonce.hex()
    row = connection.execute(select(challenges).where(mine)).first()
    if row is None or row.node != node:
        raise ChallengeError(node, "the challenge was not issued to this node.", "attest again.")
    if row.used_at is not None:
        raise ChallengeError(node, "the challenge was answered before: this is a replay.", "attest again.")
    if now > row.expires_at:
        raise ChallengeError(
            node,
            f"the challenge expired {now - row.expires_at:.0f} s ago.",
            "attest again; if it stays so, check the node's load and link.",
        )
    connection.execute(update(challenges).where(mine).values(used_at=now))


__all__ = ["KEPT", "LIFETIME", "NONCE_BYTES", "drop", "issue", "issue_all", "redeem"]
