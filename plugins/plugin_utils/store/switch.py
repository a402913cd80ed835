# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stop switch of a site: while it is set, no controller of this store begins anything destructive.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import meta

_KEY: Final = "stopped"
_PERSON: Final = 60
_REASON: Final = 120


def stopped(connection: Connection) -> dict[str, Any] | None:
    """Return who stopped all remediation, when and why (``by``, ``at``, ``reason``); None where it is not stopped."""
    value = connection.execute(select(meta.c.value).where(meta.c.key == _KEY)).scalar()
    return None if value is None else dict(json.loads(value))


def told(connection: Connection) -> str | None:
    """Return for people why all remediation is stopped; None where it is not."""
    found = stopped(connection)
    return None if found is None else f"Stopped by {found['by']}: {found['reason'] or 'no reason given'}"


def stop(connection: Connection, by: str, reason: str, at: float) -> bool:
    """Stop all remediation; return whether it was not stopped before."""
    if stopped(connection) is not None:
        return False
    value = {"by": printable(by, _PERSON), "reason": printable(reason, _REASON), "at": at}
    connection.execute(insert(meta).values(key=_KEY, value=json.dumps(value, ensure_ascii=False)))
    ledger.append(connection, at, "action", "site", {"stopped": value})
    return True


def release(connection: Connection, by: str, at: float) -> bool:
    """Let remediation go on; return whether it was stopped."""
    gone = connection.execute(delete(meta).where(meta.c.key == _KEY)).rowcount > 0
    if gone:
        ledger.append(connection, at, "action", "site", {"released": {"by": printable(by, _PERSON)}})
    return gone


__all__ = ["release", "stop", "stopped", "told"]
