# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cycle of a watch costs on a guest, beside the quote alone, which tpm2-pytss takes there, and a round trip."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import SiteValues
from ansible_collections.palantir.trust.plugins.plugin_utils.store import signing_key
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import Launch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import Plan, Starter, Target, watch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.judge import StoreJudge
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import Timing, View
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program
from tests.lab import ssh
from tests.lab.lab import Lab
from tests.scenarios.site import ScenarioError, Site

_COUNT: Final = 20
_WATCHED_S: Final = 30.0
_TIMING: Final = Timing(period=1.0, answer=30.0, connect=60.0, renew=3600.0)
_QUOTES: Final = f"""
import json, statistics, sys, time
from tpm2_pytss import ESAPI, TPM2B_DATA, TPML_PCR_SELECTION
seconds = []
with ESAPI("device:/dev/tpmrm0") as tpm:
    key = tpm.tr_from_tpmpublic(0x81010020)
    for _ in range({_COUNT}):
        begun = time.monotonic()
        tpm.quote(key, TPML_PCR_SELECTION.parse(sys.argv[1]), TPM2B_DATA(bytes(32)))
        seconds.append(time.monotonic() - begun)
print(json.dumps(statistics.median(seconds)))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds on one node, each the median of some twenty: the quote alone, a round trip, and a cycle."""

    node: str
    quote_s: float
    trip_s: float
    cycle_s: float

    @property
    def ratio(self) -> float:
        """How many times the quote and the round trip a cycle takes."""
        return self.cycle_s / (self.quote_s + self.trip_s)


def cost(site: Site, lab: Lab, references: Path, node: str) -> Cost:
    """Measure a node that is enrolled and affirming.

    Args:
        site: where it is enrolled.
        lab: the guests.
        references: directory of the site's Reference Values.
        node: its name.

    Raises:
        ScenarioError: it is not watched.
        LabError: it cannot be logged in to.
    """
    policy = load_policy({})
    selection = "+".join(f"{bank}:{','.join(map(str, pcrs))}" for bank, pcrs in policy.selection.items())
    done = lab.ssh(node, "python3", "-", selection, stdin=_QUOTES.encode())
    if done.returncode:
        raise ScenarioError(f"{node}: its TPM gives no quotes: {done.stderr.decode(errors='replace')[-300:]}")
    quote = float(json.loads(done.stdout))
    judge = StoreJudge(
        Store(site.environment["PALANTIR_TRUST_STORE"]),
        policy,
        SiteValues(references),
        signing_key.load_or_create(Path(site.environment["PALANTIR_TRUST_SIGNING_KEY"])),
        Memory(),
    )
    try:
        return Cost(node, quote, _trip(lab, node), asyncio.run(_cycle(lab, node, judge)))
    finally:
        judge.store.close()


def _trip(lab: Lab, node: str) -> float:
    """Return how long a byte takes to a program on a node, and back."""
    command = ssh.command(lab.paths, node, ["cat"])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            seconds = [_there_and_back(process) for _ in range(_COUNT + 1)][1:]
        finally:
            process.kill()
    return median(seconds)


def _there_and_back(process: subprocess.Popen[bytes]) -> float:
    begun = time.monotonic()
    if process.stdin is None or process.stdout is None:
        raise ScenarioError("ssh has no pipes")
    process.stdin.write(b".")
    if not process.stdout.read(1):
        raise ScenarioError("the connection ended")
    return time.monotonic() - begun


async def _cycle(lab: Lab, node: str, judge: StoreJudge) -> float:
    """Return how long the answers of quiet cycles take, in a real watch."""
    collector = program()
    launch = Launch(ssh.command(lab.paths, node, [collector.bootstrap("/usr/bin/python3")]), collector.packed)
    starter, seen = Starter(_TIMING), dict[int, float]()

    def shown(views: Mapping[str, View]) -> None:
        view = views[node]
        if view.cycles > view.rounds:
            seen[view.cycles] = view.seconds

    nothing = frozenset[str]()
    plan = Plan(_WATCHED_S, 0.0, nothing, frozenset(), _TIMING, judge.policy.selection_plain())
    try:
        await watch([Target(node, partial(starter.start, node, launch))], plan, judge, shown)
    finally:
        starter.processes.finish()
    if len(seen) < _COUNT // 2:
        raise ScenarioError(f"{node}: {len(seen)} quiet cycles in {_WATCHED_S:.0f} s are too few")
    return median(seen.values())


__all__ = ["Cost", "cost"]
