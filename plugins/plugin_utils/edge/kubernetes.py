# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of an SC instance on a Kubernetes cluster, by the modules of the collection ``kubernetes.core``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import Deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.kubernetes import manifests, objects
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.kubernetes.objects import Progress, Running
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.outcome import ABSENT, Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import KubernetesPlatform

_PHRASES: Final = frozenset(status.phrase for status in HTTPStatus)
_PAUSE_S: Final = 1
_LONGEST_S: Final = 8
_LOG_LINES: Final = 10_000
_KEPT_LIMIT: Final = 8 * MIB
_KEPT_PODS: Final = 64
_REPLICAS: Final = 1000


class Module(Protocol):
    """Runs a module on the controller."""

    def __call__(self, name: str, arguments: dict[str, Any], /) -> dict[str, Any]:
        """Return its result."""


class RefusedError(PlatformError):
    """What a module failed with; ``phrase`` is HTTP's for the status, empty where it is none of its phrases."""

    def __init__(self, subject: str, cause: str, phrase: object) -> None:
        self.phrase = phrase if isinstance(phrase, str) and phrase in _PHRASES else ""
        super().__init__(subject, cause)


class Cluster:
    """The verbs; with ``check`` the modules run in check mode, so that the API server validates and changes nothing.

    Args:
        platform: the cluster.
        instance: name of the instance.
        module: what runs a module.
        check: whether they run in check mode.
        pause: whole seconds between the first two looks at what is awaited; later ones are further apart.
        now: the system's clock.
        sleep: how to wait.
    """

    def __init__(
        self,
        platform: KubernetesPlatform,
        instance: str,
        module: Module,
        *,
        check: bool = False,
        pause: int = _PAUSE_S,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._platform = platform
        self._instance = instance
        self._subject = f"Deployment {platform.namespace}/{instance}"
        self._module = module
        self._check = check
        self._pause = pause
        self._now = now
        self._sleep = sleep

    def instantiate(self, wanted: Deployment, *, replace: bool) -> Outcome:
        """Run an instance, or with ``replace`` a new generation of it, and wait until its pods pass the probe.

        Raises:
            PlatformError: another SC has the name, or the new pods do not pass; what was there before is there again.
        """
        former = self._deployment()
        if former is None:
            return self._roll_out(None, wanted, generation=1, replicas=1)
        running = self._running(former)
        if running.sc != wanted.sc:
            raise PlatformError(self._subject, f"is {running.sc}.", "terminate it first.")
        if not replace:
            return self._same(former)
        return self._anew(former, running, wanted)

    def heal(self, wanted: Deployment) -> Outcome:
        """Replace all pods of an instance by new ones from the catalogue.

        Raises:
            PlatformError: as :meth:`instantiate`, or it does not live there.
        """
        former = self._living()
        return self._anew(former, self._running(former), wanted)

    def configure(self, wanted: Deployment) -> Outcome:
        """Give an instance its configuration: new pods take the place of the old where it is another.

        Raises:
            PlatformError: as :meth:`heal`.
        """
        former = self._living()
        running = self._running(former)
        if running.configuration == wanted.configuration:
            return self._same(former)
        # One that is stopped stays so, and has it when it starts.
        return self._roll_out(former, wanted, generation=running.generation + 1, replicas=running.replicas)

    def scale(self, replicas: int) -> Outcome:
        """Have this many pods.

        Raises:
            PlatformError: it does not live there, or does not get there in time.
        """
        if not 1 <= replicas <= _REPLICAS:
            raise PlatformError(self._subject, f"cannot have {replicas} pods.", f"name 1 to {_REPLICAS}.")
        return self._size(replicas, {})

    def operate(self, *, start: bool) -> Outcome:
        """Stop an instance, which leaves it without pods, or start it with as many as it had.

        Raises:
            PlatformError: as :meth:`scale`.
        """
        former = self._living()
        running = self._running(former)
        if start == bool(running.replicas):
            return self._same(former)
        if start:
            return self._size(running.kept or 1, {})
        return self._size(0, {manifests.REPLICAS: str(running.replicas)})

    def terminate(self) -> Outcome:
        """Remove all objects of an instance, its pods first.

        Raises:
            PlatformError: the name is another's, or they are not gone in time.
        """
        former = self._deployment()
        before = self._running(former).plain() if former else ABSENT
        return Outcome(self._clear(), before, ABSENT)

    def preserve(self) -> dict[str, bytes]:
        """Return an instance's objects, without its configuration, and the log of its pods, as files by name.

        Each is cut after 8 MiB, and logs are those of 64 pods at most.

        Raises:
            PlatformError: it does not live there.
        """
        deployment, pods = self._living(), self._ours("v1", "Pod")
        found = {"deployment": deployment, "pods": pods}
        files = {"objects.json": json.dumps(found, indent=1, sort_keys=True, default=str).encode()[:_KEPT_LIMIT]}
        for pod in pods[:_KEPT_PODS]:
            name = objects.name_of(pod, self._subject)
            told = self._run("k8s_log", {"name": name, "tail_lines": _LOG_LINES})
            files[f"log-{len(files)}.txt"] = str(told.get("log", "")).encode("utf-8", "replace")[:_KEPT_LIMIT]
        return files

    def pods(self) -> list[dict[str, str]]:
        """Return where the cluster says that the pods run, and as which image."""
        return objects.pods(self._ours("v1", "Pod"))

    def _anew(self, former: dict[str, Any], running: Running, wanted: Deployment) -> Outcome:
        replicas = running.replicas or running.kept or 1
        return self._roll_out(former, wanted, generation=running.generation + 1, replicas=replicas)

    def _roll_out(
        self, former: dict[str, Any] | None, wanted: Deployment, *, generation: int, replicas: int
    ) -> Outcome:
        before = self._running(former).plain() if former else ABSENT
        secret, *others = manifests.manifests(wanted, self._platform, generation=generation, replicas=replicas)
        if former and not replicas:
            others[-1]["metadata"]["annotations"][manifests.REPLICAS] = str(self._running(former).kept)
        service = self._service()
        try:
            self._keep(secret)
            # Replaced and not applied: that merges lists of ports by number, and would lose one of TCP and UDP.
            self._run("k8s", {"resource_definition": others, "force": True})
            if self._check:
                return Outcome(True, before, {**before, "generation": generation, "replicas": replicas})
            after = self._rolled_out()
        except PlatformError as error:
            became = self._back(former, service)
            raise PlatformError(self._subject, f"{error.cause} {became}", error.next_step) from None
        if former is not None:
            self._forget(after, service=bool(wanted.ports))
        return Outcome(True, before, self._running(after).plain())

    def _keep(self, secret: dict[str, Any]) -> None:
        """Create the Secret where it is not there; what the server says where it refuses may repeat what is in it."""
        try:
            self._run("k8s", {"resource_definition": secret})
        except RefusedError as error:
            raise PlatformError(self._subject, f"its Secret is refused: {error.phrase or 'see the cluster'}.") from None

    def _service(self) -> dict[str, Any] | None:
        asked = {"api_version": "v1", "kind": "Service", "name": self._instance}
        subject = f"Service {self._platform.namespace}/{self._instance}"
        found = objects.resources(self._run("k8s_info", asked), subject)
        if found and not objects.is_ours(found[0]):
            raise PlatformError(subject, "is not ours.", "name the instance otherwise, or remove that one.")
        return found[0] if found else None

    def _back(self, former: dict[str, Any] | None, service: dict[str, Any] | None) -> str:
        """Undo a roll-out as far as that goes; return what became of it."""
        if self._check:
            return "Nothing was changed."
        try:
            if former is None:
                self._clear()
                return "What was made of it is removed again."
            before = [("v1", "Service", service), ("apps/v1", "Deployment", former)]
            place = {"name": self._instance, "namespace": self._platform.namespace}
            found = [objects.restorable(item, version, kind, place) for version, kind, item in before if item]
            self._run("k8s", {"resource_definition": found, "force": True})
            self._forget(self._rolled_out(), service=service is not None)
        except PlatformError as error:
            return f"Going back failed as well: {error.cause}"
        return "The former generation is back."

    def _same(self, former: dict[str, Any]) -> Outcome:
        """Return that nothing is to be done, once what a run that was cut off has begun is done."""
        found = former if self._check else self._rolled_out(former)
        return Outcome(False, self._running(former).plain(), self._running(found).plain())

    def _size(self, replicas: int, annotations: dict[str, str]) -> Outcome:
        former = self._living()
        running = self._running(former)
        if running.replicas == replicas:
            return self._same(former)
        patch = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self._instance, "namespace": self._platform.namespace, "annotations": annotations},
            "spec": {"replicas": replicas},
        }
        self._run("k8s", {"state": "patched", "resource_definition": patch})
        if self._check:
            return Outcome(True, running.plain(), {**running.plain(), "replicas": replicas})
        return Outcome(True, running.plain(), self._running(self._rolled_out()).plain())

    def _rolled_out(self, found: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the Deployment once it has rolled out: the module's own waiting takes former pods for new ones.

        Args:
            found: how it is now, where that is known.
        """
        end = self._now() + self._platform.timeout
        pause = self._pause
        while True:
            found = found or self._living()
            state, why = objects.progress(found, self._subject)
            if state is Progress.DONE:
                return found
            if state is Progress.FAILED or self._now() >= end:
                waited = "does not roll out" if state is Progress.FAILED else "is not rolled out in time"
                raise PlatformError(self._subject, f"{waited}: {why.rstrip('.')}.")
            self._sleep(pause)
            found, pause = None, min(2 * pause, _LONGEST_S)

    def _clear(self) -> bool:
        """Remove all objects that are ours, the Deployment with its pods first; tell whether there was any."""
        kinds = (("apps/v1", "Deployment"), ("v1", "Service"), ("v1", "Secret"))
        return self._remove([(version, kind, item) for version, kind in kinds for item in self._ours(version, kind)])

    def _forget(self, deployment: Mapping[str, Any], *, service: bool) -> None:
        """Remove Secrets that no generation mounts any more, and a Service that none needs.

        What cannot be removed now is found by the next roll-out: no generation uses it.
        """
        kept = objects.secrets_of(deployment)
        with contextlib.suppress(PlatformError):
            unused = [("v1", "Secret", item) for item in self._ours("v1", "Secret")]
            unused = [part for part in unused if objects.name_of(part[2], self._subject) not in kept]
            found = [] if service else [("v1", "Service", item) for item in self._ours("v1", "Service")]
            self._remove([*unused, *found])

    def _deployment(self) -> dict[str, Any] | None:
        asked = {"api_version": "apps/v1", "kind": "Deployment", "name": self._instance}
        found = objects.resources(self._run("k8s_info", asked), self._subject)
        return found[0] if found else None

    def _living(self) -> dict[str, Any]:
        found = self._deployment()
        if found is None:
            raise PlatformError(self._subject, "is not there.", "instantiate it first.")
        return found

    def _running(self, deployment: Mapping[str, Any]) -> Running:
        return objects.read_running(deployment, self._subject)

    def _ours(self, version: str, kind: str) -> list[dict[str, Any]]:
        asked = {"api_version": version, "kind": kind, "label_selectors": manifests.selector(self._instance)}
        return objects.resources(self._run("k8s_info", asked), f"{kind} of {self._instance}")

    def _remove(self, found: list[tuple[str, str, dict[str, Any]]]) -> bool:
        if not found:
            return False
        named = [
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {"name": objects.name_of(item, self._subject), "namespace": self._platform.namespace},
            }
            for version, kind, item in found
        ]
        waiting = {"wait": True, "wait_sleep": self._pause, "wait_timeout": self._platform.timeout}
        options = {"propagationPolicy": "Foreground"}
        asked = {"state": "absent", "resource_definition": named, "delete_options": options, **waiting}
        return bool(self._run("k8s", asked).get("changed"))

    def _run(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        told = {key: getattr(self._platform, key) for key in ("kubeconfig", "context")}
        where = {key: value for key, value in told.items() if value}
        # Said outright, so that no kubeconfig can switch it off.
        where |= {"namespace": self._platform.namespace, "validate_certs": True}
        answer = self._module(f"kubernetes.core.{name}", {**where, **arguments})
        if answer.get("failed"):
            raise RefusedError(self._subject, printable(_reason(answer), 1000), answer.get("reason"))
        return answer


def _reason(answer: Mapping[str, Any]) -> object:
    """Return why a module failed: where it did not catch that itself, Ansible has captured it."""
    captured = getattr(answer.get("exception"), "event", None)
    return answer.get("msg") or getattr(captured, "msg", None) or "the module gave no reason."


__all__ = ["Cluster", "Module"]
