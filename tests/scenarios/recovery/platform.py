# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no command to a node repairs: firmware and hardware. The node is emptied, a person repairs it, it is back."""

from __future__ import annotations

import time
from typing import Final

from tests.scenarios.record import change_serial, restore_serial
from tests.scenarios.recovery.course import DNS, GUEST, Course
from tests.scenarios.recovery.scene import Scene

_BEFORE: Final = ["confirm", "preserve", "cordon"]


def fenced(course: Course, scene: Scene) -> None:
    """While node1 is off, somebody turns its Secure Boot off; the site's rule is to power such a node off."""
    course.lab.set_secure_boot("node1", on=False)
    course.lab.poweron("node1")
    tampered = time.time()
    turn = course.cycle(**course.rules("fence"))
    incident = course.incident("node1/firmware")
    scene.must(incident.finding.startswith("secure_boot"), "the firmware is found out", incident.finding)
    acted = [deed.action for deed in turn.deeds if deed.outcome == "done"]
    scene.must(acted == [*_BEFORE, "move", "attest", "fence", "hold"], "its SC is moved, then it is fenced", acted)
    scene.must(not course.lab.node("node1").is_on(), "node1 is off")
    scene.must(course.site.living()[GUEST].node == "node2", "the SC serves on node2")
    scene.must(incident.state == "held" and turn.status != 0, "it is a person's, and the cycle says so", incident.state)
    course.lab.set_secure_boot("node1", on=True)
    course.site.playbook("power", 600, limit="node1")
    _open_again(course, scene, "node1", "firmware")
    scene.timed(course.incident("node1/firmware"), tampered)


def emptied(course: Course, scene: Scene) -> None:
    """What was recorded of node2's hardware is not what it shows."""
    boots, before = course.reset_count("node2"), course.site.living()
    tampered = change_serial(course.site, "node2")
    turn = course.cycle()
    incident = course.incident("node2/hardware")
    scene.must(incident.finding == "hardware_changed", "the hardware is found out", incident.finding)
    acted = [deed.action for deed in turn.deeds if deed.outcome == "done"]
    whole = [*_BEFORE, "move", "move", "attest", "attest", "hold"]
    scene.must(acted == whole, "its SCs are moved; then it is a person's", acted)
    after = course.site.living()
    scene.must({after[DNS].node, after[GUEST].node} == {"node1"}, "both SCs serve on node1", after)
    scene.must(all(after[name].id != before[name].id for name in after), "they run in fresh ranges")
    scene.must(turn.status != 0 and incident.state == "held", "the cycle fails: a person is needed", incident.state)
    restore_serial(course.site, "node2")
    _open_again(course, scene, "node2", "hardware")
    scene.must(course.reset_count("node2") == boots, "node2 was not rebooted")
    scene.timed(course.incident("node2/hardware"), tampered)


def _open_again(course: Course, scene: Scene, node: str, layer: str) -> None:
    """A person has repaired a node: cycles attest it and open it again.

    A pulled plug sets the clock of the guests' TPMs back, which is a warning of the first result: then it takes one
    more cycle before the node counts as sound.
    """
    scene.must(course.site.cordoned(node), f"{node} stays closed until it is proved sound")
    turn = course.cycle()
    if course.site.cordoned(node):
        found = [finding["code"] for result in turn.results for finding in _findings(result.ear, node, result.node)]
        scene.must(found == ["clock_decreased"], "once its TPM's clock, which the fence set back, goes on", found)
        turn = course.cycle()
    repaired = course.incident(f"{node}/{layer}")
    scene.must(repaired.state == "recovered", "repaired by a person, it is restored", repaired.state)
    scene.must(turn.status == 0 and not course.site.cordoned(node), f"{node} is affirming and open again")


def _findings(ear: object, node: str, of: str) -> list[dict[str, str]]:
    """Return what weighs something in a node's result."""
    if node != of or not isinstance(ear, dict):
        return []
    return [
        finding
        for submod in ear["submods"].values()
        for finding in submod.get("palantir.findings", ())
        if finding["tier"] in ("warning", "contraindicated")
    ]


__all__ = ["emptied", "fenced"]
