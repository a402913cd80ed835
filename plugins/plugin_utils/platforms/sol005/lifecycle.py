# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of an SC instance that is an NS instance of a MANO, each idempotent by what the MANO says of its state.

An NS instance is ours by its name and description. One of that name that is not ours is never touched.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import Deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.hidden import Secrets
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.outcome import ABSENT, Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import Service, Sol005Platform
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005 import messages
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.client import Client, identifier
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.clock import Clock
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.credentials import Credentials
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.operations import FailedError, Operations
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.resources import (
    NsInstance,
    bare,
    owned_by,
    read_ns,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.transport import (
    Transport,
    UnansweredError,
    trust,
)

INSTANCES: Final = "/ns_instances"
_PARTS: Final = 1000


def connect(platform: Sol005Platform, secrets: Secrets) -> Client:
    """Return a client of a platform, whose deadline begins now.

    Args:
        platform: the MANO.
        secrets: takes what no message may show.

    Raises:
        PlatformError: its certificate authorities cannot be read.
    """
    transport = Transport(trust(platform.ca_file), Clock(platform.timeout))
    credentials = Credentials(platform.authentication, platform.url, transport.send, secrets)
    major = platform.version.partition(".")[0]
    return Client(f"{platform.url}/nslcm/v{major}", platform.version, transport, credentials)


class Lifecycle:
    """The verbs; with ``check`` nothing is sent that changes anything."""

    def __init__(self, client: Client, platform: Sol005Platform, instance: str, *, check: bool = False) -> None:
        self._client = client
        self._platform = platform
        self._instance = instance
        self._check = check
        self._operations = Operations(client, platform)

    def instantiate(self, wanted: Deployment, *, replace: bool) -> Outcome:
        """Create and instantiate an NS, or finish what a run began; with ``replace`` set up one that lives anew.

        What this call created is deleted again where its instantiation failed.

        Raises:
            PlatformError: another SC has the name, the site does not say what the SC is here, or the MANO fails.
        """
        service = self._service(wanted.sc)
        found = self._find()
        if found and owned_by(found) != wanted.sc:
            raise PlatformError(f"instance {self._instance}", f"is {owned_by(found)} there.", "terminate it first.")
        if found and found.instantiated:
            return self._heal(found, "replaced", reset=True) if replace else self._same(found)
        if self._check:
            return Outcome(True, found.plain() if found else ABSENT, {"state": "INSTANTIATED"})
        ns = found.id if found else self._create(wanted, service)
        try:
            body = messages.instantiate(wanted, service, self._platform.dialect)
            self._operations.run(ns, "instantiate", "INSTANTIATE", body)
        except FailedError:
            # What cannot be deleted now is found by the next run: why the operation failed counts more.
            with contextlib.suppress(PlatformError):
                self._give_up(ns, created=not found)
            raise
        return self._changed(found)

    def terminate(self) -> Outcome:
        """Terminate an NS and delete its identifier.

        Raises:
            PlatformError: the MANO fails.
        """
        found = self._find()
        if not found:
            return Outcome(False, ABSENT, ABSENT)
        if not self._check:
            if found.instantiated:
                self._operations.run(found.id, "terminate", "TERMINATE", {})
            self._client.delete(f"{INSTANCES}/{found.id}")
        return Outcome(True, found.plain(), ABSENT, tuple(self._operations.done))

    def heal(self, cause: str) -> Outcome:
        """Heal an NS, with this cause for people.

        Raises:
            PlatformError: there is none, or the MANO fails.
        """
        return self._heal(self._living(), cause, reset=False)

    def operate(self, *, start: bool) -> Outcome:
        """Start or stop the VNFs that are not in that state yet.

        Raises:
            PlatformError: there is no NS, the MANO has no such operation, or it fails.
        """
        self._etsi("start and stop")
        found = self._living()
        goal = "STARTED" if start else "STOPPED"
        others = [vnf.id for vnf in found.vnfs if vnf.state != goal]
        return self._act(found, bool(others), "update", "UPDATE", lambda: messages.operate(others, start=start))

    def configure(self, wanted: Deployment) -> Outcome:
        """Give the VNFs whose configuration is another the one that is wanted.

        Raises:
            PlatformError: there is no NS, the MANO has no such operation, or it fails.
        """
        self._etsi("configure")
        found = self._living()
        others = [vnf.id for vnf in found.vnfs if vnf.configuration != wanted.configuration]
        return self._act(found, bool(others), "update", "UPDATE", lambda: messages.modify(others, wanted))

    def scale(self, sc: str, parts: int) -> Outcome:
        """Scale an NS to a number of parts.

        Raises:
            PlatformError: there is no NS, the site does not say how it scales, or the MANO fails.
        """
        scaling = self._service(sc).scaling
        if scaling is None or not 1 <= parts <= _PARTS:
            raise PlatformError(f"instance {self._instance}", f"cannot be scaled to {parts}.", "see scaling of its SC.")
        found = self._living()
        if self._platform.dialect == "osm":
            return self._step(found, scaling.aspect, scaling.member, parts)
        level = scaling.levels.get(parts)
        if level is None:
            numbers = ", ".join(map(str, sorted(scaling.levels)))
            step = f"use one of: {numbers}."
            raise PlatformError(f"instance {self._instance}", f"has no level of {parts} parts.", step)
        other = found.scale.get(scaling.aspect) != level
        return self._act(found, other, "scale", "SCALE", lambda: messages.scale_to_level(scaling.aspect, level))

    def preserve(self) -> dict[str, bytes]:
        """Return what the MANO says of an NS and of all operations on it as JSON files by name, without configurations.

        Raises:
            PlatformError: there is none, or the MANO fails.
        """
        found = self._living()
        told = {"ns-instance.json": self._client.read(f"{INSTANCES}/{found.id}")}
        told["operations.json"] = self._operations.listed(found.id)
        return {name: json.dumps(bare(data), indent=1, sort_keys=True).encode() for name, data in told.items()}

    def _heal(self, found: NsInstance, cause: str, *, reset: bool) -> Outcome:
        body = messages.heal([vnf.id for vnf in found.vnfs], cause, self._platform.dialect, reset=reset)
        return self._act(found, True, "heal", "HEAL", lambda: body)

    def _step(self, found: NsInstance, group: str, member: str, parts: int) -> Outcome:
        steps = parts - 1 - int(found.scale.get(group, "0"))
        if self._check:
            return Outcome(bool(steps), found.plain(), {"parts": parts} if steps else found.plain())
        for _step in range(abs(steps)):
            body = messages.scale_by_step(group, member, more=steps > 0)
            self._operations.run(found.id, "scale", "SCALE", body)
        return self._changed(found) if steps else self._same(found)

    def _act(
        self, found: NsInstance, needed: bool, task: str, kind: str, body: Callable[[], dict[str, Any]]
    ) -> Outcome:
        if not needed:
            return self._same(found)
        if self._check:
            return Outcome(True, found.plain(), {**found.plain(), "operation": kind})
        self._operations.run(found.id, task, kind, body())
        return self._changed(found)

    def _same(self, found: NsInstance) -> Outcome:
        return Outcome(False, found.plain(), found.plain())

    def _changed(self, found: NsInstance | None) -> Outcome:
        after = self._living()
        return Outcome(True, found.plain() if found else ABSENT, after.plain(), tuple(self._operations.done))

    def _living(self) -> NsInstance:
        found = self._find()
        if not found or not found.instantiated:
            raise PlatformError(f"instance {self._instance}", "does not live there.", "instantiate it first.")
        return found

    def _find(self) -> NsInstance | None:
        """Return our NS instance, once nothing is going on with it."""
        found = self._named()
        if found and not self._check:
            self._operations.settle(found.id)
            return self._named()
        return found

    def _named(self) -> NsInstance | None:
        osm = self._platform.dialect == "osm"
        query = {"name": self._instance} if osm else {"filter": f"(eq,nsInstanceName,{self._instance})"}
        items = [read_ns(item, INSTANCES) for item in self._client.query(INSTANCES, query)]
        named = [item for item in items if item.name == self._instance]
        if not named:
            return None
        if len(named) > 1 or not owned_by(named[0]):
            raise PlatformError(
                f"instance {self._instance}",
                "is the name of an NS that is not ours, or of several.",
                "name the instance otherwise, or clear that up at the MANO.",
            )
        # A list may leave out what is large (clause 6.4.2.3.2), so the instance is read by itself.
        found = read_ns(self._client.read(f"{INSTANCES}/{named[0].id}"), f"{INSTANCES}/{named[0].id}")
        if found.id != named[0].id or found.name != self._instance or not owned_by(found):
            raise PlatformError(f"{INSTANCES}/{named[0].id}", "was answered with another NS instance.")
        return found

    def _create(self, wanted: Deployment, service: Service) -> str:
        try:
            answer = self._client.post(INSTANCES, messages.create(wanted, service, self._platform.dialect), {201})
        except UnansweredError:
            found = self._named()
            if not found:
                raise
            return found.id
        data = answer.json(INSTANCES)
        return identifier(data.get("id") if isinstance(data, dict) else None, INSTANCES)

    def _give_up(self, ns: str, *, created: bool) -> None:
        found = self._named()
        if created and found and found.id == ns and not found.instantiated:
            self._client.delete(f"{INSTANCES}/{ns}")

    def _service(self, sc: str) -> Service:
        if sc not in self._platform.services:
            raise PlatformError(f"SC {sc}", "is not among the platform's services.", "name its NSD there.")
        return self._platform.services[sc]

    def _etsi(self, verb: str) -> None:
        if self._platform.dialect == "osm":
            raise PlatformError(
                f"instance {self._instance}",
                f"cannot be asked to {verb}: OSM's interface does not tell that state, so it could not be idempotent.",
                "heal it or instantiate it anew.",
            )


__all__ = ["Lifecycle", "connect"]
