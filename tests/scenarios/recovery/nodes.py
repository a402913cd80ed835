# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes whole nodes, and the ladder of an SC that moves: reboots, a controller that dies, a node that is off."""

from __future__ import annotations

import secrets
import time
from typing import Final

from tests.lab.lab import BOOT_S
from tests.scenarios import attacks
from tests.scenarios.recovery.course import DNS, GUEST, Course
from tests.scenarios.recovery.scene import Scene, repeated
from tests.scenarios.site import tiers

_LADDER: Final = [("restart", "new"), ("restart", "returned"), ("move", "returned"), ("hold", "moved")]


def host_and_container(course: Course, scene: Scene) -> None:
    """An unknown program runs on node2, and another one in its SC."""
    boots, before = course.reset_count("node2"), course.site.living()
    attacks.run_in_container(course.lab, "node2", GUEST)
    tampered = attacks.run_on_host(course.lab, "node2")
    turn = course.cycle()
    first = next(tiers(result) for result in turn.results if result.node == "node2")
    scene.must(first["os"] == "contraindicated", "the host is found out", first)
    scene.must(first[f"sc:{GUEST}"] == "void", "what its SC is said to be counts for nothing", first)
    incident = course.incident("node2/os")
    acted = [deed.action for deed in turn.deeds if deed.outcome == "done"]
    scene.must({deed.incident for deed in turn.deeds} == {incident.id}, "the host alone is acted on", acted)
    whole = ["confirm", "preserve", "cordon", "move", "attest", "reboot", "attest", "uncordon"]
    scene.must(acted == whole, "its SC is moved, then the host is rebooted", acted)
    after = course.site.living()
    scene.must(after[GUEST].node == "node1", "the SC serves on node1")
    scene.must(after[DNS] == before[DNS], "the SC of node1 is left alone")
    scene.must(course.reset_count("node2") == boots + 1, "node2 was rebooted once")
    scene.must(not course.site.cordoned("node2"), "node2 is open again")
    restored = (course.incident("node2/os").state, course.incident(GUEST).state)
    scene.must(restored == ("recovered", "recovered"), "host and SC are restored", restored)
    scene.must(turn.status == 0, "the cycle succeeds")
    scene.timed(course.incident("node2/os"), tampered)
    scene.timed(course.incident(GUEST), course.tampered[GUEST])


def killed_in_reboot(course: Course, module: Scene, killed: Scene) -> None:
    """A module that nothing names is loaded on node2; the controller dies while the node reboots."""
    boots, node = course.reset_count("node2"), course.lab.node("node2")
    tampered = attacks.load_module(course.lab, "node2", "dummy")
    course.broken_cycle(lambda: course.has_noted("reboot", "started") and not node.greets())
    incident = course.incident("node2/runtime")
    module.must(incident.finding == "unknown_module", "the module is found out", incident.finding)
    killed.must(course.site.cordoned("node2"), "killed while node2 is down, it leaves it cordoned")
    early = course.cycle()
    killed.must(early.did == set(), "a cycle meanwhile does nothing: a node that reboots is waited for", early.did)
    killed.must(early.status != 0 and course.incident("node2/runtime").state == "open", "and says so")
    course.lab.wait_login(["node2"], timeout_s=BOOT_S)
    turn = course.cycle()
    deeds = course.deeds(incident)
    again = repeated(deeds)
    killed.must(not again, "the next cycle goes on, and repeats no completed step", again)
    reboots = [deed for deed in deeds if (deed.action, deed.outcome) == ("reboot", "started")]
    killed.must(len(reboots) == 1, "the reboot that it had waited for is not asked for again", reboots)
    killed.must(course.reset_count("node2") == boots + 1, "node2 was rebooted once")
    restored = course.incident("node2/runtime")
    killed.must((restored.state, restored.attempt) == ("recovered", 1), "it is restored in that one attempt", restored)
    for scene in (module, killed):
        scene.must(turn.status == 0 and not course.site.cordoned("node2"), "node2 is affirming and open again")
    module.timed(restored, tampered)


