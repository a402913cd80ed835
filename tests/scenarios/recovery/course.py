# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of the recovery scenarios: a site with two SCs on two guests, its cycles, and what they left on record."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from sqlalchemy import func, select

from ansible_collections.palantir.trust.plugins.plugin_utils.store import attempts, identities, incidents
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attempts import Attempt
from ansible_collections.palantir.trust.plugins.plugin_utils.store.attestations import Attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.store.incidents import Incident
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import ledger
from tests.lab.lab import Lab
from tests.scenarios.attacks import on_node
from tests.scenarios.recovery.scene import Deed
from tests.scenarios.site import ROOT, ScenarioError, Site
from tests.scenarios.tamper.values import Values

NODES: Final = ("node1", "node2")
DNS: Final = "dns-filter-1"
GUEST: Final = "guest-filter-1"
CYCLE_S: Final = 600.0
_RULES: Final = Path(__file__).with_name("rules")
_CYCLE: Final = ROOT / "playbooks" / "cycle.yml"
_LAB_CATALOGUE: Final = ROOT / "inventories" / "lab" / "catalogue"
_SHIPPED_RULES: Final = ROOT / "roles" / "remediate" / "files" / "rules"


@dataclass(frozen=True)
class Turn:
    """What one cycle came to.

    Attributes:
        status: the playbook's exit status.
        seconds: how long it took.
        told: what it said, in one line.
        plans: the plans that it made, in their order.
        deeds: the steps that it noted.
        results: the results of attestation that it got.
    """

    status: int
    seconds: float
    told: str
    plans: tuple[Mapping[str, Any], ...]
    deeds: tuple[Deed, ...]
    results: tuple[Attestation, ...]

    def put_off(self, kind: str) -> set[tuple[str, str]]:
        """Return what its plans held or deferred, or let wait for approval: subject and reason."""
        return {_of(entry, entry["reason"]) for plan in self.plans for entry in plan[kind]}

    def decided(self, subject: str) -> list[Mapping[str, Any]]:
        """Return what was decided about an instance, plan by plan."""
        return [d for plan in self.plans for d in plan["decisions"] if d["subject"]["instance"] == subject]

    @property
    def did(self) -> set[str]:
        """The actions that were begun."""
        return {deed.action for deed in self.deeds}

    def states(self, node: str) -> set[str]:
        """Return how attesting a node went."""
        return {result.state for result in self.results if result.node == node}


