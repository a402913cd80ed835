# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stays with persons: a storm, approvals, the stop switch, spent budgets. Nothing of it needs a reboot.

The acts follow each other on one site: each begins with what the one before has left.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from tests.scenarios import attacks
from tests.scenarios.recovery.course import DNS, GUEST, Course, Turn
from tests.scenarios.recovery.scene import Scene, repeated

_TOUCHES_NOTHING: Final = {"hold", "ask", "observe"}


def storm(course: Course, scene: Scene) -> None:
    """The same new program runs in the SCs of both nodes."""
    mark = secrets.token_hex(16)
    course.tampered[DNS] = attacks.run_in_container(course.lab, "node1", DNS, mark)
    course.tampered[GUEST] = attacks.run_in_container(course.lab, "node2", GUEST, mark)
    before = course.containers()
    turn = course.cycle(palantir_trust_limits={"storm_nodes": 2})
    _froze(course, turn, before, scene)
    both = {(instance, reason) for instance in (DNS, GUEST) for reason in ("storm", "held")}
    scene.must(turn.put_off("held") == both, "both are held for a storm, and from then on", turn.put_off("held"))
    scene.must(REASONS["storm"] in turn.told, "the cycle says so")
    for instance in (DNS, GUEST):
        incident = course.incident(instance)
        scene.must(incident.state == "held", f"the incident of {instance} is a person's", incident.state)
        course.answer(incident, "alice", "reopen")
        scene.must(course.incident(instance).state == "open", f"alice gives {instance} back to the tables")


def approvals(course: Course, refused: Scene, lapsed: Scene, given: Scene, stopped: Scene) -> None:
    """Two persons are asked for one SC and one for the other; and once all have agreed, all is stopped."""
    rules, before = course.rules("approvals"), course.containers()
    asked = course.cycle(**rules)
    _froze(course, asked, before, refused, lapsed)
    for scene, whose in ((refused, "2 of alice, bob"), (lapsed, "1 of carol")):
        scene.must(f"{whose} must approve" in asked.told, f"{whose} must approve: the cycle asks")
    course.answer(course.incident(DNS), "alice", "refuse")
    _refused_and_lapsed(course, refused, lapsed, rules, before)
    incident = course.incident(DNS)
    course.answer(incident, "bob", "reopen")
    anew = course.cycle(**rules)
    given.must("2 of alice, bob must approve" in anew.told, "given back by bob, it is asked for anew")
    course.answer(incident, "alice", "approve")
    half = course.cycle(**rules)
    _froze(course, half, before, given)
    given.must((DNS, "approval") in half.put_off("waiting"), "alice alone is not enough", half.put_off("waiting"))
    course.answer(incident, "bob", "approve")
    course.site.playbook("stop", 60, palantir_trust_reason="audit until Friday", awx_user_name="alice")
    still = course.cycle(**rules)
    _froze(course, still, before, stopped)
    stopped.must(
        (DNS, "stopped") in still.put_off("deferred"), "what bob approves is put off", still.put_off("deferred")
    )
    stopped.must("Stopped by alice: audit until Friday" in still.told, "the cycle says by whom it is stopped, and why")
    course.site.playbook("stop", 60, palantir_trust_stop=False, awx_user_name="alice")


def killed_after_evidence(course: Course, given: Scene, stopped: Scene, killed: Scene, budget: Scene) -> None:
    """What was approved begins, and its controller dies; the next one finds that no more actions may begin."""
    before, entry = course.site.living(), course.ledger_end()
    course.broken_cycle(lambda: course.has_noted("preserve", "done"), **course.rules("approvals"))
    incident = course.incident(DNS)
    begun = course.attempts(incident)
    given.must([a.rule for a in begun] == ["two-persons"], "after bob the restart begins, by its rule", begun)
    stopped.must(len(begun) == 1, "released, the next cycle begins with it")
    killed.must(begun[0].ended_at is None, "killed once the evidence was kept, it leaves an attempt without an end")
    done = {deed.action for deed in course.deeds(incident, entry) if deed.outcome == "done"}
    killed.must("preserve" in done and "restart" not in done, "the SC was not replaced yet", done)
    turn = course.cycle(palantir_trust_limits={"max_in_repair": 1, "max_actions": {"count": 1, "within": "1h"}})
    again = repeated(course.deeds(incident, entry))
    killed.must(not again, "the next cycle goes on, and repeats no completed step", again)
    restored = course.incident(DNS)
    killed.must((restored.state, restored.attempt) == ("recovered", 1), "it is restored in that one attempt", restored)
    killed.timed(restored, course.tampered[DNS])
    living = course.site.living()
    killed.must(living[DNS].generation > before[DNS].generation, "the SC runs in a fresh range")
    for scene in (given, stopped):
        scene.must(restored.state == "recovered", "the SC is restored")
    _spent(course, budget, turn)
    budget.must(living[GUEST] == before[GUEST], "the other SC is left as it is")


def _refused_and_lapsed(
    course: Course, refused: Scene, lapsed: Scene, rules: dict[str, str], before: dict[str, str]
) -> None:
    time.sleep(1.0)
    turn = course.cycle(**rules)
    _froze(course, turn, before, refused)
    refused.must((DNS, "refused") in turn.put_off("held"), "alice refuses: it is held", turn.put_off("held"))
    refused.must(course.incident(DNS).state == "held", "its incident is a person's")
    refused.must("Refused by alice" in turn.told, "the cycle says by whom")
    seen = [(decision["verb"], decision["reason"]) for decision in turn.decided(GUEST)]
    lapsed.must(
        set(seen) == {("observe", "approval_lapsed")}, "nobody answers in time: it is watched, as the rule says", seen
    )
    lapsed.must(course.incident(GUEST).attempt == 0, "nothing was tried")


def _spent(course: Course, scene: Scene, turn: Turn) -> None:
    put_off = [sorted(_reasons(plan, GUEST)) for plan in turn.plans]
    scene.must(["budget"] in put_off, "while node1 is in repair, node2 must wait: one node at a time", put_off)
    scene.must(put_off[-1] == ["max_actions"], "after it, no more actions may begin in this hour", put_off)
    for said in (REASONS["budget"].replace(".", ": node1."), REASONS["max_actions"]):
        scene.must(said in turn.told, f"the cycle says: {said}")
    scene.must(turn.status != 0, "the cycle fails: something is left")
    scene.must(course.incident(GUEST).attempt == 0, "nothing was tried")


def _reasons(plan: object, subject: str) -> set[str]:
    deferred = plan["deferred"] if isinstance(plan, dict) else []
    return {entry["reason"] for entry in deferred if entry["incident"]["instance"] == subject}


def _froze(course: Course, turn: Turn, before: dict[str, str], *scenes: Scene) -> None:
    """A cycle that waits for persons fails, and touches nothing: the nodes themselves are asked."""
    after = course.containers()
    for scene in scenes:
        scene.must(turn.status != 0, "the cycle fails: a person is needed")
        scene.must(turn.did <= _TOUCHES_NOTHING, "nothing is done to a node", turn.did)
        scene.must(after == before, "the same processes run on in the same containers", after)


__all__ = ["approvals", "killed_after_evidence", "storm"]
