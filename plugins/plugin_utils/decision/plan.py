# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""From attestation results to an ordered, bounded plan, by decision tables and safety rules.

The tables say what is wanted; the safety rules of DESIGN.md bound it, whatever the tables say:

- nothing destructive without a verdict: on a node that is not attested, on the tier ``none``, or under a host layer
  that has it;
- host before container: under a contraindicated layer every lower one is void, and only the highest layer that
  acts on a node acts in a plan;
- one digest on many nodes is an update or a wrong Reference Value: hold;
- at most so many nodes in repair at once; nothing moves to a node that is not wholly affirming.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision import bounds, steps
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.approval import Approval, Request, Standing
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.expand import expand
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.judgement import (
    Case,
    Judgement,
    host_layers_above,
    is_older,
    judge,
    make_record,
    storm_digests,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.placement import Placement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.queueing import Queue, is_node_wide, urgency
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.reading import read_situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.rulebook import RuleBook, load_rulebook
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Incident,
    Node,
    NodeResult,
    Situation,
    Verdict,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Action, Plan, Subject
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import (
    HOST_LAYERS,
    VERBS,
    is_destructive,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_UNSOUND = (Tier.NONE, Tier.CONTRAINDICATED)
_PASSING = frozenset({"min_instances"})
"""Reasons against a verb that pass by themselves; the others are for a person."""


def decide(
    ears: Any,
    tables: Any,
    catalogue: Any,
    state: Any,
    *,
    available_verbs: Sequence[str] = VERBS,
    limits: Any = None,
) -> dict[str, Any]:
    """Return the plan for a cycle's attestation results. Pure: equal arguments give equal plans.

    Args:
        ears: node → ``{state, message, ear, confirmed}``.
        tables: remediation tables; see :func:`.rulebook.load_rulebook`.
        catalogue: SC → ``{criticality, placement, min_instances, flavours, ...}``.
        state: ``{now, nodes, instances, incidents, approvals, actions, stopped}``.
        available_verbs: the verbs that can be carried out.
        limits: limits of the site; see :mod:`.limits`.

    Returns:
        ``steps`` in their order, ``decisions`` with the rules that fired and why others did not, and what is
        ``held``, ``deferred``, ``waiting`` for approval, ``void``, ``recovered`` or ``closed``, each with a reason of
        :data:`.codes.REASONS`.

    Raises:
        RuleError: a table or a limit is refused.
        TrustError: another argument is malformed.
    """
    book = load_rulebook(tables, available_verbs)
    return Planner(read_situation(ears, catalogue, state, limits), book).run().plain()


class Planner:
    """Makes one plan."""

    def __init__(self, situation: Situation, book: RuleBook) -> None:
        self._situation = situation
        self._book = book
        self._plan = Plan()
        self._storm = storm_digests(situation, situation.limits.storm_nodes)
        self._settled: set[int | str] = set()
        self._claimed: set[str] = set()
        self._void: set[int | str] = set()
        self._wanted: list[tuple[Case, Judgement]] = []

    def run(self) -> Plan:
        """Return the plan."""
        self._settle_incidents()
        for result in self._situation.results.values():
            if result.state == "attested":
                for case in self._cases(result):
                    self._regard(case)
            else:
                self._regard_silence(result)
        self._act()
        return self._plan

    def _settle_incidents(self) -> None:
        for incident in self._situation.incidents:
            entry = {"incident": {"id": incident.id, **_subject_of(incident).plain()}}
            if incident.instance is not None and self._situation.whereabouts(incident.instance) is None:
                self._plan.closed.append({**entry, "reason": "gone", "message": REASONS["gone"]})
                self._settled.add(incident.id)
            elif self._has_recovered(incident):
                self._settled.add(incident.id)
                if self._keeps_cordon(incident):
                    self._open_again(incident)
                else:
                    self._plan.recovered.append(entry)

    def _keeps_cordon(self, incident: Incident) -> bool:
        """Return whether an incident's own actions have left its node closed: it is over when that is lifted."""
        node = self._situation.nodes.get(incident.node, Node())
        return incident.layer in HOST_LAYERS and incident.begun and (node.cordoned or node.isolated)

    def _open_again(self, incident: Incident) -> None:
        if self._situation.results[incident.node].affirms_host:
            node = self._situation.nodes.get(incident.node, Node())
            for verb in (*(["release"] if node.isolated else []), *(["uncordon"] if node.cordoned else [])):
                cause = Action(_subject_of(incident), verb, incident.id, incident.attempt, rationale="affirming again")
                self._plan.opening.extend(steps.single(verb, cause))

    def _has_recovered(self, incident: Incident) -> bool:
        """Return whether a new result affirms what the incident is about, on a host that can be believed."""
        result = self._situation.results.get(self._place(incident))
        if result is None or result.state != "attested" or is_older(result, incident):
            return False
        verdict = (result.instances if incident.instance else result.host).get(incident.instance or incident.layer)
        above = [result.host[layer].tier for layer in host_layers_above(incident.layer)]
        return verdict is not None and verdict.tier is Tier.AFFIRMING and not any(tier in _UNSOUND for tier in above)

    def _cases(self, result: NodeResult) -> Iterator[Case]:
        """Yield what needs a decision on a node, in the order of authority; note what is void."""
        lying = next((layer for layer in HOST_LAYERS if result.host[layer].tier is Tier.CONTRAINDICATED), None)
        for case in self._all_cases(result):
            if case.verdict.tier is Tier.AFFIRMING:
                continue
            if lying is not None and lying in host_layers_above(case.subject.layer):
                self._note(self._plan.void, case, "void", f"The layer {lying} above it is contraindicated.")
                self._void |= {case.incident.id} if case.incident else set()
            else:
                yield case

    def _all_cases(self, result: NodeResult) -> Iterator[Case]:
        node = result.node
        for layer in HOST_LAYERS:
            subject = Subject(node, layer)
            yield Case(subject, result.host[layer], result, None, self._incident(subject))
        known = {item.instance: item for item in self._situation.instances if item.node == node}
        here = {name: item for name, item in known.items() if item.is_deployed}
        for name in sorted({*here, *result.instances}):
            verdict = result.instances.get(name, Verdict(Tier.NONE))
            # What an operator stopped is not missed.
            if name in here and here[name].state == "stopped" and verdict.tier is not Tier.CONTRAINDICATED:
                continue
            # What the log tells of a generation that is no longer here is history.
            if name in here or (name not in known and self._situation.whereabouts(name) is None):
                subject = Subject(node, "sc", name)
                yield Case(subject, verdict, result, here.get(name), self._incident(subject))

    def _incident(self, subject: Subject) -> Incident | None:
        """Return the unsettled incident of a subject; an instance keeps its own, wherever it has moved."""
        found = [
            incident
            for incident in self._situation.incidents
            if incident.id not in self._settled
            and (
                incident.instance == subject.instance
                if subject.instance is not None
                else incident.instance is None and (incident.node, incident.layer) == (subject.node, subject.layer)
            )
        ]
        return max(
            found, key=lambda item: (item.state == "held", item.attempt, item.node == subject.node), default=None
        )

    def _regard_silence(self, result: NodeResult) -> None:
        """Record that a node gave no result, and touch nothing: silence is not distrust."""
        subject = Subject(result.node, None)
        record = make_record(subject, {"state": result.state}, "observe", None, (), {})
        record |= {"reason": "node_state", "message": f"{result.state}: {result.message or REASONS['node_state']}"}
        self._plan.decisions.append(record)
        action = Action(subject, "observe", rationale=record["message"])
        self._plan.quiet.extend(steps.single("observe", action, "node_state"))

    def _regard(self, case: Case) -> None:
        """Put one case where it belongs: held, deferred, observed, or among the wanted actions."""
        if case.incident is not None and case.incident.state == "held":
            self._note(self._plan.held, case, "held")
            return
        if case.subject.layer == "sc" and (problem := self._unknown_instance(case)):
            self._hold(case, None, "unknown_instance", problem)
            return
        if case.instance is not None and case.instance.state == "stopped":
            self._hold(case, None, "stopped_instance")
            return
        try:
            judgement = judge(case, self._book.by_layer.get(str(case.subject.layer)), self._situation)
        except RuleError as error:
            self._hold(case, None, "no_decision", str(error))
            return
        self._plan.decisions.append(judgement.record)
        self._sort(case, judgement)

    def _sort(self, case: Case, judgement: Judgement) -> None:
        guards = judgement.rule.guards
        if guards.expires is not None and guards.expires < self._situation.now:
            self._hold(case, judgement, "rule_expired")
        elif judgement.verb == "hold":
            self._hold(case, judgement, "table_hold", judgement.rule.rationale)
        elif not is_destructive(judgement.verb):
            self._plan.quiet.extend(steps.single("observe", self._action(case, judgement)))
        elif reason := bounds.forbids(case, judgement, self._situation, self._storm):
            self._hold(case, judgement, reason)
        else:
            self._want(case, judgement)

    def _want(self, case: Case, judgement: Judgement) -> None:
        node = case.subject.node
        if node in self._claimed:
            self._defer(case, judgement, "node_under_repair")
            return
        if case.subject.layer in HOST_LAYERS:
            self._claimed.add(node)
        if reason := bounds.waits(case, judgement, self._situation):
            self._defer(case, judgement, reason, self._situation.stopped or "" if reason == "stopped" else "")
        else:
            self._approve(case, judgement)

    def _approve(self, case: Case, judgement: Judgement) -> None:
        """Let an action pass that needs no approval or has it; else ask, wait, or do what the rule says instead."""
        asked = judgement.rule.guards.approval
        state, request = bounds.approval_of(case, judgement, self._situation)
        if asked is None or state is Standing.GRANTED:
            self._wanted.append((case, judgement))
        elif state is Standing.REFUSED and request is not None:
            self._hold(case, judgement, "refused", f"Refused by {', '.join(sorted(request.refused))}.")
        elif state is Standing.LAPSED:
            self._fall_back(case, judgement, asked)
        else:
            self._wait(case, judgement, asked, request)

    def _fall_back(self, case: Case, judgement: Judgement, asked: Approval) -> None:
        message = f"{REASONS['approval_lapsed']} Instead of {judgement.verb}: {asked.fallback}."
        judgement.record.update(verb=asked.fallback)
        instead = replace(judgement, verb=asked.fallback)
        if asked.fallback == "hold":
            self._hold(case, instead, "approval_lapsed", message)
            return
        judgement.record.update(reason="approval_lapsed", message=message)
        if asked.fallback == "observe":
            self._plan.quiet.extend(steps.single("observe", self._action(case, instead)))
        else:
            self._wanted.append((case, instead))

    def _wait(self, case: Case, judgement: Judgement, asked: Approval, request: Request | None) -> None:
        self._note(self._plan.waiting, case, "approval", f"Waits for {asked.told()} to approve.", judgement)
        self._plan.waiting[-1]["approval"] = {
            "attempt": case.attempt,
            "need": asked.need,
            "of": list(asked.of),
            "asked_at": request.asked_at if request else None,
            "until": request.asked_at + asked.timeout if request and asked.timeout is not None else None,
            "approved": sorted(request.approved) if request else [],
        }
        if request is None:
            self._plan.quiet.extend(steps.single("ask", self._action(case, judgement), asked.told()))

    def _act(self) -> None:
        in_repair = self._in_repair()
        self._wanted.sort(key=lambda item: urgency(item[0], item[1], in_repair))
        whole = {case.subject.node for case, judgement in self._wanted if is_node_wide(case, judgement)}
        # What is void is the business of the layer above, which must not wait for it.
        begun = frozenset(incident.id for incident in self._begun() if incident.id not in self._void)
        queue = Queue(self._situation, in_repair, begun)
        placement = Placement(self._situation, whole)
        for case, judgement in self._wanted:
            reason, message = queue.stands_against(case, judgement)
            if reason:
                self._defer(case, judgement, reason, message)
                continue
            outcome = expand(self._action(case, judgement), case, placement, self._situation)
            if isinstance(outcome, str):
                (self._defer if outcome in _PASSING else self._hold)(case, judgement, outcome)
            else:
                self._plan.acting.extend(outcome)
                queue.took(case, judgement)

    def _begun(self) -> list[Incident]:
        """Return the incidents that an earlier plan acted on and that are not over."""
        return [
            incident
            for incident in self._situation.incidents
            if incident.state == "open" and incident.begun and incident.id not in self._settled
        ]

    def _in_repair(self) -> set[str]:
        """Return the nodes that an earlier plan acted on and that have not recovered; of an instance, where it is."""
        busy = {self._place(incident) for incident in self._begun()}
        return busy | {name for name, result in self._situation.results.items() if result.state == "rebooting"}

    def _place(self, incident: Incident) -> str:
        """Return the node that an incident is about now: an instance takes its own along."""
        live = self._situation.whereabouts(incident.instance) if incident.instance is not None else None
        return live.node if live else incident.node

    def _unknown_instance(self, case: Case) -> str:
        name = case.subject.instance
        if case.instance is None:
            return f"The instance {name} is measured on {case.subject.node}, but no deployment of it is known."
        if case.instance.sc not in self._situation.catalogue:
            return f"The SC {case.instance.sc} of {name} is not in the catalogue."
        return ""

    def _action(self, case: Case, judgement: Judgement | None) -> Action:
        incident = case.incident.id if case.incident else None
        if judgement is None:
            return Action(case.subject, "hold", incident, case.attempt)
        rule = judgement.rule
        return Action(
            case.subject,
            judgement.verb,
            incident,
            case.attempt,
            rule.id,
            judgement.record["table"],
            rule.rationale,
            confirm=rule.guards.confirmation is not None and not self._is_confirmed(case),
            success_within=rule.guards.success_within,
        )

    def _is_confirmed(self, case: Case) -> bool:
        """Tell whether a second proof is there already, before anything was begun."""
        result = self._situation.results.get(case.subject.node)
        fresh = case.incident is None or case.incident.last_action_at is None
        return fresh and result is not None and result.confirmed

    def _hold(self, case: Case, judgement: Judgement | None, reason: str, message: str = "") -> None:
        self._note(self._plan.held, case, reason, message, judgement)
        action = replace(self._action(case, judgement), verb="hold", rationale=message or REASONS[reason])
        self._plan.quiet.extend(steps.single("hold", action, reason))

    def _defer(self, case: Case, judgement: Judgement, reason: str, message: str = "") -> None:
        self._note(self._plan.deferred, case, reason, message, judgement)

    def _note(
        self,
        where: list[dict[str, Any]],
        case: Case,
        reason: str,
        message: str = "",
        judgement: Judgement | None = None,
    ) -> None:
        text = message or REASONS[reason]
        if judgement is not None:
            judgement.record.update(reason=reason, message=text)
        where.append(
            {
                "incident": {"id": case.incident.id if case.incident else None, **case.subject.plain()},
                "reason": reason,
                "message": text,
                "verb": judgement.verb if judgement else None,
                "rule": judgement.rule.id if judgement else None,
                "until": bounds.ends_at(reason, case, judgement, self._situation),
            }
        )


def _subject_of(incident: Incident) -> Subject:
    return Subject(incident.node, incident.layer, incident.instance)


__all__ = ["Planner", "decide"]
