# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving the agent beside an instance its certificate, and asking it, from an action.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration import agent_part
from ansible_collections.palantir.trust.plugins.plugin_utils.orchestration.asking import Agent
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.authority import Authority
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import Peer
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates, site_ca
from ansible_collections.palantir.trust.plugins.plugin_utils.store.certificates import CertificateRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

_ADDRESS: Final = "palantir_trust_agent_address"


class AgentAction(NodeAction):
    """An action that has agents serve; its arguments have ``node``, ``directory``, ``ca`` and ``store``.

    One that asks agents has ``agent_address`` besides.
    """

    @staticmethod
    def authority(arguments: Mapping[str, Any]) -> Authority:
        """Return the site's CA, which is made at first use.

        Raises:
            PkiError: its file is none.
            StoreError: it cannot be read or written, or others may read it.
        """
        return site_ca.load_or_create(Path(arguments["ca"] or site_ca.default_path()))

    def certify(
        self,
        record: InstanceRecord,
        management: Mapping[str, Any] | None,
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> CertificateRecord | None:
        """Have a generation's agent serve by a certificate that holds for long enough, where its SC wants an agent.

        Returns:
            The certificate that was issued; None where none was due, or ``management`` is None.

        Raises:
            PkiError: the node sends no request that can be granted.
            NodeError: the agent does not serve.
            UnreachableError: there is no connection.
        """
        return None if management is None else self.renew(record, management, arguments, task_vars)

    def renew(
        self,
        record: InstanceRecord,
        management: Mapping[str, Any] | None,
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> CertificateRecord | None:
        """Do the same for one that has an agent already, where it serves, without ``management``."""
        authority, store = self.authority(arguments), self.open_store(arguments)
        name, directory = agent_part.name_of(authority, record), str(arguments["directory"])
        answer = self.ask(record.node, "sc_agent", agent_part.requested(record, directory), task_vars)
        with store.transaction() as connection:
            sound = agent_part.serves(answer, management)
            sound = sound and agent_part.is_newest(connection, name, answer.get("certificate"))
            if sound and not agent_part.due(connection, name, self.now()):
                return None
            issued, given = agent_part.certified(connection, authority, record, answer, self.now())
        self.ask(record.node, "sc_agent", agent_part.installed(record, directory, given, management), task_vars)
        return issued

    def agent(
        self,
        record: InstanceRecord,
        management: Mapping[str, Any] | None,
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
    ) -> tuple[Agent | None, str]:
        """Return the agent of a generation; None where there is nobody to ask, and why, where its SC wants an agent.

        Raises:
            PkiError: the CA's file is none.
            StoreError: it cannot be read, or others may read it.
        """
        if management is None:
            return None, ""
        path = Path(arguments["ca"] or site_ca.default_path())
        if not path.exists():
            return None, f"The site's CA is not on this controller: {path}."
        authority, store = site_ca.load_or_create(path), self.open_store(arguments)
        name = agent_part.name_of(authority, record)
        with store.transaction() as connection:
            kept = certificates.newest(connection, str(name))
        if kept is None or kept.not_after <= self.now():
            return None, "Its agent has no valid certificate: cycle renews it once the instance is affirming."

        def counts(serial: int) -> bool:
            with store.transaction() as connection:
                return certificates.is_valid(connection, serial, str(name))

        address = self._agent_address(record.node, arguments, task_vars)
        return Agent(store, authority, Peer(address, int(management["port"]), name, counts), self.now), ""

    @staticmethod
    def _agent_address(node: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> str:
        """Return the node's address for its agents, else that for SSH, else its name."""
        variables = task_vars.get("hostvars", {}).get(node) or {}
        return str(arguments["agent_address"] or variables.get(_ADDRESS) or variables.get("ansible_host") or node)


__all__ = ["AgentAction"]
