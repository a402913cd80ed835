# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A soak on light nodes: they are tampered with, rebooted, and switched off and on again, all the time.

The watch is the real one: OpenSSH, the streamed collector, a TPM emulator for each node, appraisal and store. A node
that was tampered with is repaired by a reboot once that is found out. Nothing else may be found, and nothing be missed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import SiteValues
from ansible_collections.palantir.trust.plugins.plugin_utils.store import signing_key
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import Launch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import Outcome, Plan, Starter, Target, watch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.judge import StoreJudge
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import Timing, View
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program
from tests.integration.runner import Runner
from tests.lab.light.node import LightNode
from tests.scenarios.site import ScenarioError

CYCLES: Final = 2000
GROWTH: Final = 1.25
"""How much larger the controller's memory may be at the end than after the first third."""

_NODES: Final = 8
_TIMING: Final = Timing(period=0.3, answer=20.0, connect=60.0, renew=15.0, retry=(0.3, 2.0))
_SLICE_S: Final = 20.0
_FOUND_S: Final = 60.0
_BACK_S: Final = 60.0


@dataclass
class Tally:
    """What was done to the nodes, and what was found.

    Attributes:
        cycles: quotes that were checked.
        tampered: number of tamperings.
        found: seconds from each to its detection.
        rebooted: orderly reboots.
        dropped: plugs that were pulled, and put in again.
        false: losses that nobody caused.
        memory: resident bytes, over time.
    """

    cycles: int = 0
    tampered: int = 0
    found: list[float] = field(default_factory=list)
    rebooted: int = 0
    dropped: int = 0
    false: list[str] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """How many times its size after the first third the memory has in the end."""
        return self.memory[-1] / self.memory[len(self.memory) // 3] if len(self.memory) > 2 else 1.0


class Chaos:
    """What happens to the nodes, one thing after the other; in a thread of its own."""

    def __init__(self, nodes: list[LightNode], tally: Tally, random: Random) -> None:
        self._nodes = nodes
        self._tally = tally
        self._random = random
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._serial = 0
        self.open: dict[str, float] = {}
        """Nodes that were tampered with and are not repaired yet, with when that was."""

    def __enter__(self) -> Chaos:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.end()

    def end(self) -> None:
        """Let nothing more happen."""
        self._over.set()
        self._thread.join()

    def repair(self, name: str) -> float | None:
        """Reboot a node that was found out; return when it was tampered with, None where it was not."""
        with self._lock:
            since = self.open.pop(name, None)
            if since is not None:
                self._node(name).reboot()
        return since

    def _run(self) -> None:
        while not self._over.wait(1.5 + 3 * self._random.random()):
            happening = self._random.choice((self._tamper, self._reboot, self._drop))
            with self._lock:
                sound = [node for node in self._nodes if node.name not in self.open]
                if sound:
                    happening(self._random.choice(sound))

    def _tamper(self, node: LightNode) -> None:
        self._serial += 1
        self.open[node.name] = time.monotonic()
        self._tally.tampered += 1
        node.append_measurement(f"/opt/implant-{self._serial}", b"evil %d" % self._serial)

    def _reboot(self, node: LightNode) -> None:
        self._tally.rebooted += 1
        node.reboot()

    def _drop(self, node: LightNode) -> None:
        self._tally.dropped += 1
        node.stop()
        self._over.wait(self._random.random())
        node.start()

    def _node(self, name: str) -> LightNode:
        return next(node for node in self._nodes if node.name == name)


def soak(directory: Path, seconds: float, say: Callable[[str], None]) -> Tally:
    """Watch nodes for a time while things happen to them.

    Args:
        directory: short, for sockets of the nodes.
        seconds: for how long; it goes on until :data:`CYCLES` quotes were checked.
        say: told how far it is.

    Raises:
        ScenarioError: what must hold does not.
    """
    nodes = [LightNode(f"light{n}", directory / f"light{n}") for n in range(1, _NODES + 1)]
    with ExitStack() as stack:
        for node in nodes:
            stack.enter_context(node)
        runner = Runner(directory / "job", nodes)
        runner.enrol()
        say(f"{_NODES} light nodes are enrolled")
        tally = Tally()
        judge = _judge(runner.directory)
        with Chaos(nodes, tally, Random(7)) as chaos:  # noqa: S311 - what happens is the same each time
            until = time.monotonic() + seconds
            while time.monotonic() < until or tally.cycles < CYCLES:
                _turn(nodes, judge, chaos, tally, _SLICE_S)
            chaos.end()
            _settle(nodes, judge, chaos, tally)
    _require(tally)
    return tally


def _judge(directory: Path) -> StoreJudge:
    return StoreJudge(
        Store(f"sqlite:///{directory}/store.sqlite"),
        load_policy({}),
        SiteValues(directory / "reference_values"),
        signing_key.load_or_create(directory / "signing-key.pem"),
        Memory(),
    )


def _settle(nodes: list[LightNode], judge: StoreJudge, chaos: Chaos, tally: Tally) -> None:
    """Nothing happens any more: what is still to be found must be, and then every node must be affirming."""
    until = time.monotonic() + _FOUND_S
    while chaos.open and time.monotonic() < until:
        _turn(nodes, judge, chaos, tally, 5.0)
    if chaos.open:
        raise ScenarioError(f"a tampering was missed: {', '.join(chaos.open)}")
    until = time.monotonic() + _BACK_S
    while True:
        outcome = _turn(nodes, judge, chaos, tally, 8.0)
        tiers = {name: _tier(view) for name, view in outcome.views.items()}
        # A plug that was pulled sets the clock of an emulated TPM back: a warning of the next result alone.
        if set(tiers.values()) == {"affirming"}:
            return
        if time.monotonic() > until:
            raise ScenarioError(f"not every node is affirming in the end: {tiers}")


def _turn(nodes: list[LightNode], judge: StoreJudge, chaos: Chaos, tally: Tally, seconds: float) -> Outcome:
    outcome = asyncio.run(_watch(nodes, judge, seconds, tally))
    tally.cycles += sum(view.cycles for view in outcome.views.values())
    for name in sorted({loss.node for loss in outcome.losses}):
        since = chaos.repair(name)
        if since is None:
            codes = {loss.finding for loss in outcome.losses if loss.node == name}
            tally.false.append(f"{name}: {', '.join(sorted(codes))}")
        else:
            tally.found.append(time.monotonic() - since)
    return outcome


async def _watch(nodes: list[LightNode], judge: StoreJudge, seconds: float, tally: Tally) -> Outcome:
    starter = Starter(_TIMING)
    policy = load_policy({}).selection_plain()
    plan = Plan(seconds, 0.5, frozenset({"contraindicated"}), frozenset(), _TIMING, policy)
    targets = [Target(node.name, partial(starter.start, node.name, _launch(node)), _places(node)) for node in nodes]

    def shown(_views: Mapping[str, View]) -> None:
        tally.memory.append(_resident())

    try:
        return await watch(targets, plan, judge, shown)
    finally:
        starter.processes.finish()


def _launch(node: LightNode) -> Launch:
    known = node.inventory_variables()
    options = str(known["ansible_ssh_common_args"]).split()
    command = ["ssh", "-p", str(node.port), "-i", str(node.client_key), *options, "-o", "BatchMode=yes"]
    return Launch([*command, "127.0.0.1", program().bootstrap("/usr/bin/python3")], program().packed)


def _places(node: LightNode) -> dict[str, str]:
    names = ("tcti", "ima_log_path", "userspace_log_path", "event_log_path", "proc_path", "sys_path", "ssh_path")
    return {name: str(node.inventory_variables()[f"palantir_trust_{name}"]) for name in names}


def _tier(view: View) -> str:
    if view.result is None:
        return "connecting"
    return str(view.result.ear["ear_status"]) if view.result.ear else view.result.state


def _require(tally: Tally) -> None:
    if tally.false:
        raise ScenarioError(f"false alarms: {'; '.join(tally.false)}")
    if len(tally.found) != tally.tampered:
        raise ScenarioError(f"of {tally.tampered} tamperings {len(tally.found)} were found")
    if tally.growth > GROWTH:
        raise ScenarioError(f"the controller's memory grew {tally.growth:.2f} times")


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


__all__ = ["CYCLES", "GROWTH", "Tally", "soak"]
