# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole rounds of a watch: the same as those of the action attest, with the same store.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge import round as attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.store import incidents
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.standing import Standing, standing


class Judge(Protocol):
    """Who issues challenges and comes to verdicts; its methods may take long, and are called by one thread."""

    def begin(self, node: str, *, whole: bool) -> Challenge | None:
        """Return a fresh challenge; None where the node is not enrolled."""

    def finish(self, challenge: Challenge, evidence: object) -> tuple[Result, Standing | None]:
        """Return the result of a round, and what its verdict stands on; may raise PartError, as that of a round."""

    def give_up(self, node: str, state: str, message: str) -> Result:
        """Return a result without a verdict."""


@dataclass(frozen=True)
class StoreJudge:
    """Verdicts that are kept in the store.

    Attributes:
        store: where the nodes are enrolled.
        policy: the Appraisal Policy.
        references: gives the site's Reference Values, as they count at a time.
        key: PEM of the key that signs EARs.
        memory: what the nodes' lists have in common.
        clock: seconds since the epoch.
    """

    store: Store
    policy: AppraisalPolicy
    references: Callable[[datetime], ReferenceSet]
    key: bytes | None
    memory: Memory
    clock: Callable[[], float] = time.time
    _asked_by: dict[str, ReferenceSet] = field(default_factory=dict)

    def begin(self, node: str, *, whole: bool) -> Challenge | None:
        """Issue a challenge; see :func:`..challenge.round.begin`."""
        now = self.clock()
        # A round is judged by what it was begun with: what is left out of its list was known to these.
        known = self._asked_by[node] = self.references(datetime.fromtimestamp(now, UTC))
        return attestation.begin(self.store, node, self.policy, known, now, whole=whole)

    def finish(self, challenge: Challenge, evidence: object) -> tuple[Result, Standing | None]:
        """Appraise an answer; see :func:`..challenge.round.finish`."""
        known = self._asked_by[challenge.node]
        result = attestation.finish(
            self.store, challenge, evidence, self.policy, known, self.key, self.clock(), self.memory
        )
        stands_on = standing(challenge, evidence, result, self.policy)
        return replace(result, progress=None), stands_on

    def give_up(self, node: str, state: str, message: str) -> Result:
        """Keep that there is no verdict; see :func:`..challenge.round.give_up`."""
        return attestation.give_up(self.store, node, state, message, self.clock())

    def known_incidents(self, nodes: Iterable[str]) -> set[tuple[str, str]]:
        """Return node and layer of the incidents that are open or held: their trust is lost already."""
        watched = set(nodes)
        with self.store.transaction() as connection:
            return {(found.node, found.layer) for found in incidents.still_open(connection) if found.node in watched}


__all__ = ["Judge", "StoreJudge"]
