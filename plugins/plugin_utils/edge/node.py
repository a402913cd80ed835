# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a module of the collection on a node from an action, with one way to fail.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ansible.errors import AnsibleConnectionFailure, AnsibleError

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.login import connect_anew, refusal
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.refusals import ANEW, NEXT, REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ssh_certificates

_BOOT_ID: Final = "cat /proc/sys/kernel/random/boot_id"
_CONNECT_S: Final = 5


class NodeError(TrustError):
    """A node that did not do what it was asked; ``code`` is the module's stable name of the cause."""

    def __init__(self, node: str, cause: str, next_step: str = "", code: str = "") -> None:
        self.code = code
        super().__init__(node, cause, next_step)


class UnreachableError(NodeError):
    """A node that could not be reached: it says nothing of its integrity.

    ``code`` tells who refused whom, where somebody did (:data:`~..ssh.refusals.REASONS`).
    """


class NodeAction(TrustAction):
    """An action with a part that runs on a node."""

    _requires_connection = True

    @staticmethod
    def node_options(
        names: Sequence[str], node: str, arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        """Return where things are on a node: the task's options, else the node's variables ``palantir_trust_<name>``.

        The variables are the node's own even where the task is another host's, delegated to it.
        """
        variables = task_vars.get("hostvars", {}).get(node) or {}
        found = {name: arguments[name] or variables.get(f"palantir_trust_{name}") for name in names}
        return {name: value for name, value in found.items() if value}

    def boot_id(self) -> str | None:
        """Return what the task's node says of its boot over a new connection; None where it cannot be asked."""
        with contextlib.suppress(AnsibleError, AttributeError, KeyError):
            self._connection.set_option("timeout", _CONNECT_S)
        try:
            with contextlib.suppress(AttributeError):
                self._connection.reset()
            answer = self._low_level_execute_command(_BOOT_ID, sudoable=False)
        except AnsibleConnectionFailure:
            return None
        return printable(answer["stdout"].strip(), 64) if answer["rc"] == 0 else None

    def connect(self, node: str) -> tuple[str, ...] | None:
        """Open a new connection to the task's node; return which host keys it showed, as :func:`.login.connect_anew`.

        Raises:
            UnreachableError: there is none.
        """
        try:
            return connect_anew(self._connection)
        except AnsibleConnectionFailure as error:
            raise self.unreachable(node, error) from None

    def unreachable(self, node: str, error: AnsibleConnectionFailure) -> UnreachableError:
        """Return what a failed connection means, and record it where somebody was refused."""
        said = str(error).strip()
        store, now = self.open_store({"store": self._task.args.get("store")}), self.now()
        refused = refusal(self._connection, said, store, now)
        if refused is None:
            reason = printable(said.rstrip(".") or "no connection", 500)
            return UnreachableError(node, f"is unreachable: {reason}.", "check its power and network.")
        with store.transaction() as connection:
            ssh_certificates.refuse(connection, node, now, refused)
        code = str(refused["refused"])
        return UnreachableError(node, f"{REASONS[code]} ({code}).", NEXT.get(code, ANEW), code)

    def ask(self, node: str, module: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Run a module of the collection on the task's node and return its result.

        Args:
            node: the node's name, for messages.
            module: its name without the collection's.
            arguments: its arguments.
            task_vars: of the task.

        Raises:
            UnreachableError: there is no connection.
            NodeError: the module failed, with its own message.
        """
        try:
            result: dict[str, Any] = self._execute_module(
                module_name=f"palantir.trust.{module}", module_args=arguments, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            raise self.unreachable(node, error) from None
        if result.get("failed"):
            said = printable(result.get("msg") or "the module gave no reason.", 2000)
            raise NodeError(node, said, code=printable(result.get("code", ""), 64))
        return result


def part(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a mapping that a module's result should have; empty where the node gave something else."""
    value = result.get(name)
    return dict(value) if isinstance(value, Mapping) else {}


__all__ = ["NodeAction", "NodeError", "UnreachableError", "part"]
