# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of an instance's generations on a node, whatever drives them.

On the node's own network the generation before has to stop first: its ports are the next one's. With networks of their
own both run side by side, until the new one is promoted.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import re
import time
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Sequence

from ansible_collections.palantir.trust.plugins.module_utils import (
    _agent,
    _front,
    _instance_files,
    _nspawn,
    _podman,
    _private_network,
    _systemd_unit,
    _units,
)
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import MONITORED, SERVICE, Generation, is_name
from ansible_collections.palantir.trust.plugins.module_utils._isolation import end_of_instance, ssh_port
from ansible_collections.palantir.trust.plugins.module_utils._preserved import LIMIT
from ansible_collections.palantir.trust.plugins.module_utils._probe import probe

LOCKS = "/run/palantir.trust/locks"
"""A file for each instance, locked by who acts on it."""
_LOCK_S = 300.0
_LOCK_PAUSE_S = 0.1
_PROBE_S = 1.0
_PROBES = 40


class Driver(Protocol):
    """What runs generations."""

    def prepare(self, generation: Generation) -> None:
        """Make all ready to run a generation."""

    def start(self, generation: Generation) -> str:
        """Run it, or run it again; return the name or id of its container in the node's control groups."""

    def halt(self, generation: Generation) -> None:
        """End all its processes at once, also those that are frozen; what shows how it was changed stays."""

    def stop(self, generation: Generation) -> None:
        """Let its program end."""

    def reload(self, generation: Generation) -> None:
        """Tell its program to read its configuration anew."""

    def process(self, generation: Generation) -> int:
        """Return the process on the node that is its program; 0 where none is known."""

    def freeze(self, generation: Generation) -> bool:
        """Stop all its processes where they stand; return whether any ran."""

    def preserve(self, generation: Generation) -> Dict[str, bytes]:
        """Return what shows how it was changed, by file name."""

    def remove(self, generation: Generation) -> bool:
        """Remove it, running or not; return whether anything was there."""


DRIVERS: Mapping[str, Driver] = {"nspawn": _nspawn, "podman": _podman, "systemd": _systemd_unit}

Probe = Optional[Mapping[str, Any]]


class Place(NamedTuple):
    """An instance on a node: its name, and the directory of what is kept of it."""

    name: str
    directory: str


@contextlib.contextmanager
def alone(name: str) -> Iterator[None]:
    """Act on an instance while nobody else does on this node: two that replace each other would leave none.

    Raises:
        NodeError: ``busy``, ``not_writable``.
    """
    try:
        os.makedirs(LOCKS, mode=0o700, exist_ok=True)
        lock = open(os.path.join(LOCKS, name), "a")  # noqa: SIM115 - below
    except OSError as error:
        raise NodeError("not_writable", "%s: %s." % (LOCKS, error.strerror), "check the node's /run.") from None
    with lock:
        until = time.monotonic() + _LOCK_S
        while not _locked(lock.fileno()):
            if time.monotonic() > until:
                raise NodeError("busy", "%s is being changed by another task." % name, "wait for its end.")
            time.sleep(_LOCK_PAUSE_S)
        yield


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def started(
    wanted: Generation, health: Probe, replace_previous: bool, displace_previous: bool = False
) -> Dict[str, Any]:
    """Run a generation until it answers its probe; with ``replace_previous`` in the place of all others.

    With ``displace_previous``, what has the node's ports is ended, and kept: it can be run again.

    Raises:
        NodeError: ``superseded``, ``generation_in_the_way``, ``bad_argument``, the codes of the driver, of the probe,
            and of the networks.
    """
    place = Place(wanted.name, wanted.directory)
    others = [found for found in _all(place) if found.number != wanted.number]
    newer = [other.number for other in others if other.number > wanted.number and _units.running(other.unit)]
    if replace_previous and newer:
        raise NodeError(
            "superseded",
            "%s comes too late: generation %d is here." % (wanted.tag, newer[-1]),
            "see what lives with palantir.trust.sc_instance_info.",
        )
    result: Dict[str, Any] = {"changed": False}
    if _instance_files.read(wanted.directory, wanted.number) is None or not _units.running(wanted.unit):
        in_the_way = [] if wanted.private else [other for other in others if _units.running(other.unit)]
        if in_the_way and not (replace_previous or displace_previous):
            raise _in_the_way(wanted)
        result = {"changed": True, **_begun(wanted, in_the_way, health)}
    else:
        _healthy(wanted, health)
    if replace_previous:
        result["changed"] |= wanted.private and _promote(wanted, others)
        result["changed"] |= _removed(place, others)
        _reopened(place)
    return {**result, "files": _instance_files.digests(wanted.files)}


