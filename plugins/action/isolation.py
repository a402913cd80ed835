# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolate and release nodes and SC instances; documented in plugins/modules/isolation.py."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar, Final

from ansible.errors import AnsibleError

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction, NodeError, UnreachableError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, instances

_MODULE: Final = "nft_isolation"
_TRIAL: Final = range(10, 601)
_PEERS: Final = 64


class ActionModule(NodeAction):
    """The node's part, by nftables; of a node also the proof that the controller still reaches it."""

    _supports_check_mode = True

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["isolated", "released"], "default": "isolated"},
        "node": {"type": "str"},
        "instance": {"type": "str"},
        "ports": {"type": "list", "elements": "int", "default": []},
        "allow": {"type": "list", "elements": "str", "default": []},
        "trial": {"type": "int", "default": 60},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return whether that changed anything."""
        arguments["node"] = arguments["node"] or str(task_vars["inventory_hostname"])
        if arguments["instance"] is not None:
            return self._instance(arguments, task_vars)
        return self._node(arguments, task_vars)

    def _instance(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        node, name = arguments["node"], arguments["instance"]
        if not is_name(name):
            raise StoreError(f"instance {printable(name, 80)!r}", "is not a name.", RULE)
        asked: dict[str, Any] = {"state": arguments["state"], "instance": name}
        if arguments["state"] == "isolated":
            with self.open_store(arguments).transaction() as connection:
                found = [r for r in instances.of_node(connection, node) if r.instance == name and r.state != "retired"]
            if not found:
                raise StoreError(f"instance {name}", f"does not live on {node}.", "see where it lives with deploy.")
            asked["ranges"] = [{"base": record.uid_base, "count": record.uid_count} for record in found]
            asked["ports"] = arguments["ports"]
        answer = self.ask(node, _MODULE, asked, task_vars)
        return {"changed": bool(answer.get("changed"))}

    def _node(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        node, isolated = arguments["node"], arguments["state"] == "isolated"
        if isolated and self._connection.transport == "local":
            raise NodeError(node, "is the controller itself.", "isolate it by hand.")
        result = self._isolate(arguments, task_vars) if isolated else self._release(node, task_vars)
        if not self._task.check_mode:
            with self.open_store(arguments).transaction() as connection:
                result["changed"] |= identities.set_isolated(connection, node, isolated, self.now())
        return result

    def _release(self, node: str, task_vars: dict[str, Any]) -> dict[str, Any]:
        answer = self.ask(node, _MODULE, {"state": "released"}, task_vars)
        return {"changed": bool(answer.get("changed"))}

    def _isolate(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        node, trial = arguments["node"], arguments["trial"]
        if trial not in _TRIAL:
            raise NodeError(node, f"trial must be from {_TRIAL[0]} to {_TRIAL[-1]} seconds, not {trial}.")
        asked = {"state": "isolated", "allow": arguments["allow"]}
        first = self.ask(node, _MODULE, {**asked, "trial": trial}, task_vars)
        if self._task.check_mode:
            return _told(first, first)
        # Only a new connection shows that the next task will come in.
        with contextlib.suppress(AnsibleError, AttributeError):
            self._connection.reset()
        try:
            last = self.ask(node, _MODULE, {**asked, "keep": True}, task_vars)
        except UnreachableError:
            raise UnreachableError(
                node,
                f"cannot be reached once it is isolated; it is open again after {trial} s.",
                "name the controllers' addresses in palantir_trust_isolation_allow.",
            ) from None
        return _told(first, last)


def _told(first: dict[str, Any], last: dict[str, Any]) -> dict[str, Any]:
    peers = last.get("peers")
    shown = [printable(peer, 64) for peer in peers[:_PEERS]] if isinstance(peers, list) else []
    return {"changed": first.get("before") != last.get("after"), "peers": shown}
