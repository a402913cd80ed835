# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a site's decision tables, as a table that a person can read.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.inspection import Inspected, Inspection
from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table

MAX_TOLD = 100
"""Findings that are told in words."""


def inspection_table(inspection: Inspection) -> str:
    """Return the table of an inspection, and below it every finding in words, those of errors first."""
    rows = [
        (item.file, item.table.name if item.table else "", len(item.table.rules) if item.table else "", _state(item))
        for item in inspection.files
    ]
    warnings = [
        f"{item.file}: {finding.code} ({finding.severity}): {finding.told}"
        for item in inspection.files
        for finding in item.findings
        if finding.severity != "error"
    ]
    told = [*inspection.errors, *warnings]
    if inspection.undecided:
        told.append(f"No table decides {', '.join(inspection.undecided)}: what is found there is held for a person.")
    if len(told) > MAX_TOLD:
        told = [*told[:MAX_TOLD], f"{len(told) - MAX_TOLD} more: see the pages."]
    parts = [table(("FILE", "TABLE", "RULES", "FINDINGS"), rows), "\n".join(map(paragraph, told))]
    return "\n\n".join(filter(None, parts))


def _state(item: Inspected) -> str:
    errors, rest = len(item.errors), len([f for f in item.findings if f.severity != "error"])
    told = [
        f"{count} {word}{'' if count == 1 else 's'}" for count, word in ((errors, "error"), (rest, "warning")) if count
    ]
    return ", ".join(told) or "sound"


__all__ = ["inspection_table"]
