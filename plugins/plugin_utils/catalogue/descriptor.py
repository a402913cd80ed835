# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SC descriptors: what can run, as what, on which Reference Values, and how its health is probed.

A catalogue is a directory of YAML files, one SC in each, named after it (``dns-filter.yml``). :mod:`.schema` says the
same as JSON Schema.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue import values, words
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.entry import (
    Entry,
    Place,
    a_name,
    nearest,
    read,
    shown,
    unique,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.model import (
    ConfigurationFile,
    Descriptor,
    DnsProbe,
    DnsQuery,
    Flavour,
    HttpProbe,
    HttpRequest,
    Instances,
    Management,
    Placement,
    Port,
    Probe,
    Resources,
    TcpConnection,
    TcpProbe,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import StrictYamlError, Way, read_located

_T = TypeVar("_T")

REQUIRED: Final = ("sc", "description", "function", "version", "criticality", "flavours", "configuration", "probe")
OPTIONAL: Final = ("placement", "provider", "signer", "instances", "equivalent", "resources", "ports", "management")
FLAVOUR: Final = ("name", "driver", "archive", "reference_values")
FLAVOUR_OPTIONAL: Final = ("capabilities", "implementation", "command", "network", "components", "configuration")


def load_directory(directory: Path, others: Mapping[str, Descriptor] | None = None) -> dict[str, Descriptor]:
    """Read every descriptor of a catalogue.

    Args:
        directory: of the catalogue.
        others: SCs that are described elsewhere, and belong to it.

    Raises:
        CatalogueError: the directory or a file cannot be read, a file is not a descriptor, or one names an SC that is
            not there.
    """
    try:
        files = sorted(file for file in directory.iterdir() if file.suffix in (".yml", ".yaml"))
    except OSError as error:
        raise CatalogueError(
            f"catalogue {directory}", f"cannot be read: {error.strerror or error}.", "set palantir_trust_catalogue."
        ) from error
    found, places = dict(others or {}), {}
    for file in files:
        if file.suffix != ".yml":
            raise CatalogueError(str(file), "would not be read.", f"name the file {file.stem}.yml.")
        descriptor, lines = _load(file)
        if descriptor.sc in found:
            raise CatalogueError(str(file), "describes an SC that a package brought.", "remove one of them.")
        found[descriptor.sc] = descriptor
        places[descriptor.sc] = Place(str(file), lines=lines)
    for name, descriptor in found.items():
        check_names(descriptor, found, places.get(name))
    return found


def load_file(file: Path) -> Descriptor:
    """Read one descriptor; :func:`check_names` sees whether it fits among others.

    Raises:
        CatalogueError: the file cannot be read, is not a descriptor, or is not named after its SC.
    """
    return _load(file)[0]


def find(catalogue: Mapping[str, Descriptor], sc: str) -> Descriptor:
    """Return the descriptor of an SC, whether its package is withdrawn or not.

    Raises:
        CatalogueError: the catalogue does not name it; the message gives the nearest that it names, or all.
    """
    if sc not in catalogue:
        hint = nearest(sc, sorted(catalogue)) if catalogue else "the catalogue is empty: add the SC's descriptor."
        raise CatalogueError(f"SC {shown(sc)}", "is not in the catalogue.", hint)
    return catalogue[sc]


def select(catalogue: Mapping[str, Descriptor], sc: str) -> Descriptor:
    """Return the descriptor of an SC that may run.

    Raises:
        CatalogueError: as :func:`find`, or its package is withdrawn.
    """
    package = find(catalogue, sc).package
    if package is not None and package.withdrawn:
        raise CatalogueError(
            f"SC {sc}", f"its package is withdrawn: {package.withdrawn}.", "admit a package that is not denied."
        )
    return catalogue[sc]


def check_names(descriptor: Descriptor, catalogue: Mapping[str, Descriptor], where: Place | None = None) -> None:
    """See that the SCs that a descriptor names are in a catalogue, and that its stand-ins do what it does.

    Raises:
        CatalogueError: one is missing, or a stand-in has another function.
    """
    where = where or Place(f"SC {descriptor.sc}")
    named: list[tuple[Way, tuple[str, ...]]] = [
        (("equivalent",), descriptor.equivalent),
        (("placement", "affinity"), descriptor.placement.affinity),
        (("placement", "anti_affinity"), descriptor.placement.anti_affinity),
    ]
    known = {**catalogue, descriptor.sc: descriptor}
    for way, names in named:
        for number, name in enumerate(names):
            if name not in known:
                place = Place(where.subject, (*way, number), where.lines)
                raise place.error(f"the SC {shown(name)} is not in the catalogue.", nearest(name, sorted(known)))
    for number, name in enumerate(descriptor.equivalent):
        if known[name].function != descriptor.function:
            raise where.inside("equivalent", number).error(
                f"the SC {name} has the function {known[name].function}, not {descriptor.function}.",
                "only an SC of the same function can stand in.",
            )


def parse(data: Any, subject: str, lines: Mapping[Way, int] | None = None) -> Descriptor:
    """Return the descriptor that plain data describes.

    Args:
        data: as :mod:`.schema` describes it.
        subject: the name of its file, for errors.
        lines: the lines of the values in that file.

    Raises:
        CatalogueError: a key is missing, unknown or of the wrong type; the message names it.
    """
    entry = read(data, Place(subject, lines=lines or {}), REQUIRED, OPTIONAL)
    descriptor = Descriptor(
        sc=entry.name("sc"),
        description=entry.prose("description"),
        function=entry.choice("function", words.FUNCTIONS),
        version=entry.text("version"),
        criticality=entry.choice("criticality", words.CRITICALITIES),
        flavours=tuple(_flavour(item) for item in entry.entries("flavours", FLAVOUR, FLAVOUR_OPTIONAL)),
        configuration=_configuration(entry),
        probe=_probe(entry),
        placement=_placement(entry),
        provider=entry.text("provider") if entry.has("provider") else None,
        signer=entry.name("signer") if entry.has("signer") else None,
        instances=_instances(entry),
        equivalent=entry.texts("equivalent", a_name),
        resources=_resources(entry),
        ports=_ports(entry),
        management=_management(entry),
    )
    _check(descriptor, entry)
    return descriptor


def _check(descriptor: Descriptor, entry: Entry) -> None:
    """See that the parts of a descriptor fit together."""
    if not descriptor.flavours:
        raise entry.at("flavours").error("must name at least one.")
    unique((f.name for f in descriptor.flavours), entry.at("flavours"))
    if descriptor.sc in descriptor.equivalent:
        where = entry.where.inside("equivalent", descriptor.equivalent.index(descriptor.sc))
        raise where.error("an SC does not stand in for itself.", "remove it.")
    managed = descriptor.management.port if descriptor.management else None
    if any((port.port, port.protocol) == (managed, "tcp") for port in descriptor.ports):
        raise (
            entry.at("management")
            .inside("port")
            .error(f"{managed}/tcp is among the ports of the SC.", "choose another: its agent serves there.")
        )
    for number, flavour in enumerate(descriptor.flavours):
        probe = descriptor.probe
        reachable = any((port.port, port.protocol) == (probe.port, probe.protocol) for port in descriptor.ports)
        if flavour.network == "private" and not reachable:
            raise entry.where.inside("flavours", number, "network").error(
                f"the probe's port {probe.port}/{probe.protocol} is not among the ports of the SC.",
                "add it to ports: only those lead into a private network.",
            )


def _flavour(entry: Entry) -> Flavour:
    return Flavour(
        name=entry.name("name"),
        driver=entry.choice("driver", words.DRIVERS),
        archive=entry.text("archive"),
        reference_values=entry.name("reference_values"),
        capabilities=entry.texts("capabilities", values.capability),
        implementation=(
            values.component(entry.text("implementation"), entry.at("implementation"))
            if entry.has("implementation")
            else None
        ),
        command=entry.texts("command", values.any_text, repeated=True),
        network=entry.choice("network", words.NETWORKS, "host"),
        components=entry.texts("components", values.component),
        configuration=_configuration(entry) if entry.has("configuration") else None,
    )


def _configuration(entry: Entry) -> tuple[ConfigurationFile, ...]:
    files = tuple(
        ConfigurationFile(
            values.inner_path(item.text("path"), item.at("path")),
            values.template(item.text("template"), item.at("template")),
            item.choice("reload", words.RELOADS, "replace"),
        )
        for item in entry.entries("configuration", ("path", "template"), ("reload",))
    )
    unique((file.path for file in files), entry.at("configuration"))
    return files


def _probe(entry: Entry) -> Probe:
    where, data = entry.at("probe"), entry.data["probe"]
    # Before its keys, which are those of its type.
    kind = Entry(data, where).choice("type", words.PROBES, "dns") if isinstance(data, Mapping) else "dns"
    if kind == "http":
        return _http(read(data, where, ("type", "address", "port", "requests")))
    if kind == "tcp":
        return _tcp(read(data, where, ("type", "address", "port", "connections")))
    return _dns(read(data, where, ("address", "port", "queries"), ("type",)))


def _dns(entry: Entry) -> DnsProbe:
    queries = tuple(
        DnsQuery(values.domain(item.text("name"), item.at("name")), item.texts("addresses", values.ipv4))
        for item in entry.entries("queries", ("name", "addresses"))
    )
    return DnsProbe("dns", *_endpoint(entry), _checks(entry, "queries", queries))


def _http(entry: Entry) -> HttpProbe:
    requests = tuple(
        HttpRequest(
            path=values.url_path(item.text("path"), item.at("path")),
            status=item.number("status", 100, 599) if item.has("status") else 200,
            method=item.choice("method", words.METHODS, "GET"),
            host=values.domain(item.text("host"), item.at("host")) if item.has("host") else None,
            contains=item.text("contains") if item.has("contains") else None,
        )
        for item in entry.entries("requests", ("path",), ("status", "method", "host", "contains"))
    )
    return HttpProbe("http", *_endpoint(entry), _checks(entry, "requests", requests))


def _tcp(entry: Entry) -> TcpProbe:
    connections = tuple(
        TcpConnection(
            state=item.choice("state", words.STATES, "open"),
            port=item.number("port", 1, 65535) if item.has("port") else None,
            banner=item.text("banner") if item.has("banner") else None,
        )
        for item in entry.entries("connections", (), ("state", "port", "banner"))
    )
    if all(connection.state == "filtered" for connection in _checks(entry, "connections", connections)):
        raise entry.at("connections").error(
            "all are to meet silence, as they would where nothing is there.", "name a port that is open or closed."
        )
    return TcpProbe("tcp", *_endpoint(entry), connections)


def _checks(entry: Entry, key: str, checks: tuple[_T, ...]) -> tuple[_T, ...]:
    if not 0 < len(checks) <= words.CHECKS_LIMIT:
        raise entry.at(key).error(f"must have 1 to {words.CHECKS_LIMIT} items, not {len(checks)}.")
    return checks


def _endpoint(entry: Entry) -> tuple[str, int]:
    return values.address(entry.text("address"), entry.at("address")), entry.number("port", 1, 65535)


def _placement(entry: Entry) -> Placement:
    if not isinstance(entry.data.get("placement", ()), Mapping):
        return Placement(nodes=entry.texts("placement", values.any_text))
    inner = entry.entry("placement", (), ("nodes", "labels", "affinity", "anti_affinity"))
    return Placement(
        nodes=inner.texts("nodes", values.any_text),
        labels=inner.pairs("labels", values.label),
        affinity=inner.texts("affinity", a_name),
        anti_affinity=inner.texts("anti_affinity", a_name),
    )


def _instances(entry: Entry) -> Instances:
    if not entry.has("instances"):
        return Instances()
    inner = entry.entry("instances", (), ("min", "max"))
    least = inner.number("min", 0, words.INSTANCES_LIMIT) if inner.has("min") else 0
    most = inner.number("max", 1, words.INSTANCES_LIMIT) if inner.has("max") else None
    if most is not None and most < least:
        raise inner.at("max").error(f"{most} is less than min, {least}.")
    return Instances(least, most)


def _resources(entry: Entry) -> Resources:
    if not entry.has("resources"):
        return Resources()
    inner = entry.entry("resources", (), ("cpu", "memory", "pids", "storage"))
    return Resources(
        cpu=values.cores(inner.data["cpu"], inner.at("cpu")) if inner.has("cpu") else None,
        memory=values.size(inner.data["memory"], inner.at("memory")) if inner.has("memory") else None,
        pids=inner.number("pids", 1, words.PIDS_LIMIT) if inner.has("pids") else None,
        storage=values.size(inner.data["storage"], inner.at("storage")) if inner.has("storage") else None,
    )


def _ports(entry: Entry) -> tuple[Port, ...]:
    ports = []
    for item in entry.entries("ports", ("name", "port"), ("protocol", "internal")):
        port = item.number("port", 1, 65535)
        internal = item.number("internal", 1, 65535) if item.has("internal") else port
        ports.append(Port(item.name("name"), port, item.choice("protocol", words.PROTOCOLS, "tcp"), internal))
    unique((port.name for port in ports), entry.at("ports"))
    unique((f"{port.port}/{port.protocol}" for port in ports), entry.at("ports"))
    return tuple(ports)


def _management(entry: Entry) -> Management | None:
    if not entry.has("management"):
        return None
    inner = entry.entry("management", ("port",), ("address",))
    address = values.address(inner.text("address"), inner.at("address")) if inner.has("address") else words.EVERYWHERE
    return Management(inner.number("port", 1, 65535), address)


def _load(file: Path) -> tuple[Descriptor, Mapping[Way, int]]:
    if not is_name(file.stem):
        raise CatalogueError(str(file), "is not named after an SC.", "name it SC.yml.")
    try:
        located = read_located(file)
    except StrictYamlError as error:
        raise CatalogueError(str(file), str(error)) from error
    descriptor = parse(located.data, str(file), located.lines)
    if descriptor.sc != file.stem:
        raise Place(str(file), ("sc",), located.lines).error(
            f"describes SC {descriptor.sc!r}.", f"name the file {descriptor.sc}.yml."
        )
    return descriptor, located.lines


__all__ = [
    "Descriptor",
    "Flavour",
    "Placement",
    "check_names",
    "find",
    "load_directory",
    "load_file",
    "parse",
    "select",
]
