# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Appraisal of 100,000 ima-sig entries, all in the allow list, beside Keylime's, on one core.

Ours is the whole appraisal of a node: quote, event log, replay of both logs onto the quoted PCRs, each entry against
the host's Reference Values, all layers, the EAR. Keylime's is its measurement list alone, and without its policy's
deserialisation and its transport.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.appraise import appraise
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from tests.perf.ima_lists import NOW, File, Node, known, packaged
from tests.perf.peer import NAME, Keylime, peer_files
from tests.perf.result import Result
from tests.perf.timing import Pairs, Seconds, paired, timed, typical

ENTRIES: Final = 100_000
OWN: Final = ENTRIES // 100
ROUNDS: Final = 7


def run() -> list[Result]:
    """Measure a node alone, and the second of two nodes of one image, in a likely order and in the worst."""
    shared, own = packaged(ENTRIES), packaged(OWN, "own")
    files = [*shared[OWN:], *own]
    references = known(shared, own)
    alone, likely, worst = Node(shared), Node(_moved(files)), Node(_shuffled(files))
    with Keylime() as keylime:

        def compare(name: str, ours: Callable[[], Seconds], node: Node, *others: Node) -> Pairs:
            with peer_files(name, node, others) as work:
                return paired(ours, lambda: keylime.appraise(work), ROUNDS)

        cold = compare("cold", partial(_cold, alone, references), alone)
        second = compare("second", partial(_second, alone, likely, references), likely, alone)
        shuffled = compare("shuffled", partial(_second, alone, worst, references), worst, alone)
    what = f"IMA appraisal with an allow list, {ENTRIES:,} entries"
    return [
        _result("ima_cold", f"{what}, a node alone", 5, cold),
        _result("ima_shared", f"{what}, second of several nodes that share packages", 10, second),
        _result("ima_shared_shuffled", "the same, its list shuffled", 5, shuffled),
    ]


def _moved(files: list[File]) -> list[File]:
    """Return files as services that start in parallel measure them: each up to a thousand places away."""
    chance = random.Random(1)  # noqa: S311 - makes lists, no secrets
    places = {file: place + chance.uniform(0, 1000) for place, file in enumerate(files)}
    return sorted(files, key=places.__getitem__)


def _shuffled(files: list[File]) -> list[File]:
    """Return files in no order."""
    return random.Random(1).sample(files, len(files))  # noqa: S311 - makes lists, no secrets


def _result(name: str, what: str, target: float, pairs: Pairs) -> Result:
    ours, peer = (ENTRIES / typical(runs).cpu for runs in (pairs.ours, pairs.peer))
    return Result(name, what, "entries/s", ours, target, "least", peer, NAME, pairs.speed_up)


def _cold(node: Node, references: ReferenceSet) -> Seconds:
    return _appraised(node, references, None)


def _second(first: Node, second: Node, references: ReferenceSet) -> Seconds:
    memory = Memory()
    _appraised(first, references, memory)
    return _appraised(second, references, memory)


def _appraised(node: Node, references: ReferenceSet, memory: Memory | None) -> Seconds:
    evidence, ears = node.bytes_evidence(), []
    took = timed(lambda: ears.append(appraise(evidence, node.record, {}, references, now=NOW, memory=memory)))
    (ear,) = ears
    if ear["ear_status"] != "affirming" or ear["palantir.boot"]["ima_entries"] < ENTRIES:
        raise RuntimeError(f"the appraisal of a sound node ended in {ear['ear_status']}")
    return took


__all__ = ["run"]
