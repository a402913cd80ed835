# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done: verbs driver by driver on node1, refusals and rollbacks on node2, then both together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.admission.manifest import SIGNATURE
from tests.scenarios import attacks
from tests.scenarios.attacks import on_node
from tests.scenarios.orchestrator.course import DRIVERS, FIRST, NODES, SC, SECOND, Course, Load
from tests.scenarios.recovery.scene import Scene
from tests.scenarios.site import ROOT
from tests.unit.admission.developer import Market, members, package, packed, source

UNSPECIFIED: Final = "0.0.0.0"  # noqa: S104 - what a blocked name is answered with
BLOCKED: Final = "blocked.example.org"
GAP_MS: Final = 5000
"""The longest time without an answer that a change of flavour may cost, on guests without KVM."""
# A layer has a copy for each range that it was run in.
_IN_ALL_LAYERS: Final = (
    "n=0; for file in /var/lib/containers/storage/overlay/*/diff/usr/sbin/unbound; do n=$((n+1)); {}; done"
)


def unsigned(course: Course, scene: Scene) -> None:
    """A package comes without its developer's signature."""
    directory = course.site.directory / "market"
    market = Market(directory / "site")
    whole = package(directory / "whole.scpkg", source(directory / "source"))
    bare = directory / "bare.scpkg"
    bare.write_bytes(packed({path: data for path, data in members(whole).items() if path != SIGNATURE}))
    before = market.files()
    said = _admitted(course, market, bare)
    scene.must("manifest.jws" in said, "a package without a signature is refused", said[-400:])
    scene.must(market.files() == before, "nothing of it is left")
    said = _admitted(course, market, whole)
    scene.must(said == "", "the same with its signature is admitted", said[-400:])


def _admitted(course: Course, market: Market, file: Path) -> str:
    """Have a site admit a package; return what it says where it refuses."""
    place, before = market.place, course.shown()
    variables = {
        "palantir_trust_package": str(file),
        "palantir_trust_catalogue": str(place.catalogue),
        "palantir_trust_reference_values": str(place.reference_values),
    }
    status = course.site.run(ROOT / "playbooks" / "admit.yml", 300, variables)
    return " ".join(course.shown()[len(before) :].split()) if status else ""


def in_place(course: Course, driver: str, scene: Scene) -> None:
    """Configure, stop, start and heal the first instance as it runs, and ask for its health."""
    generation = course.instance(FIRST).generation
    names = ["tracker.example.com", f"{driver}.{BLOCKED}"]
    course.verb("configure", FIRST, driver, dns_filter_blocked_names=names)
    scene.must(course.ask("node1", names[1]) == UNSPECIFIED, f"{driver}: it is configured as it runs")
    course.verb("stop", FIRST, driver)
    silent = course.ask("node1")
    scene.must(silent in ("silent", "none"), f"{driver}: it is stopped", silent)
    course.verb("start", FIRST, driver)
    course.verb("heal", FIRST, driver)
    course.verb("health", FIRST, driver)
    scene.must(course.instance(FIRST).generation == generation, f"{driver}: all that in one generation")
    answer = course.ask("node1")
    scene.must(answer == "192.0.2.53", f"{driver}: started and healed, it answers", answer)


def changed(course: Course, before: str, scene: Scene) -> Load:
    """Change the first instance to its next driver while it is asked throughout."""
    after = DRIVERS[(DRIVERS.index(before) + 1) % len(DRIVERS)]
    with course.under_load("node1") as load:
        course.seconds["re-instantiate", after] = course.verb("change_flavour", FIRST, palantir_trust_flavour=after)
    scene.must(course.instance(FIRST).flavour == after, f"{before} to {after}")
    seen = f"{load.lost} of {load.sent} queries lost, longest time between two answers {load.gap_ms} ms"
    scene.must(load.gap_ms <= GAP_MS, f"{before} to {after}: {seen}", seen)
    return load


