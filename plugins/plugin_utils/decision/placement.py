# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an SC instance may go: an affirming, reachable, uncordoned node that its placement permits.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.situation import Instance, Node, Situation
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.steps import Drain


class Placement:
    """Chooses targets within one plan; each choice counts for the next.

    Args:
        situation: what is known.
        closed: nodes that this plan itself takes away.
    """

    def __init__(self, situation: Situation, closed: Iterable[str]) -> None:
        self._situation = situation
        unfit = set(closed)
        self._fit = [
            name
            for name, result in situation.results.items()
            if name not in unfit and result.affirms_host and not situation.nodes.get(name, Node()).cordoned
        ]
        self._load = Counter(item.node for item in situation.instances if item.state == "live")

    def choose(self, instance: Instance, source: str) -> str | None:
        """Return the permitted node with the fewest instances, the first by name among equals; None for none."""
        capability = self._situation.catalogue.get(instance.sc)
        if capability is None or capability.withdrawn:
            return None
        permitted = [
            name
            for name in self._fit
            if name != source and capability.permits(name, self._situation.nodes.get(name, Node()))
        ]
        target = min(permitted, key=lambda name: (self._load[name], name), default=None)
        if target is not None:
            self._load[target] += 1
            self._load[source] -= 1
        return target

    def drains(self, node: str) -> list[Drain]:
        """Return for each live instance of a node where it goes."""
        return [Drain(item, self.choose(item, node)) for item in self._situation.live(node)]


__all__ = ["Placement"]
