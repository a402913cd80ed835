# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fleets of any size, with SCs that constrain their places in every way; for the benchmark of placement."""

from __future__ import annotations

import random
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Capability,
    Instance,
    Node,
    NodeResult,
    Situation,
    Verdict,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import HOST_LAYERS

NOW: Final = 1_800_000_000.0
_ZONES: Final = ("dmz", "core", "branch", "lab")
_KERNELS: Final = ("6.1.0-40-amd64", "6.12.48+deb13-amd64", "6.16.3+deb13-amd64")
_MEMORY: Final = 64 << 30


def fleet(nodes: int, scs: int, seed: int = 1) -> Situation:
    """Return a fleet in which every SC runs a few times, on nodes that are mostly affirming."""
    chance = random.Random(seed)  # noqa: S311 - makes a fleet, no secrets
    catalogue = {f"sc-{number}": _capability(number, scs) for number in range(scs)}
    names = [f"node{number:05}" for number in range(nodes)]
    instances = tuple(
        Instance(f"sc-{number}-{copy}", f"sc-{number}", "podman", chance.choice(names), "live")
        for number in range(scs)
        for copy in range(max(nodes // scs, 1))
    )
    return Situation(
        NOW,
        {name: _result(name, chance) for name in names},
        {
            name: Node(
                chance.random() < 0.02,
                {"zone": chance.choice(_ZONES), "disk": chance.choice(("ssd", "hdd"))},
                components=frozenset({f"kernel={chance.choice(_KERNELS)}"}),
                cpu=16.0,
                memory=_MEMORY,
            )
            for name in names
        },
        instances,
        (),
        catalogue,
    )


def _result(name: str, chance: random.Random) -> NodeResult:
    tier = Tier.AFFIRMING if chance.random() < 0.95 else Tier.WARNING
    host = {layer: Verdict(Tier.AFFIRMING) for layer in HOST_LAYERS} | {"runtime": Verdict(tier)}
    return NodeResult(name, "attested", "", NOW - chance.randrange(600), host)


def _capability(number: int, scs: int) -> Capability:
    flavours = {
        name: frozenset({f"driver={name}", f"image=sc-{number}-{name}", f"libc={libc}", f"implementation={program}"})
        for name, libc, program in (
            ("podman", "glibc-2.41", f"first-{number}"),
            ("nspawn", "glibc-2.36", f"first-{number}"),
            ("systemd", "musl-1.2.5", f"second-{number}"),
        )
    }
    return Capability(
        criticality="high",
        nodes=None,
        labels={"zone": _ZONES[number % 4]} if number % 3 == 0 else {},
        flavours=flavours,
        equivalent=(f"sc-{(number + 1) % scs}",),
        anti_affinity=frozenset({f"sc-{number}", f"sc-{(number * 7 + 3) % scs}"}) if number % 2 else frozenset(),
        ports=frozenset({(10_000 + number, "tcp")}),
        cpu=0.5,
        memory=256 << 20,
    )


__all__ = ["NOW", "fleet"]
