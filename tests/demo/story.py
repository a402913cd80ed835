# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens in the demo, act by act, and what each act must show."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.lab.lab import Lab
from tests.scenarios import attacks
from tests.scenarios.site import ScenarioError, Site, tiers

HOST_LAYERS = ("hardware", "firmware", "os", "runtime")
INSTANCE = "dns-filter-1"
SC = f"sc:{INSTANCE}"


@dataclass(frozen=True)
class Outcome:
    """One incident, in seconds from the tampering on."""

    name: str
    layer: str
    node: str
    detected_s: float
    contained_s: float
    restored_s: float


def enrol(site: Site, lab: Lab) -> None:
    """Make Reference Values, establish identities, deploy the SC, and attest everything."""
    site.playbook("reference_values", 180)
    site.playbook("enrol", 240)
    site.playbook("deploy", 240)
    site.playbook("attest", 120)
    _expect(site.living()[INSTANCE].node == "node1", "the SC was not deployed on node1")


def attack_container(site: Site, lab: Lab) -> Outcome:
    """A new program is run inside the SC: the SC alone is hit, and replaced in a fresh range."""
    before = site.living()[INSTANCE]
    tampered = attacks.run_in_container(lab, "node1", INSTANCE)
    site.playbook("cycle", 240)
    seen = {result.node: tiers(result) for result in reversed(site.history(tampered))}
    _expect(seen["node1"].get(SC) == "contraindicated", "the SC was not found out")
    _all_affirming(seen["node1"], HOST_LAYERS, "node1")
    _all_affirming(seen["node2"], HOST_LAYERS, "node2")
    after = site.living()[INSTANCE]
    _expect(after.node == "node1" and after.generation > before.generation, "the SC was not replaced in place")
    _expect(after.uid_base != before.uid_base, "the SC did not get a fresh user-namespace range")
    _now_affirming(site, "node1", tampered)
    with tarfile.open(site.evidence / f"incident-{site.incidents(tampered)[0].id}" / "changed-files.tar") as kept:
        _expect("usr/sbin/dropper" in kept.getnames(), "the intruder's program was not preserved")
    return _outcome(site, "new binary in the SC", tampered, SC)


def attack_host(site: Site, lab: Lab) -> Outcome:
    """An unknown program is run on node1: its SC moves to node2, and it is rebooted."""
    boot = _boot_id(lab, "node1")
    tampered = attacks.run_on_host(lab, "node1")
    site.playbook("cycle", 300)
    first = next(tiers(result) for result in site.history(tampered) if result.node == "node1")
    _expect(first.get("os") == "contraindicated", "the host was not found out")
    _expect(first.get(SC) == "void", "the verdict on the SC of a contraindicated host still counted")
    _expect(site.living()[INSTANCE].node == "node2", "the SC was not moved to node2")
    _expect(_boot_id(lab, "node1") != boot, "node1 was not rebooted")
    _now_affirming(site, "node1", tampered)
    _now_affirming(site, "node2", tampered)
    _expect(not site.cordoned("node1"), "node1 was not uncordoned")
    kept = site.evidence / f"incident-{site.incidents(tampered)[0].id}" / "host.txt"
    _expect(kept.stat().st_size > 0, "nothing of the host was preserved")
    return _outcome(site, "unknown binary on host", tampered, "os")


def switch_off(site: Site, lab: Lab) -> None:
    """A node that is merely off is unreachable, not untrusted, and nothing is done to it."""
    before = site.living()
    lab.poweroff("node1")
    off = _latest_time(site)
    site.playbook("cycle", 120)
    new = [result for result in site.history() if result.at > off]
    _expect([r.state for r in new if r.node == "node1"] == ["unreachable"], "node1 was not reported as unreachable")
    _expect(
        not [i for i in site.incidents() if i.state != "recovered"], "an incident was opened for a node that is off"
    )
    _expect(site.living() == before, "instances were touched because a node is off")
    _expect(not site.cordoned("node1"), "node1 was cordoned because it is off")


ACTS: Mapping[str, Callable[[Site, Lab], Outcome | None]] = {
    "Enrol the nodes, deploy the Security Capability": enrol,
    "Attack: a new program inside the container": attack_container,
    "Attack: an unknown program on the host": attack_host,
    "A node is switched off": switch_off,
}


def _outcome(site: Site, name: str, tampered: float, layer: str) -> Outcome:
    found = site.incidents(tampered)
    _expect(len(found) == 1, f"{len(found)} incidents were opened, not one")
    incident = found[0]
    _expect(
        incident.layer == layer and incident.node == "node1", f"the incident is of {incident.node}/{incident.layer}"
    )
    _expect(incident.state == "recovered", f"the incident is {incident.state}, not recovered")
    if incident.contained_at is None or incident.restored_at is None:
        raise ScenarioError("a recovered incident has no times")
    return Outcome(
        name,
        incident.layer,
        incident.node,
        round(incident.detected_at - tampered, 1),
        round(incident.contained_at - tampered, 1),
        round(incident.restored_at - tampered, 1),
    )


def _now_affirming(site: Site, node: str, since: float) -> None:
    last = [result for result in site.history(since) if result.node == node][-1]
    seen = tiers(last)
    _all_affirming(seen, tuple(seen) or HOST_LAYERS, node)


def _all_affirming(seen: Mapping[str, str], layers: tuple[str, ...], node: str) -> None:
    short = {layer: seen.get(layer, "absent") for layer in layers if seen.get(layer) != "affirming"}
    _expect(not short, f"{node} is not affirming: {short}")


def _boot_id(lab: Lab, node: str) -> bytes:
    return lab.ssh(node, "cat /proc/sys/kernel/random/boot_id").stdout.strip()


def _latest_time(site: Site) -> float:
    return site.history()[-1].at


def _expect(truth: bool, otherwise: str) -> None:
    if not truth:
        raise ScenarioError(otherwise)


__all__ = ["ACTS", "Outcome"]
