# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch of one node: connect, ask in every cycle, come back after failures. No node waits for another.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final, Protocol

from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import NONCE_BYTES
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Result
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import ChannelError, fault
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.dual_rate import DualRate
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.judge import Judge
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.moments import Moments
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.standing import Standing, confirmed

QUIET_LIMIT: Final = MIB
"""Most bytes of an answer in which next to nothing is expected; a node with more is asked anew, by a whole round."""

WHOLE_LIMIT: Final = 128 * MIB
"""Most bytes of the answer to a whole round: the collector's own bounds, in base64."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How often, and for how long; in seconds, but for ``hmac_cycles``.

    Attributes:
        period: from one quote of a node to the next.
        jitter: how much of a period, at most, it may be longer or shorter.
        answer: how long an answer may take; of a whole round, ``connect``.
        connect: how long it may take until a collector is ready.
        renew: how long a verdict may stand without a whole round.
        retry: how long to wait before a node that failed is tried again: at first, and at most.
        hmac_cycles: of so many quotes one is by the AK, and the others are by HMAC; below 2, all are by the AK.
    """

    period: float = 2.0
    jitter: float = 0.1
    answer: float = 10.0
    connect: float = 60.0
    renew: float = 60.0
    retry: tuple[float, float] = (1.0, 30.0)
    hmac_cycles: int = 0


class Asked(Protocol):
    """A channel to a collector."""

    async def ask(self, message: Mapping[str, Any], limit: int, seconds: float) -> Mapping[str, Any]:
        """Return the answer to a request; may raise ChannelError."""

    def close(self) -> None:
        """End it."""


@dataclass
class View:
    """What is to be seen of a node.

    Attributes:
        node: its name.
        result: the last result; None before the first.
        at: when the AK proved its evidence last, whether by a whole round or by a quote that confirmed it.
        cycles: number of quotes that were checked.
        rounds: number of whole rounds among them.
        seconds: how long the last answer took.
        failures: number of failures in a row.
        dual_rate: its quotes by HMAC.
    """

    node: str
    result: Result | None = None
    at: float = 0.0
    cycles: int = 0
    rounds: int = 0
    seconds: float = 0.0
    failures: int = 0
    dual_rate: DualRate = field(default_factory=DualRate)


@dataclass(frozen=True)
class Means:
    """What the watches of all nodes share.

    Attributes:
        timing: how often, and for how long.
        selection: the PCRs to quote, plain.
        judge: who issues challenges and comes to verdicts.
        run: calls what may take long in a thread.
        report: told of each result of a whole round, and of each failure.
        moments: when nodes are asked.
        random: makes nodes differ in time.
    """

    timing: Timing
    selection: Mapping[str, Any]
    judge: Judge
    run: Callable[..., Awaitable[Any]]
    report: Callable[[View], None]
    moments: Moments
    random: Random = field(default_factory=Random)


