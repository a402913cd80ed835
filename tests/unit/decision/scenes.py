# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the transcripts of decisions begin from: two sound nodes, one DNS filter, the shipped tables."""

from __future__ import annotations

import copy
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.plan import decide
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import SHIPPED, read_tables

NOW = 1_800_000_000
HOST_LAYERS = ("hardware", "firmware", "os", "runtime")
CATALOGUE = {"dns-filter": {"criticality": "high", "flavours": [{"name": "podman"}], "placement": []}}


def shipped_tables() -> dict[str, str]:
    return read_tables(SHIPPED)


def finding(layer: str, tier: str = "contraindicated", digest: str = "sha256:" + "ab" * 32) -> dict[str, Any]:
    return {
        "code": "unknown_executable",
        "layer": layer,
        "tier": tier,
        "message": "/opt/x is in no Reference Value",
        "index": 7,
        "path": "/opt/x",
        "digest": digest,
        "pcr": 10,
        "certainty": "certain",
        "void": False,
    }


def submodule(tier: str, *findings: dict[str, Any]) -> dict[str, Any]:
    value = {"affirming": 2, "warning": 33, "contraindicated": 96, "none": 0}[tier]
    return {
        "ear_status": tier,
        "ear_trustworthiness_vector": {"executables": value},
        "palantir.findings": list(findings),
    }


def attested(issued_at: int = NOW, instances: tuple[str, ...] = (), **tiers: str) -> dict[str, Any]:
    """Return a node's result: affirming layers but for those named; an instance's name has ``_`` for ``-``."""
    submods: dict[str, Any] = {}
    for name in (*HOST_LAYERS, *instances):
        layer = name if name in HOST_LAYERS else f"sc:{name}"
        tier = tiers.get(name.replace("-", "_"), "affirming")
        submods[layer] = submodule(tier, *([finding(layer, tier)] if tier in ("warning", "contraindicated") else []))
    return {
        "state": "attested",
        "message": "",
        "ear": {"iat": issued_at, "submods": submods},
        "ear_id": None,
    }


def silent(state: str = "unreachable", message: str = "no route to host") -> dict[str, Any]:
    return {"state": state, "message": message, "ear": None, "ear_id": None}


def instance(name: str = "dns-filter-1", node: str = "node1", sc: str = "dns-filter") -> dict[str, Any]:
    return {"instance": name, "sc": sc, "flavour": "podman", "node": node, "state": "live"}


def incident(layer: str, attempt: int, node: str = "node1", **more: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "node": node,
        "layer": layer,
        "attempt": attempt,
        "state": "open",
        "opened_at": NOW - 100,
        "last_action_at": NOW - 60 if attempt else None,
        **more,
    }


def state(
    *incidents: dict[str, Any],
    instances: list[dict[str, Any]] | None = None,
    nodes: tuple[str, ...] = ("node1", "node2"),
    cordoned: tuple[str, ...] = (),
) -> dict[str, Any]:
    return {
        "now": NOW,
        "nodes": {name: {"cordoned": name in cordoned, "labels": {}} for name in nodes},
        "instances": [instance()] if instances is None else instances,
        "incidents": list(incidents),
    }


def plan(ears: dict[str, Any], situation: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Decide by the shipped tables, unless others are given; check that the arguments were left alone."""
    arguments = [ears, more.pop("tables", shipped_tables()), more.pop("catalogue", CATALOGUE), situation or state()]
    before = copy.deepcopy(arguments)
    made = decide(*arguments, **more)
    assert arguments == before
    return made


def transcript(made: dict[str, Any]) -> list[str]:
    """Return a plan's steps as lines: what, of what, where to."""
    return [
        " ".join(
            str(word)
            for word in (step["action"], step["instance"] or step["node"], step["target"] and f"> {step['target']}")
            if word
        )
        for step in made["steps"]
    ]


def guarded(**guards: Any) -> dict[str, Any]:
    """Return a table that restarts an SC under guard rails."""
    return {
        "decision_table": "guarded",
        "inputs": [
            {"name": "layer", "values": ["sc"]},
            {"name": "tier", "values": ["none", "affirming", "warning", "contraindicated"]},
            {"name": "attempt", "type": "integer", "range": "[0..9]"},
        ],
        "outputs": [{"name": "verb", "values": ["restart", "hold", "observe"]}],
        "rules": [
            {"id": "quiet", "when": {"tier": "not(contraindicated)"}, "then": {"verb": "observe"}},
            {
                "id": "act",
                "when": {"tier": "contraindicated", "attempt": "< 9"},
                "then": {"verb": "restart"},
                **guards,
            },
            {"id": "person", "when": {"tier": "contraindicated", "attempt": 9}, "then": {"verb": "hold"}},
        ],
    }
