# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watch nodes until the first loss of trust; documented in plugins/modules/watch.py."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.action.attest import EAR_LIMIT, NODE_OPTIONS
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.attribution.memory import Memory
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import abridged, summary
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.ssh import Play, UnsupportedError, launch
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import SiteValues
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import Launch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.engine import (
    Outcome,
    Plan,
    Starter,
    Target,
    watch,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.judge import StoreJudge
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import Timing, View
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.shown import OUTLET, tier

TIERS = ("none", "warning", "contraindicated")
_LONGEST_S = 86400.0
_LOSSES = 500
_MOST_CYCLES = 1000
_REASONS = 50


@dataclass(frozen=True)
class _Watched:
    """The nodes that can be watched, with how; and why the others cannot."""

    launches: Mapping[str, Launch]
    places: Mapping[str, Mapping[str, str]]
    periodic: Mapping[str, str]


class ActionModule(TrustAction):
    """One task for all nodes: it holds a channel to each."""

    BYPASS_HOST_LOOP = True

    SPEC: ClassVar[dict[str, Any]] = {
        "nodes": {"type": "list", "elements": "str"},
        "policy": {"type": "dict", "default": {}},
        "reference_values": {"type": "path", "required": True},
        "period": {"type": "float", "default": 2.0},
        "duration": {"type": "float", "default": 300.0},
        "sweep": {"type": "float", "default": 1.0},
        "renew": {"type": "float", "default": 60.0},
        "deadline": {"type": "float", "default": 10.0},
        "connect": {"type": "float", "default": 60.0},
        "hmac_cycles": {"type": "int", "default": 0},
        "tiers": {"type": "list", "elements": "str", "choices": list(TIERS), "default": ["contraindicated"]},
        "signing_key": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Watch, and return what was seen last."""
        _check(arguments)
        nodes = list(dict.fromkeys(arguments["nodes"] or task_vars["ansible_play_hosts_all"]))
        watched = self._watched(nodes, task_vars)
        store = self.open_store(arguments)
        policy = load_policy(arguments["policy"])
        values = SiteValues(Path(arguments["reference_values"]))
        values(datetime.now(UTC))  # what cannot be read is said before anything is asked
        judge = StoreJudge(
            store,
            policy,
            values,
            self.signing_key(arguments),
            Memory(),
        )
        plan = Plan(
            arguments["duration"],
            arguments["sweep"],
            frozenset(arguments["tiers"]),
            frozenset(judge.known_incidents(nodes)),
            Timing(
                period=arguments["period"],
                answer=arguments["deadline"],
                connect=arguments["connect"],
                renew=arguments["renew"],
                hmac_cycles=arguments["hmac_cycles"],
            ),
            policy.selection_plain(),
        )
        begun = time.monotonic()
        outcome = asyncio.run(_watch(watched, plan, judge))
        OUTLET.show(outcome.views, last=True)
        self._tell_ak_only(outcome)
        return _result(outcome, watched, time.monotonic() - begun)

    def _tell_ak_only(self, outcome: Outcome) -> None:
        """Say once, for all nodes, that some do without HMAC quotes."""
        without = [view for view in outcome.views.values() if view.dual_rate.why]
        if without:
            first = without[0]
            which = f"{first.node}{f' and {len(without) - 1} more' if len(without) > 1 else ''}"
            self._display.warning(f"{which}: all quotes are by the AK, for {first.node}: {first.dual_rate.why}")

    def _watched(self, nodes: list[str], task_vars: dict[str, Any]) -> _Watched:
        play = Play(self._task, self._play_context)
        launches: dict[str, Launch] = {}
        places: dict[str, Mapping[str, str]] = {}
        periodic: dict[str, str] = {}
        for node in nodes:
            variables = task_vars["hostvars"][node]
            try:
                launches[node] = launch(node, variables, play)
            except UnsupportedError as error:
                self._display.warning(str(error))
                periodic[node] = str(error)
                continue
            found = {name: variables.get(f"palantir_trust_{name}") for name in NODE_OPTIONS}
            places[node] = {name: str(value) for name, value in found.items() if value}
        return _Watched(launches, places, periodic)


async def _watch(watched: _Watched, plan: Plan, judge: StoreJudge) -> Outcome:
    starter = Starter(plan.timing)
    targets = [
        Target(node, partial(starter.start, node, how), watched.places[node]) for node, how in watched.launches.items()
    ]
    try:
        return await watch(targets, plan, judge, OUTLET.show)
    finally:
        starter.processes.finish()


def _check(arguments: Mapping[str, Any]) -> None:
    for name in ("period", "duration", "renew", "deadline", "connect"):
        if not 0 < arguments[name] <= _LONGEST_S:
            raise PolicyError(name, f"is {arguments[name]} seconds.", f"use more than 0 and at most {_LONGEST_S:.0f}.")
    if not 0 <= arguments["sweep"] <= _LONGEST_S:
        raise PolicyError("sweep", f"is {arguments['sweep']} seconds.", "use 0 or more.")
    if not 0 <= arguments["hmac_cycles"] <= _MOST_CYCLES:
        raise PolicyError(
            "hmac_cycles", f"is {arguments['hmac_cycles']}.", f"use 0 for none, and at most {_MOST_CYCLES}."
        )


def _result(outcome: Outcome, watched: _Watched, seconds: float) -> dict[str, Any]:
    """Return the task's result; it is never longer than AWX takes."""
    views = sorted(outcome.views.values(), key=lambda view: tier(view) == "affirming")
    room = EAR_LIMIT
    results = []
    for view in views:
        told, room = _told(view, room)
        results.append(told)
    return {
        "changed": False,
        "ended": "loss" if outcome.losses else "duration",
        "seconds": round(seconds, 1),
        "losses": [asdict(loss) for loss in outcome.losses[:_LOSSES]],
        "results": sorted(results, key=lambda told: str(told["node"])),
        "periodic": dict(watched.periodic),
        "ak_only": dict([(view.node, view.dual_rate.why) for view in views if view.dual_rate.why][:_REASONS]),
    }


def _told(view: View, room: int) -> tuple[dict[str, Any], int]:
    """Return what is told of a node, in the form of the action attest, and how much room that leaves."""
    result = view.result
    told: dict[str, Any] = {"node": view.node, "tier": tier(view), "cycles": view.cycles, "rounds": view.rounds}
    told |= {"at": round(view.at, 3) if view.at else None, "hmac_quotes": view.dual_rate.quotes}
    if result is None:
        told |= {"state": "unreachable", "message": f"{view.node}: there was no time to connect."}
    else:
        told |= {"state": result.state, "message": result.message[:500], "attestation": result.attestation}
        if result.ear is not None:
            ear = abridged(result.ear, max(room // 4, 1))
            whole = {**told, "ear": ear, "summary": summary(result.ear)}
            told = whole if _size(whole) <= room else told
    return told, room - _size(told)


def _size(told: Mapping[str, Any]) -> int:
    return len(json.dumps(told))
