# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds of every choice of a place, in whatever site: checked against the constraints as they are documented."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.diversity import (
    Failed,
    failed_instance,
    labels,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.placement import Placement
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Capability,
    Incident,
    Instance,
    Node,
    NodeResult,
    Situation,
    Tried,
    Verdict,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Choice
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.vocabulary import HOST_LAYERS
from tests.unit.support.examples import examples

NODES = ("node1", "node2", "node3", "node4")
SCS = ("a", "b", "c")
NOW = 1_800_000_000.0
some_scs = st.frozensets(st.sampled_from(SCS), max_size=2)
parts = st.frozensets(st.sampled_from(["kernel=1", "kernel=2", "libc=1", "libc=2", "component=z"]), max_size=3)

capabilities = st.builds(
    Capability,
    criticality=st.just("high"),
    nodes=st.none() | st.frozensets(st.sampled_from(NODES), min_size=1),
    labels=st.dictionaries(st.just("zone"), st.sampled_from(["x", "y"]), max_size=1),
    flavours=st.dictionaries(st.sampled_from(["one", "two", "three"]), parts, min_size=1),
    max_instances=st.none() | st.integers(1, 3),
    equivalent=st.lists(st.sampled_from(SCS), max_size=2, unique=True).map(tuple),
    affinity=st.just(frozenset()) | some_scs,
    anti_affinity=st.just(frozenset()) | some_scs,
    ports=st.frozensets(st.sampled_from([(53, "udp"), (53, "tcp"), (80, "tcp")]), max_size=2),
    cpu=st.sampled_from([0.0, 0.1, 0.3, 1.0]),
    memory=st.sampled_from([0, 1, 2]),
)
nodes = st.builds(
    Node,
    cordoned=st.sampled_from([False, False, False, True]),
    labels=st.dictionaries(st.just("zone"), st.sampled_from(["x", "y"]), max_size=1),
    isolated=st.sampled_from([False, False, False, True]),
    components=parts,
    cpu=st.sampled_from([None, 0.4, 2.0]),
    memory=st.sampled_from([None, 3, 8]),
)

flavours = st.sampled_from(["one", "two", "gone"])


@st.composite
def results(draw: st.DrawFn, name: str) -> NodeResult:
    if draw(st.integers(0, 5)) == 0:
        return NodeResult(name, draw(st.sampled_from(["unreachable", "rebooting", "no_evidence"])))
    mostly = st.sampled_from([Tier.AFFIRMING] * 9 + [Tier.WARNING, Tier.NONE])
    host = {layer: Verdict(draw(mostly)) for layer in HOST_LAYERS}
    there = {"x-1": Verdict(draw(st.sampled_from(list(Tier))))} if draw(st.booleans()) else {}
    return NodeResult(name, "attested", "", NOW - draw(st.sampled_from([0, 100, 1000])), host, there)


@st.composite
def situations(draw: st.DrawFn) -> Situation:
    return Situation(
        NOW,
        {name: draw(results(name)) for name in NODES},
        {name: draw(nodes) for name in NODES},
        tuple(
            Instance(
                f"{sc}-{number}",
                sc,
                draw(flavours),
                draw(st.sampled_from(NODES)),
                "live",
            )
            for number, sc in enumerate(draw(st.lists(st.sampled_from([*SCS, "unknown"]), min_size=1, max_size=6)))
        ),
        (),
        {name: draw(capabilities) for name in SCS},
    )


def without(situation: Situation, instance: Instance) -> Situation:
    return replace(situation, instances=tuple(item for item in situation.instances if item != instance))


def permitted(situation: Situation, sc: str, node: str) -> bool:
    """Return whether an SC may run on a node beside what is there, as docs/catalogue.md says it."""
    capability, state, result = situation.catalogue[sc], situation.nodes[node], situation.results[node]
    there = [item for item in situation.instances if item.node == node]
    known = [situation.catalogue[item.sc] for item in there if item.sc in situation.catalogue]
    scs = {item.sc for item in there}
    return (
        result.state == "attested"
        and all(verdict.tier is Tier.AFFIRMING for verdict in result.host.values())
        and not state.cordoned
        and not state.isolated
        and (capability.nodes is None or node in capability.nodes)
        and all(state.labels.get(key) == value for key, value in capability.labels.items())
        and capability.affinity <= scs
        and not capability.anti_affinity & scs
        and not any(sc in other.anti_affinity for other in known)
        and not any(capability.ports & other.ports for other in known)
        and (state.cpu is None or round(sum(c.cpu for c in [*known, capability]), 6) <= state.cpu)
        and (state.memory is None or sum(c.memory for c in [*known, capability]) <= state.memory)
    )


def places(situation: Situation, sc: str, source: str) -> set[str]:
    return {node for node in NODES if node != source and permitted(situation, sc, node)}


