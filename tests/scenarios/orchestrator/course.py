# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The course of the orchestrator's scenario: a site with one SC in four flavours and two more in one, and its verbs."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.qemu import MANAGEMENT
from tests.scenarios.attacks import on_node
from tests.scenarios.site import ROOT, ScenarioError, Site

NODES: Final = ("node1", "node2")
SC: Final = "dns-filter"
FIRST, SECOND = f"{SC}-1", f"{SC}-2"
GUARDS: Final = {"waf": "systemd", "firewall": "nspawn"}
"""Further SCs, and the one driver of each here."""
DRIVERS: Final = ("podman", "nspawn", "systemd")
PORT: Final = 5353
HEALTH: Final = "health.dns-filter.test"
VERB_S: Final = 600.0
_ORCHESTRATE: Final = ROOT / "playbooks" / "orchestrate.yml"
_LAB_CATALOGUE: Final = ROOT / "inventories" / "lab" / "catalogue"
_LOAD: Final = Path(__file__).with_name("load.py")
_STOP: Final = "/run/load.stop"
_LOAD_S: Final = 700.0
"""Longer than what asks on the node goes on by itself."""
MANAGED: Final = {"port": MANAGEMENT}
"""At the address that it has where none is named: the node's network is what the lab forwards to."""
_ASK: Final = """
import socket, struct, sys
port, name = int(sys.argv[1]), sys.argv[2]
labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(3)
asked.connect(("127.0.0.1", port))
try:
    asked.send(struct.pack(">HHHHHH", 7, 256, 1, 0, 0, 0) + labels + b"\\0" + struct.pack(">HH", 1, 1))
    answer = asked.recv(512)
    print(socket.inet_ntoa(answer[-4:]) if answer[6:8] != b"\\0\\0" else "none")
except OSError:
    print("silent")
"""


@dataclass
class Load:
    """What was asked of a node's DNS filter while something was done: see ``load.py``."""

    sent: int = 0
    lost: int = 0
    gap_ms: int = 0


