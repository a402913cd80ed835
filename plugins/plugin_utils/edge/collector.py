# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of a node by the collector's program, over the connection that Ansible has: asked once, and gone.

The module ``evidence`` does the same; but Ansible's frame of a module takes a node longer than a quote does. It is run
where a connection cannot give a program to Python's standard input (no pipelining), and where that goes wrong: its
errors are those that Ansible's users know.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ansible import constants as C  # noqa: N812 - its name everywhere
from ansible.errors import AnsibleConnectionFailure

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction, NodeError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import ChannelError, Conversation, fault
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.node import WHOLE_LIMIT
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program


class CollectorAction(NodeAction):
    """An action that asks a node for evidence."""

    def evidence(
        self, node: str, wanted: Mapping[str, Any], places: Mapping[str, Any], task_vars: dict[str, Any]
    ) -> object:
        """Return what the task's node answers; it is hostile.

        Args:
            node: its name, for messages.
            wanted: ``nonce``, ``selection`` and, where the node need not send all, ``since``.
            places: where things are on it, by the names of the module's options.
            task_vars: of the task.

        Raises:
            UnreachableError: there is no connection.
            NodeError: the node has no complete evidence, and says why.
        """
        if self._pipelines():
            try:
                return self._streamed(node, wanted, places, task_vars)
            except ChannelError as error:
                self._display.vvv(f"{error} It is asked by the module evidence.", host=node)
            except AnsibleConnectionFailure as error:
                raise self.unreachable(node, error) from None
        return self.ask(node, "evidence", {**wanted, **places}, task_vars).get("evidence")

    def _pipelines(self) -> bool:
        shell = getattr(self._connection, "_shell", None)
        return getattr(shell, "SHELL_FAMILY", "") == "sh" and bool(self._connection.is_pipelining_enabled())

    def _streamed(
        self, node: str, wanted: Mapping[str, Any], places: Mapping[str, Any], task_vars: dict[str, Any]
    ) -> object:
        collector = program()
        conversation = Conversation(node, collector.digest, collector.packed)
        asked = conversation.at_once({**wanted, "places": dict(places)}, WHOLE_LIMIT)
        command = self._compute_environment_string() + collector.bootstrap(interpreter(self._of_host(task_vars)))
        done = self._low_level_execute_command(command, in_data=asked, encoding_errors="surrogateescape")
        conversation.complained(done["stderr"].encode("utf-8", "surrogateescape"))
        _reply, answer = conversation.received(done["stdout"].encode("utf-8", "surrogateescape"))
        if answer is None:
            raise conversation.ended()
        if "evidence" in answer:
            return answer["evidence"]
        said, code = fault(answer)
        raise NodeError(node, said, code=code)

    def _of_host(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the variables of the host that the task is run on; where its Python is named, templated."""
        delegate = self._task.delegate_to
        found = task_vars.get("ansible_delegated_vars", {}).get(delegate, {}) if delegate else task_vars
        named = found.get("ansible_python_interpreter")
        return {
            "ansible_python_interpreter": self._templar.template(named) if named else None,
            "ansible_facts": found.get("ansible_facts"),
        }


def interpreter(variables: Mapping[str, Any]) -> str:
    """Return a node's Python as words of a shell command.

    Args:
        variables: the node's, templated.

    Raises:
        TrustError: the site's setting is no command.
    """
    wanted = variables.get("ansible_python_interpreter") or C.config.get_config_value("INTERPRETER_PYTHON")
    if str(wanted).startswith("auto"):
        facts = variables.get("ansible_facts") or {}
        found = facts.get("discovered_interpreter_python") if isinstance(facts, Mapping) else None
        if found:
            return shlex.quote(str(found))  # one path, and the node's own word
    elif wanted:
        try:
            return shlex.join(shlex.split(str(wanted)))
        except ValueError as error:
            raise TrustError(
                "ansible_python_interpreter", f"cannot be read as a command: {error}.", "mend its quotes."
            ) from None
    # What Ansible's discovery would find, without a round trip for it: the first of its list that starts.
    names = shlex.join(str(name) for name in C.config.get_config_value("INTERPRETER_PYTHON_FALLBACK"))
    return f'"$(for python in {names}; do "$python" -c pass 2>/dev/null && echo "$python" && break; done)"'


__all__ = ["CollectorAction", "interpreter"]