class NodeWatch:
    """The watch of one node.

    Args:
        node: its name.
        connect: opens a channel to its collector; told whether the last one failed.
        places: where things are on the node.
        means: what is shared.
    """

    def __init__(
        self,
        node: str,
        connect: Callable[[bool], Awaitable[Asked]],
        places: Mapping[str, str],
        means: Means,
    ) -> None:
        self.view = View(node, dual_rate=DualRate(means.timing.hmac_cycles))
        self._connect = connect
        self._means = means
        self._asked = {"selection": means.selection, "places": dict(places)}
        self._standing: Standing | None = None
        self._renew_at = 0.0
        self._unsettled = 0
        self._pausing: asyncio.Future[None] | None = None
        self._last = False
        self._doubted = False

    async def run(self) -> None:
        """Watch until :meth:`finish` is called, or for ever."""
        while not self._last:
            try:
                channel = await self._connect(self.view.failures > 0)
            except ChannelError as error:
                await self._failed(error)
                continue
            try:
                await self._cycles(channel)
            except ChannelError as error:
                await self._failed(error)
            finally:
                self.view.dual_rate.forget()
                channel.close()

    def finish(self, *, whole: bool = False) -> None:
        """Do one more cycle at once, where there is a connection, and end; ``whole`` for a result of its own."""
        self._last = True
        self._doubted = whole
        if self._pausing is not None and not self._pausing.done():
            self._pausing.set_result(None)

    async def _cycles(self, channel: Asked) -> None:
        # The phase is chosen anew with each connection: nodes that came back together do not stay together.
        pause = self._means.random.random() * self._means.timing.period
        self.view.dual_rate.connected()
        await self._whole(channel)
        while not self._last:
            await self._pause(self._means.moments.nearest(_now() + pause))
            due = self._standing is None or self._doubted or _now() >= self._renew_at
            if due or not await self._quiet(channel):
                await self._whole(channel)
            pause = self._interval()

    def _interval(self) -> float:
        """Return how long to wait: never less than the TPM worked, and longer where whole rounds settle nothing."""
        timing, view = self._means.timing, self.view
        interval = max(timing.period - view.seconds, view.seconds)
        return (
            min(interval * 2 ** min(self._unsettled, 16), max(timing.renew, interval))
            if self._unsettled > 1
            else interval
        )

    async def _quiet(self, channel: Asked) -> bool:
        """Ask for a quote that confirms what is known; return whether it did."""
        known, nonce = self._standing, secrets.token_bytes(NONCE_BYTES)
        if known is None:
            return False
        dual = self.view.dual_rate
        # The last word is the AK's, also where the end came while the key was agreed upon.
        key = None if self._last else await dual.key(partial(self._agree, channel), known.ak_public)
        if self._last:
            key = None
        by = {} if key is None else {"hmac": True}
        asked = {**self._asked, **by, "nonce": nonce.hex(), "since": known.since, "have": known.have}
        answer = await self._answer(channel, asked, QUIET_LIMIT, self._means.timing.answer)
        still = confirmed(known, nonce, answer.get("evidence"), answer.get("same") or (), key)
        if key is not None:
            dual.answered(answer, confirmed=still is not None)
        if still is None:
            return False
        self._standing = still
        self.view.cycles += 1
        if key is None:
            dual.proved()
            self.view.at = time.time()
        elif self._last:
            return await self._quiet(channel)  # the watch came to its end meanwhile
        return True

    async def _agree(self, channel: Asked, message: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask for what comes before a quote by HMAC: the TPM makes a key for it, which may take a while."""
        asked = {**message, "places": self._asked["places"]}
        return await self._answer(channel, asked, QUIET_LIMIT, self._means.timing.connect)

    async def _whole(self, channel: Asked) -> None:
        """Attest the node as the action attest does."""
        self._standing = None
        for whole in (False, True):
            challenge = await self._means.run(lambda whole=whole: self._means.judge.begin(self.view.node, whole=whole))
            if challenge is None:
                message = f"{self.view.node}: is not enrolled. Next: run palantir.trust.enrol for it."
                await self._give_up("not_enrolled", message)
                return
            asked = {**self._asked, "nonce": challenge.nonce.hex(), "since": challenge.since}
            answer = await self._answer(channel, asked, WHOLE_LIMIT, self._means.timing.connect)
            if "evidence" not in answer:
                await self._give_up("no_evidence", f"{self.view.node}: {fault(answer)[0]}")
                return
            try:
                result, known = await self._means.run(
                    lambda challenge=challenge, answer=answer: self._means.judge.finish(challenge, answer["evidence"])
                )
            except PartError:
                continue
            self._settle(result, known)
            return

    async def _answer(
        self, channel: Asked, message: Mapping[str, Any], limit: int, seconds: float
    ) -> Mapping[str, Any]:
        begun = _now()
        answer = await channel.ask(message, limit, seconds)
        self.view.seconds = _now() - begun
        return answer

    def _settle(self, result: Result, known: Standing | None) -> None:
        timing, view = self._means.timing, self.view
        self._standing = known
        self._unsettled = 0 if known is not None else self._unsettled + 1
        self._renew_at = _now() + timing.renew * (1 - self._means.random.random() / 4)
        view.result, view.failures = result, 0
        if result.ear is not None and result.ear.get("palantir.boot") is not None:
            view.at = time.time()
            view.dual_rate.proved()
        view.cycles += 1
        view.rounds += 1
        self._means.report(view)

    async def _give_up(self, state: str, message: str) -> None:
        """Note that a node that answers has no verdict; again only where it is another one, or after a while."""
        self._unsettled += 1
        view = self.view
        message = printable(message, 2000)
        same = view.result is not None and (view.result.state, view.result.message) == (state, message)
        if not same or _now() >= self._renew_at:
            view.result = await self._means.run(lambda: self._means.judge.give_up(view.node, state, message))
            self._renew_at = _now() + self._means.timing.renew
        self._means.report(view)

    async def _failed(self, error: ChannelError) -> None:
        """Note that a node cannot be asked, and wait before it is tried again."""
        self._standing = None
        self.view.failures += 1
        await self._give_up(error.state, str(error))
        least, most = self._means.timing.retry
        wait = min(least * 2 ** min(self.view.failures - 1, 16), most)
        await self._pause(_now() + wait * (0.5 + self._means.random.random()))

    async def _pause(self, until: float) -> None:
        if self._last:
            return
        loop = asyncio.get_running_loop()
        self._pausing = pausing = loop.create_future()
        timer = loop.call_at(until, _over, pausing)
        try:
            await pausing
        finally:
            timer.cancel()
            self._pausing = None


def _now() -> float:
    return asyncio.get_running_loop().time()


def _over(pausing: asyncio.Future[None]) -> None:
    if not pausing.done():
        pausing.set_result(None)


__all__ = ["QUIET_LIMIT", "WHOLE_LIMIT", "Asked", "Means", "NodeWatch", "Timing", "View"]
