# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A scenario: what must hold, what held, and the times of its incidents against what is aimed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from tests.scenarios.site import ScenarioError

CONTAINED_S: Final = 5.0
RESTORED_S: Final = 20.0
"""How much more than one cycle it may take, from the tampering on."""


@dataclass(frozen=True, slots=True)
class Times:
    """The times of an incident, in seconds from the tampering on; None for what has not come.

    Attributes:
        node: where it was opened.
        layer: of what.
        detected_s: the first result that shows it.
        contained_s: from when on it did no more harm.
        restored_s: the new affirming result.
        aims: what of ``contained`` and ``restored`` is held against the aim: not what waited for a person or a boot.
    """

    node: str
    layer: str
    detected_s: float
    contained_s: float | None
    restored_s: float | None
    aims: tuple[str, ...] = ()

    def within(self, cycle_s: float) -> dict[str, bool]:
        """Return which aims were met, where a cycle that attests all nodes takes so many seconds."""
        met = {}
        for aim, taken, more in (
            ("contained", self.contained_s, CONTAINED_S),
            ("restored", self.restored_s, RESTORED_S),
        ):
            if aim in self.aims:
                met[aim] = taken is not None and taken <= cycle_s + more
        return met


@dataclass
class Scene:
    """One scenario, filled as it goes on.

    Attributes:
        name: what happens, for people.
        held: what had to hold and did.
        times: of its incidents.
        fault: why it is not as it must be; empty where it is, or was not carried out.
        over: whether everything was seen that had to be.
    """

    name: str
    held: list[str] = field(default_factory=list)
    times: list[Times] = field(default_factory=list)
    fault: str = ""
    over: bool = False

    def must(self, truth: bool, statement: str, otherwise: object = "") -> None:
        """Note that a statement holds.

        Raises:
            ScenarioError: it does not; ``otherwise`` is what was seen instead.
        """
        if not truth:
            self.fault = f"does not hold: {statement}" + (f" (seen: {otherwise})" if otherwise != "" else "")
            raise ScenarioError(f"{self.name}: {self.fault}")
        self.held.append(statement)

    def timed(self, incident: Incident, tampered: float, *aims: str) -> None:
        """Note the times of an incident."""
        seconds = [
            None if at is None else round(at - tampered, 1)
            for at in (incident.detected_at, incident.contained_at, incident.restored_at)
        ]
        self.times.append(Times(incident.node, incident.layer, seconds[0] or 0.0, seconds[1], seconds[2], aims))

    def plain(self, cycle_s: float) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "name": self.name,
            "ok": self.over,
            "held": self.held,
            "fault": self.fault,
            "incidents": [{**asdict(times), "met": times.within(cycle_s)} for times in self.times],
        }


@dataclass(frozen=True, slots=True)
class Deed:
    """What the ledger says of a step: of which incident, what, where, and ``started``, ``done`` or ``failed``."""

    incident: int
    action: str
    node: str
    instance: str | None
    outcome: str


def repeated(deeds: Sequence[Deed]) -> list[Deed]:
    """Return the steps that were begun again after they were done. Proofs are always asked for anew."""
    done: set[tuple[int, str, str, str | None]] = set()
    again = []
    for deed in deeds:
        step = (deed.incident, deed.action, deed.node, deed.instance)
        if deed.outcome == "started" and step in done and deed.action not in ("confirm", "attest"):
            again.append(deed)
        elif deed.outcome == "done":
            done.add(step)
    return again


__all__ = ["CONTAINED_S", "RESTORED_S", "Deed", "Scene", "Times", "repeated"]
