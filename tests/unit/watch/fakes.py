# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes in memory for the scheduler: channels that answer as a test tells, and a judge who believes what they say."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.plugin_utils.challenge.round import Challenge, Result
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.quote import HmacKey, Quote
from ansible_collections.palantir.trust.plugins.plugin_utils.watch import node as module
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import ChannelError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import Outcome, Plan, Target, watch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import Timing
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.standing import Standing

QUOTE = Quote(True, b"", {}, "sha256", 0, 0, 0, True, 0, b"", ())
TIMING = Timing(period=2.0, answer=10.0, connect=60.0, renew=1e6, retry=(1.0, 30.0))


def ear(tier: str = "affirming", **layers: str) -> dict[str, Any]:
    """Return as much of an EAR as a watch looks at."""
    findings = [{"code": "unknown_executable", "tier": "contraindicated"}]
    submods = {
        name: {"ear_status": status, "palantir.findings": findings if status == "contraindicated" else []}
        for name, status in {"os": tier, **layers}.items()
    }
    return {"ear_status": tier, "submods": submods, "palantir.boot": {}}


@dataclass
class FakeJudge:
    """Takes the tier from the evidence, and remembers all that it was asked."""

    enrolled: bool = True
    ak: bytes = b""
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    def begin(self, node: str, *, whole: bool) -> Challenge | None:
        self.calls.append(("begin", node, whole))
        return Challenge(node, bytes(32), {}) if self.enrolled else None

    def finish(self, challenge: Challenge, evidence: Any) -> tuple[Result, Standing | None]:
        self.calls.append(("finish", challenge.node, evidence))
        if evidence.get("part"):
            raise PartError("ima_log", "does not continue.")
        result = Result(challenge.node, "attested", "", ear(evidence["tier"]), 1)
        stands = Standing(self.ak, {}, "boot", 0, b"", b"", b"", QUOTE) if evidence.get("stands", True) else None
        return result, stands

    def give_up(self, node: str, state: str, message: str) -> Result:
        self.calls.append(("give_up", node, state, message))
        return Result(node, state, message, None, 2)

    def states(self, node: str) -> list[str]:
        return [call[2] for call in self.calls if call[0] == "give_up" and call[1] == node]

    def rounds(self, node: str) -> int:
        return sum(call[:2] == ("finish", node) for call in self.calls)


Answer = Callable[[Mapping[str, Any]], Any]


@dataclass
class FakeNode:
    """A node whose answers a test gives: a mapping, an error that is raised, or None for silence.

    Attributes:
        name: its name.
        answers: gives the answer to a request; by default nothing changes.
        refuses: how many connections fail before one does not.
        messages: that came.
        nonces: of the requests for evidence among them.
        opened: how many channels there were.
        closed: how many of these were closed.
    """

    name: str
    answers: Answer = lambda _request: {"evidence": {"tier": "affirming"}, "same": ["facts"]}
    refuses: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)
    nonces: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    opened: int = 0
    closed: int = 0

    async def connect(self, _again: bool) -> FakeNode:
        if self.refuses:
            self.refuses -= 1
            raise ChannelError(self.name, "is unreachable: no route.", state="unreachable")
        self.opened += 1
        return self

    async def ask(self, message: Mapping[str, Any], limit: int, seconds: float) -> Mapping[str, Any]:
        assert limit >= module.QUIET_LIMIT
        self.messages.append(dict(message))
        if "nonce" in message:
            self.nonces.append(message["nonce"])
            self.times.append(asyncio.get_running_loop().time())
        answer = self.answers(message)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.sleep(seconds)
            raise ChannelError(self.name, f"gave no answer after {seconds:.0f} s.", state="unreachable")
        return dict(answer)

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def believing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have quiet rounds confirm what a node says is as it was."""

    def confirmed(
        known: Standing, _nonce: bytes, evidence: Any, _same: object, _key: HmacKey | None = None
    ) -> Standing | None:
        return known if evidence and evidence["tier"] == "affirming" and not evidence.get("new") else None

    monkeypatch.setattr(module, "confirmed", confirmed)


class _Selector(selectors.DefaultSelector):
    """Where others would wait for time to pass, it has passed."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "nothing will ever happen again"
            self.now += timeout
        return ready


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose time costs none, and in which nothing takes any."""

    def __init__(self) -> None:
        self._selector_of_time = _Selector()
        super().__init__(self._selector_of_time)

    def time(self) -> float:
        return self._selector_of_time.now

    def run_in_executor(self, _executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - as an executor does
            future.set_exception(error)
        return future


def run(nodes: list[FakeNode], judge: FakeJudge, duration: float, **changed: Any) -> Outcome:
    """Watch nodes."""
    tiers, known = frozenset({"contraindicated"}), frozenset()  # type: ignore[var-annotated]
    plan = Plan(
        **{
            "duration": duration,
            "sweep": 1.0,
            "tiers": tiers,
            "known": known,
            "timing": TIMING,
            "selection": {},
            **changed,
        }
    )
    targets = [Target(node.name, node.connect) for node in nodes]
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(watch(targets, plan, judge, lambda _views: None))


__all__ = ["TIMING", "FakeJudge", "FakeNode", "Loop", "believing", "ear", "run"]
