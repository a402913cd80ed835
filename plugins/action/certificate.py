# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue and revoke certificates of roles; documented in plugins/modules/certificate.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.authority import Authority
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import ROLES, of_role, parse
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates, site_ca
from ansible_collections.palantir.trust.plugins.plugin_utils.store.private_file import write_new


class ActionModule(TrustAction):
    """The site's CA at work."""

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["issued", "revoked"], "required": True},
        "role": {"type": "str", "choices": list(ROLES)},
        "name": {"type": "str"},
        "dest": {"type": "path"},
        "hours": {"type": "int", "default": 12},
        "reason": {"type": "str", "default": ""},
        "ca": {"type": "path"},
        "trust_domain": {"type": "str", "default": site_ca.DOMAIN},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the certificates that were issued or revoked."""
        authority = site_ca.load_or_create(
            Path(arguments["ca"] or site_ca.default_path()),
            str(arguments["trust_domain"]),
            keep=not self._task.check_mode,
        )
        if arguments["state"] == "issued":
            return self._issue(authority, arguments)
        return self._revoke(authority, arguments)

    def _issue(self, authority: Authority, arguments: dict[str, Any]) -> dict[str, Any]:
        if not arguments["role"] or not arguments["dest"]:
            raise PkiError("certificate", "needs role and dest.", "name a role, and a file for key and certificate.")
        if not 1 <= arguments["hours"] <= 8784:
            raise PkiError("certificate", f"cannot be valid for {arguments['hours']} hours.", "give 1 to 8784.")
        dest = Path(arguments["dest"])
        if dest.exists():
            raise PkiError(str(dest), "is there already.", "remove it, or name another.")
        if self._task.check_mode:
            return {"changed": True, "certificates": [], "dest": str(dest)}
        now, key = self.now(), ec.generate_private_key(ec.SECP256R1())
        issued = ca.issue(
            authority,
            of_role(ca.domain_of(authority), arguments["role"]),
            key.public_key(),
            datetime.fromtimestamp(now, UTC),
            timedelta(hours=arguments["hours"]),
        )
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with self.transaction(arguments) as connection:
            record = certificates.record(connection, issued, now)
            try:
                # Within the transaction: what is not on record could not be revoked.
                write_new(dest, private + issued.public_bytes(serialization.Encoding.PEM) + authority.pem)
            except OSError as error:
                raise PkiError(str(dest), f"{error.strerror or error}.", "check the directory.") from None
        return {"changed": True, "certificates": [record.plain()], "dest": str(dest)}

    def _revoke(self, authority: Authority, arguments: dict[str, Any]) -> dict[str, Any]:
        if not arguments["role"] and not arguments["name"]:
            raise PkiError("certificate", "needs role or name.", "say whose certificates are taken back.")
        name = parse(arguments["name"]) if arguments["name"] else of_role(ca.domain_of(authority), arguments["role"])
        now = self.now()
        with self.transaction(arguments) as connection:
            before = certificates.revoked(connection, now), certificates.revocations(connection)
            taken = certificates.revoke(connection, str(name), now, str(arguments["reason"]))
            # A list holds wherever it comes to: what is only foreseen is in none.
            after = certificates.revoked(connection, now), certificates.revocations(connection)
        revoked, number = before if self._task.check_mode else after
        crl = ca.revocation_list(authority, revoked, number, datetime.fromtimestamp(now, UTC))
        return {
            "changed": bool(taken),
            "certificates": [record.plain() for record in taken],
            "revocations": crl.decode("ascii"),
        }
