# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other runs have lately seen on other nodes: a storm is one however a site is cut into runs.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, String, cast, func, or_, select

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.reading import read_result
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attestations

LATELY: Final = 3600.0
"""Seconds for which a result of another run tells how its node is."""


def seen(connection: Connection, nodes: Collection[str], now: float) -> dict[str, Any]:
    """Return what is known lately of all nodes but these.

    Returns:
        ``nodes`` (how many gave a result), ``attested``, ``unhealthy`` (no EAR, or a contraindicated layer)
        and ``digests`` (each digest found fault with → on how many nodes).
    """
    newest = select(func.max(attestations.c.id)).where(attestations.c.at >= now - LATELY).group_by(attestations.c.node)
    columns = (attestations.c.node, attestations.c.state)
    states = {
        row.node: row.state
        for row in connection.execute(select(*columns).where(attestations.c.id.in_(newest)))
        if row.node not in nodes
    }
    unhealthy = sum(state != "attested" for state in states.values())
    digests: Counter[str] = Counter()
    # An EAR is large, and most are affirming: those are not read.
    text = cast(attestations.c.ear, String)
    found = or_(*(text.contains(f'"{tier}"', autoescape=True) for tier in (Tier.WARNING, Tier.CONTRAINDICATED)))
    rows = connection.execute(
        select(*columns, attestations.c.message, attestations.c.ear).where(attestations.c.id.in_(newest), found)
    )
    for row in rows:
        if row.node in states and row.state == "attested":
            result = read_result(row.node, dict(row._mapping))
            unhealthy += not result.is_healthy
            digests.update(result.faulty_digests)
    return {
        "nodes": len(states),
        "attested": sum(state == "attested" for state in states.values()),
        "unhealthy": unhealthy,
        "digests": dict(digests),
    }


__all__ = ["LATELY", "seen"]
