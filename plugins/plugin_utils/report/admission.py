# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a package as a table that a person can read, and what to do about those that failed.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.checks import CHECKS, Report
from ansible_collections.palantir.trust.plugins.plugin_utils.report.table import paragraph, table

_SHOWN: Final = {"pass": "pass", "fail": "FAIL", "not_reached": "not reached"}


def admission_table(report: Report) -> str:
    """Return the table of all checks, and below it each failure in words, with what it means and the next step."""
    head = (
        f"{report.package}: {report.sc} {report.version}, signed by {report.signer}"
        if report.signer
        else report.package
    )
    rows = [(check.code, _SHOWN[check.outcome], check.detail) for check in report.checks]
    told = [
        f"{check.code}: {check.detail}" + (f" Next: {check.next_step}" if check.next_step else "")
        for check in report.failures
    ]
    meanings = [f"{check.code}: asked is: {CHECKS[check.code]}" for check in report.failures]
    parts = [
        paragraph(head),
        table(("CHECK", "RESULT", "FOUND"), rows),
        *map(paragraph, told),
        *map(paragraph, meanings),
    ]
    return "\n\n".join(parts)


__all__ = ["admission_table"]
