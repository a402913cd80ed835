# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a held incident back to the tables: they begin anew, and so does all that was asked and tried for it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.store import approvals, attempts, incidents
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident


def give_back(connection: Connection, number: int, now: float, person: str, reason: str) -> Incident:
    """Open a held incident again, from its first attempt on.

    An approval of its first attempt was of the former one: neither that nor a refusal answers for the next. An attempt
    that was broken off is not gone on with. What was answered stays in the ledger.

    Raises:
        StoreError: there is none with this number, or it is not held.
    """
    reopened = incidents.reopen(connection, number, now, person, reason)
    attempts.end(connection, number, "failed", now)
    approvals.forget(connection, number)
    return reopened


__all__ = ["give_back"]
