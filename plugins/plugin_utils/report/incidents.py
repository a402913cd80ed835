# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Incidents as a table that a person can read, with the times that matter: found, contained, restored.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident


def incident_table(incidents: Iterable[Incident]) -> str:
    """Return the table of incidents, newest first: when each was detected, and seconds from then on."""
    known = sorted(incidents, key=lambda i: -i.detected_at)
    rows = [
        (
            incident.id,
            f"{incident.node} {incident.layer}",
            incident.state,
            datetime.fromtimestamp(incident.detected_at, UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            _after(incident.detected_at, incident.contained_at),
            _after(incident.detected_at, incident.restored_at),
        )
        for incident in known
    ]
    notes = [
        paragraph(f"{incident.id}: {incident.finding}, attempt {incident.attempt}")
        for incident in known
        if incident.state in ("open", "held")
    ]
    head = ("ID", "OF", "STATE", "DETECTED", "CONT.", "REST.")
    return "\n\n".join(filter(None, (table(head, rows), "\n".join(notes))))


def _after(start: float, end: float | None) -> str:
    return "-" if end is None else f"{end - start:.0f} s"


__all__ = ["incident_table"]