def flapping(course: Course, scene: Scene) -> None:
    """Whoever changes the SC's program sits beside it, on both nodes, and does it again in each new container."""
    mark = secrets.token_hex(16)
    intruders = {"node1": attacks.keep_modifying(course.lab, "node1", DNS, mark)}
    course.tampered[DNS] = time.time()
    intruders["node2"] = attacks.keep_modifying(course.lab, "node2", DNS, mark)
    turn = course.cycle(**course.rules("flapping"), remediate_rounds=len(_LADDER))
    for node, process in intruders.items():
        attacks.end_process(course.lab, node, process)
    climbed = [(decision["verb"], decision["inputs"]["recurrence"]) for decision in turn.decided(DNS)]
    scene.must(
        climbed[: len(_LADDER)] == _LADDER,
        "restart; it returned: restart; it returned: move; it moved along: a person",
        climbed,
    )
    living = course.site.living()[DNS]
    scene.must(living.node == "node2", "the SC is on node2 in the end", living.node)
    kept = course.site.evidence / f"incident-{course.incident(DNS).id}"
    found = sorted(path.parent.name for path in kept.glob("**/changed-files.tar"))
    scene.must(len(found) == 3, "the evidence of each attempt is kept", found)
    incident = course.incident(DNS)
    scene.must((incident.state, incident.attempt) == ("held", 3), "after three attempts it is a person's", incident)
    scene.must(turn.status != 0, "the cycle fails: a person is needed")


def configuration(course: Course, scene: Scene) -> None:
    """A line is added to the configuration of the SC on node1; the held one is another's."""
    before = course.site.living()
    tampered = attacks.change_configuration(course.lab, "node1", GUEST)
    course.cycle()
    incident = course.incident(GUEST)
    scene.must(incident.finding == "changed_configuration", "the configuration is found out", incident.finding)
    scene.must(incident.state == "recovered", "the SC is restored", incident.state)
    after = course.site.living()
    scene.must(after[GUEST].generation > before[GUEST].generation, "it runs in a fresh range")
    scene.must(after[DNS] == before[DNS], "the SC that a person has is left alone")
    scene.timed(incident, tampered, "contained", "restored")


def cut_off(course: Course, scene: Scene) -> None:
    """A new program runs in the SC on node1; the site's rule is to cut such an SC off before it is replaced."""
    rules, table = course.rules("cut-off"), f"nft list table inet palantir_trust-sc-{GUEST}"
    tampered = attacks.run_in_container(course.lab, "node1", GUEST)
    turn = course.cycle(**rules, remediate_rounds=1)
    acted = [deed.action for deed in turn.deeds if deed.outcome == "done"]
    scene.must(acted == ["confirm", "isolate", "preserve"], "it is cut off, then its evidence is kept", acted)
    scene.must("drop" in attacks.on_node(course.lab, "node1", table), "node1 drops what it sends")
    scene.must(course.incident(GUEST).state == "open", "it is not over: the SC does not serve")
    course.cycle(**rules)
    incident, living = course.incident(GUEST), course.site.living()[GUEST]
    scene.must(living.flavour == "bare", "the next cycle runs it in its other flavour", living.flavour)
    scene.must((incident.state, incident.attempt) == ("recovered", 2), "the SC is restored", incident)
    gone = attacks.on_node(course.lab, "node1", f"{table} >/dev/null 2>&1 || echo gone").strip()
    scene.must(gone == "gone", "nothing cuts its successor off")
    scene.timed(incident, tampered, "contained")


def unreachable(course: Course, program: Scene, off: Scene) -> None:
    """The intruder is gone, so a person gives the SC back; node1 is off meanwhile."""
    incident, before = course.incident(DNS), course.site.living()
    course.answer(incident, "bob", "reopen")
    course.lab.poweroff("node1")
    known = len(course.site.incidents())
    turn = course.cycle()
    restored, after = course.incident(DNS), course.site.living()
    program.must(restored.state == "recovered", "given back by a person, the SC is restored", restored.state)
    program.timed(restored, course.tampered[DNS], "contained")
    program.must(after[DNS].generation > before[DNS].generation, "it runs in a fresh range")
    off.must(turn.states("node1") == {"unreachable"}, "node1 is unreachable", turn.states("node1"))
    off.must(turn.status == 0, "the cycle succeeds: nothing is left for a person", turn.told[-300:])
    off.must("node1" not in {deed.node for deed in turn.deeds}, "nothing is done to node1")
    off.must(len(course.site.incidents()) == known, "no incident is opened")
    off.must(
        after[GUEST] == before[GUEST] and not course.site.cordoned("node1"), "its SC is not moved, nor is it cordoned"
    )


__all__ = ["configuration", "cut_off", "flapping", "host_and_container", "killed_in_reboot", "unreachable"]
