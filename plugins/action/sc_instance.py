# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instantiate, preserve and terminate SC instances; documented in plugins/modules/sc_instance.py."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, binary, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction, part
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError, StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

DRIVERS = dict.fromkeys(("nspawn", "podman", "systemd"), "sc_generation")
"""The module that runs a generation on a node, by the flavour's driver."""
PRESERVED_LIMIT = 64 * MIB
_ID = re.compile(r"[0-9a-f]{64}")


class ActionModule(NodeAction):
    """The store's part and the node's part of a verb in one task: one round trip."""

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["instantiated", "preserved", "terminated"], "required": True},
        "instance": {"type": "str", "required": True},
        "node": {"type": "str"},
        "sc": {"type": "dict"},
        "replace": {"type": "bool", "default": False},
        "driver": {"type": "str", "choices": list(DRIVERS), "default": "podman"},
        "directory": {"type": "path", "default": "/var/lib/palantir.trust"},
        "dest": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Carry out the verb."""
        if not is_name(arguments["instance"]):
            # It becomes a path that is removed, and an argument of the container engine.
            raise StoreError(f"instance {printable(arguments['instance'], 80)!r}", "is not a name.", RULE)
        arguments["node"] = arguments["node"] or str(task_vars["inventory_hostname"])
        verb = {"instantiated": self._instantiate, "preserved": self._preserve, "terminated": self._terminate}
        return verb[arguments["state"]](arguments, task_vars)

    def _instantiate(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        sc = arguments["sc"]
        if not sc or "image_id" not in sc:
            raise CatalogueError(arguments["instance"], "sc must be what lookup palantir.trust.sc returns.")
        _check_supported(sc)
        store = self.open_store(arguments)
        living = _living(store, arguments)
        running = [record for record in living if record.state == "live"]
        if running and not arguments["replace"]:
            return {"changed": False, "generation": running[-1].plain()}
        if self._task.check_mode:
            return {"changed": True}
        record = _allocate(store, arguments, self.now())
        # Where this fails the generation stays allocated: it may run all the same, and must be appraised.
        answer = self.ask(arguments["node"], DRIVERS[sc["driver"]], _start(arguments, record), task_vars)
        container = container_id(answer.get("container"), f"{record.instance}-g{record.generation}")
        # The node replaced whatever ran under this name.
        self._retire(store, living)
        with store.transaction() as connection:
            instances.set_state(connection, record.id, "live", self.now(), container)
        return {"changed": True, "generation": {**record.plain(), "state": "live", "container": container}}

    def _preserve(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        if not arguments["dest"]:
            raise StoreError(
                arguments["instance"], "state preserved needs dest.", "name a directory on the controller."
            )
        if self._task.check_mode:
            return {"changed": bool(_living(self.open_store(arguments), arguments))}
        frozen_at = self._freeze(arguments)
        answer = self._drive("preserved", arguments, task_vars)
        frozen = frozen_at is not None or bool(answer.get("frozen"))
        return {
            "changed": frozen,
            "frozen": frozen,
            "frozen_at": frozen_at,
            "preserved": _keep(Path(arguments["dest"]), part(answer, "preserved")),
        }

    def _freeze(self, arguments: dict[str, Any]) -> float | None:
        """Freeze an instance by a plain command: a module takes seconds to start, and foreign code would go on.

        Returns:
            When it stood still, by this clock; None where the command failed, which the module is to find out about.
        """
        containers = [record.container for record in _living(self.open_store(arguments), arguments) if record.container]
        if containers:
            command = " && ".join(map(freezing, containers))
            with contextlib.suppress(AnsibleConnectionFailure):
                if self._low_level_execute_command(command)["rc"] == 0:
                    return self.now()
        return None

    def _terminate(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        store = self.open_store(arguments)
        living = _living(store, arguments)
        if self._task.check_mode:
            return {"changed": bool(living)}
        answer = self._drive("absent", arguments, task_vars)
        self._retire(store, living)
        return {"changed": bool(answer.get("changed")) or bool(living)}

    def _drive(self, state: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        asked = {"state": state, "name": arguments["instance"], "directory": _directory(arguments)}
        return self.ask(arguments["node"], DRIVERS[arguments["driver"]], asked, task_vars)

    def _retire(self, store: Store, records: list[InstanceRecord]) -> None:
        with store.transaction() as connection:
            for record in records:
                instances.set_state(connection, record.id, "retired", self.now())


def _check_supported(sc: Mapping[str, Any]) -> None:
    """Refuse what no driver here carries out, rather than run an instance without it."""
    if sc["driver"] not in DRIVERS:
        raise CatalogueError(
            f"SC {sc['sc']}", f"asks for the driver {sc['driver']}, which is not available.", "leave it out."
        )


def freezing(container: str) -> str:
    """Return the command that makes a generation's processes stand still, by what its container is called."""
    if _ID.fullmatch(container):
        return f"podman pause {container}"
    return f"systemctl freeze {shlex.quote(f'palantir-sc-{container}.service')}"


def container_id(told: object, name: str = "") -> str | None:
    """Return the ID of a container, or this name of a machine or service, as a node tells it; None for what is none.

    Without it the container is still told from others by its owners, and by the range that the node's facts show.
    """
    return told if isinstance(told, str) and (_ID.fullmatch(told) or (told and told == name)) else None


def _living(store: Store, arguments: dict[str, Any]) -> list[InstanceRecord]:
    with store.transaction() as connection:
        return [
            record
            for record in instances.of_node(connection, arguments["node"])
            if record.instance == arguments["instance"] and record.state != "retired"
        ]


def _allocate(store: Store, arguments: dict[str, Any], now: float) -> InstanceRecord:
    digests = {
        f["path"]: "sha256:" + hashlib.sha256(f["content"].encode()).hexdigest() for f in arguments["sc"]["files"]
    }
    with store.transaction() as connection:
        node = identities.find(connection, arguments["node"])
        if node is None:
            raise StoreError(f"node {arguments['node']}", "is not enrolled.", "run palantir.trust.enrol for it first.")
        return instances.allocate(
            connection,
            instance=arguments["instance"],
            sc=arguments["sc"]["sc"],
            flavour=arguments["sc"]["flavour"],
            node=arguments["node"],
            files=digests,
            reset_count=node.reset_count,
            at=now,
        )


def _directory(arguments: dict[str, Any]) -> str:
    return os.path.join(str(arguments["directory"]), str(arguments["instance"]))


def _start(arguments: dict[str, Any], record: InstanceRecord) -> dict[str, Any]:
    sc = arguments["sc"]
    same = ("driver", "capabilities", "command", "files", "ports", "network", "resources", "probe")
    return {
        "state": "started",
        "name": record.instance,
        "generation": record.generation,
        "directory": _directory(arguments),
        "image": str(sc["image_id"]).removeprefix("sha256:"),
        "uid_base": record.uid_base,
        "uid_count": record.uid_count,
        "replace_previous": True,
        **{key: sc[key] for key in same},
    }


def _keep(directory: Path, kept: dict[str, str]) -> dict[str, str]:
    """Write preserved files under names that are ours, readable by their owner only; return their digests."""
    digests: dict[str, str] = {}
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("inspect.json", "changes.json", "changed-files.tar", "log.txt"):
        if name in kept:
            data = binary(kept[name], f"preserved.{name}", PRESERVED_LIMIT)
            with os.fdopen(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(data)
            digests[name] = "sha256:" + hashlib.sha256(data).hexdigest()
    return digests
