# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lane of the tamper matrix: one node, its rows one after the other, in a process of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation
from tests.lab.lab import Lab
from tests.scenarios.site import ROOT, ScenarioError, Site
from tests.scenarios.tamper.judge import Expected, Seen, judge, seen
from tests.scenarios.tamper.values import Values

ATTEST_S: Final = 240.0
_REPLACE: Final = Path(__file__).with_name("replace.yml")


@dataclass(frozen=True)
class Lane:
    """A node and what is done to it.

    Attributes:
        site: the scenario's site, with a log of this lane's own.
        lab: the guests.
        node: name of the node.
        layers: the layers that the node has.
        values: its Reference Values; each lane has a directory of its own, since both edit theirs.
    """

    site: Site
    lab: Lab
    node: str
    layers: frozenset[str]
    values: Values

    @property
    def variables(self) -> dict[str, Any]:
        """Extra variables of this lane's playbooks."""
        return {"palantir_trust_reference_values": str(self.values.directory)}

    @property
    def limit(self) -> str:
        """What confines a playbook to this node."""
        return f"{self.node},localhost"

    def playbook(self, name: str, deadline: float, **variables: Any) -> None:
        """Run a playbook of the collection on this node; it must succeed."""
        self.site.playbook(name, deadline, limit=self.limit, **self.variables, **variables)

    def replace_instance(self, **variables: Any) -> None:
        """Replace what runs on this node by a fresh generation."""
        if self.site.run(_REPLACE, 360, {**self.variables, **variables}, self.limit):
            raise ScenarioError(f"{self.node}: its instance was not replaced; see {self.site.log}")

    def add_values(self, name: str, kind: str, source: Path) -> None:
        """Make Reference Values of a source, besides those that are there."""
        made = {"kind": kind, "name": name, "source": str(source), "document": name}
        self.playbook("reference_values", 120, palantir_trust_images=[made])

    def attest(self) -> tuple[int, Attestation]:
        """Attest the node as an operator does; return the playbook's exit status and what is in the store."""
        begun = time.time()
        status = self.site.run(ROOT / "playbooks" / "attest.yml", ATTEST_S, self.variables, self.limit)
        results = [result for result in self.site.history(begun) if result.node == self.node]
        if len(results) != 1:
            raise ScenarioError(f"{self.node}: {len(results)} results of one attestation; see {self.site.log}")
        return status, results[0]


@dataclass(frozen=True)
class Row:
    """A row of the matrix.

    Attributes:
        what: what is done, for people.
        expected: what must be seen afterwards.
        act: does it, and returns the time at which it was done.
    """

    what: str
    expected: Expected
    act: Callable[[Lane], float]


@dataclass(frozen=True)
class Outcome:
    """What came of a row.

    Attributes:
        what: what was done.
        node: where.
        expected: what had to be seen.
        seen: what was seen, by layer.
        seconds: from the moment it was done to the result.
        faults: what is not as it must be.
    """

    what: str
    node: str
    expected: Expected
    seen: dict[str, Seen] = field(default_factory=dict)
    seconds: float | None = None
    faults: tuple[str, ...] = ()


def play(lane: Lane, row: Row) -> Outcome:
    """Carry out a row and judge what is seen."""
    done = row.act(lane)
    status, result = lane.attest()
    faults = judge(row.expected, lane.layers, result, status)
    shown = seen(result.ear) if result.ear else {}
    return Outcome(row.what, lane.node, row.expected, shown, round(result.at - done, 1), tuple(faults))


def own_values(site: Site, node: str) -> Values:
    """Return a copy of the site's Reference Values for one lane."""
    directory = site.directory / f"reference_values.{node}"
    shutil.copytree(site.directory / "reference_values", directory)
    return Values(directory)


__all__ = ["Lane", "Outcome", "Row", "own_values", "play"]
