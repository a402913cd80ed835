# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a descriptor says, as frozen types. :mod:`.descriptor` reads them.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import nearest, shown
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError


@dataclass(frozen=True)
class ConfigurationFile:
    """A file rendered by the controller: ``path`` inside the instance, ``template`` beside the catalogue.

    ``reload`` is what a running instance needs to read it anew: ``none``, ``signal`` or ``replace``.
    """

    path: str
    template: str
    reload: str = "replace"


@dataclass(frozen=True)
class DnsQuery:
    """A query of type A and exactly the addresses that must answer it."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class DnsProbe:
    """A health probe by DNS queries over UDP to the instance, asked on its own node."""

    type: str
    address: str
    port: int
    queries: tuple[DnsQuery, ...]

    protocol = "udp"


@dataclass(frozen=True)
class HttpRequest:
    """A request, the status that must answer it, and a text that the answer must contain, if one is named.

    ``path`` is sent as it is; ``host`` is the probe's address and port where None.
    """

    path: str
    status: int
    method: str
    host: str | None
    contains: str | None


@dataclass(frozen=True)
class HttpProbe:
    """A health probe by HTTP requests, asked on its own node."""

    type: str
    address: str
    port: int
    requests: tuple[HttpRequest, ...]

    protocol = "tcp"


@dataclass(frozen=True)
class TcpConnection:
    """The state in which a port must be, and a text that the instance must say first, if one is named.

    ``port`` is one of the instance; the probe's where None.
    """

    state: str
    port: int | None
    banner: str | None


@dataclass(frozen=True)
class TcpProbe:
    """A health probe by TCP connections, asked on its own node: one of them at least is not to meet silence."""

    type: str
    address: str
    port: int
    connections: tuple[TcpConnection, ...]

    protocol = "tcp"


Probe = DnsProbe | HttpProbe | TcpProbe


@dataclass(frozen=True)
class Port:
    """A port of the node that leads to ``internal`` of the instance; the same one on the node's own network."""

    name: str
    port: int
    protocol: str
    internal: int


@dataclass(frozen=True)
class Management:
    """Where the agent beside an instance serves, over mutual TLS alone: a TCP port of the node, and its address."""

    port: int
    address: str


@dataclass(frozen=True)
class Resources:
    """What an instance may use at most: cores, bytes of memory, processes, bytes of storage; None for no bound."""

    cpu: float | None = None
    memory: int | None = None
    pids: int | None = None
    storage: int | None = None


@dataclass(frozen=True)
class Instances:
    """How many sound instances remediation must leave alone, and how many there may be; None for any number."""

    min: int = 0
    max: int | None = None


@dataclass(frozen=True)
class Placement:
    """Where instances may run.

    Attributes:
        nodes: nodes; any where there is none.
        labels: what a node must have.
        affinity: SCs that must have an instance on the node.
        anti_affinity: SCs that must have none there; an SC that names itself has one instance per node.
    """

    nodes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    affinity: tuple[str, ...] = ()
    anti_affinity: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flavour:
    """A deployment flavour.

    Attributes:
        name: its name.
        driver: what runs it.
        archive: its image: a path, relative to the catalogue's directory or absolute.
        reference_values: name of the Reference Values of that image.
        capabilities: Linux capabilities that it needs.
        implementation: the program that does the work, with its version; None where it is not told.
        command: what is run instead of the image's own command; none for that.
        network: ``host``, or ``private`` for a network namespace of its own.
        components: what it is made of, beside what nodes and images tell.
        configuration: its files in place of the SC's; None for those of the SC.
    """

    name: str
    driver: str
    archive: str
    reference_values: str
    capabilities: tuple[str, ...] = ()
    implementation: str | None = None
    command: tuple[str, ...] = ()
    network: str = "host"
    components: tuple[str, ...] = ()
    configuration: tuple[ConfigurationFile, ...] | None = None


@dataclass(frozen=True)
class Package:
    """The package that a descriptor came in: its digest, who signed it, and why it counts no more; empty if it does."""

    digest: str
    signer: str
    withdrawn: str = ""


@dataclass(frozen=True)
class Descriptor:
    """One Security Capability; ``package`` is None where the site itself describes it."""

    sc: str
    description: str
    function: str
    version: str
    criticality: str
    flavours: tuple[Flavour, ...]
    configuration: tuple[ConfigurationFile, ...]
    probe: Probe
    placement: Placement = Placement()
    provider: str | None = None
    signer: str | None = None
    instances: Instances = Instances()
    equivalent: tuple[str, ...] = ()
    resources: Resources = Resources()
    ports: tuple[Port, ...] = ()
    management: Management | None = None
    package: Package | None = None

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form: every key of the descriptor, those left out with their defaults."""
        return asdict(self)

    def flavour(self, name: str) -> Flavour:
        """Return a flavour by name.

        Raises:
            CatalogueError: the SC has none of that name.
        """
        for flavour in self.flavours:
            if flavour.name == name:
                return flavour
        raise CatalogueError(
            f"SC {self.sc}", f"has no flavour {shown(name)}.", nearest(name, [f.name for f in self.flavours])
        )

    def configuration_of(self, flavour: Flavour) -> tuple[ConfigurationFile, ...]:
        """Return the files that a flavour reads."""
        return self.configuration if flavour.configuration is None else flavour.configuration


__all__ = [
    "ConfigurationFile",
    "Descriptor",
    "DnsProbe",
    "DnsQuery",
    "Flavour",
    "HttpProbe",
    "HttpRequest",
    "Instances",
    "Management",
    "Package",
    "Placement",
    "Port",
    "Probe",
    "Resources",
    "TcpConnection",
    "TcpProbe",
]