def configured(wanted: Generation, health: Probe, check: bool = False) -> Dict[str, Any]:
    """Give a running generation other content of its files, and have it read them.

    Returns:
        ``changed``, ``files`` (the digest of each file), ``rewritten`` (paths), and ``reloaded``.

    Raises:
        NodeError: ``not_running``, ``needs_replacement``, the codes of the driver and of the probe.
    """
    driver = DRIVERS[wanted.driver]
    known = _record(Place(wanted.name, wanted.directory), wanted.number)
    if not _units.running(known.unit):
        raise _not_running(wanted)
    if {file.path for file in known.files} != {file.path for file in wanted.files}:
        raise _needs_replacement(wanted, "it has other files than it was started with")
    if not check:
        _noted(known)
    files = _instance_files.changed(wanted)
    fixed = [file.path for file in files if file.reload == "replace"]
    if fixed:
        raise _needs_replacement(wanted, "its program reads %s only once" % fixed[0])
    reloaded = any(file.reload == "signal" for file in files)
    if files and not check:
        _instance_files.rewrite(wanted, files)
        if reloaded:
            driver.reload(known)
        _healthy(known, health)
    return {
        "changed": bool(files),
        "files": _instance_files.digests(wanted.files),
        "rewritten": [file.path for file in files],
        "reloaded": reloaded,
    }


def answering(place: Place, number: int, health: Probe) -> Dict[str, Any]:
    """Wait until a generation that runs answers its probe.

    Raises:
        NodeError: ``no_generation``, ``not_running``, the codes of the probe.
    """
    known = _record(place, number)
    if not _units.running(known.unit):
        raise _not_running(known)
    _noted(known)
    _healthy(known, health)
    return {"changed": False}


def operating(place: Place, number: int, health: Probe) -> Dict[str, Any]:
    """Run a generation again that was stopped in this boot.

    Raises:
        NodeError: ``no_generation``, ``generation_in_the_way``, the codes of the driver and of the probe.
    """
    known = _record(place, number)
    driver = DRIVERS[known.driver]
    ran = _units.running(known.unit)
    if not ran and not known.private and _on_the_nodes_network(place, known):
        raise _in_the_way(known)
    result: Dict[str, Any] = {} if ran else {"container": driver.start(known)}
    _noted(known)
    _healthy(known, health)
    # Where another one had the node's own network meanwhile, the ports were that one's.
    front = known.private and _has_the_ports(place, known) and _promote(known, [])
    return {"changed": front or not ran, **result}


def stopped(place: Place, number: int) -> Dict[str, Any]:
    """Let a generation's program end; what it changed stays, but for a quadlet's container.

    Raises:
        NodeError: ``no_generation``, the codes of the driver.
    """
    known = _record(place, number)
    driver = DRIVERS[known.driver]
    ran = _units.running(known.unit)
    if ran:
        driver.stop(known)
    return {"changed": ran}


def promoted(place: Place, number: int, replace_previous: bool = False) -> Dict[str, Any]:
    """Send the node's ports to a generation; with ``replace_previous`` remove all others, which serve no more.

    Raises:
        NodeError: ``no_generation``, ``not_private``, ``not_running``, the codes of the network.
    """
    known = _record(place, number)
    others = [found for found in _all(place) if found.number != number]
    if not known.private and not replace_previous:
        raise NodeError(
            "not_private",
            "%s serves on the node's own network, where there is nothing to promote." % known.tag,
            "give the flavour a private network, and deploy a new generation.",
        )
    if not _units.running(known.unit):
        raise _not_running(known)
    changed = known.private and _promote(known, others)
    if replace_previous:
        changed |= _removed(place, others)
        _reopened(place)
    return {"changed": changed}


