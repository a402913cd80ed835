# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an SC instance may go, and as what.

What must hold of a place: its host is affirming, it is open, the SC's placement permits it, no port of it is taken,
there are cores and memory left where both sides tell them, and it has what affinity asks for and nothing that
anti-affinity, the SC's own or that of what runs there, forbids.

Which of these places is taken, in this order: one where nothing is worse than affirming; what shares the fewest
components with what failed; the flavour that runs; the newer result; fewer instances, and less of its cores and memory
in use; the first by name.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import worst_tier
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.diversity import (
    NOTHING,
    Failed,
    failed_node,
    labels,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import (
    Capability,
    Instance,
    Node,
    NodeResult,
    Situation,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Choice, Drain

_FRESH = 300
"""Results whose ages differ by less are equally new, in seconds: a cycle attests one node after the other."""
_Rank = tuple[int, int, int, int, int]
"""Worst tier, components shared, place of the flavour among the preferred, age of the result, instances."""


class Placement:
    """Chooses targets within one plan; each choice counts for the next.

    Args:
        situation: what is known.
        closed: nodes that this plan itself takes away.
    """

    def __init__(self, situation: Situation, closed: Iterable[str] = ()) -> None:
        self._situation = situation
        self._catalogue = situation.catalogue
        taken_away = frozenset(closed)
        self._rooms = {
            name: _Room(result, situation.nodes.get(name, Node()), situation.now)
            for name, result in situation.results.items()
            if name not in taken_away
        }
        self._instances: Counter[str] = Counter()
        for item in situation.instances:
            if item.is_deployed:
                self._add(item.sc, item.node, 1)
        self._fit = [room for room in self._rooms.values() if room.open]
        self._permitted: dict[str, list[_Room]] = {}

    def choose(
        self,
        instance: Instance,
        source: str,
        failed: Failed = NOTHING,
        *,
        only: str | None = None,
        stand_in: bool = True,
    ) -> Choice | None:
        """Return another place for an instance, and count it there; None where there is none.

        Where nothing failed with the instance itself, its flavour stays.

        Args:
            instance: the instance; a flavour that its SC does not have leaves the choice of one.
            source: the node that it leaves; empty where it runs nowhere yet.
            failed: what failed with it.
            only: the node that is wanted, where one is.
            stand_in: whether an SC that can stand in is tried where there is no place for the SC itself.
        """
        rooms = (room for room in self._rooms_of(instance.sc, source) if only in (None, room.name))
        choice = self._best(instance.sc, instance, rooms, failed)
        for other in self._stand_ins(instance) if choice is None and stand_in else ():
            choice = choice or self._best(other, instance, self._rooms_of(other, source), failed)
        if choice is not None:
            self._add(instance.sc, source, -1)
            self._add(choice.sc, choice.node, 1)
        return choice

    def change(self, instance: Instance, failed: Failed = NOTHING) -> Choice | None:
        """Return another flavour for an instance where it is; None where there is none.

        Flavours that have not failed yet go first, then those of an SC that can stand in there, then the next one.
        """
        capability = self._catalogue.get(instance.sc)
        if capability is None:
            return None
        following = [] if capability.withdrawn else _following(capability, instance.flavour)
        shared = {
            name: labels(capability.flavours[name] & failed.components)
            for name in following
            if (instance.sc, name) not in failed.flavours
        }
        if shared:
            flavour = min(shared, key=lambda name: len(shared[name]))
            return Choice(instance.node, instance.sc, flavour, _shares(shared[flavour], failed))
        self._add(instance.sc, instance.node, -1)
        here = [room for room in self._fit if room.name == instance.node]
        for other in self._stand_ins(instance):
            choice = self._best(other, instance, self._free(other, self._permitting(other, here)), failed)
            if choice is not None:
                self._add(choice.sc, choice.node, 1)
                return choice
        self._add(instance.sc, instance.node, 1)
        return Choice(instance.node, instance.sc, following[0]) if following else None

    def drains(self, node: str) -> list[Drain]:
        """Return for each live instance of a node where it goes."""
        failed = failed_node(node, self._situation)
        return [
            Drain(item, self.choose(item, node, failed), back=not self._situation.is_withdrawn(item.sc))
            for item in self._situation.live(node)
        ]

    def _best(self, sc: str, instance: Instance, rooms: Iterator[_Room], failed: Failed) -> Choice | None:
        capability = self._catalogue.get(sc)
        if capability is None or capability.withdrawn:
            return None
        options = _options(sc, capability, instance, failed)
        if not options:
            return None
        fewest: dict[frozenset[str], tuple[int, int]] = {}
        best: _Room | None = None
        best_rank: _Rank = (0, 0, 0, 0, 0)
        fit = 0
        for room in rooms:
            fit += 1
            shared = fewest.get(room.components)
            if shared is None:
                shared = min((len(_shared(option[1], room, failed)), place) for place, option in enumerate(options))
                fewest[room.components] = shared
            again = room.name in failed.nodes
            rank = (room.worry, shared[0] + again, shared[1], room.age, room.count)
            # In most pairs of rooms this is enough; the rest is computed for the others alone.
            if (
                best is None
                or rank < best_rank
                or (rank == best_rank and room.last(capability) < best.last(capability))
            ):
                best, best_rank = room, rank
        if best is None:
            return None
        flavour, components = options[best_rank[2]]
        kinds = _shared(components, best, failed) | ({"node"} if best.name in failed.nodes else frozenset())
        return Choice(best.name, sc, flavour, _told(sc, flavour, instance, _shares(kinds, failed), fit, best))

    def _rooms_of(self, sc: str, source: str) -> Iterator[_Room]:
        if sc not in self._permitted:
            self._permitted[sc] = self._permitting(sc, self._fit)
        return (room for room in self._free(sc, self._permitted[sc]) if room.name != source)

    def _permitting(self, sc: str, rooms: list[_Room]) -> list[_Room]:
        capability = self._catalogue.get(sc)
        if capability is None:
            return []
        if capability.nodes is None and not capability.labels:
            return rooms
        return [room for room in rooms if capability.permits(room.name, room.node)]

    def _free(self, sc: str, rooms: Sequence[_Room]) -> Iterator[_Room]:
        """Yield the rooms that have what an instance needs beside what is there."""
        capability = self._catalogue.get(sc)
        if capability is None:
            return
        ports, cpu, memory = capability.ports, round(capability.cpu * 1000), capability.memory
        needed, unwanted = capability.affinity, capability.anti_affinity
        for room in rooms:
            if (
                (not room.refused or not room.refused.get(sc))
                and (room.cpu is None or room.cpu_used + cpu <= room.cpu)
                and (room.memory is None or room.memory_used + memory <= room.memory)
                and (not room.ports or room.ports.isdisjoint(ports))
                and (not needed or all(room.present.get(name) for name in needed))
                and (not unwanted or not any(room.present.get(name) for name in unwanted))
            ):
                yield room

    def _stand_ins(self, instance: Instance) -> Iterator[str]:
        capability = self._catalogue.get(instance.sc)
        for name in capability.equivalent if capability else ():
            other = self._catalogue.get(name)
            if other is not None and (other.max_instances is None or self._instances[name] < other.max_instances):
                yield name

    def _add(self, sc: str, node: str, number: int) -> None:
        self._instances[sc] += number
        if node in self._rooms:
            self._rooms[node].add(sc, self._catalogue.get(sc), number)


class _Room:
    """A node, with what runs there and what of it is left."""

    __slots__ = (
        "age", "components", "count", "cpu", "cpu_used", "memory", "memory_used", "name", "node", "open", "ports",
        "present", "refused", "taken", "worry",
    )  # fmt: skip

    def __init__(self, result: NodeResult, node: Node, now: float) -> None:
        self.name, self.node = result.node, node
        self.open = result.affirms_host and not node.cordoned and not node.isolated
        self.worry = worst_tier(verdict.tier for verdict in result.instances.values()).rank if result.instances else 0
        self.age = int((now - result.issued_at) // _FRESH) if result.issued_at is not None else 0
        self.components = node.components
        # In thousandths of a core, of which sums are exact.
        self.cpu = None if node.cpu is None else round(node.cpu * 1000)
        self.memory = node.memory
        self.cpu_used, self.memory_used = 0, 0
        self.count = 0
        self.present: dict[str, int] = {}
        self.refused: dict[str, int] = {}
        self.taken: dict[tuple[int, str], int] = {}
        self.ports: frozenset[tuple[int, str]] = frozenset()

    def add(self, sc: str, capability: Capability | None, number: int) -> None:
        """Count an instance that comes (1) or goes (-1)."""
        self.count += number
        self.present[sc] = self.present.get(sc, 0) + number
        if capability is None:
            return
        self.cpu_used += number * round(capability.cpu * 1000)
        self.memory_used += number * capability.memory
        for name in capability.anti_affinity:
            self.refused[name] = self.refused.get(name, 0) + number
        if capability.ports:
            for port in capability.ports:
                self.taken[port] = self.taken.get(port, 0) + number
            self.ports = frozenset(port for port, times in self.taken.items() if times > 0)

    def last(self, capability: Capability) -> tuple[float, str]:
        """Return what decides among equals: how much of the scarcest resource would be in use, and the name."""
        cpu = (self.cpu_used + capability.cpu * 1000) / self.cpu if self.cpu else 0.0
        memory = (self.memory_used + capability.memory) / self.memory if self.memory else 0.0
        return max(cpu, memory), self.name


def _options(sc: str, capability: Capability, instance: Instance, failed: Failed) -> list[tuple[str, frozenset[str]]]:
    """Return the flavours to choose from, the preferred one first, with their components."""
    if sc != instance.sc or (capability.flavours and instance.flavour not in capability.flavours):
        names = list(capability.flavours)
    elif failed.flavours:
        names = [instance.flavour, *_following(capability, instance.flavour)]
    else:
        names = [instance.flavour]
    return [(name, capability.flavours.get(name, frozenset())) for name in names]


def _following(capability: Capability, flavour: str) -> list[str]:
    """Return the flavours after one, in the catalogue's order, from the first again after the last."""
    names = list(capability.flavours)
    at = names.index(flavour) if flavour in names else -1
    return [name for name in names[at + 1 :] + names[: max(at, 0)] if name != flavour]


def _shared(components: frozenset[str], room: _Room, failed: Failed) -> frozenset[str]:
    return labels((components | room.components) & failed.components)


def _shares(shared: frozenset[str], failed: Failed) -> str:
    if not failed.components:
        return ""
    return f"shares {', '.join(sorted(shared)) or 'nothing that is known'} with what failed"


def _told(sc: str, flavour: str, instance: Instance, shares: str, fit: int, room: _Room) -> str:
    """Return why a place was chosen, for people."""
    parts = [
        f"{sc} stands in for {instance.sc}, as {flavour}" if sc != instance.sc else "",
        f"as {flavour}" if sc == instance.sc and flavour != instance.flavour else "",
        shares,
        f"{room.name} is one of {fit} fit" if fit > 1 else f"no other than {room.name} is fit",
    ]
    return "; ".join(filter(None, parts))


__all__ = ["Placement"]
