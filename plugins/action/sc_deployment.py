# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run SC instances on Kubernetes and by ETSI MANOs; documented in plugins/modules/sc_deployment.py."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible import constants

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.kubernetes import Cluster
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PlatformError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.deployment import Deployment, read_deployment
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.hidden import Secrets, of_kubeconfig
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.outcome import Outcome
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.site import (
    KubernetesPlatform,
    Sol005Platform,
    read_platform,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.sol005.lifecycle import Lifecycle, connect
from ansible_collections.palantir.trust.plugins.plugin_utils.platforms.verdict import verdict
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger

STATES = ("instantiated", "configured", "operating", "stopped", "scaled", "healed", "preserved", "terminated")
_NEED_SC = {
    "kubernetes": {"instantiated", "configured", "healed"},
    "sol005": {"instantiated", "configured", "scaled"},
}


class ActionModule(TrustAction):
    """A verb on a platform, with what of it is attested: nothing."""

    _supports_check_mode = True
    _supports_async = False

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": list(STATES), "required": True},
        "instance": {"type": "str", "required": True},
        "sc": {"type": "dict"},
        "platform": {"type": "dict"},
        "replace": {"type": "bool", "default": False},
        "replicas": {"type": "int"},
        "cause": {"type": "str", "default": "asked for by a playbook"},
        "dest": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Carry out the verb; what goes wrong is told without what the platform was sent in confidence."""
        self._secrets = Secrets()
        try:
            return self._act(arguments, task_vars)
        except TrustError as error:
            raise self._secrets.without(error) from None

    def _act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        name, instance = str(task_vars["inventory_hostname"]), arguments["instance"]
        if not is_name(instance):
            raise PlatformError(f"instance {printable(instance, 80)!r}", "is not a name.", RULE)
        platform = read_platform(arguments["platform"] or _variable(task_vars, name), name)
        driver = "kubernetes" if isinstance(platform, KubernetesPlatform) else "sol005"
        wanted = None
        if arguments["state"] in _NEED_SC[driver] or arguments["sc"]:
            wanted = read_deployment(instance, arguments["sc"], driver)
            self._secrets.add_configuration(wanted)
        if arguments["state"] == "preserved":
            return self._preserve(platform, arguments, task_vars)
        outcome, told = self._verb(platform, arguments, wanted, task_vars)
        said = verdict(instance, name, driver)
        result = {"changed": outcome.changed, "before": dict(outcome.before), "after": dict(outcome.after), **told}
        if arguments["state"] != "terminated":
            result |= {"verdict": said.plain(), "warnings": [f"Trust tier {said.tier}: {said.reason}"]}
        if self._task.diff:
            result["diff"] = {"before": _shown(outcome.before), "after": _shown(outcome.after)}
        if outcome.changed and not self._task.check_mode:
            self._record(arguments, name, driver, outcome)
        return result

    def _verb(
        self,
        platform: KubernetesPlatform | Sol005Platform,
        arguments: dict[str, Any],
        wanted: Deployment | None,
        task_vars: dict[str, Any],
    ) -> tuple[Outcome, dict[str, Any]]:
        if isinstance(platform, Sol005Platform):
            outcome = _at_mano(self._lifecycle(platform, arguments), arguments, wanted)
            return outcome, {"operations": list(outcome.operations)}
        cluster = self._cluster(platform, arguments, task_vars)
        outcome = _on_cluster(cluster, arguments, wanted)
        gone = arguments["state"] == "terminated" or self._task.check_mode
        return outcome, {"pods": [] if gone else cluster.pods()}

    def _lifecycle(self, platform: Sol005Platform, arguments: dict[str, Any]) -> Lifecycle:
        return Lifecycle(connect(platform, self._secrets), platform, arguments["instance"], check=self._task.check_mode)

    def _cluster(self, platform: KubernetesPlatform, arguments: dict[str, Any], task_vars: dict[str, Any]) -> Cluster:
        if self._connection.transport != "local":
            # The kubeconfig and what it gives access to are the controller's, and no node's.
            raise PlatformError(
                str(task_vars["inventory_hostname"]),
                "is a cluster, which the controller itself asks.",
                "set ansible_connection: local for it.",
            )
        self._secrets.add(*of_kubeconfig(platform.kubeconfig))
        # The modules log their options, a Secret's data among them, and trust a cache in a directory that all share.
        unlogged = {**task_vars, "ansible_no_target_syslog": True}
        self._task.environment = [*(self._task.environment or []), {"TMPDIR": constants.DEFAULT_LOCAL_TMP}]

        def module(name: str, options: dict[str, Any]) -> dict[str, Any]:
            result: dict[str, Any] = self._execute_module(module_name=name, module_args=options, task_vars=unlogged)
            return result

        return Cluster(platform, arguments["instance"], module, check=self._task.check_mode)

    def _preserve(
        self, platform: KubernetesPlatform | Sol005Platform, arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        if not arguments["dest"]:
            raise PlatformError(arguments["instance"], "state preserved needs dest.", "name a directory.")
        if isinstance(platform, Sol005Platform):
            files = self._lifecycle(platform, arguments).preserve()
        else:
            files = self._cluster(platform, arguments, task_vars).preserve()
        if self._task.check_mode:
            return {"changed": True, "preserved": {name: _digest(data) for name, data in files.items()}}
        return {"changed": True, "preserved": _keep(Path(arguments["dest"]), files)}

    def _record(self, arguments: dict[str, Any], platform: str, driver: str, outcome: Outcome) -> None:
        body = {
            "platform": platform,
            "driver": driver,
            "state": arguments["state"],
            "before": dict(outcome.before),
            "after": dict(outcome.after),
            "operations": list(outcome.operations),
        }
        with self.open_store(arguments).transaction() as connection:
            ledger.append(connection, self.now(), "action", f"sc:{arguments['instance']}", body)


def _at_mano(lifecycle: Lifecycle, arguments: dict[str, Any], wanted: Deployment | None) -> Outcome:
    verbs: dict[str, Callable[[], Outcome]] = {
        "operating": lambda: lifecycle.operate(start=True),
        "stopped": lambda: lifecycle.operate(start=False),
        "healed": lambda: lifecycle.heal(arguments["cause"]),
        "terminated": lifecycle.terminate,
    }
    if wanted is not None:
        verbs["instantiated"] = lambda: lifecycle.instantiate(wanted, replace=arguments["replace"])
        verbs["configured"] = lambda: lifecycle.configure(wanted)
        verbs["scaled"] = lambda: lifecycle.scale(wanted.sc, _replicas(arguments))
    return verbs[arguments["state"]]()


def _on_cluster(cluster: Cluster, arguments: dict[str, Any], wanted: Deployment | None) -> Outcome:
    verbs: dict[str, Callable[[], Outcome]] = {
        "operating": lambda: cluster.operate(start=True),
        "stopped": lambda: cluster.operate(start=False),
        "scaled": lambda: cluster.scale(_replicas(arguments)),
        "terminated": cluster.terminate,
    }
    if wanted is not None:
        verbs["instantiated"] = lambda: cluster.instantiate(wanted, replace=arguments["replace"])
        verbs["configured"] = lambda: cluster.configure(wanted)
        verbs["healed"] = lambda: cluster.heal(wanted)
    return verbs[arguments["state"]]()


def _replicas(arguments: dict[str, Any]) -> int:
    if arguments["replicas"] is None:
        raise PlatformError(arguments["instance"], "state scaled needs replicas.")
    return int(arguments["replicas"])


def _variable(task_vars: Mapping[str, Any], name: str) -> Any:
    variables = task_vars.get("hostvars", {}).get(name) or {}
    return variables.get("palantir_trust_platform")


def _shown(state: Mapping[str, Any]) -> str:
    return json.dumps(dict(state), indent=1, sort_keys=True) + "\n"


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _keep(directory: Path, files: Mapping[str, bytes]) -> dict[str, str]:
    """Write files under names that are ours, readable by their owner only; return their digests."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, data in files.items():
        with os.fdopen(os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.write(data)
    return {name: _digest(data) for name, data in files.items()}
