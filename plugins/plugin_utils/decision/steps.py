# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forms of a plan, and the expansion of a verb into ordered steps.

==============  ===================================================================================================
verb            steps
==============  ===================================================================================================
isolate         of an instance: isolate (nothing of it reaches the network), preserve;
                of a host layer: cordon, isolate (only the controller reaches the node), preserve
restart         preserve, restart (terminate; instantiate from the pinned image with a fresh range), attest
change_flavour  preserve, change_flavour (as restart, in another flavour of the SC), attest
move            of an instance: preserve, move to a target, perhaps in another flavour, attest the target;
                of a host layer: preserve, cordon, move each live instance that has a target, attest the targets
reboot          preserve, cordon, move each live instance that has a target, attest the targets, reboot, attest,
                uncordon; instances without a target stay, and are restarted and attested after the uncordon
fence           preserve, cordon, move each live instance that has a target, attest the targets, fence (power off),
                hold
hold            hold: nothing is touched, a person must look
ask             ask: the persons are asked whose approval the rule wants; nothing else
observe         observe: recorded, nothing else
(recovered)     release and uncordon, where a recovered incident had isolated and cordoned the node
==============  ===================================================================================================

A rule with ``confirmation: fresh_quote`` puts ``confirm`` first: attest once more, and go on only if the layer has
the same tier again; unless two proofs in a row say so already. The steps of one incident are one sequence: where one
fails, its later ones are not done. An ``attest`` step succeeds by a new affirming EAR of the layers that it names: the
node's, and ``instance`` if given.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Instance


