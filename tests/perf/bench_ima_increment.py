# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cycle that brings ten new entries, on a list of a million and on one of a thousand.

What is timed is all that depends on the list: the quote, the new part of the list, its replay from the stored
aggregate onto the quoted PCR, its entries against the Reference Values, and the state for the next cycle.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Final

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import qualifying_data
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution import OwnerMap
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.measurements import sort_measurements
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import parse_ima_log
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.replay import ImaState, match_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.uefi.log import parse_event_log
from tests.perf.ima_lists import File, Node, known, packaged
from tests.perf.result import Result
from tests.perf.timing import Seconds, paired, repeated, typical
from tests.unit.appraisal.scene import NONCE, PCRS

SELECTION: Final = {"sha256": PCRS}
LONG: Final = 1_000_000
SHORT: Final = 1_000
NEW: Final = 10
PART: Final = 100_000
ROUNDS: Final = 15
REPEATS: Final = 200


def run() -> list[Result]:
    """Measure both, and the size of a node's state behind a million entries."""
    new = packaged(NEW, "new")
    references = known(new)
    long, short = _Cycle(LONG, new, references), _Cycle(SHORT, new, references)
    pairs = paired(long.timed, short.timed, ROUNDS)
    ours, peer = typical(pairs.ours), typical(pairs.peer)
    size = len(json.dumps(long.state.plain()))
    return [
        Result(
            "ima_increment",
            f"{NEW} new entries on a list of {LONG:,}, beside one of {SHORT:,}",
            "µs",
            ours.cpu * 1e6,
            2,
            "most",
            peer.cpu * 1e6,
            f"list of {SHORT:,}",
            pairs.speed_up.inverse,
        ),
        Result("ima_state", f"stored state of a node behind {LONG:,} entries", "bytes", size, 1_000_000, "most"),
    ]


class _Cycle:
    """A node whose list is verified so far, and the part that a cycle adds."""

    def __init__(self, entries: int, new: list[File], references: ReferenceSet) -> None:
        self._node = Node()
        self._references = references
        self._pcrs = parse_event_log(self._node.boot.build()).pcrs
        self._owners = OwnerMap((), None)
        self.state = self._verified(ImaState(), self._node.kernel.binary, self._node.evidence()["quote"])
        files = iter(packaged(entries - self.state.entries, f"list-of-{entries}"))
        while part := list(islice(files, PART)):
            self._node.kernel.binary = b""  # what is verified is not asked for again
            grown = self._node.measure(part)
            self.state = self._verified(self.state, grown, self._node.evidence()["quote"])
        self._part = self._node.measure(new)
        self._quote = self._node.evidence()["quote"]
        if self.state.entries != entries:
            raise RuntimeError(f"{self.state.entries} entries of {entries} are verified")

    def timed(self) -> Seconds:
        """Return how long one cycle takes."""
        return repeated(self._cycle, REPEATS)

    def _cycle(self) -> None:
        after = self._verified(self.state, self._part, self._quote)
        if after.entries != self.state.entries + NEW:
            raise RuntimeError("the cycle did not verify what is new")

    def _verified(self, state: ImaState, part: bytes, quote: Mapping[str, str]) -> ImaState:
        binding = qualifying_data(NONCE, self._node.facts)
        signed = verify_quote(quote["attest"], quote["signature"], self._node.record["ak_public"], binding, SELECTION)
        log = parse_ima_log(part, first=state.entries, check_columns=False, lazy=True)
        prefix = match_quote(log, signed, self._pcrs, start=state.aggregates)
        if not signed.valid or prefix is None:
            raise RuntimeError("the list of a sound node does not meet its quote")
        sort_measurements(log, prefix.entries, self._owners, (), self._references)
        return state.after(log, prefix)


__all__ = ["run"]
