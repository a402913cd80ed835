# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every finding code of the collection with its meaning: stable names that rules, EARs and people refer to.

Each stage keeps its own table of codes; here they become one. docs/findings.md is made of it.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal import codes as appraisal_codes
from ansible_collections.palantir.trust.plugins.plugin_utils.decision import codes as decision_codes
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment import codes as enrolment_codes
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima import codes as ima_codes
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm import codes as quote_codes
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi import codes as event_codes

LIMIT: Final = 64
"""Longest code, in characters: the store's column for it."""

STAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "Enrolment": enrolment_codes.CODES,
    "Quote": quote_codes.CODES,
    "UEFI event log": event_codes.CODES,
    "IMA measurement list": ima_codes.CODES,
    "Appraisal": appraisal_codes.CODES,
    "Decision tables": decision_codes.CODES,
}
"""Stage, in the order of the way of the data → its codes → their meanings."""


def merge(stages: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return the codes of all stages in one table.

    Raises:
        ValueError: two stages mean different things by one code.
    """
    merged: dict[str, str] = {}
    for stage, codes in stages.items():
        for code, meaning in codes.items():
            if merged.setdefault(code, meaning) != meaning:
                raise ValueError(f"finding code {code!r} of {stage} means something else in a stage before it")
    return merged


CODES: Final[Mapping[str, str]] = merge(STAGES)
"""Code → one-sentence meaning."""

__all__ = ["CODES", "LIMIT", "STAGES", "merge"]
