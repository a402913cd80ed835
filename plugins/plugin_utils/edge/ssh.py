# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible would reach a node by SSH, as a command for a channel that stays.

The arguments are those of Ansible's own connection plugin, its options set from the node's variables as for a task:
what works for ``ansible NODE -m ping`` works here, and shares its connection where ControlPersist is on.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible import constants as C  # noqa: N812 - its name everywhere
from ansible.errors import AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.collector import interpreter
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.channel import Launch
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import Escalation
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import INSTALLED, program

COLLECTORS: Final = ("streamed", "installed")
_SSH: Final = ("ssh", "ansible.builtin.ssh", "smart")
_SUDO: Final = ("sudo", "ansible.builtin.sudo")


class UnsupportedError(TrustError):
    """A node that cannot be watched over its connection; it can be attested as well as any other."""


@dataclass(frozen=True)
class Play:
    """What a task knows of its play.

    Attributes:
        task: the task, with its keywords.
        context: the play's, with the command line's.
    """

    task: Task
    context: PlayContext


def launch(node: str, variables: Mapping[str, Any], play: Play) -> Launch:
    """Return how the collector of a node is started.

    Args:
        node: its name in the inventory.
        variables: the node's, templated.
        play: of the task.

    Raises:
        UnsupportedError: the connection is none that can be kept.
    """
    collector = variables.get("palantir_trust_collector") or COLLECTORS[0]
    if collector not in COLLECTORS:
        raise UnsupportedError(
            node, f"palantir_trust_collector is {printable(collector, 40)!r}.", f"use {' or '.join(COLLECTORS)}."
        )
    try:
        return _launch(node, variables, play, installed=collector == "installed")
    except UnsupportedError:
        raise
    except (AnsibleError, TrustError, TypeError, ValueError) as error:
        raise UnsupportedError(
            node, f"{printable(error, 300).rstrip('.')}.", "check its connection variables."
        ) from None


def _launch(node: str, variables: Mapping[str, Any], play: Play, *, installed: bool) -> Launch:
    connection = _connection(node, variables, play)
    host = str(connection.get_option("host") or variables.get("inventory_hostname") or node)
    connection.host = host
    become = connection.become if connection.become is not None and _is_another_user(connection) else None
    escalation = None
    if installed:
        command = INSTALLED if become is None else _by_rule(become)
    else:
        command = program().bootstrap(interpreter(variables))
        if become is not None:
            command = become.build_become_command(command, connection._shell)
            escalation = _escalation(become)
    shell = f"{play.context.executable} -c {shlex.quote(command)}"
    ssh = connection.get_option("ssh_executable")
    arguments = _texts(connection._build_command(ssh, "ssh", host, shell))
    shared = any("controlpersist" in argument.lower() for argument in arguments)
    return Launch(
        command=arguments,
        program=b"" if installed else program().packed,
        escalation=escalation,
        reset=_texts(connection._build_command(ssh, "ssh", "-O", "stop", host)) if shared else (),
    )


def _connection(node: str, variables: Mapping[str, Any], play: Play) -> Any:
    """Return the connection plugin of a node with all its options, as TaskExecutor makes it."""
    name = str(variables.get("ansible_connection") or play.task.connection or "ssh")
    if name not in _SSH:
        raise UnsupportedError(
            node,
            f"cannot be watched over connection type {printable(name, 60)!r}: only ssh is kept open.",
            "it is attested once a round instead; see docs/watch.md.",
        )
    connection = connection_loader.get("ansible.builtin.ssh", play.context)
    keys = {name: value for name, value in play.task.dump_attrs().items() if name != "retries"}
    keys["timeout"] = play.context.timeout
    if play.context.password:
        keys["password"] = play.context.password
    connection.set_become_plugin(_become(node, variables, play))
    _set_options(connection, "connection", keys, variables)
    _set_options(connection._shell, "shell", keys, variables)
    if connection.become is not None:
        if play.context.become_pass:
            keys["become_pass"] = play.context.become_pass
        _set_options(connection.become, "become", keys, variables)
    if connection.get_option("password"):
        raise UnsupportedError(
            node,
            "cannot be watched by a password of SSH.",
            "give it a key (ansible_ssh_private_key_file); it is attested once a round instead.",
        )
    return connection


def _become(node: str, variables: Mapping[str, Any], play: Play) -> Any:
    wanted = variables.get("ansible_become")
    if not (play.task.become if wanted is None else boolean(wanted)):
        return None
    method = str(variables.get("ansible_become_method") or play.task.become_method or "sudo")
    if method not in _SUDO:
        raise UnsupportedError(
            node,
            f"cannot be watched by become method {printable(method, 60)!r}.",
            "use sudo; it is attested once a round instead.",
        )
    return become_loader.get("ansible.builtin.sudo")


def _set_options(plugin: Any, kind: str, keys: Mapping[str, Any], variables: Mapping[str, Any]) -> None:
    names = C.config.get_plugin_vars(kind, plugin._load_name)
    plugin.set_options(task_keys=dict(keys), var_options={name: variables[name] for name in names if name in variables})


def _is_another_user(connection: Any) -> bool:
    """Tell whether there is anything to become, as ActionBase._low_level_execute_command() does."""
    mine, wanted = connection.get_option("remote_user"), connection.become.get_option("become_user")
    return bool(C.BECOME_ALLOW_SAME_USER) or mine != wanted or not any((mine, wanted))


def _by_rule(become: Any) -> str:
    """Return the command of an installed collector as a rule of sudoers can name it, without a shell."""
    user = become.get_option("become_user") or "root"
    words = [become.get_option("become_exe") or "sudo", "-n", *(["-u", str(user)] if user != "root" else []), INSTALLED]
    return shlex.join(words)


def _escalation(become: Any) -> Escalation:
    password = become.get_option("become_pass")
    return Escalation(
        success=str(become.success).encode(),
        prompt=str(become.prompt).encode() if password else b"",
        password=str(password or "").encode(),
    )


def _texts(arguments: list[bytes]) -> tuple[str, ...]:
    return tuple(argument.decode("utf-8", "surrogateescape") for argument in arguments)


__all__ = ["COLLECTORS", "Play", "UnsupportedError", "launch"]