@dataclass(frozen=True)
class Course:
    """The site of the scenario, or one lane of it with a log of its own.

    Attributes:
        site: its directory and store.
        lab: the guests.
        seconds: how long verbs took, by verb and driver; by verb and SC for the further ones.
    """

    site: Site
    lab: Lab
    seconds: dict[tuple[str, str], float] = field(default_factory=dict)

    def lane(self, name: str) -> Course:
        """Return the same with a log of its own."""
        return replace(self, site=replace(self.site, log=self.site.directory / f"{name}.log"))

    @property
    def variables(self) -> dict[str, Any]:
        """Extra variables of all playbooks."""
        image = self.lab.paths.image
        made = [
            ("host", "node-image", str(image / "rootfs.tar")),
            ("boot", "node-boot", str(image / "esp")),
            ("sc", SC, str(self.lab.paths.sc_images / "dns-filter-unbound.tar")),
            *(("sc", sc, str(self.lab.paths.sc_images / f"{sc}.rootfs.tar")) for sc in GUARDS),
        ]
        return {
            "palantir_trust_catalogue": str(self.site.directory / "catalogue"),
            "palantir_trust_reference_values": str(self.site.directory / "reference_values"),
            "palantir_trust_images": [
                {"kind": kind, "name": name, "source": source, "document": f"{kind}-{name}"}
                for kind, name, source in made
            ],
            # On a machine that others use, too, a verb may take longer than a site lets a result count.
            "orchestrate_max_age": 7200,
            "palantir_trust_instances": [{"instance": FIRST, "sc": SC, "node": "node1"}],
        }

    def prepare(self, beside: Callable[[], None]) -> None:
        """Make Reference Values, enrol and attest the nodes, and deploy the first instance.

        Args:
            beside: what else there is to do while that is deployed.
        """
        self.playbook("reference_values", 240)
        self.playbook("enrol", 600)
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(beside)
            self.playbook("deploy", 600)
        other.result()
        # A place is chosen among nodes that have proved their integrity.
        self.playbook("attest", 240)

    def playbook(self, name: str, deadline: float, **variables: Any) -> float:
        """Run a playbook of the collection; it must succeed."""
        return self.site.playbook(name, deadline, **{**self.variables, **variables})

    def played(self, playbook: Path, deadline: float, limit: str = "", **variables: Any) -> None:
        """Run a playbook of the scenario's own; it must succeed."""
        if self.site.run(playbook, deadline, {**self.variables, **variables}, limit):
            raise ScenarioError(f"playbook {playbook.stem} failed; its output is {self.site.shown_in}")

    def verb(self, verb: str, instance: str | None = None, driver: str = "", **variables: Any) -> float:
        """Carry out a verb, and note how long it took."""
        given = {"palantir_trust_verb": verb} | ({"palantir_trust_instance": instance} if instance else {})
        seconds = self.playbook("orchestrate", VERB_S, **given, **variables)
        if driver:
            self.seconds[verb, driver] = seconds
        return seconds

    def refused(self, verb: str, instance: str, **variables: Any) -> str:
        """Carry out a verb that must fail; return what it says."""
        before = self.shown()
        given = {"palantir_trust_verb": verb, "palantir_trust_instance": instance}
        if self.site.run(_ORCHESTRATE, VERB_S, {**self.variables, **given, **variables}) == 0:
            raise ScenarioError(f"{verb} {instance} was not refused; see {self.site.log}")
        return " ".join(self.shown()[len(before) :].split())

    def shown(self) -> str:
        """Return what the playbooks said."""
        log = self.site.log
        return log.read_text(encoding="utf-8", errors="replace") if log and log.is_file() else ""

    def instance(self, name: str) -> InstanceRecord:
        """Return what is live of an instance.

        Raises:
            ScenarioError: nothing is.
        """
        found = self.site.living().get(name)
        if found is None:
            raise ScenarioError(f"nothing of {name} is live")
        return found

    def ask(self, node: str, name: str = HEALTH) -> str:
        """Return the address that a node's DNS filter answers with, ``none`` or ``silent``."""
        return on_node(self.lab, node, f"python3 - {PORT} {name}", _ASK.encode()).strip()

    @contextmanager
    def under_load(self, node: str) -> Iterator[Load]:
        """Ask a node's DNS filter throughout the body; what came of it is known behind it."""
        load, failed = Load(), []

        def run() -> None:
            try:
                asked = f"rm -f {_STOP}; python3 - {PORT} {HEALTH} {_STOP}"
                done = self.lab.ssh(node, asked, timeout_s=_LOAD_S, stdin=_LOAD.read_bytes())
                load.__dict__.update(json.loads(done.stdout))
            except (LabError, ValueError) as error:
                failed.append(str(error))

        asking = threading.Thread(target=run)
        asking.start()
        try:
            yield load
        finally:
            on_node(self.lab, node, f"touch {_STOP}")
            asking.join(120)
        if failed or not load.sent:
            raise ScenarioError(f"{node}: nothing was asked under load: {failed}")

    def write_catalogue(self) -> None:
        """Write a catalogue: of one SC by each driver with a network of its own, and once with the node's; of the
        others by one driver.
        """
        directory = self.site.directory / "catalogue"
        shutil.copytree(_LAB_CATALOGUE / "templates", directory / "templates")
        plain: dict[str, Any] = yaml.safe_load((_LAB_CATALOGUE / "dns-filter-unbound.yml").read_text(encoding="utf-8"))
        for key in ("equivalent", "resources"):
            plain.pop(key, None)
        plain |= {
            "sc": SC,
            "instances": {"min": 1, "max": 2},
            "ports": [{"name": "dns", "port": PORT, "protocol": "udp"}],
            "probe": {**plain["probe"], "port": PORT, "queries": plain["probe"]["queries"][:1]},
            "flavours": [self._flavour(flavour) for flavour in plain["flavours"]],
        }
        plain["flavours"].append({**plain["flavours"][0], "name": "host", "network": "host"})
        _write(directory, plain)
        for sc, driver in GUARDS.items():
            plain = yaml.safe_load((_LAB_CATALOGUE / f"{sc}.yml").read_text(encoding="utf-8"))
            flavours = [self._flavour(flavour, sc) for flavour in plain["flavours"] if flavour["name"] == driver]
            _write(directory, {**plain, "flavours": flavours} | ({"management": MANAGED} if sc == "waf" else {}))

    def _flavour(self, plain: Mapping[str, Any], sc: str = SC) -> dict[str, Any]:
        archive = self.lab.paths.sc_images / Path(plain["archive"]).name
        return {**plain, "archive": str(archive), "reference_values": f"sc-{sc}"}


def _write(directory: Path, plain: Mapping[str, Any]) -> None:
    (directory / f"{plain['sc']}.yml").write_text(yaml.safe_dump(dict(plain), sort_keys=False), encoding="utf-8")


__all__ = [
    "DRIVERS",
    "FIRST",
    "GUARDS",
    "HEALTH",
    "NODES",
    "PORT",
    "SC",
    "SECOND",
    "Course",
    "Load",
]
