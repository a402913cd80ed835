# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch of many nodes: it ends with the first loss of trust, or with its time.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import (
    Channel,
    Launch,
    Processes,
    open_channel,
    part,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.judge import Judge
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.moments import Moments
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import Asked, Means, NodeWatch, Timing, View
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program

CONNECTING: Final = 32
"""Most connections that are in the making at once."""

_HOUSEKEEPING_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Loss:
    """Trust that was lost: a layer of a node whose verdict is of a tier that counts as loss."""

    node: str
    layer: str
    tier: str
    finding: str


@dataclass(frozen=True)
class Plan:
    """What is watched.

    Attributes:
        duration: seconds after which the watch ends by itself.
        sweep: seconds that the nodes have for one more quote, once trust is lost.
        tiers: which tiers are a loss.
        known: node and layer of losses that are known already.
        timing: how often the nodes are asked.
        selection: the PCRs to quote, plain.
    """

    duration: float
    sweep: float
    tiers: frozenset[str]
    known: frozenset[tuple[str, str]]
    timing: Timing
    selection: Mapping[str, Any]


@dataclass
class Outcome:
    """How a watch ended: with which losses, and what was seen last of each node."""

    losses: list[Loss] = field(default_factory=list)
    views: dict[str, View] = field(default_factory=dict)


Connect = Callable[[bool], Awaitable[Asked]]
"""Opens a channel; told whether the last one failed."""


@dataclass(frozen=True)
class Target:
    """A node to be watched: how a channel to it is opened, and where things are on it."""

    node: str
    connect: Connect
    places: Mapping[str, str] = field(default_factory=dict)


class Starter:
    """Starts collectors, not too many at once."""

    def __init__(self, timing: Timing) -> None:
        self.processes = Processes()
        self._seconds = timing.connect
        self._gate = asyncio.Semaphore(CONNECTING)

    async def start(self, node: str, launch: Launch, again: bool) -> Channel:
        """Return a channel to a node; ``again`` where the last one failed.

        Raises:
            ChannelError: there is none.
        """
        self.processes.reap()
        async with self._gate:
            if again:
                await part(launch)
            return await open_channel(node, launch, program().digest, self.processes, self._seconds)


async def watch(
    targets: Iterable[Target], plan: Plan, judge: Judge, shown: Callable[[Mapping[str, View]], None]
) -> Outcome:
    """Watch nodes until the first loss of trust, or until the time is over.

    Args:
        targets: the nodes.
        plan: what is watched.
        judge: who comes to verdicts.
        shown: called now and then with what is to be seen.

    Raises:
        TrustError: the verifier's own side failed, as where the store cannot be written.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="judge") as thread:
        try:
            return await _Watch(tuple(targets), plan, judge, thread).run(shown)
        finally:
            thread.shutdown(wait=False, cancel_futures=True)


class _Watch:
    def __init__(self, targets: Sequence[Target], plan: Plan, judge: Judge, thread: ThreadPoolExecutor) -> None:
        self._targets = targets
        self._plan = plan
        self._known = set(plan.known)
        self._over = asyncio.Event()
        self._outcome = Outcome()
        run = partial(asyncio.get_running_loop().run_in_executor, thread)
        moments = Moments.of(len(targets), plan.timing.period, plan.timing.jitter)
        self._means = Means(plan.timing, plan.selection, judge, run, self._reported, moments)

    async def run(self, shown: Callable[[Mapping[str, View]], None]) -> Outcome:
        nodes = [NodeWatch(target.node, target.connect, target.places, self._means) for target in self._targets]
        self._outcome.views = {node.view.node: node.view for node in nodes}
        running = [asyncio.create_task(node.run()) for node in nodes]
        for task in running:
            # A node's watch has no end of its own: one that ends has failed on the verifier's side.
            task.add_done_callback(lambda _task: self._over.set())
        try:
            await self._until_the_end(shown)
            if self._outcome.losses:
                # Whatever hit one node may have hit others at the same time, and a storm is to be seen as one. What
                # shows a loss is proved a second time, as rules ask for that destroy.
                lost = {loss.node for loss in self._outcome.losses}
                for node in nodes:
                    node.finish(whole=node.view.node in lost)
                await asyncio.wait(running, timeout=self._plan.sweep)
            for task in running:
                if task.done():
                    await task  # raises what it failed of
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        shown(self._outcome.views)
        return self._outcome

    async def _until_the_end(self, shown: Callable[[Mapping[str, View]], None]) -> None:
        clock = asyncio.get_running_loop().time
        end = clock() + self._plan.duration
        while not self._over.is_set() and (left := end - clock()) > 0:
            shown(self._outcome.views)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), min(left, _HOUSEKEEPING_S))

    def _reported(self, view: View) -> None:
        result = view.result
        if result is None or result.ear is None:
            return
        for layer, submod in result.ear["submods"].items():
            tier = submod["ear_status"]
            if tier == "affirming":
                # What comes after it is another loss, known to nobody.
                self._known.discard((view.node, layer))
            if tier not in self._plan.tiers or submod.get("palantir.void_by") or (view.node, layer) in self._known:
                continue
            loss = Loss(view.node, layer, tier, _finding(submod, tier))
            if loss not in self._outcome.losses:
                self._outcome.losses.append(loss)
            self._over.set()


def _finding(submod: Mapping[str, Any], tier: str) -> str:
    return next((found["code"] for found in submod.get("palantir.findings", ()) if found["tier"] == tier), "")


__all__ = ["CONNECTING", "Connect", "Loss", "Outcome", "Plan", "Starter", "Target", "watch"]
