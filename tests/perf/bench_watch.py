# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watch costs the controller: its processor's time for a cycle of all nodes, and its memory for each.

The nodes are another process at the other end of as many sockets, without SSH: it signs quotes with keys of its own and
answers in the collector's frames. On the controller's side all is as it is in a watch: sockets, frames, schedule, the
check of each quote. Whole rounds, which come once a minute, are not counted; their cost is that of an appraisal.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.module_utils._frames import GREETING, LENGTH, content, frame
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import verify_quote
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import Channel, Processes
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import Conversation
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import Plan, Target, watch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import Timing, View
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.standing import Standing, digest, steady
from tests.perf import hmac_quotes
from tests.perf.result import Result as Figure
from tests.unit.appraisal.scene import PCRS, Guest, text
from tests.unit.verifier.soft_tpm import Attestation, private_key, public_area, sign, tpm2b

FEW: Final = 32
MANY: Final = 1000
SECONDS: Final = 20.0
_PERIOD_S: Final = 2.0
_DIGEST: Final = "d" * 64


@dataclass
class _Believer:
    """Gives each node the verdict of a sound guest, and what it stands on: no store, no appraisal."""

    ear: Mapping[str, Any]
    standing: Standing

    def begin(self, node: str, *, whole: bool) -> Challenge:
        return Challenge(node, bytes(32), {})

    def finish(self, challenge: Challenge, evidence: object) -> tuple[Result, Standing]:
        # A copy of its own, as each node's is in a watch: memory is measured, too.
        return Result(challenge.node, "attested", "", copy.deepcopy(self.ear), 1), copy.deepcopy(self.standing)

    def give_up(self, node: str, state: str, message: str) -> Result:
        raise RuntimeError(f"{node} is {state}: {message}")


@dataclass
class _Meter:
    """The process's time when the quiet rounds began and at the end, and its memory meanwhile."""

    nodes: int
    marks: list[tuple[float, int]] = field(default_factory=list)
    memory: int = 0

    def __call__(self, views: Mapping[str, View]) -> None:
        again = [view.node for view in views.values() if view.rounds > 1]
        if again:
            raise RuntimeError(f"{again[0]} came to a second whole round: its quotes confirm nothing")
        if all(view.rounds for view in views.values()):
            self.memory = max(self.memory, _resident())
            self.marks.append((time.process_time(), sum(view.cycles for view in views.values())))

    @property
    def seconds_a_cycle(self) -> float:
        if len(self.marks) < 2 or self.marks[0][1] == self.marks[-1][1]:
            raise RuntimeError(f"{self.nodes} nodes came to no quiet round in {SECONDS:.0f} s: the machine is too busy")
        (begun, first), (ended, last) = self.marks[0], self.marks[-1]
        return (ended - begun) / (last - first) * self.nodes


def run() -> list[Figure]:
    """Measure few and many nodes, and quotes by HMAC."""
    # A process of its own for each: what other benchmarks left to this one would be taken for nothing.
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as processes:
        few, _memory = processes.submit(_watched, FEW).result()
        many, memory = processes.submit(_watched, MANY).result()
    return [
        Figure("watch_few", f"a cycle of {FEW} watched nodes", "ms", few * 1e3, 10, "most"),
        Figure("watch_many", f"a cycle of {MANY:,} watched nodes", "ms", many * 1e3, 250, "most"),
        Figure("watch_memory", f"memory for each of {MANY:,} watched nodes", "KiB", memory / 1024, 1024, "most"),
        *hmac_quotes.run(),
    ]


def _watched(nodes: int) -> tuple[float, float]:
    """Return the processor's time of a cycle in seconds, and the memory of a node in bytes."""
    pairs = [socket.socketpair() for _ in range(nodes)]
    guest = Guest()
    node = _Node(guest)  # before the fork: the child signs with the key that this process knows
    child = os.fork()
    if child == 0:
        try:
            for ours, _theirs in pairs:
                ours.close()
            _serve(node, [theirs for _ours, theirs in pairs])
        finally:
            os._exit(0)
    try:
        for _ours, theirs in pairs:
            theirs.close()
        before = _resident()
        meter = _Meter(nodes)
        asyncio.run(_watch(guest, node, [ours for ours, _theirs in pairs], meter))
        return meter.seconds_a_cycle, (meter.memory - before) / nodes
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


async def _watch(guest: Guest, node: _Node, sockets: list[socket.socket], meter: _Meter) -> None:
    timing = Timing(period=_PERIOD_S, answer=60.0, connect=60.0, renew=3600.0)
    policy = load_policy({})
    plan = Plan(SECONDS, 1.0, frozenset({"contraindicated"}), frozenset(), timing, policy.selection_plain())
    judge = _Believer(guest.appraise(), _standing(guest, node))
    targets = [Target(f"node{n}", partial(_connect, f"node{n}", end)) for n, end in enumerate(sockets)]
    await watch(targets, plan, judge, meter)


async def _connect(node: str, end: socket.socket, _again: bool) -> Channel:
    channel = Channel(Conversation(node, _DIGEST), Processes())
    await asyncio.get_running_loop().create_connection(lambda: channel, sock=end)
    await channel.ready(60.0)
    return channel


def _standing(guest: Guest, node: _Node) -> Standing:
    answer = node.answer({"nonce": bytes(32).hex(), "id": 1})
    quote = answer["evidence"]["quote"]
    policy = load_policy({})
    bound = node.bound_to(bytes(32))
    return Standing(
        ak_public=node.ak_public,
        selection=policy.selection,
        boot_id="boot-1",
        offset=len(guest.kernel.binary),
        facts=digest(guest.facts),
        steady=digest(steady(guest.facts)),
        userspace_log=digest(None),
        quote=verify_quote(quote["attest"], quote["signature"], node.ak_public, bound, policy.selection),
    )


class _Node:
    """What a node answers in a quiet round."""

    def __init__(self, guest: Guest) -> None:
        self._offset = len(guest.kernel.binary)
        self._facts = digest(guest.facts)
        self._key = private_key("p256")
        self.ak_public = tpm2b(public_area(self._key))

    def bound_to(self, nonce: bytes) -> bytes:
        return hashlib.sha256(nonce + self._facts).digest()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        attest = Attestation(
            extra=self.bound_to(bytes.fromhex(request["nonce"])), selections=(("sha256", PCRS),)
        ).encode()
        quote = {
            "attest": text(attest),
            "signature": text(sign(self._key, attest)),
            "ak_public": text(self.ak_public),
        }
        log = {"offset": self._offset, "data": ""}
        evidence = {"format": 1, "quote": quote, "event_log": None, "ima_log": log}
        return {"id": request["id"], "evidence": evidence, "same": ["facts", "userspace_log"]}


def _serve(node: _Node, ends: list[socket.socket]) -> None:
    selector = selectors.DefaultSelector()
    for own in ends:
        own.sendall(GREETING + frame({"protocol": 1, "digest": _DIGEST}))
        selector.register(own, selectors.EVENT_READ, bytearray())
    while True:
        for key, _events in selector.select():
            end: Any = key.fileobj
            data: bytearray = key.data
            data += end.recv(65536)
            while len(data) >= LENGTH.size and len(data) >= (end_at := LENGTH.size + LENGTH.unpack_from(data)[0]):
                request = content(bytes(data[LENGTH.size : end_at]))
                del data[:end_at]
                end.sendall(frame(node.answer(request)))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


__all__ = ["run"]
