# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attesting 32 light nodes once, beside ``ansible all -m ping`` with the same settings, in turn.

The nodes share the controller's processors: what a node does, as the import of tpm2-pytss, counts as often as there are
nodes, where a fleet would do it at the same time. So the ratio is that of this machine, and by the wall's clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.integration.runner import Runner
from tests.lab.light.node import LightNode
from tests.perf.result import Result
from tests.perf.timing import Seconds, paired, timed, typical

NODES: Final = 32
ROUNDS: Final = 3
TARGET: Final = 1.5
_ROOT: Final = Path(__file__).resolve().parents[2]


def run() -> list[Result]:
    """Measure both."""
    # The path of a Unix socket has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="cycle-") as directory, ExitStack() as stack:
        nodes = [LightNode(f"light{n}", Path(directory) / f"light{n}") for n in range(NODES)]
        for node in nodes:
            stack.enter_context(node)
        runner = Runner(Path(directory) / "job", nodes)
        runner.enrol()
        pairs = paired(lambda: _attest(runner), lambda: _ping(runner), ROUNDS)
    ours, peer = typical(pairs.ours), typical(pairs.peer)
    wall = pairs.speed_up.inverse._replace(cpu=pairs.speed_up.inverse.wall)
    return [
        Result(
            "cycle",
            f"attesting {NODES} light nodes once, beside a ping, by the wall's clock",
            "s",
            ours.wall,
            TARGET,
            "most",
            peer.wall,
            "ansible -m ping",
            wall,
        )
    ]


def _attest(runner: Runner) -> Seconds:
    values = (runner.directory / "env" / "extravars").read_text(encoding="utf-8")
    return _timed(runner, ["ansible-playbook", str(_ROOT / "playbooks" / "attest.yml"), "--extra-vars", values])


def _ping(runner: Runner) -> Seconds:
    return _timed(runner, ["ansible", "nodes", "-m", "ansible.builtin.ping"])


def _timed(runner: Runner, command: list[str]) -> Seconds:
    program = str(Path(sys.executable).with_name(command[0]))
    inventory = str(runner.directory / "inventory" / "hosts.json")
    settings = json.loads((runner.directory / "env" / "envvars").read_text(encoding="utf-8"))
    environment = {**os.environ, **settings, "ANSIBLE_CONFIG": str(_ROOT / "ansible.cfg")}

    def run_it() -> None:
        done = subprocess.run(
            [program, "-i", inventory, *command[1:]], env=environment, cwd=_ROOT, capture_output=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout.decode()[-500:]}")

    return timed(run_it)


__all__ = ["run"]
