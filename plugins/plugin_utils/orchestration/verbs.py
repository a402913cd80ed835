# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator's verb means here and now: which instances, where, as what. Pure; nothing is carried out.

==============  ===================================================================================================
verb            meaning
==============  ===================================================================================================
instantiate     a new instance of an SC
configure       other configuration, as the catalogue renders it now
health          whether an instance answers its probe, and what its agent says; nothing is changed
start, stop     let the program of an instance run, or end (operate, in the terms of ETSI NFV)
heal            restart an instance; where that does not help, a new generation takes its place
change_flavour  a new generation in another flavour takes its place
migrate         a new generation on another node takes its place
scale           as many instances of an SC as wanted, named SC-1 and so on
terminate       the instance is given up
==============  ===================================================================================================

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.placement import Placement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Capability,
    Instance,
    Node,
    Situation,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import nearest
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

VERBS: Final = (
    "instantiate", "configure", "health", "start", "stop", "heal", "change_flavour", "migrate", "scale", "terminate",
)  # fmt: skip
ASKING: Final = ("health",)
"""Verbs that change nothing."""
_PLAIN: Final = ("configure", "health", "start", "stop", "heal", "terminate")
_RUNNING: Final = ("configure", "health", "change_flavour", "migrate")
_NOWHERE: Final = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A verb as an operator gives it; what is None is left to the orchestrator, or not asked for."""

    verb: str
    instance: str | None = None
    sc: str | None = None
    flavour: str | None = None
    node: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what is done with which instance, as what, on which node; ``target`` is where it goes."""

    action: str
    instance: str
    sc: str
    flavour: str
    node: str | None
    target: str | None = None
    note: str = ""

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return asdict(self)


def foresee(wanted: Wanted, situation: Situation) -> list[Step]:
    """Return the steps of a verb in their order; none where it is so already.

    Raises:
        TrustError: it cannot be; the message says what stands against it.
    """
    if wanted.verb not in VERBS:
        raise TrustError("orchestrate", f"{_shown(wanted.verb)} is no verb.", nearest(wanted.verb, VERBS))
    if wanted.verb == "scale":
        return _scale(wanted, situation)
    if wanted.instance is None:
        raise TrustError(wanted.verb, "needs an instance.", "name it.")
    if wanted.verb == "instantiate":
        return _instantiate(wanted, wanted.instance, situation)
    here = _deployed(wanted.instance, situation)
    if here.state == "stopped" and wanted.verb in _RUNNING:
        raise TrustError(here.instance, "is stopped.", "start it first.")
    if wanted.verb == "configure":
        _require_trust(here, situation)
    if wanted.verb in _PLAIN:
        return [Step(wanted.verb, here.instance, here.sc, here.flavour, here.node)]
    if wanted.verb == "change_flavour":
        return _change_flavour(wanted, here, situation)
    return _migrate(wanted, here, situation)


def unfinished(wanted: Wanted, deployed: Sequence[InstanceRecord]) -> list[Step]:
    """Return what is left of a verb with nothing more to do otherwise: a node that is to give up what served before.

    Args:
        wanted: the verb.
        deployed: the generations of all nodes that are live or stopped, oldest first.
    """
    mine = [record for record in deployed if record.instance == wanted.instance]
    if not mine or mine[-1].state != "live" or not any(record.node == mine[-1].node for record in mine[:-1]):
        return []
    kept = mine[-1]
    note = f"generation {kept.generation} is proved, and what served before is not given up yet"
    return [Step("finish", kept.instance, kept.sc, kept.flavour, kept.node, None, note)]


def _instantiate(wanted: Wanted, name: str, situation: Situation) -> list[Step]:
    known = situation.whereabouts(name)
    if known is not None:
        if wanted.sc in (None, known.sc) and wanted.node in (None, known.node):
            return []
        raise TrustError(name, f"is deployed already, as {known.sc} on {known.node}.", "choose another name.")
    if not is_name(name):
        raise TrustError(f"instance {_shown(name)}", "is not a name.", RULE)
    sc = wanted.sc or name.rpartition("-")[0]
    capability = _capability(sc, situation)
    if capability.max_instances is not None and len(_of(sc, situation)) >= capability.max_instances:
        raise TrustError(sc, f"has {capability.max_instances} instances, and may have no more.", "see its descriptor.")
    return [_placed(name, sc, wanted, Placement(situation), situation)]


def _change_flavour(wanted: Wanted, here: Instance, situation: Situation) -> list[Step]:
    capability = _capability(here.sc, situation)
    if wanted.flavour is None:
        choice = Placement(situation).change(here)
        if choice is None or choice.sc != here.sc:
            raise TrustError(here.instance, f"{here.sc} has no other flavour.", "see its descriptor.")
        return [Step("change_flavour", here.instance, here.sc, choice.flavour, here.node, None, choice.note)]
    _require_flavour(here.sc, wanted.flavour, capability)
    if wanted.flavour == here.flavour:
        return []
    return [Step("change_flavour", here.instance, here.sc, wanted.flavour, here.node)]


def _migrate(wanted: Wanted, here: Instance, situation: Situation) -> list[Step]:
    if wanted.node == here.node:
        return []
    step = _placed(here.instance, here.sc, wanted, Placement(situation), situation, here)
    return [replace(step, action="migrate", node=here.node, target=step.node)]


