# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A controller that appraises one round of a guest after the other."""

from __future__ import annotations

import base64
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from tests.unit.appraisal.scene import NOW, TEMPLATE, Guest, found, reference_values
from tests.unit.support.examples import examples

REFERENCES = ReferenceSet.from_plain(reference_values(), NOW)
TEMPLATES = (TEMPLATE, "ima-sig", "ima-ng", "d-ng|n-ng|sig", "ima-cgpath")
modest = examples(60)


class Verifier:
    """A controller that remembers a node's boot as its store does: packed."""

    def __init__(self, guest: Guest, references: ReferenceSet = REFERENCES, **policy: Any) -> None:
        self.guest, self.references, self.policy = guest, references, policy
        self.packed: bytes | None = None
        self.memory = Memory()
        self.sent: list[tuple[int, int]] = []

    @property
    def past(self) -> Progress | None:
        return None if self.packed is None else Progress.unpack(self.packed)

    @property
    def since(self) -> dict[str, Any] | None:
        past = self.past
        return None if past is None else {"boot_id": past.boot_id, "offset": past.verified.offset}

    def part(self, pcrs: dict[int, bytes] | None = None, evidence: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask for what is new, or for all where nothing is known; return the EAR."""
        given_ = self.guest.evidence(pcrs, since=self.since) if evidence is None else evidence
        return self._appraise(given_, whole=self.past is None)

    def whole(self, pcrs: dict[int, bytes] | None = None) -> dict[str, Any]:
        """Ask for all; return the EAR."""
        return self._appraise(self.guest.evidence(pcrs), whole=True)

    def _appraise(self, evidence: dict[str, Any], *, whole: bool) -> dict[str, Any]:
        part = evidence["ima_log"]
        self.sent.append((part["offset"], len(base64.b64decode(part["data"]))))
        round_ = appraise_round(
            evidence,
            self.guest.record,
            self.policy,
            self.references,
            self.past,
            whole=whole,
            now=NOW,
            memory=self.memory,
        )
        if round_.progress is not None:
            self.packed = round_.progress.pack()
        self.guest.clock += 1
        return round_.ear


def verdict(ear: dict[str, Any]) -> dict[str, Any]:
    """Return an EAR without what tells how the list was cut."""
    return ear | {"palantir.boot": {**ear["palantir.boot"], "ima_first_entry": None}}


def codes(ear: dict[str, Any]) -> set[str]:
    return {code for _layer, code, _tier in found(ear)}
