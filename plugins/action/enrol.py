# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enrol a node: EK certificate, AK, credential activation; documented in plugins/modules/enrol.py."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.policy.policy import load_policy
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.recorded import record
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.node import NodeAction, part
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.ek import load_ca_directory
from ansible_collections.palantir.trust.plugins.plugin_utils.enrolment.identity import (
    Identity,
    begin_enrolment,
    finish_enrolment,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EnrolmentError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import parse_public

TPM_OPTIONS = ("tcti", "ak_handle")
LOG_OPTIONS = ("event_log_path", "ima_log_path", "userspace_log_path", "proc_path", "sys_path")


class ActionModule(NodeAction):
    """Three round trips: describe, activate, and the evidence that is recorded."""

    _supports_check_mode = False

    SPEC: ClassVar[dict[str, Any]] = {
        "ca": {"type": "path", "required": True},
        "policy": {"type": "dict", "default": {}},
        "replace": {"type": "bool", "default": False},
        "ak_algorithm": {"type": "str", "choices": ["ecdsa_p256", "rsa_2048"], "default": "ecdsa_p256"},
        **{option: {"type": "str"} for option in (*TPM_OPTIONS, *LOG_OPTIONS)},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the identity is; it is in the store."""
        node = str(task_vars["inventory_hostname"])
        store = self.open_store(arguments)
        try:
            identity = self._prove(node, arguments, task_vars)
            certificate = identity.ek_certificate.sha256
            with store.transaction() as connection:
                identities.check_binding(connection, node, certificate, replace=arguments["replace"])
                known = identities.find(connection, node)
            same = known is not None and dict(known.identity) == identity.record()
            if known is not None and not arguments["replace"]:
                # Kept whatever else the node says now: only a person's word makes what it is today the new measure.
                recorded = dict(known.recorded)
            else:
                recorded = self._record(node, identity, arguments, task_vars)
            if not same or arguments["replace"]:
                with store.transaction() as connection:
                    identities.check_binding(connection, node, certificate, replace=arguments["replace"])
                    identities.save(connection, node, certificate, identity.record(), recorded, self.now())
        except TrustError as error:
            # Errors of the pure packages speak of the certificate or key; the operator needs the node as well.
            raise error if error.subject == node else EnrolmentError(node, str(error)) from None
        return {
            "changed": not same or arguments["replace"],
            "node": node,
            "ek_certificate_sha256": certificate,
            "ak_name": parse_public(identity.ak_public).name.hex(),
            "tpm": dict(identity.tpm),
            "recorded_events": len(recorded["events"] or ()),
            "findings": [{"code": f.code, "message": f.message} for f in identity.findings],
        }

    def _prove(self, node: str, arguments: dict[str, Any], task_vars: dict[str, Any]) -> Identity:
        tpm = self.node_options(TPM_OPTIONS, node, arguments, task_vars)
        asked = {"operation": "describe", "ak_algorithm": arguments["ak_algorithm"], "replace": arguments["replace"]}
        described = self.ask(node, "enrolment", asked | tpm, task_vars)
        pending = begin_enrolment(
            part(described, "description"), load_ca_directory(Path(arguments["ca"])), datetime.now(UTC)
        )
        answered = self.ask(node, "enrolment", {"operation": "activate", **pending.challenge(), **tpm}, task_vars)
        return finish_enrolment(pending, answered.get("answer"))

    def _record(
        self, node: str, identity: Identity, arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        policy, nonce = load_policy(arguments["policy"]), secrets.token_bytes(32)
        wanted = self.node_options((*TPM_OPTIONS, *LOG_OPTIONS), node, arguments, task_vars)
        asked = {"nonce": nonce.hex(), "selection": policy.selection_plain(), **wanted}
        answer = self.ask(node, "evidence", asked, task_vars)
        evidence = {**part(answer, "evidence"), "nonce": nonce.hex()}
        return record(evidence, base64.b64encode(identity.ak_public).decode(), policy)
