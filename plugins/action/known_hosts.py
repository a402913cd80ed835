# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write known_hosts from the store; documented in plugins/modules/known_hosts.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import RECORDED
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.known_hosts import PORT, Host, known_hosts
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities
from ansible_collections.palantir.trust.plugins.plugin_utils.store.private_file import replace


class ActionModule(TrustAction):
    """A file on the controller, made of what is on record."""

    SPEC: ClassVar[dict[str, Any]] = {
        "dest": {"type": "path", "required": True},
        "nodes": {"type": "list", "elements": "str"},
        "aliases": {"type": "dict", "default": {}},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return which nodes the file knows."""
        asked = arguments["nodes"]
        names = list(dict.fromkeys(task_vars["groups"]["all"] if asked is None else asked))
        with self.open_store(arguments).transaction() as connection:
            enrolled = identities.every(connection, names)
        with_keys = [name for name in names if name in enrolled and enrolled[name].recorded.get(RECORDED)]
        variables, aliases = task_vars["hostvars"], arguments["aliases"]
        text = known_hosts(
            (_host(name, variables.get(name) or {}, aliases.get(name) or ()), enrolled[name].recorded)
            for name in with_keys
        )
        dest = Path(arguments["dest"])
        before = _present(dest)
        changed = before != text
        if changed and not self._task.check_mode:
            try:
                replace(dest, text.encode("ascii"), mode=0o644)
            except OSError as error:
                raise StoreError(str(dest), f"{error.strerror or error}.", "check the directory.") from None
        result = {"changed": changed, "dest": str(dest), "nodes": with_keys}
        result["missing"] = [name for name in (enrolled if asked is None else names) if name not in with_keys]
        if self._task.diff:
            sides = {"before_header": str(dest), "after_header": str(dest)}
            result["diff"] = {"before": before or "", "after": text, **sides}
        return result


def _host(name: str, variables: Mapping[str, Any], aliases: Any) -> Host:
    """Return a node as ssh is told to reach it, by Ansible's variables for that."""
    address = str(variables.get("ansible_host") or variables.get("ansible_ssh_host") or name)
    port = variables.get("ansible_port") or variables.get("ansible_ssh_port") or PORT
    if not str(port).isdecimal() or not isinstance(aliases, (list, tuple)):
        said = f"{printable(port, 40)!r}, and the aliases {printable(aliases, 80)!r}"
        raise StoreError(f"node {printable(name, 80)}", f"has the port {said}.", "give a number, and a list of names.")
    return Host(name, address, int(port), tuple(str(alias) for alias in aliases))


def _present(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(str(path), f"{error.strerror or error}.", "name a file that can be written.") from None
