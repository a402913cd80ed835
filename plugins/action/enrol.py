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
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh import host_keys
from ansible_collections.palantir.trust.plugins.plugin_utils.store import identities, ssh_certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.tpm.structures import parse_public

TPM_OPTIONS = ("tcti", "ak_handle")
LOG_OPTIONS = ("event_log_path", "ima_log_path", "userspace_log_path", "proc_path", "sys_path", "ssh_path")
NO_KEYS = "{}: it names no SSH host keys, so connections to it cannot be checked by them. See docs/ssh.md."


class ActionModule(NodeAction):
    """Three round trips over one new connection: describe, activate, and the evidence that is recorded."""

    _supports_check_mode = False

    SPEC: ClassVar[dict[str, Any]] = {
        "ca": {"type": "path", "required": True},
        "policy": {"type": "dict", "default": {}},
        "replace": {"type": "bool", "default": False},
        "host_keys": {"type": "bool", "default": False},
        "ak_algorithm": {"type": "str", "choices": ["ecdsa_p256", "rsa_2048"], "default": "ecdsa_p256"},
        **{option: {"type": "str"} for option in (*TPM_OPTIONS, *LOG_OPTIONS)},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the identity is; it is in the store."""
        node = str(task_vars["inventory_hostname"])
        store = self.open_store(arguments)
        try:
            shown = self.connect(node)
            identity = self._prove(node, arguments, task_vars)
            certificate = identity.ek_certificate.sha256
            with store.transaction() as connection:
                identities.check_binding(connection, node, certificate, replace=arguments["replace"])
                known = identities.find(connection, node)
            recorded = {} if known is None else dict(known.recorded)
            if known is None or arguments["replace"]:
                found = self._record(node, identity, arguments, task_vars)
                recorded = found | self._taken_over(node, recorded, found)
            elif arguments["host_keys"] or host_keys.RECORDED not in recorded:
                found = self._record(node, identity, arguments, task_vars)
                recorded |= self._taken_over(node, recorded, found, asked=arguments["host_keys"])
            # All else is kept whatever the node says now: only a person's word makes what it is today the new measure.
            self._check_shown(store, node, shown, recorded)
            changed = self._save(store, node, identity, recorded, known, arguments["replace"])
        except TrustError as error:
            # Errors of the pure packages speak of the certificate or key; the operator needs the node as well.
            raise error if error.subject == node else EnrolmentError(node, str(error)) from None
        keys = recorded.get(host_keys.RECORDED) or ()
        returned = {
            "changed": changed,
            "node": node,
            "ek_certificate_sha256": certificate,
            "ak_name": parse_public(identity.ak_public).name.hex(),
            "tpm": dict(identity.tpm),
            "recorded_events": len(recorded["events"] or ()),
            "host_keys": [{"type": host_keys.type_of(key), "fingerprint": host_keys.fingerprint(key)} for key in keys],
            "host_key_shown": shown[0] if shown else None,
            "findings": [{"code": f.code, "message": f.message} for f in identity.findings],
        }
        return returned if keys else returned | {"warnings": [NO_KEYS.format(node)]}

    @staticmethod
    def _taken_over(
        node: str, before: dict[str, Any], found: dict[str, Any], *, asked: bool = False
    ) -> dict[str, list[str]]:
        keys = found.get(host_keys.RECORDED) or ()
        if asked and not keys:
            raise EnrolmentError(node, "names no SSH host keys to take over.", "set palantir_trust_ssh_path for it.")
        return host_keys.taken_over(before, keys)

    def _check_shown(self, store: Store, node: str, shown: tuple[str, ...] | None, recorded: dict[str, Any]) -> None:
        """Refuse a node whose TPM does not prove the host key that its server showed: somebody may be in between."""
        keys = recorded.get(host_keys.RECORDED)
        if shown is None or not keys:
            return
        if len(shown) == 1 and shown[0] in {host_keys.fingerprint(key) for key in keys}:
            return
        with store.transaction() as connection:
            body = {"refused": "host_key_foreign", "shown": list(shown), "proved": list(keys)}
            ssh_certificates.refuse(connection, node, self.now(), body)
        raise EnrolmentError(
            node,
            f"the SSH server that answers for it shows the host key {', '.join(shown)}, and its TPM "
            f"proves {host_keys.named(keys)} (host_key_foreign).",
            "treat the connection as intercepted; or see docs/ssh.md where the node keeps its keys elsewhere.",
        )

    def _save(
        self,
        store: Store,
        node: str,
        identity: Identity,
        recorded: dict[str, Any],
        known: identities.NodeRecord | None,
        replace: bool,
    ) -> bool:
        """Keep what is new; return whether anything is."""
        same = known is not None and dict(known.identity) == identity.record()
        with store.transaction() as connection:
            if not same or replace:
                certificate = identity.ek_certificate.sha256
                identities.check_binding(connection, node, certificate, replace=replace)
                identities.save(connection, node, certificate, identity.record(), recorded, self.now())
                return True
            if known is not None and recorded != dict(known.recorded):
                keys = {name: recorded[name] for name in (host_keys.RECORDED, host_keys.REVOKED)}
                identities.set_host_keys(connection, node, keys, self.now())
                return True
        return False

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