def preserved(place: Place, number: Optional[int]) -> Dict[str, Any]:
    """Freeze all of an instance, and return what shows how a generation was changed; the newest where none is named.

    Raises:
        NodeError: the codes of the drivers.
    """
    there = _all(place)
    frozen = [DRIVERS[known.driver].freeze(known) for known in there]
    found = [known for known in there if number in (None, known.number)]
    kept = DRIVERS[found[-1].driver].preserve(found[-1]) if found else {}
    return {
        "changed": any(frozen),
        "frozen": any(frozen),
        "preserved": {name: base64.b64encode(data[-LIMIT:]).decode("ascii") for name, data in kept.items()},
    }


def requested(place: Place, number: int) -> Dict[str, Any]:
    """Return a request for a certificate of a generation's key; see :func:`._agent.requested`.

    Raises:
        NodeError: ``no_generation``, the codes of the agent.
    """
    return _agent.requested(_record(place, number))


def certified(place: Place, number: int, given: _agent.Given) -> Dict[str, Any]:
    """Have a generation's agent serve; see :func:`._agent.installed`.

    Raises:
        NodeError: ``no_generation``, the codes of the agent and of the driver.
    """
    known = _record(place, number)
    return _agent.installed(known, given, DRIVERS[known.driver].process(known))


def absent(place: Place, number: Optional[int]) -> Dict[str, Any]:
    """Remove a generation, or all of an instance with its front, isolation and agents.

    Raises:
        NodeError: the codes of the drivers and of the network.
    """
    if number is not None:
        changed = _removed(place, [known for known in _all(place) if known.number == number])
        return {"changed": _reopened(place) or changed}
    removed = _removed(place, _all(place, thorough=True)) | _agent.remove(place.name)
    closed = _instance_files.promoted(place.directory) is not None and _front.close(place.name)
    reopened = _reopened(place)
    return {"changed": _instance_files.forget(place.directory) or removed or closed or reopened}


def _begun(wanted: Generation, in_the_way: Sequence[Generation], health: Probe) -> Dict[str, Any]:
    """Run a generation until it answers; what has its ports ends only when all is ready, and is removed later."""
    driver, place = DRIVERS[wanted.driver], Place(wanted.name, wanted.directory)
    if any(port.protocol == "tcp" and port.port == ssh_port() for port in wanted.ports):
        raise NodeError(
            "bad_argument", "Port %d is the node's own SSH port." % (ssh_port() or 0), "correct it in the SC catalogue."
        )
    if os.path.lexists(wanted.place):
        _removed(place, _of_number(place, wanted.number))
    _instance_files.lay_out(wanted)
    driver.prepare(wanted)
    begun = time.monotonic()
    for other in in_the_way:
        DRIVERS[other.driver].halt(other)
    if in_the_way:
        # Its ports are the next one's, which is to be reached; and a front would send them elsewhere.
        _front.close(wanted.name)
        _reopened(place, in_the_way)
    container = driver.start(wanted)
    _healthy(wanted, health)
    gap = {"gap_ms": round((time.monotonic() - begun) * 1000)} if in_the_way else {}
    return {"container": container, **gap}


def _healthy(generation: Generation, health: Probe) -> None:
    """Wait until a generation answers its probe; that of a private network at its own address and ports.

    Raises:
        NodeError: the codes of the probe.
    """
    if health is None:
        return
    if generation.private:
        inner = {port.port: port.internal for port in generation.ports}
        port = health.get("port")
        address = _private_network.cable_of(generation.uid_base).instance
        health = {**health, "address": address, "port": inner.get(port, port) if isinstance(port, int) else port}
    probe(health, _PROBE_S, _PROBES)


def _noted(generation: Generation) -> None:
    """Tell a generation's agent which process its program is: its service starts it anew by itself."""
    if _agent.there(generation):
        _agent.note(generation, DRIVERS[generation.driver].process(generation))


