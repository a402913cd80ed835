# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of an SC instance on one node; documented in plugins/modules/sc_instance.py."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.words import PLATFORMS
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.generations import GenerationAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeError, part
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, StoreError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import node_part, store_part
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.asking import (
    Agent,
    OtherwiseError,
    differing,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.node_part import DRIVERS, container_id
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.store_part import Here
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import SilentPeerError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

_HEAL = "heal it: a new generation takes its place."


class ActionModule(GenerationAction):
    """The store's part and the node's part of a verb in one task: one round trip."""

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {
            "type": "str",
            "choices": [
                "instantiated",
                "promoted",
                "rolled_back",
                "configured",
                "healthy",
                "operating",
                "stopped",
                "preserved",
                "terminated",
            ],
            "required": True,
        },
        "instance": {"type": "str", "required": True},
        "node": {"type": "str"},
        "sc": {"type": "dict"},
        "replace": {"type": "bool", "default": False},
        "beside": {"type": "bool", "default": False},
        "attestation": {"type": "int"},
        "generation": {"type": "int"},
        "revive": {"type": "bool", "default": True},
        "restart": {"type": "bool", "default": False},
        "regardless": {"type": "bool", "default": False},
        "driver": {"type": "str", "choices": [*DRIVERS, *PLATFORMS], "default": "podman"},
        "directory": {"type": "path", "default": "/var/lib/palantir.trust"},
        "ca": {"type": "path"},
        "agent_address": {"type": "str"},
        "dest": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Carry out the verb."""
        if not is_name(arguments["instance"]):
            # It becomes a path that is removed, and an argument of the container engine.
            raise StoreError(f"instance {printable(arguments['instance'], 80)!r}", "is not a name.", RULE)
        arguments["node"] = arguments["node"] or str(task_vars["inventory_hostname"])
        if (arguments.get("sc") or arguments).get("driver") in PLATFORMS:
            if arguments["node"] != task_vars["inventory_hostname"]:
                raise CatalogueError(arguments["instance"], "is a platform's.", "give the platform itself this task.")
            options = ("state", "instance", "sc", "replace", "dest", "store")
            return self.hand_over("sc_deployment", {name: arguments[name] for name in options}, task_vars)
        verb = {
            "instantiated": self._instantiate,
            "promoted": self.promote,
            "rolled_back": self.roll_back,
            "configured": self._configure,
            "healthy": self._health,
            "operating": self._operate,
            "stopped": self._stop,
            "preserved": self._preserve,
            "terminated": self._terminate,
        }
        begun = time.monotonic()
        result = verb[arguments["state"]](arguments, task_vars)
        return {**result, "seconds": round(time.monotonic() - begun, 3)}

    def _instantiate(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        sc, beside = node_part.supported(arguments["instance"], arguments["sc"]), bool(arguments["beside"])
        here = self.here(arguments)
        if here.serving and not (arguments["replace"] or beside):
            return {"changed": False, "generation": here.serving.plain()}
        if self._task.check_mode:
            return {"changed": True}
        record = store_part.allocate(
            self.open_store(arguments), arguments["node"], arguments["instance"], sc, self.now()
        )
        try:
            return {"changed": True, **self._started(record, sc, arguments, task_vars)}
        except (TrustError, AnsibleError) as error:
            failed = error if isinstance(error, TrustError) else NodeError(record.node, printable(str(error), 2000))
            # It stays allocated: it may run all the same, and must be appraised until who began it rolls it back.
            failed.told = {"generation": record.plain()}
            raise failed from None

    def _started(
        self, record: InstanceRecord, sc: Mapping[str, Any], arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Have the node run a generation, beside what serves or in its place."""
        beside = bool(arguments["beside"])
        asked = node_part.started(record, arguments["directory"], sc, beside=beside)
        answer = self.ask(arguments["node"], DRIVERS[sc["driver"]], asked, task_vars)
        container = container_id(answer.get("container"), f"{record.instance}-g{record.generation}")
        if beside:
            with self.open_store(arguments).transaction() as connection:
                instances.note_started(connection, record.id, self.now(), container)
            kept: dict[str, Any] = {**record.plain(), "container": container}
        else:
            # The node replaced whatever ran under this name.
            kept = store_part.serve(self.open_store(arguments), record, self.now(), container, alone=True)
            self.certify(record, sc.get("management"), arguments, task_vars)
        return {"generation": kept, **node_part.gap(answer)}

    def _configure(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        sc = node_part.supported(arguments["instance"], arguments["sc"])
        record = self.serving(self.here(arguments), arguments)
        if record.state != "live":
            raise StoreError(record.instance, "is stopped.", "configure it once it is operating.")
        before, wanted = record.configured(), node_part.digests(sc)
        changed = sorted(path for path in wanted.keys() | before.keys() if before.get(path) != wanted.get(path))
        result: dict[str, Any] = {"files": wanted, "diff": _difference(record, before, wanted)}
        if fixed := node_part.to_replace(sc, before):
            return {"changed": False, "needs_replacement": fixed, **result}
        result |= {"needs_replacement": [], "rewritten": changed, "reloaded": False}
        if self._task.check_mode:
            return {"changed": bool(changed), **result}
        agent, detour = self.agent(record, sc.get("management"), arguments, task_vars)
        held: dict[str, str | None] = {}
        if agent is not None:
            try:
                held = agent.held()
            except SilentPeerError as error:
                agent, detour = None, str(error)
        # First: a node that is attested in between is accused of a changed configuration else.
        with self.open_store(arguments).transaction() as connection:
            if changed:
                instances.configure(connection, record.id, wanted, self.now())
        done: dict[str, Any] | None = None
        if agent is not None:
            try:
                done = self._write(agent, record, sc, held, arguments, task_vars)
            except (OtherwiseError, SilentPeerError) as error:
                detour = str(error)
        if done is None:
            asked = node_part.configured(record, arguments["directory"], sc)
            done = {**self.ask(arguments["node"], DRIVERS[sc["driver"]], asked, task_vars), "way": "ssh"}
        result |= {"reloaded": bool(done.get("reloaded")), **_way(done["way"], detour)}
        return {"changed": bool(done.get("changed")) or bool(changed), **result}

    def _write(
        self,
        agent: Agent,
        record: InstanceRecord,
        sc: Mapping[str, Any],
        held: Mapping[str, str | None],
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> dict[str, Any]:
        """Give an instance by its agent the files that it has otherwise, and have it answer its probe then."""
        paths = differing(node_part.digests(sc), held)
        reloaded = agent.write(sc, paths) if paths else False
        if paths:
            self._probe(record, sc["driver"], sc["probe"], arguments, task_vars)
        return {"changed": bool(paths), "reloaded": reloaded, "way": "agent"}

    def _health(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        sc = node_part.supported(arguments["instance"], arguments["sc"])
        record = self.serving(self.here(arguments), arguments)
        if record.state != "live":
            raise StoreError(record.instance, "is stopped.", "start it first.")
        if self._task.check_mode:
            return {"changed": False}
        agent, detour = self.agent(record, sc.get("management"), arguments, task_vars)
        health: dict[str, Any] | None = None
        if agent is not None:
            try:
                health = {**agent.health(), "differing": differing(record.configured(), agent.held())}
            except SilentPeerError as error:
                detour = str(error)
        self._probe(record, sc["driver"], sc["probe"], arguments, task_vars)
        told = {"changed": False, "generation": record.plain(), "probe": sc["probe"]["type"], "agent": health}
        return told | _warned([detour, *_doubts(health)])

    def _probe(
        self,
        record: InstanceRecord,
        driver: str,
        probe: Mapping[str, Any],
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> None:
        asked = node_part.of_generation("answering", record, arguments["directory"], probe=probe)
        self.ask(arguments["node"], DRIVERS[driver], asked, task_vars)

    def _operate(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        here = self.here(arguments)
        record = self.serving(here, arguments)
        if here.boot > record.reset_count:
            raise StoreError(
                f"{record.instance}, generation {record.generation}",
                f"ran before {record.node} was booted: nothing of it is there.",
                _HEAL,
            )
        # One that is on record as live may stand still, as what nothing was rolled back to. Who restarts one that runs
        # knows how it stands.
        if not arguments["restart"]:
            self._require_nothing_against(record, arguments)
        if self._task.check_mode:
            return {"changed": arguments["restart"] or record.state != "live", "generation": record.plain()}
        if arguments["restart"]:
            asked = node_part.of_generation("stopped", record, arguments["directory"])
            self.ask(arguments["node"], DRIVERS[arguments["driver"]], asked, task_vars)
        ran, container = self.run_again(record, arguments, task_vars)
        store = self.open_store(arguments)
        kept = store_part.serve(store, record, self.now(), container or record.container)
        self.certify(record, (arguments["sc"] or {}).get("management"), arguments, task_vars)
        return {"changed": arguments["restart"] or not ran or record.state != "live", "generation": kept}

    def _require_nothing_against(self, record: InstanceRecord, arguments: dict[str, Any]) -> None:
        """Refuse to start what is contraindicated: until it is attested again, it would do whatever it does."""
        why = store_part.speaks_against(self.open_store(arguments), record)
        if why:
            what = f"{record.instance}, generation {record.generation}"
            raise StoreError(what, f"is not started again: {why}", _HEAL)

    def _stop(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        record = self.serving(self.here(arguments), arguments)
        if self._task.check_mode or record.state == "stopped":
            return {"changed": record.state != "stopped", "generation": record.plain()}
        asked = node_part.of_generation("stopped", record, arguments["directory"])
        self.ask(arguments["node"], DRIVERS[arguments["driver"]], asked, task_vars)
        with self.open_store(arguments).transaction() as connection:
            instances.set_state(connection, record.id, "stopped", self.now())
        return {"changed": True, "generation": {**record.plain(), "state": "stopped"}}

    def _preserve(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if not arguments["dest"]:
            raise StoreError(
                arguments["instance"], "state preserved needs dest.", "name a directory on the controller."
            )
        here = self.here(arguments)
        if self._task.check_mode:
            return {"changed": bool(here.all)}
        frozen_at = self._freeze(here)
        of_all = [record.generation for record in here.all]
        main = arguments["generation"] or (here.serving.generation if here.serving else max(of_all, default=0))
        answer = self._drive("preserved", arguments, task_vars, **({"generation": main} if main else {}))
        frozen = frozen_at is not None or bool(answer.get("frozen"))
        kept = node_part.keep(Path(arguments["dest"]), part(answer, "preserved"))
        lost = []
        # What a broken-off verb left: whichever was changed, what replaces the instance removes them all.
        for number in (number for number in of_all if number != main):
            try:
                other = self._drive("preserved", arguments, task_vars, generation=number)
                files = node_part.keep(Path(arguments["dest"]) / f"g{number}", part(other, "preserved"))
                kept |= {f"g{number}/{name}": digest for name, digest in files.items()}
            except TrustError as error:
                lost.append(f"Nothing is kept of generation {number}: {error}")
        told = {"changed": frozen, "frozen": frozen, "frozen_at": frozen_at, "preserved": kept}
        return told | _warned(lost)

    def _freeze(self, here: Here) -> float | None:
        """Freeze an instance by a plain command: a module takes seconds to start, and foreign code would go on.

        Returns:
            When it stood still, by this clock; None where the command failed, which the module is to find out about.
        """
        started = [record for record in here.all if record.container]
        with contextlib.suppress(AnsibleConnectionFailure):
            done = [self._low_level_execute_command(node_part.freezing(record))["rc"] for record in started]
            if done and not any(done):
                return self.now()
        return None

    def _terminate(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        here = self.here(arguments)
        if self._task.check_mode:
            return {"changed": bool(here.all)}
        with self.open_store(arguments).transaction() as connection:
            for record in here.all:
                # Also where its node cannot be reached: whatever runs there is nobody any more.
                reason = "Its instance was terminated."
                certificates.revoke_generation(connection, record.instance, record.generation, self.now(), reason)
        answer, left = {}, ""
        try:
            answer = self._drive("absent", arguments, task_vars)
        except TrustError as error:
            if not arguments["regardless"]:
                raise
            left = f"{arguments['instance']} may be on {arguments['node']} still. {error}"
        store_part.retire(self.open_store(arguments), here.all, self.now())
        return {"changed": bool(answer.get("changed")) or bool(here.all), "left": left, **_warned([left])}

    def _drive(self, state: str, arguments: dict[str, Any], task_vars: dict[str, Any], **more: Any) -> dict[str, Any]:
        directory = os.path.join(str(arguments["directory"]), str(arguments["instance"]))
        asked = {"state": state, "name": arguments["instance"], "directory": directory, **more}
        return self.ask(arguments["node"], DRIVERS[arguments["driver"]], asked, task_vars)


def _difference(record: InstanceRecord, before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, Any]:
    """Return a change of configuration for diff mode, by digests: what is rendered may hold secrets."""
    header = f"{record.instance}, generation {record.generation}"
    told = ("".join(f"{path} {digests[path]}\n" for path in sorted(digests)) for digests in (before, after))
    return dict(zip(("before", "after", "before_header", "after_header"), (*told, header, header), strict=True))


def _way(way: str, detour: str) -> dict[str, Any]:
    """Return by which way an instance was configured; by which other one, and why, as a warning."""
    told = f"It was configured over SSH, and not by its agent: {detour}" if detour else ""
    return {"way": way, "detour": detour, **_warned([told])}


def _doubts(health: Mapping[str, Any] | None) -> list[str]:
    """Return what an agent says against an instance that answers its probe."""
    if health is None:
        return []
    ended = [] if health["running"] else ["Its agent finds the program ended that the driver started."]
    other = f"By its agent's word, configuration is another than the store knows: {', '.join(health['differing'])}."
    return ended + ([other] if health["differing"] else [])


def _warned(warnings: Sequence[str]) -> dict[str, Any]:
    told = [warning for warning in warnings if warning]
    return {"warnings": told} if told else {}