def within_bounds(situation: Situation, sc: str) -> bool:
    most = situation.catalogue[sc].max_instances
    return most is None or sum(item.sc == sc for item in situation.instances) < most


def able(situation: Situation, instance: Instance) -> dict[str, set[str]]:
    """Return where an instance could go, as what: as itself, else as the first that can stand in for it."""
    if instance.sc not in situation.catalogue:
        return {}
    own = places(situation, instance.sc, instance.node)
    if own:
        return {instance.sc: own}
    for name in situation.catalogue[instance.sc].equivalent:
        if within_bounds(situation, name) and (found := places(situation, name, instance.node)):
            return {name: found}
    return {}


def sharing(situation: Situation, choice: Choice, failed: Failed) -> int:
    made = situation.catalogue[choice.sc].flavours.get(choice.flavour, frozenset())
    shared = labels((made | situation.nodes[choice.node].components) & failed.components)
    return len(shared) + (choice.node in failed.nodes)


def worry(situation: Situation, node: str) -> int:
    return max((verdict.tier.rank for verdict in situation.results[node].instances.values()), default=0)


generations = st.builds(Tried, sc=st.sampled_from(SCS), flavour=flavours, node=st.sampled_from(NODES))


@given(situations(), st.lists(generations, max_size=2))
@examples(400)
def test_a_place_is_found_where_there_is_one_and_breaks_nothing(situation: Situation, tried: list[Tried]) -> None:
    instance = situation.instances[0]
    incident = Incident(
        1, instance.node, "sc", instance.instance, len(tried), "open", NOW - 100, None, tried=tuple(tried)
    )
    failed = failed_instance(instance, incident, situation)
    expected = able(situation, instance)
    choice = Placement(situation).choose(instance, instance.node, failed)
    assert (choice is None) == (not expected)
    if choice is None:
        return
    assert choice.node in expected[choice.sc]
    assert choice.flavour in situation.catalogue[choice.sc].flavours
    # None of the others is less worrying, or shares less with what failed.
    others = [
        (worry(situation, node), sharing(situation, Choice(node, choice.sc, flavour), failed))
        for node in expected[choice.sc]
        for flavour in situation.catalogue[choice.sc].flavours
    ]
    assert (worry(situation, choice.node), sharing(situation, choice, failed)) == min(others)


@given(situations(), st.sampled_from([None, *NODES]))
@examples(300)
def test_what_goes_together_fits_together(situation: Situation, closed: str | None) -> None:
    placement = Placement(situation, {closed} if closed else ())
    leaving = situation.instances if closed is None else situation.live(closed)
    for instance in leaving:
        expected = able(situation, instance)
        expected = {sc: found for sc, nodes in expected.items() if (found := nodes - {closed})}
        choice = placement.choose(instance, instance.node)
        if closed is None or instance.node == closed:
            assert (choice is None) == (not expected)
        if choice is None:
            continue
        assert choice.node in expected[choice.sc]
        stay = without(situation, instance)
        situation = replace(stay, instances=(*stay.instances, replace(instance, sc=choice.sc, node=choice.node)))


@given(situations())
@examples(200)
def test_an_sc_that_stands_in_where_the_instance_is_fits_there(situation: Situation) -> None:
    instance = situation.instances[0]
    if instance.sc not in situation.catalogue:
        assert Placement(situation).change(instance) is None
        return
    mine = frozenset((instance.sc, name) for name in situation.catalogue[instance.sc].flavours)
    choice = Placement(situation).change(instance, Failed(flavours=mine))
    alone = without(situation, instance)
    fit = [
        name
        for name in situation.catalogue[instance.sc].equivalent
        if within_bounds(alone, name) and permitted(alone, name, instance.node)
    ]
    if fit:
        assert choice is not None
        assert (choice.sc, choice.node) == (fit[0], instance.node)
    elif choice is not None:
        assert (choice.sc, choice.node) == (instance.sc, instance.node)
        assert choice.flavour != instance.flavour


@given(situations(), st.randoms(use_true_random=False))
@examples(150)
def test_a_choice_depends_on_nothing_but_what_is_known(situation: Situation, chance: Any) -> None:
    def shuffled(plain: Any) -> Any:
        items = list(plain.items())
        chance.shuffle(items)
        return dict(items)

    instances = list(situation.instances[1:])
    chance.shuffle(instances)
    again = replace(
        situation,
        results=shuffled(situation.results),
        nodes=shuffled(situation.nodes),
        catalogue=shuffled(situation.catalogue),
        instances=(situation.instances[0], *instances),
    )
    first = situation.instances[0]
    failed = failed_instance(first, None, situation)
    assert Placement(again).choose(first, first.node, failed) == Placement(situation).choose(first, first.node, failed)
