# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Challenges: 32 random bytes, for one node, used once, soon expired (RFC 9334 section 10.2).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import secrets

from sqlalchemy import Connection, delete, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ChallengeError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import challenges

NONCE_BYTES = 32
LIFETIME = 300.0
KEPT = 86400.0


def issue(connection: Connection, node: str, now: float) -> bytes:
    """Return a fresh nonce for one node and remember it; long expired ones are dropped."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    connection.execute(delete(challenges).where(challenges.c.expires_at < now - KEPT))
    connection.execute(
        insert(challenges).values(nonce=nonce.hex(), node=node, issued_at=now, expires_at=now + LIFETIME, used_at=None)
    )
    return nonce


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


__all__ = ["LIFETIME", "NONCE_BYTES", "issue", "redeem"]