def instantiated(course: Course, scene: Scene) -> None:
    """A second instance, by each driver; the first time by scaling."""
    for number, driver in enumerate(DRIVERS):
        if number == 0:
            seconds = course.verb("scale", palantir_trust_sc=SC, palantir_trust_count=2)
        else:
            course.verb("terminate", SECOND, DRIVERS[number - 1])
            seconds = course.verb("instantiate", SECOND, palantir_trust_flavour=driver)
        course.seconds["instantiate", driver] = seconds
        found = course.instance(SECOND)
        scene.must((found.node, found.flavour) == ("node2", driver), f"{driver}: it runs where there is room", found)


def not_proved(course: Course, scene: Scene, instance: str = SECOND) -> None:
    """The image of the next flavour was tampered with on the node; its id is what it was."""
    before = course.instance(instance)
    on_node(course.lab, before.node, _IN_ALL_LAYERS.format("cp -p $file /root/kept.$n; printf tampered >> $file"))
    said = course.refused("change_flavour", instance, palantir_trust_flavour="podman")
    on_node(course.lab, before.node, _IN_ALL_LAYERS.format("cp -p /root/kept.$n $file"))
    scene.must("is contraindicated: modified_file" in said, "what was tampered with does not serve", said[-400:])
    kept = f"generation {before.generation} serves as before."
    scene.must(kept in said.lower(), "the verb says so", said[-400:])
    scene.must(course.instance(instance) == before, "the one before is what it was")
    answer = course.ask(before.node)
    scene.must(answer == "192.0.2.53", "and answers", answer)


def not_answering(course: Course, scene: Scene, instance: str = SECOND) -> None:
    """The next flavour takes the node's own network, and does not answer there."""
    before = course.instance(instance)
    said = course.refused("change_flavour", instance, palantir_trust_flavour="host", dns_filter_address="192.0.2.1")
    kept = f"generation {before.generation} serves as before."
    scene.must(kept in said.lower(), "the verb says so", said[-400:])
    scene.must(course.instance(instance).generation == before.generation, "the one before serves")
    answer = course.ask(before.node)
    scene.must(answer == "192.0.2.53", "and answers at the node's port", answer)


def migrated(course: Course, scene: Scene) -> None:
    """The second instance is given up by scaling; the first one moves to and fro, each time by another driver."""
    seconds = course.verb("scale", palantir_trust_sc=SC, palantir_trust_count=1)
    course.seconds["terminate", DRIVERS[-1]] = seconds
    scene.must(SECOND not in course.site.living(), "scaled in, the second one is gone")
    for driver in DRIVERS:
        source_node = course.instance(FIRST).node
        course.verb("migrate", FIRST, driver, palantir_trust_flavour=driver)
        found = course.instance(FIRST)
        target = next(node for node in NODES if node != source_node)
        scene.must((found.node, found.flavour) == (target, driver), f"{driver}: it runs on the other node", found)
        answer = course.ask(target)
        scene.must(answer == "192.0.2.53", f"{driver}: it answers there", answer)


def escaped(course: Course, scene: Scene) -> None:
    """An unknown program runs on the host of the first instance."""
    before = course.instance(FIRST)
    attacks.run_on_host(course.lab, before.node)
    course.verb("migrate", FIRST)
    found = course.instance(FIRST)
    scene.must(found.node != before.node, "off a contraindicated node it migrates", found.node)
    kept = course.site.evidence / f"{FIRST}-g{before.generation}"
    scene.must(any(kept.iterdir()) if kept.is_dir() else False, "its evidence is preserved")
    said = course.refused("instantiate", SECOND, palantir_trust_target=before.node)
    scene.must(
        f"{before.node} is not affirming, but contraindicated" in said, "nothing goes there any more", said[-400:]
    )


__all__ = [
    "changed",
    "escaped",
    "in_place",
    "instantiated",
    "migrated",
    "not_answering",
    "not_proved",
    "unsigned",
]