@dataclass(frozen=True)
class Course:
    """The site of the scenarios.

    Attributes:
        site: its directory and store.
        lab: the guests.
        tampered: when an instance was tampered with whose incident outlasts the act.
    """

    site: Site
    lab: Lab
    tampered: dict[str, float] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, Any]:
        """Extra variables of all playbooks: two SCs of one image, at two ports, so that a node can run both."""
        image = self.lab.paths.image
        archive = str(self.lab.paths.sc_images / "dns-filter.tar")
        made = [("host", "node-image", str(image / "rootfs.tar")), ("boot", "node-boot", str(image / "esp"))]
        documents = [{"kind": kind, "name": name, "source": source, "document": name} for kind, name, source in made]
        documents += [
            {"kind": "sc", "name": name, "source": archive, "document": f"sc-{name}"}
            for name in ("dns-filter", "guest-filter")
        ]
        documents.append({"kind": "sc", "name": "guest-filter", "source": archive, "document": "sc-guest-filter-bare"})
        return {
            "palantir_trust_catalogue": str(self.site.directory / "catalogue"),
            "palantir_trust_reference_values": str(self.site.directory / "reference_values"),
            "palantir_trust_images": documents,
            "palantir_trust_instances": [
                {"instance": DNS, "sc": "dns-filter", "node": "node1"},
                {"instance": GUEST, "sc": "guest-filter", "node": "node2"},
            ],
        }

    def prepare(self) -> float:
        """Make Reference Values, enrol the nodes, deploy the SCs; return how long a cycle takes that finds nothing."""
        self._write_catalogue()
        self.playbook("reference_values", 180)
        # One module of the distribution's that nothing names; nothing loads it either, until it is an attack.
        Values(self.site.directory / "reference_values").forget_module("dummy")
        self.playbook("enrol", 480)
        self.playbook("deploy", 480)
        return self.site.playbook("cycle", 240, **self.variables)

    def playbook(self, name: str, deadline: float, **variables: Any) -> None:
        """Run a playbook of the collection; it must succeed."""
        self.site.playbook(name, deadline, **self.variables, **variables)

    def answer(self, incident: Incident, person: str, answer: str) -> None:
        """Answer an incident as a person, whom AWX names."""
        self.site.playbook(
            "answer", 60, palantir_trust_incident=incident.id, palantir_trust_answer=answer, awx_user_name=person
        )

    def cycle(self, **variables: Any) -> Turn:
        """Run a cycle and return what came of it, whatever its exit status is."""
        before, shown, begun = self.ledger_end(), self._shown(), time.time()
        status = self.site.run(_CYCLE, CYCLE_S, {**self.variables, **variables})
        seconds = time.time() - begun
        entries = self.entries(before)
        return Turn(
            status,
            seconds,
            " ".join(self._shown()[len(shown) :].split()),
            tuple(body for kind, _subject, body in entries if kind == "decision"),
            tuple(_deeds(entries)),
            tuple(self.site.history(begun)),
        )

    def broken_cycle(self, until: Callable[[], bool], **variables: Any) -> None:
        """Run a cycle and kill its controller once something is so."""
        self.site.run_and_kill(_CYCLE, CYCLE_S, until, {**self.variables, **variables})

    def rules(self, name: str) -> dict[str, str]:
        """Return the variable that names a directory of the shipped tables, one replaced by this scenario's."""
        directory = self.site.directory / f"rules.{name}"
        if not directory.is_dir():
            shutil.copytree(_SHIPPED_RULES, directory)
            table = yaml.safe_load((_RULES / f"{name}.yml").read_text(encoding="utf-8"))["decision_table"]
            shutil.copy(_RULES / f"{name}.yml", directory / f"{table}.yml")
        return {"palantir_trust_rules": str(directory)}

    def incident(self, subject: str) -> Incident:
        """Return the newest incident of an instance, or of a node's layer as in ``node1/os``.

        Raises:
            ScenarioError: there is none.
        """
        found = [i for i in self.site.incidents() if subject in (i.layer.removeprefix("sc:"), f"{i.node}/{i.layer}")]
        if not found:
            raise ScenarioError(f"no incident of {subject} is on record")
        return found[-1]

    def attempts(self, incident: Incident) -> list[Attempt]:
        """Return the attempts at an incident."""
        with self.site.transaction() as connection:
            return attempts.of_incidents(connection, [incident.id])

    def deeds(self, incident: Incident, after: int = 0) -> list[Deed]:
        """Return what the ledger says was done about an incident after an entry of its."""
        return [deed for deed in _deeds(self.entries(after)) if deed.incident == incident.id]

    def has_noted(self, action: str, state: str) -> bool:
        """Tell whether an attempt that has no end has this step in this state."""
        with self.site.transaction() as connection:
            numbers = [incident.id for incident in incidents.still_open(connection)]
            going_on = [a for a in attempts.of_incidents(connection, numbers) if a.ended_at is None]
        return any((item["action"], item["state"]) == (action, state) for a in going_on for item in a.progress)

    def reset_count(self, node: str) -> int:
        """Return how often a node's TPM has been reset, by its last proven quote."""
        with self.site.transaction() as connection:
            record = identities.find(connection, node)
        return record.reset_count if record else 0

    def containers(self, *nodes: str) -> dict[str, str]:
        """Return what runs on nodes, asked of the nodes themselves: container and its first process."""
        form = "{{.Name}} {{.State.Pid}} {{.State.Status}}"
        found = {}
        for node in nodes or NODES:
            said = on_node(self.lab, node, f"podman ps -aq | xargs -r podman inspect --format '{form}'")
            found.update({f"{node} {line.split()[0]}": line for line in said.splitlines()})
        return found

    def entries(self, after: int) -> list[tuple[str, str, Any]]:
        """Return kind, subject and body of the ledger's entries after one."""
        with self.site.transaction() as connection:
            rows = connection.execute(
                select(ledger.c.kind, ledger.c.subject, ledger.c.body)
                .where(ledger.c.sequence > after, ledger.c.kind.in_(["decision", "action"]))
                .order_by(ledger.c.sequence)
            ).all()
        return [(row.kind, row.subject, json.loads(row.body)) for row in rows]

    def ledger_end(self) -> int:
        """Return the number of the ledger's last entry."""
        with self.site.transaction() as connection:
            return int(connection.execute(select(func.max(ledger.c.sequence))).scalar() or 0)

    def _shown(self) -> str:
        return self.site.log.read_text(encoding="utf-8", errors="replace") if self.site.log else ""

    def _write_catalogue(self) -> None:
        """Write the lab's catalogue with a second SC: the same service for guests, at another port, in two flavours."""
        directory = self.site.directory / "catalogue"
        shutil.copytree(_LAB_CATALOGUE, directory)
        archive = str(self.lab.paths.sc_images / "dns-filter.tar")
        plain = yaml.safe_load((directory / "dns-filter.yml").read_text(encoding="utf-8"))
        # What is done about an SC of one flavour is what the scenarios show; other flavours are others'.
        plain["flavours"] = [{**plain["flavours"][0], "archive": archive}]
        sc = yaml.safe_dump(plain)
        (directory / "dns-filter.yml").write_text(sc, encoding="utf-8")
        other = {"sc: dns-filter": "sc: guest-filter", "sc-dns-filter": "sc-guest-filter", "port: 5353": "port: 5354"}
        other["templates/dnsmasq.conf.j2"] = "templates/guests.conf.j2"
        for old, new in other.items():
            sc = sc.replace(old, new)
        (directory / "guest-filter.yml").write_text(_with_bare_flavour(sc), encoding="utf-8")
        template = (directory / "templates" / "dnsmasq.conf.j2").read_text(encoding="utf-8")
        (directory / "templates" / "guests.conf.j2").write_text(
            # It stays root of its own range, since in the one flavour it has no capability by which to give that up.
            template.replace("5353", "5354") + "no-daemon\n",
            encoding="utf-8",
        )


def _with_bare_flavour(sc: str) -> str:
    """Return a description of an SC with another flavour behind the first: the same image without a capability."""
    plain = yaml.safe_load(sc)
    [first] = plain["flavours"]
    bare = {name: value for name, value in first.items() if name != "capabilities"}
    plain["flavours"].append({**bare, "name": "bare", "reference_values": f"{first['reference_values']}-bare"})
    return str(yaml.safe_dump(plain))


def _of(entry: Mapping[str, Any], reason: str) -> tuple[str, str]:
    subject = entry["incident"]
    return subject["instance"] or f"{subject['node']}/{subject['layer']}", reason


def _deeds(entries: list[tuple[str, str, Any]]) -> list[Deed]:
    return [
        Deed(
            int(body["step"]["incident_id"]),
            str(body["step"]["action"]),
            str(body["step"]["node"]),
            body["step"]["instance"],
            str(body["outcome"]),
        )
        for kind, _subject, body in entries
        if kind == "action" and body.get("step")
    ]


__all__ = ["CYCLE_S", "DNS", "GUEST", "NODES", "Course", "Turn"]
