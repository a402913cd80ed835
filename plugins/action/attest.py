# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attest a node: challenge, evidence, verification, EAR; documented in plugins/modules/attest.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ear import abridged, summary
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import AppraisalPolicy, load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.challenge import round as attestation
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.collector import CollectorAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeError, UnreachableError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PartError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import ReferenceSet
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.site import load_site
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

EAR_LIMIT = 500_000
"""Most characters of an EAR in a task's result: AWX keeps none of an event over 700,000."""
NODE_OPTIONS = (
    "tcti",
    "ak_handle",
    "event_log_path",
    "ima_log_path",
    "userspace_log_path",
    "proc_path",
    "sys_path",
    "ssh_path",
)


@dataclass(frozen=True)
class _Site:
    """What every round of a task needs; ``key`` is the PEM of the key that signs, None where nothing is signed."""

    store: Store
    policy: AppraisalPolicy
    references: ReferenceSet
    key: bytes | None


class ActionModule(CollectorAction):
    """One evidence task on the node, everything else on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "node": {"type": "str"},
        "policy": {"type": "dict", "default": {}},
        "reference_values": {"type": "path", "required": True},
        "require": {"type": "str", "choices": ["affirming", "warning", "any"], "default": "affirming"},
        "layers": {"type": "list", "elements": "str"},
        "whole": {"type": "bool", "default": False},
        "signing_key": {"type": "path"},
        **{option: {"type": "str"} for option in NODE_OPTIONS},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the EAR's summary; the raw evidence goes to the store."""
        node = arguments["node"] or task_vars["inventory_hostname"]
        result = self._round(node, arguments, task_vars)
        returned = {
            "changed": False,
            "node": node,
            "state": result.state,
            "message": result.message,
            "attestation": result.attestation,
            "ear": abridged(result.ear, EAR_LIMIT) if result.ear else None,
            "summary": summary(result.ear) if result.ear else None,
        }
        return returned | _requirement(result, arguments["require"], arguments["layers"])

    def _round(self, node: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> attestation.Result:
        store = self.open_store(arguments)
        key = self.signing_key(arguments)
        try:
            policy = load_policy(arguments["policy"])
            references = load_site(Path(arguments["reference_values"]), datetime.now(UTC))
        except TrustError as error:
            return attestation.give_up(store, node, "verifier_fault", str(error), self.now())
        site = _Site(store, policy, references, key)
        try:
            return self._asked(site, node, arguments, task_vars, whole=arguments["whole"])
        except PartError:
            # It may be the controller's memory that is wrong: only the whole list speaks against a node.
            return self._asked(site, node, arguments, task_vars, whole=True)

    def _asked(
        self, site: _Site, node: str, arguments: dict[str, Any], task_vars: dict[str, Any], *, whole: bool
    ) -> attestation.Result:
        store = site.store
        challenge = attestation.begin(store, node, site.policy, site.references, self.now(), whole=whole)
        if challenge is None:
            message = f"{node}: is not enrolled. Next: run palantir.trust.enrol for it."
            return attestation.give_up(store, node, "not_enrolled", message, self.now())
        places = self.node_options(NODE_OPTIONS, node, arguments, task_vars)
        wanted: dict[str, Any] = {"nonce": challenge.nonce.hex(), "selection": site.policy.selection_plain()}
        if challenge.since is not None:
            wanted["since"] = dict(challenge.since)
        try:
            evidence = self.evidence(node, wanted, places, task_vars)
        except UnreachableError as error:
            return attestation.give_up(store, node, "unreachable", str(error), self.now())
        except NodeError as error:
            return attestation.give_up(store, node, "no_evidence", str(error), self.now())
        return attestation.finish(store, challenge, evidence, site.policy, site.references, site.key, self.now())


def _requirement(result: attestation.Result, require: str, layers: list[str] | None) -> dict[str, Any]:
    """Return what makes the task fail where the result is not good enough."""
    if require == "any":
        return {}
    if result.ear is None:
        return {"failed": True, "msg": result.message}
    accepted = {"affirming"} if require == "affirming" else {"affirming", "warning"}
    short = [
        f"{name} is {submod['ear_status']}"
        for name, submod in result.ear["submods"].items()
        if (not layers or name in layers) and submod["ear_status"] not in accepted
    ]
    missing = [f"{name} has no result" for name in layers or () if name not in result.ear["submods"]]
    if not short and not missing:
        return {}
    return {"failed": True, "msg": f"{result.node}: {', '.join(short + missing)}; {require} is required."}
