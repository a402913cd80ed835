# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How findings about measured files are made: one place, so that every layer speaks alike.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import ar4si
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Claim, tier
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.codes import CODES as IMA_CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

MEANINGS: Final = {**IMA_CODES, **CODES}
"""Every code that this package gives to findings about measured files."""

MAX_FINDINGS: Final = 200
"""Most findings that a layer lists singly; one more tells how many are left out."""


def about(entry: Entry, code: str, claim: Claim | None, value: int, detail: str = "") -> LayerFinding:
    """Return a finding about one entry of the IMA list; by what it is its layer's, who sorted the list must add."""
    path = printable(entry.path)
    message = f"{MEANINGS[code]} It is {path}{', ' + detail if detail else ''}."
    return LayerFinding(code, message, claim, value, entry.index, path, entry.digest or None, entry.pcr)


def told(code: str, claim: Claim | None = None, value: int = 0, detail: str = "") -> LayerFinding:
    """Return a finding about no entry in particular."""
    return LayerFinding(code, f"{MEANINGS[code]} {detail}".rstrip(), claim, value)


def without_references(index: FileIndex, claims: Iterable[Claim]) -> list[LayerFinding]:
    """Return the finding that no Reference Values count, for each claim that needs them; empty where some do.

    It is the verifier's side that fails then: no verdict, neither of trust nor of distrust.
    """
    if index.usable:
        return []
    code = "reference_values_expired" if index.ended else "reference_values_missing"
    detail = f"They are {', '.join(printable(n, 80) for n in index.ended[:8])}." if index.ended else ""
    return [told(code, claim, ar4si.VERIFIER_FAULT, detail) for claim in claims]


def bounded(findings: list[LayerFinding]) -> tuple[LayerFinding, ...]:
    """Return at most :data:`MAX_FINDINGS` findings, the gravest, in their order, and one for the rest.

    The one for the rest weighs as much as the gravest of what it stands for.
    """
    if len(findings) <= MAX_FINDINGS:
        return tuple(findings)

    def grave(place: int) -> tuple[int, int]:
        finding = findings[place]
        return (-tier(finding.value).rank if finding.claim is not None else 1, place)

    order = sorted(range(len(findings)), key=grave)
    kept, rest = sorted(order[:MAX_FINDINGS]), order[MAX_FINDINGS:]
    gravest = findings[rest[0]]
    more = told("more_findings", gravest.claim, gravest.value, f"They are {len(rest)} more.")
    return (*(findings[place] for place in kept), more)


__all__ = ["MAX_FINDINGS", "about", "bounded", "told", "without_references"]
