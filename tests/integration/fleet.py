# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many light nodes at once: started side by side, and enrolled without a playbook.

A node is about 16 MB of memory (swtpm and sshd) and, on a core of 2 GHz, half a second of work to make.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.palantir.trust.plugins.action.enrol import LOG_OPTIONS, TPM_OPTIONS, ActionModule
from ansible_collections.palantir.trust.plugins.module_utils._evidence import Request, collect
from ansible_collections.palantir.trust.plugins.modules.enrolment import run as enrolment
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from tests.lab.light.node import LightNode

_WORKERS = 2 * (os.cpu_count() or 1)
_TPM = {"ak_handle": "0x81010020", "ek": "auto"}
_EVIDENCE = {"ak_handle": "0x81010020", "since": None, "log_limit": 64 << 20}


@contextmanager
def fleet(directory: Path, names: Sequence[str]) -> Iterator[list[LightNode]]:
    """Run light nodes, all of which are stopped at the end.

    Raises:
        LabError: a program is missing or ended at once.
    """
    nodes = [LightNode(name, directory / name) for name in names]
    try:
        nodes[0].start()  # alone: it makes what all share, the CA of the TPMs and the client's key
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(LightNode.start, nodes[1:]))
        yield nodes
    finally:
        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(LightNode.stop, nodes))


class _Enrolment(ActionModule):
    """The action ``enrol`` with its modules in this process."""

    def __init__(self, store: Store) -> None:
        self._opened = store

    def open_store(self, _arguments: dict[str, Any]) -> Store:
        return self._opened

    def connect(self, _node: str) -> None:
        """There is no connection, so no server shows a host key."""

    def ask(self, _node: str, module: str, arguments: dict[str, Any], _task_vars: dict[str, Any]) -> dict[str, Any]:
        if module == "enrolment":
            return enrolment({**_TPM, **arguments}, create=True)
        return {"evidence": collect(Request(**{**_EVIDENCE, **arguments}))}


def enrol(nodes: Sequence[LightNode], store: Store) -> None:
    """Enrol nodes: what the playbook does, but for SSH."""
    action = _Enrolment(store)

    def one(node: LightNode) -> Mapping[str, Any]:
        variables = {"hostvars": {node.name: node.inventory_variables()}, "inventory_hostname": node.name}
        options = dict.fromkeys((*TPM_OPTIONS, *LOG_OPTIONS))
        asked: dict[str, Any] = {
            "ca": str(node.ca),
            "policy": {},
            "replace": False,
            "ak_algorithm": "ecdsa_p256",
            **options,
        }
        return action.act(asked, variables)

    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(one, nodes))


__all__ = ["enrol", "fleet"]
