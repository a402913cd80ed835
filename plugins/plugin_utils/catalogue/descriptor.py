# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SC descriptors: what can run, as what, on which Reference Values, and how its health is probed.

A catalogue is a directory of YAML files, one SC in each, named after it (``dns-filter.yml``).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.capabilities import CAPABILITIES
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import (
    Entry,
    chosen,
    nearest,
    read,
    shown,
    unique,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import StrictYamlError, read_file

DRIVERS: Final = ("podman",)
CRITICALITIES: Final = ("low", "medium", "high")
PROBES: Final = ("dns",)

_PART: Final = re.compile(r"[A-Za-z0-9._+@-]{1,255}")
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


@dataclass(frozen=True)
class ConfigurationFile:
    """A file rendered by the controller: ``path`` inside the instance, ``template`` beside the catalogue."""

    path: str
    template: str


@dataclass(frozen=True)
class DnsQuery:
    """A query of type A and exactly the addresses that must answer it."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class DnsProbe:
    """A health probe by DNS queries to the instance, asked on its own node."""

    address: str
    port: int
    queries: tuple[DnsQuery, ...]


@dataclass(frozen=True)
class Flavour:
    """A deployment flavour: the driver that runs it, its image archive, and the name of its Reference Values."""

    name: str
    driver: str
    archive: str
    reference_values: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Descriptor:
    """One Security Capability."""

    sc: str
    description: str
    function: str
    version: str
    criticality: str
    flavours: tuple[Flavour, ...]
    configuration: tuple[ConfigurationFile, ...]
    probe: DnsProbe
    placement: tuple[str, ...] = ()

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
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


def load_directory(directory: Path) -> dict[str, Descriptor]:
    """Read every descriptor of a catalogue.

    Raises:
        CatalogueError: the directory or a file cannot be read, or a file is not a descriptor.
    """
    try:
        files = sorted(file for file in directory.iterdir() if file.suffix in (".yml", ".yaml"))
    except OSError as error:
        raise CatalogueError(
            f"catalogue {directory}", f"cannot be read: {error.strerror or error}.", "set palantir_trust_catalogue."
        ) from error
    found = {}
    for file in files:
        if file.suffix != ".yml":
            raise CatalogueError(str(file), "would not be read.", f"name the file {file.stem}.yml.")
        descriptor = _load(file)
        found[descriptor.sc] = descriptor
    return found


def select(catalogue: Mapping[str, Descriptor], sc: str) -> Descriptor:
    """Return the descriptor of an SC.

    Raises:
        CatalogueError: the catalogue does not name it; the message gives the nearest that it names, or all.
    """
    if sc not in catalogue:
        hint = nearest(sc, sorted(catalogue)) if catalogue else "the catalogue is empty: add the SC's descriptor."
        raise CatalogueError(f"SC {shown(sc)}", "is not in the catalogue.", hint)
    return catalogue[sc]


def parse(data: Any, subject: str) -> Descriptor:
    """Return the descriptor that plain data describes.

    Raises:
        CatalogueError: a key is missing, unknown or of the wrong type; the message names it.
    """
    required = ("sc", "description", "function", "version", "criticality", "flavours", "configuration", "probe")
    entry = read(data, subject, required, optional=("placement",))
    flavours = entry.entries("flavours", ("name", "driver", "archive", "reference_values"), ("capabilities",))
    configuration = entry.entries("configuration", ("path", "template"))
    descriptor = Descriptor(
        sc=entry.name("sc"),
        description=entry.prose("description"),
        function=entry.name("function"),
        version=entry.text("version"),
        criticality=entry.choice("criticality", CRITICALITIES),
        flavours=tuple(_flavour(item) for item in flavours),
        configuration=tuple(
            ConfigurationFile(_absolute(item.text("path"), item.at("path")), _inside(item.text("template"), item))
            for item in configuration
        ),
        probe=_probe(entry.entry("probe", ("address", "port", "queries"), ("type",))),
        placement=entry.texts("placement", lambda text, _where: text),
    )
    if not descriptor.flavours:
        raise CatalogueError(entry.at("flavours"), "must name at least one.")
    unique((f.name for f in descriptor.flavours), entry.at("flavours"))
    unique((f.path for f in descriptor.configuration), entry.at("configuration"))
    return descriptor


def _flavour(entry: Entry) -> Flavour:
    return Flavour(
        name=entry.name("name"),
        driver=entry.choice("driver", DRIVERS),
        archive=entry.text("archive"),
        reference_values=entry.name("reference_values"),
        capabilities=entry.texts("capabilities", _capability),
    )


def _capability(text: str, where: str) -> str:
    return chosen(text.removeprefix("CAP_"), CAPABILITIES, where)


def _probe(entry: Entry) -> DnsProbe:
    if entry.has("type"):
        entry.choice("type", PROBES)
    queries = tuple(
        DnsQuery(_domain(item.text("name"), item.at("name")), item.texts("addresses", _ipv4))
        for item in entry.entries("queries", ("name", "addresses"))
    )
    if not queries:
        raise CatalogueError(entry.at("queries"), "must ask at least one question.")
    return DnsProbe(_ip(entry.text("address"), entry.at("address")), entry.number("port", 1, 65535), queries)


def _absolute(path: str, where: str) -> str:
    """Return a path inside an instance, which also becomes an argument to its driver.

    Raises:
        CatalogueError: it is relative, leaves its place, or has a character that an argument may not have.
    """
    _root, *parts = path.split("/")
    if not path.startswith("/") or not _plain(parts):
        raise CatalogueError(
            where,
            f"{shown(path)} is not an absolute path in its shortest form.",
            "use letters, digits and ._+@- between slashes, no '.', '..' or empty part.",
        )
    return path


def _inside(path: str, entry: Entry) -> str:
    if not _plain(path.split("/")):
        raise CatalogueError(
            entry.at("template"),
            f"{shown(path)} is not the path of a file in the catalogue's directory.",
            "put it there, and use letters, digits and ._+@- between slashes, no '..'.",
        )
    return path


def _plain(parts: list[str]) -> bool:
    return len(parts) <= 32 and all(_PART.fullmatch(part) and part not in (".", "..") for part in parts)


def _ip(text: str, where: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise CatalogueError(where, f"{shown(text)} is not an IP address.") from None


def _ipv4(text: str, where: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise CatalogueError(where, f"{shown(text)} is not an IPv4 address.") from None


def _domain(text: str, where: str) -> str:
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.rstrip(".").split(".")):
        raise CatalogueError(where, f"{shown(text)} is not a DNS name.")
    return text


def _load(file: Path) -> Descriptor:
    if not is_name(file.stem):
        raise CatalogueError(str(file), "is not named after an SC.", "name it SC.yml.")
    try:
        data = read_file(file)
    except StrictYamlError as error:
        raise CatalogueError(str(file), str(error)) from error
    descriptor = parse(data, str(file))
    if descriptor.sc != file.stem:
        raise CatalogueError(str(file), f"describes SC {descriptor.sc!r}.", f"name the file {descriptor.sc}.yml.")
    return descriptor


__all__ = [
    "ConfigurationFile",
    "Descriptor",
    "DnsProbe",
    "DnsQuery",
    "Flavour",
    "load_directory",
    "parse",
    "select",
]
