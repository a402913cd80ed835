# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of equal results: one for each result that said something new, as long as the node says nothing else.

A run's first result is kept whole; of the later ones, the last: the claims of its round, its signature, its evidence.
What lies between two quotes of one boot over equal PCRs needs no other proof: a PCR only ever extends.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.store.equality import Kept
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import attestations, changes, runs

LONGEST: Final = 86400.0
"""Seconds after which a run ends though nothing changed: so each day has signed results of its own."""
ABSENT: Final = "absent"
"""Value of a layer that a node's last EAR does not have any more."""
_PART: Final = 1000
"""Most values of one IN: databases bound them."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run of a node's newest result.

    Attributes:
        attestation: the first result.
        began_at: its time, in seconds since the epoch.
        last_at: time of the last result.
        rounds: number of results.
        longest_gap: most seconds between two of them.
        kept: the last result.
        evidence: raw evidence of the last result; None where that is the first one.
    """

    attestation: int
    began_at: float
    last_at: float
    rounds: int
    longest_gap: float
    kept: Kept
    evidence: int | None

    def goes_on(self, later: Kept, at: float) -> bool:
        """Tell whether a result is one more of this run."""
        equal = bool(later.essence) and later.essence == self.kept.essence
        return equal and self.last_at <= at < self.began_at + LONGEST

    def extended(self, later: Kept, at: float, evidence: int | None) -> Run:
        """Return the run with one more result."""
        return replace(
            self,
            last_at=at,
            rounds=self.rounds + 1,
            longest_gap=max(self.longest_gap, at - self.last_at),
            kept=later,
            evidence=evidence or self.evidence,
        )


def newest(connection: Connection, nodes: Collection[str]) -> dict[str, Run]:
    """Return the run of the newest result of each of these nodes that has one."""
    found = {}
    query = select(runs, attestations.c.at).join(attestations, attestations.c.id == runs.c.attestation)
    for part in parts(nodes):
        for row in connection.execute(query.where(runs.c.newest_of.in_(part))):
            kept = Kept(row.essence, row.claims, row.signature)
            run = Run(row.attestation, row.at, row.last_at, row.rounds, row.longest_gap, kept, row.evidence)
            found[str(row.newest_of)] = run
    return found


def begin(connection: Connection, node: str, run: Run, before: Run | None) -> None:
    """Store a run that begins; the one before is not the node's newest any more."""
    if before is not None:
        connection.execute(update(runs).where(runs.c.attestation == before.attestation).values(newest_of=None))
    connection.execute(
        insert(runs).values(
            attestation=run.attestation,
            newest_of=node,
            last_at=run.last_at,
            rounds=run.rounds,
            longest_gap=run.longest_gap,
            essence=run.kept.essence,
        )
    )


def save(connection: Connection, extended: Iterable[Run]) -> None:
    """Store what has become of runs."""
    values = [
        {
            "run": run.attestation,
            "last_at": run.last_at,
            "rounds": run.rounds,
            "longest_gap": run.longest_gap,
            "claims": run.kept.claims,
            "signature": run.kept.signature,
            "evidence": run.evidence,
        }
        for run in extended
    ]
    if values:
        connection.execute(update(runs).where(runs.c.attestation == bindparam("run")), values)


def note_changes(
    connection: Connection, node: str, attestation: int, state: str, ear: Mapping[str, Any] | None
) -> None:
    """Note of which result a node's state, and each of its layers, has the value that it has now."""
    mine = changes.c.node == node
    known = {row.layer: row.value for row in connection.execute(select(changes.c.layer, changes.c.value).where(mine))}
    values = {"": state}
    if ear is not None:
        values |= {layer: ABSENT for layer in known if layer}
        values |= {str(layer): str(submod.get("ear_status")) for layer, submod in ear.get("submods", {}).items()}
    changed = [layer for layer, value in values.items() if known.get(layer) != value]
    if not changed:
        return
    if known:
        connection.execute(delete(changes).where(mine, changes.c.layer.in_(changed)))
    rows = [{"node": node, "layer": layer, "value": values[layer], "attestation": attestation} for layer in changed]
    connection.execute(insert(changes), rows)


def parts(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield values in lists that a statement can take."""
    everything = list(values)
    for at in range(0, len(everything), _PART):
        yield everything[at : at + _PART]


__all__ = ["ABSENT", "LONGEST", "Run", "begin", "newest", "note_changes", "parts", "save"]
