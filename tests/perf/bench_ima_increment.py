# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A round that brings ten new entries, on a list of a million and on one of a thousand.

What is timed is all that the controller does between a node's answer and its verdict, but for the database: the state
of the boot is read, the evidence is verified and appraised, and the state for the next round is written.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise_round
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.progress import PACKED_LIMIT, Progress
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from tests.perf.ima_lists import NOW, File, Node, known, packaged
from tests.perf.result import Result
from tests.perf.timing import Seconds, paired, repeated, typical
from tests.unit.appraisal.scene import text

LONG: Final = 1_000_000
SHORT: Final = 1_000
NEW: Final = 10
PART: Final = 100_000
INSTALLED: Final = 50_000
"""Files of the host. A kernel with CONFIG_IMA_DISABLE_HTABLE lists them again and again, and so grows such lists."""

ROUNDS: Final = 15
REPEATS: Final = 40


def run() -> list[Result]:
    """Measure both, and the size of a node's state behind a million entries."""
    new = packaged(NEW, "new")
    installed = packaged(INSTALLED)
    references = known(installed, new)
    long, short = _Rounds(LONG, installed, new, references), _Rounds(SHORT, installed, new, references)
    pairs = paired(long.timed, short.timed, ROUNDS)
    ours, peer = typical(pairs.ours), typical(pairs.peer)
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
        Result(
            "ima_state",
            f"stored state of a node behind {LONG:,} entries",
            "bytes",
            len(long.state),
            PACKED_LIMIT,
            "most",
        ),
    ]


class _Rounds:
    """A node whose list is verified so far, and its answer in a round that adds a part."""

    def __init__(self, entries: int, installed: list[File], new: list[File], references: ReferenceSet) -> None:
        self._node = Node()
        self._references = references
        self._policy = AppraisalPolicy()
        past = self._appraised(self._answer(None, self._node.kernel.binary), None)
        files = islice(cycle(installed), entries - past.verified.entries)
        while part := list(islice(files, PART)):
            past = self._appraised(self._answer(past, self._measured(part)), past)
        if past.verified.entries != entries:
            raise RuntimeError(f"{past.verified.entries} entries of {entries} are verified")
        self.state = _packed(past)
        self._new = self._answer(past, self._measured(new))
        self._entries = entries + len(new)

    def timed(self) -> Seconds:
        """Return how long one round takes."""
        return repeated(self._round, REPEATS)

    def _round(self) -> None:
        progress = self._appraised(self._new, Progress.unpack(self.state))
        if progress.verified.entries != self._entries or not _packed(progress):
            raise RuntimeError("the round did not verify what is new")

    def _measured(self, files: list[File]) -> bytes:
        self._node.kernel.binary = b""  # what is verified is not asked for again
        return self._node.measure(files)

    def _answer(self, past: Progress | None, part: bytes) -> dict[str, Any]:
        """Return the evidence as the node's module gives it: binary parts in base64."""
        if past is None:
            return self._node.evidence()
        log = {"offset": past.verified.offset, "data": text(part)}
        return {**self._node.evidence(), "event_log": None, "ima_log": log}

    def _appraised(self, evidence: dict[str, Any], past: Progress | None) -> Progress:
        appraisal = appraise_round(
            evidence, self._node.record, self._policy, self._references, past, whole=past is None, now=NOW
        )
        if appraisal.progress is None or appraisal.ear["ear_status"] != "affirming":
            raise RuntimeError(f"a sound node is {appraisal.ear['ear_status']}")
        return appraisal.progress


def _packed(progress: Progress) -> bytes:
    packed = progress.pack()
    if packed is None:
        raise RuntimeError("the state is too large to be kept")
    return packed


__all__ = ["run"]
