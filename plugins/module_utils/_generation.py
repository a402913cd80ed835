# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One generation of an SC instance: what is to run on a node, whatever runs it.

All names are checked here, once: they become paths, arguments, names of units and of network namespaces.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, NamedTuple, NoReturn, Optional, Sequence, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

NETWORKS = ("host", "private")
PROTOCOLS = ("tcp", "udp")
RELOADS = ("none", "signal", "replace")
IMAGES = ".images"
"""Directory beside those of the instances, whose names never begin with a dot: root-tree archives by their digests."""
SERVICE, MONITORED = "palantir-sc-", "palantir-podman-"
"""What names of services begin with."""
FIRST_RANGE = 1 << 16
"""Owners below it are the node's own users."""
_END_OF_OWNERS = 1 << 31
"""systemd-nspawn's devpts takes no owner from here on."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_IMAGE = re.compile(r"[0-9a-f]{64}")
_CAPABILITY = re.compile(r"[A-Z][A-Z_]{1,30}")
_PART = re.compile(r"[A-Za-z0-9._+@-]{1,255}")
_WORDS, _WORD = 256, 4096
_ITEMS = 256
_GENERATIONS = 1_000_000_000


class File(NamedTuple):
    """A rendered configuration file: absolute path inside the instance, content, and how a change of it is read."""

    path: str
    content: str
    reload: str = "replace"


class Port(NamedTuple):
    """A port of the node, its protocol, and the port of the instance that serves it."""

    port: int
    protocol: str
    internal: int


class Resources(NamedTuple):
    """Limits: processors, bytes of memory, number of processes and threads. None is no limit."""

    cpu: Optional[float] = None
    memory: Optional[int] = None
    pids: Optional[int] = None


class Generation(NamedTuple):
    """What is to run, and where it is kept.

    Attributes:
        name: of the instance.
        number: of the generation, which no other of the instance ever has.
        driver: what runs it.
        directory: of the instance on the node.
        image: id of the image, 64 hexadecimal digits.
        uid_base: first owner of its range.
        uid_count: size of the range.
        capabilities: those that it keeps, without ``CAP_``.
        command: argv in place of the image's own.
        files: rendered configuration.
        ports: what it serves.
        network: the node's own (``host``), or a namespace of its own (``private``).
        resources: its limits.
    """

    name: str
    number: int
    driver: str
    directory: str
    image: str = ""
    uid_base: int = 0
    uid_count: int = 1 << 16
    capabilities: Sequence[str] = ()
    command: Sequence[str] = ()
    files: Sequence[File] = ()
    ports: Sequence[Port] = ()
    network: str = "host"
    resources: Resources = Resources()

    @property
    def tag(self) -> str:
        """Its own name: of the container, of the machine, of the network namespace."""
        return "%s-g%d" % (self.name, self.number)

    @property
    def unit(self) -> str:
        """Name of its service; what runs in one of podman's is in a control group of podman's, or its monitor."""
        return (MONITORED if self.driver == "podman" else SERVICE) + self.tag + ".service"

    @property
    def place(self) -> str:
        """Directory of what belongs to it alone."""
        return os.path.join(self.directory, "g%d" % self.number)

    @property
    def archive(self) -> str:
        """Where its root-tree archive is, for drivers that unpack one."""
        return os.path.join(os.path.dirname(self.directory), IMAGES, self.image + ".tar")

    @property
    def root(self) -> str:
        """Where its root tree is, for drivers that unpack one."""
        return os.path.join(self.place, "root")

    @property
    def private(self) -> bool:
        """Whether it has a network namespace of its own."""
        return self.network == "private"


def is_name(name: object) -> bool:
    """Tell whether this is the name of an instance."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked(generation: Generation) -> Generation:
    """Return a generation whose every part may become an argument, a path or a line of a unit.

    Raises:
        NodeError: ``bad_argument``, naming the part.
    """
    checked_place(generation)
    if not _IMAGE.fullmatch(generation.image):
        _refuse("image", generation.image, "give the 64 hexadecimal digits of the image's id")
    first, count = generation.uid_base, generation.uid_count
    if first < FIRST_RANGE or not 0 < count <= _END_OF_OWNERS - first:
        _refuse("uid_base", first, "give a range from %d to %d" % (FIRST_RANGE, _END_OF_OWNERS - 1))
    for capability in _few("capabilities", generation.capabilities):
        if not _CAPABILITY.fullmatch(capability):
            _refuse("capabilities", capability, "see capabilities(7), and leave CAP_ out")
    for word in _few("command", generation.command):
        if not 0 < len(word) <= _WORD or any(ord(sign) < 32 or ord(sign) == 127 for sign in word):
            _refuse("command", word, "use words without control characters")
    if generation.command and not _is_path(generation.command[0]):
        _refuse("command", generation.command[0], "begin with the absolute path of a program")
    for file in _few("files", generation.files):
        if not _is_path(file.path) or file.reload not in RELOADS:
            _refuse("files", file.path, "give an absolute path in its shortest form, and reload as one of its choices")
    _check_ports(generation)
    _check_resources(generation.resources)
    return generation