@dataclass(frozen=True, slots=True)
class Subject:
    """What a decision is about: a host layer (``instance`` None), an SC instance (layer ``sc``), a node (both None)."""

    node: str
    layer: str | None
    instance: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Action:
    """A decided verb on a subject, with what its steps carry along."""

    subject: Subject
    verb: str
    incident: int | str | None = None
    attempt: int = 0
    rule: str | None = None
    table: str | None = None
    rationale: str = ""
    confirm: bool = False
    success_within: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan; numbered when the plan is complete."""

    action: str
    cause: Action
    node: str
    instance: str | None = None
    target: str | None = None
    note: str = ""
    flavour: str | None = None
    sc: str | None = None

    def plain(self, number: int) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "id": f"s{number}",
            "action": self.action,
            "verb": self.cause.verb,
            "incident": {"id": self.cause.incident, **self.cause.subject.plain()},
            "attempt": self.cause.attempt,
            "node": self.node,
            "instance": self.instance,
            "target": self.target,
            "flavour": self.flavour,
            "sc": self.sc,
            "rule": self.cause.rule,
            "table": self.cause.table,
            "rationale": self.cause.rationale,
            "success_within": self.cause.success_within if self.action == "attest" else None,
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Choice:
    """A place that was chosen for an instance: the node, the SC and the flavour to run there, and why."""

    node: str
    sc: str
    flavour: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Drain:
    """Where a live instance of a node goes: to a place that was chosen, or nowhere (None), and perhaps ``back``."""

    instance: Instance
    choice: Choice | None
    back: bool = True

    @property
    def target(self) -> str | None:
        """The node that it goes to."""
        return self.choice.node if self.choice else None


@dataclass
class Plan:
    """A plan in the making; entries are plain data but for the steps, which are numbered at the end."""

    opening: list[Step] = field(default_factory=list)
    acting: list[Step] = field(default_factory=list)
    quiet: list[Step] = field(default_factory=list)
    decisions: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    deferred: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    void: list[dict[str, Any]] = field(default_factory=list)
    recovered: list[dict[str, Any]] = field(default_factory=list)
    closed: list[dict[str, Any]] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        ordered = (*self.opening, *self.acting, *self.quiet)
        return {
            "steps": [step.plain(number) for number, step in enumerate(ordered, 1)],
            "decisions": self.decisions,
            "held": self.held,
            "deferred": self.deferred,
            "waiting": self.waiting,
            "void": self.void,
            "recovered": self.recovered,
            "closed": self.closed,
        }


def single(action: str, cause: Action, note: str = "") -> tuple[Step, ...]:
    """Return a plan of one step: one that touches nothing (hold, ask, observe), or gives a node back."""
    return (Step(action, cause, cause.subject.node, cause.subject.instance, note=note),)


def restart(cause: Action) -> tuple[Step, ...]:
    """Return the steps that replace an SC instance where it is."""
    node, instance = cause.subject.node, cause.subject.instance
    return (
        *_before(cause),
        Step("restart", cause, node, instance, note="fresh user-namespace range"),
        Step("attest", cause, node, instance),
    )


def change_flavour(cause: Action, before: Instance, choice: Choice) -> tuple[Step, ...]:
    """Return the steps that replace an SC instance where it is by one of another flavour, or of another SC."""
    node, instance = cause.subject.node, cause.subject.instance
    note = choice.note if choice.sc != before.sc else "; ".join(filter(None, (f"as {choice.flavour}", choice.note)))
    return (
        *_before(cause),
        Step("change_flavour", cause, node, instance, None, note, choice.flavour, _other_sc(before, choice)),
        Step("attest", cause, node, instance),
    )


def isolate(cause: Action) -> tuple[Step, ...]:
    """Return the steps that cut an SC instance or a node off; evidence can wait until it does no more harm."""
    node, instance = cause.subject.node, cause.subject.instance
    confirm, preserve = _before(cause)[:-1], _before(cause)[-1]
    cordon = (Step("cordon", cause, node),) if instance is None else ()
    return (*confirm, *cordon, Step("isolate", cause, node, instance), preserve)


def move(cause: Action, before: Instance, choice: Choice) -> tuple[Step, ...]:
    """Return the steps that bring an SC instance up on another node."""
    return (
        *_before(cause),
        _moved(cause, before, choice),
        Step("attest", cause, choice.node, cause.subject.instance),
    )


def drain(cause: Action, drains: Sequence[Drain]) -> tuple[Step, ...]:
    """Return the steps that close a node to new instances and move away those that have a target."""
    node = cause.subject.node
    moved = [(item.instance, item.choice) for item in drains if item.choice is not None]
    stay = [item.instance.instance for item in drains if item.target is None]
    note = f"no target for {', '.join(stay)}: they stay" if stay else ""
    return (
        *_before(cause),
        Step("cordon", cause, node, note=note),
        *(_moved(cause, before, choice) for before, choice in moved),
        *(Step("attest", cause, choice.node, before.instance) for before, choice in moved),
    )


def reboot(cause: Action, drains: Sequence[Drain]) -> tuple[Step, ...]:
    """Return the steps that drain a node, reboot it and open it again once it is affirming."""
    node = cause.subject.node
    back = [item.instance.instance for item in drains if item.target is None and item.back]
    return (
        *drain(cause, drains),
        Step("reboot", cause, node),
        Step("attest", cause, node, note="the host's layers, after the reboot"),
        Step("uncordon", cause, node),
        *(Step("restart", cause, node, name, note="it had no target to move to") for name in back),
        *(Step("attest", cause, node, name) for name in back),
    )


def fence(cause: Action, drains: Sequence[Drain]) -> tuple[Step, ...]:
    """Return the steps that drain a node, power it off and hand it to a person."""
    node = cause.subject.node
    return (*drain(cause, drains), Step("fence", cause, node), Step("hold", cause, node, note="it is off"))


def _moved(cause: Action, before: Instance, choice: Choice) -> Step:
    """Return the step of a move; it names flavour and SC where they are not those that run."""
    sc = _other_sc(before, choice)
    flavour = choice.flavour if sc is not None or choice.flavour != before.flavour else None
    return Step("move", cause, cause.subject.node, before.instance, choice.node, choice.note, flavour, sc)


def _other_sc(before: Instance, choice: Choice) -> str | None:
    return choice.sc if choice.sc != before.sc else None


def _before(cause: Action) -> tuple[Step, ...]:
    node, instance = cause.subject.node, cause.subject.instance
    confirm = (Step("confirm", cause, node, instance),) if cause.confirm else ()
    return (*confirm, Step("preserve", cause, node, instance))


__all__ = [
    "Action",
    "Choice",
    "Drain",
    "Plan",
    "Step",
    "Subject",
    "change_flavour",
    "drain",
    "fence",
    "isolate",
    "move",
    "reboot",
    "restart",
    "single",
]