def _scale(wanted: Wanted, situation: Situation) -> list[Step]:
    if wanted.sc is None or wanted.count is None:
        raise TrustError("scale", "needs an SC and a number.", "name both.")
    capability, there = _capability(wanted.sc, situation), _of(wanted.sc, situation)
    high = capability.max_instances
    if wanted.count < capability.min_instances or (high is not None and wanted.count > high):
        bounds = f"{capability.min_instances} to {'any number' if high is None else high}"
        raise TrustError(wanted.sc, f"may have {bounds} instances, not {wanted.count}.", "see its descriptor.")
    surplus = sorted(there, key=lambda item: (_number(item.instance), item.instance), reverse=True)
    surplus = surplus[: max(len(there) - wanted.count, 0)]
    if surplus:
        return [Step("terminate", item.instance, item.sc, item.flavour, item.node) for item in surplus]
    placement, taken = Placement(situation), {item.instance for item in situation.instances}
    free = (f"{wanted.sc}-{number}" for number in range(1, len(taken) + wanted.count + 1))
    names = [name for name in free if name not in taken][: wanted.count - len(there)]
    return [_placed(name, wanted.sc, wanted, placement, situation) for name in names]


def _placed(
    name: str, sc: str, wanted: Wanted, placement: Placement, situation: Situation, before: Instance | None = None
) -> Step:
    """Return the step that begins an instance on a node that is fit for it, counted there."""
    if wanted.flavour is not None:
        _require_flavour(sc, wanted.flavour, _capability(sc, situation))
    flavour = wanted.flavour or (before.flavour if before else _NOWHERE)
    source = before.node if before else _NOWHERE
    choice = placement.choose(Instance(name, sc, flavour, source, "live"), source, only=wanted.node, stand_in=False)
    if choice is None:
        raise TrustError(name, _no_place(sc, wanted.node, situation), "attest the nodes, or see docs/orchestrator.md.")
    return Step("instantiate", name, sc, choice.flavour, choice.node, None, choice.note)


def _require_trust(here: Instance, situation: Situation) -> None:
    """Refuse to give an instance its configuration, which may hold secrets, where it or its host is not trusted."""
    result = situation.results.get(here.node)
    if result is None or not result.affirms_host:
        raise TrustError(here.instance, _no_place(here.sc, here.node, situation), "attest it, or migrate the instance.")
    verdict = result.instances.get(here.instance)
    if verdict is not None and verdict.tier is Tier.CONTRAINDICATED:
        raise TrustError(here.instance, "is contraindicated.", "heal it first.")


def _no_place(sc: str, node: str | None, situation: Situation) -> str:  # noqa: PLR0911 - one for each reason
    """Return why an instance of an SC cannot go to the node that is named, or to any."""
    if _capability(sc, situation).withdrawn:
        return f"{sc} came in a package that is withdrawn."
    if node is None:
        return "no node is fit: affirming, open, and as the placement of its SC asks."
    if node not in situation.results:
        return f"{_shown(node)} is not among the nodes."
    result, state = situation.results[node], situation.nodes.get(node, Node())
    if not result.affirms_host:
        if result.state != "attested":
            return f"nothing proves that {node} is affirming: {result.state}: {result.message}."
        return f"{node} is not affirming, but {result.host_tier}."
    if state.cordoned or state.isolated:
        return f"{node} is {'isolated' if state.isolated else 'cordoned'}."
    return f"{node} is not as the placement of {sc} asks, or what it needs there is taken."


def _deployed(name: str, situation: Situation) -> Instance:
    known = situation.whereabouts(name)
    if known is None:
        names = sorted(item.instance for item in situation.instances if item.is_deployed)
        hint = nearest(name, names) if names else "see palantir.trust.sc_instance_info."
        raise TrustError(f"instance {_shown(name)}", "is not deployed.", hint)
    return known


def _of(sc: str, situation: Situation) -> list[Instance]:
    return [item for item in situation.instances if item.sc == sc and item.is_deployed]


def _capability(sc: str, situation: Situation) -> Capability:
    if sc not in situation.catalogue:
        raise TrustError(f"SC {_shown(sc)}", "is not in the catalogue.", nearest(sc, list(situation.catalogue)))
    return situation.catalogue[sc]


def _require_flavour(sc: str, flavour: str, capability: Capability) -> None:
    if flavour not in capability.flavours:
        hint = nearest(flavour, list(capability.flavours))
        raise TrustError(f"SC {sc}", f"has no flavour {_shown(flavour)}.", hint)


def _number(name: str) -> int:
    """Return the number that ends a name; 0 where none does, so that it is the last to be given up."""
    number = name.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0


def _shown(value: Any) -> str:
    return repr(printable(str(value), 80))


def lines(steps: Sequence[Step]) -> list[str]:
    """Return the steps for people, one in a line."""
    return [
        f"{step.action} {step.instance}: {step.sc} as {step.flavour} on {step.node}"
        + (f" to {step.target}" if step.target else "")
        + (f" ({step.note})" if step.note else "")
        for step in steps
    ]


__all__ = ["ASKING", "VERBS", "Step", "Wanted", "foresee", "lines", "unfinished"]