def checked_place(generation: Generation) -> Generation:
    """Return a generation whose name, number, directory and network are in order; the rest is not looked at.

    Raises:
        NodeError: ``bad_argument``, naming the part.
    """
    if not is_name(generation.name):
        _refuse("name", generation.name, "see docs/catalogue.md")
    if not 0 < generation.number < _GENERATIONS:
        _refuse("generation", generation.number, "number generations from 1 up")
    if not _is_path(generation.directory) or os.path.basename(generation.directory) != generation.name:
        _refuse("directory", generation.directory, "give an absolute path that ends with the instance's name")
    if generation.network not in NETWORKS:
        _refuse("network", generation.network, "use one of: %s" % ", ".join(NETWORKS))
    return generation


def record(generation: Generation) -> Dict[str, Any]:
    """Return what is kept of a generation on the node, as plain data: never the content of its files."""
    kept = ("name", "number", "driver", "image", "uid_base", "uid_count", "network")
    plain: Dict[str, Any] = {key: getattr(generation, key) for key in kept}
    plain["capabilities"] = list(generation.capabilities)
    plain["command"] = list(generation.command)
    plain["ports"] = [list(port) for port in generation.ports]
    plain["resources"] = list(generation.resources)
    plain["files"] = [[file.path, file.reload] for file in generation.files]
    return plain


def recorded(plain: Mapping[str, Any], directory: str) -> Generation:
    """Return the generation that a record tells of; its files have no content.

    Raises:
        NodeError: ``bad_argument``: it is no such record.
    """
    try:
        return checked(
            Generation(
                directory=directory,
                capabilities=[str(name) for name in plain["capabilities"]],
                command=[str(word) for word in plain["command"]],
                ports=[Port(int(port), str(protocol), int(internal)) for port, protocol, internal in plain["ports"]],
                resources=Resources(*plain["resources"]),
                files=[File(str(path), "", str(reload)) for path, reload in plain["files"]],
                name=str(plain["name"]),
                number=int(plain["number"]),
                driver=str(plain["driver"]),
                image=str(plain["image"]),
                uid_base=int(plain["uid_base"]),
                uid_count=int(plain["uid_count"]),
                network=str(plain["network"]),
            )
        )
    except (KeyError, TypeError, ValueError):
        raise NodeError(
            "bad_argument", "A record below %s cannot be read." % directory, "deploy the SC again."
        ) from None


def _check_ports(generation: Generation) -> None:
    seen: List[Tuple[int, str]] = []
    for item in _few("ports", generation.ports):
        if item.protocol not in PROTOCOLS or not all(0 < number < 65536 for number in (item.port, item.internal)):
            _refuse("ports", tuple(item), "give numbers from 1 to 65535, and tcp or udp")
        if (item.port, item.protocol) in seen:
            _refuse("ports", tuple(item), "name each port of the node once")
        seen.append((item.port, item.protocol))


def _check_resources(resources: Resources) -> None:
    cpu, memory, pids = resources
    if cpu is not None and not 0.01 <= cpu <= 1024:
        _refuse("resources.cpu", cpu, "give processors, from 0.01 up")
    if memory is not None and not 1 << 20 <= memory < 1 << 50:
        _refuse("resources.memory", memory, "give bytes, from 1 MiB up")
    if pids is not None and not 0 < pids <= 1 << 22:
        _refuse("resources.pids", pids, "give a number from 1 up")


def _few(what: str, items: Sequence[Any]) -> Sequence[Any]:
    if len(items) > _ITEMS:
        _refuse(what, len(items), "give at most %d" % _ITEMS)
    return items


def _is_path(path: str) -> bool:
    """Tell whether a path may stand in a unit and in a mount's argument: absolute, in its shortest form, plain."""
    root, *parts = path.split("/")
    return not root and 0 < len(parts) <= 32 and all(_PART.fullmatch(p) and p not in (".", "..") for p in parts)


def _refuse(what: str, value: object, next_step: str) -> NoReturn:
    raise NodeError("bad_argument", "%s: %.80r is not accepted." % (what, value), next_step + ".")


__all__ = [
    "FIRST_RANGE",
    "IMAGES",
    "MONITORED",
    "NETWORKS",
    "PROTOCOLS",
    "RELOADS",
    "SERVICE",
    "File",
    "Generation",
    "Port",
    "Resources",
    "checked",
    "checked_place",
    "is_name",
    "record",
    "recorded",
]