def _has_the_ports(place: Place, generation: Generation) -> bool:
    """Tell whether the ports are those of a generation in a private network: it was promoted last, or nobody has them.

    What was promoted after it may be gone, and the front with it.
    """
    if _instance_files.promoted(place.directory) == generation.number:
        return True
    return not _front.is_open(place.name) and not _on_the_nodes_network(place, generation)


def _on_the_nodes_network(place: Place, generation: Generation) -> bool:
    """Tell whether another generation runs on the node's own network."""
    others = [other for other in _all(place) if other.number != generation.number and not other.private]
    return any(_units.running(other.unit) for other in others)


def _promote(generation: Generation, others: Sequence[Generation]) -> bool:
    # First: whoever removes this one is to know that a front may lead to it.
    _instance_files.note_promoted(generation.directory, generation.number)
    return _front.promote(generation, others)


def _removed(place: Place, generations: Sequence[Generation]) -> bool:
    removed = False
    before = _instance_files.promoted(place.directory)
    for known in generations:
        if known.number == before:
            removed |= _front.close(place.name)
        removed |= _agent.remove(place.name, known.number)
        removed |= DRIVERS[known.driver].remove(known)
        removed |= _private_network.disconnect(known)
        removed |= _instance_files.forget(place.directory, known.number)
    return removed


def _reopened(place: Place, halted: Sequence[Generation] = ()) -> bool:
    """Give an instance's ports back to the network: they are the next generation's, which is to be reached.

    A unit goes on for a moment after all the processes of a generation were killed: those that were halted are named.
    """
    ended = {known.number for known in halted}
    running = [known for known in _all(place) if known.number not in ended and _units.running(known.unit)]
    return end_of_instance(place.name, [known.uid_base for known in running])


def _all(place: Place, thorough: bool = False) -> List[Generation]:
    """Return the generations of an instance that the node has anything of, in order; podman is asked if thorough."""
    tags = [*(_podman.tags(place.name) if thorough else ()), *_unit_tags(place.name)]
    ours = (re.fullmatch(re.escape(place.name) + r"-g([1-9][0-9]{0,8})", tag) for tag in tags)
    numbers = {int(found.group(1)) for found in ours if found} | set(_instance_files.numbers(place.directory))
    return [known for number in sorted(numbers) for known in _of_number(place, number)]


def _of_number(place: Place, number: int) -> List[Generation]:
    """Return a generation; without a record, it may be any driver's."""
    known = _instance_files.read(place.directory, number)
    if known is not None:
        return [known]
    return [Generation(place.name, number, driver, place.directory) for driver in sorted(DRIVERS)]


def _unit_tags(name: str) -> List[str]:
    found = []
    for folder, ending in ((_units.RUNTIME, ".service"), (_podman.QUADLETS, ".container")):
        items = os.listdir(folder) if os.path.isdir(folder) else []
        for head in (SERVICE, MONITORED):
            found += [item[len(head) : -len(ending)] for item in items if item.startswith(head + name + "-g")]
    return found


def _record(place: Place, number: int) -> Generation:
    known = _instance_files.read(place.directory, number) if is_name(place.name) else None
    if known is None:
        raise NodeError(
            "no_generation",
            "This node has no generation %d of %s." % (number, place.name),
            "see what lives with palantir.trust.sc_instance_info.",
        )
    return known


def _in_the_way(generation: Generation) -> NodeError:
    return NodeError(
        "generation_in_the_way",
        "%s cannot start: another generation has the node's ports." % generation.tag,
        "replace it, or give the flavour a private network.",
    )


def _not_running(generation: Generation) -> NodeError:
    return NodeError("not_running", "%s does not run." % generation.tag, "run it with state operating.")


def _needs_replacement(generation: Generation, why: str) -> NodeError:
    return NodeError(
        "needs_replacement",
        "%s cannot be configured as it runs: %s." % (generation.tag, why),
        "replace it by a new generation.",
    )


__all__ = [
    "DRIVERS",
    "Driver",
    "Place",
    "absent",
    "alone",
    "answering",
    "certified",
    "configured",
    "operating",
    "preserved",
    "promoted",
    "requested",
    "started",
    "stopped",
]
