# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Issue and revoke SSH certificates of roles; documented in plugins/modules/ssh_certificate.py."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.person import person_of
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import ROLES
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ssh_ca, ssh_certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store.private_file import replace, write_new

_KEY_LIMIT = 16384


class ActionModule(TrustAction):
    """The site's SSH CA at work."""

    SPEC: ClassVar[dict[str, Any]] = {
        "state": {"type": "str", "choices": ["issued", "revoked", "listed"], "required": True},
        "role": {"type": "str", "choices": list(ROLES)},
        "holder": {"type": "str"},
        "dest": {"type": "path"},
        "public_key": {"type": "path"},
        "hours": {"type": "int", "default": 12},
        "source_addresses": {"type": "list", "elements": "str", "default": []},
        "command": {"type": "str", "default": ""},
        "serial": {"type": "str"},
        "reason": {"type": "str", "default": ""},
        "ca": {"type": "path"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the certificates that were issued or revoked, and what nodes have to be given."""
        path = Path(arguments["ca"] or ssh_ca.default_path())
        authority = ssh_ca.load_or_create(path, keep=not self._task.check_mode)
        result: dict[str, Any] = {"changed": False, "certificates": []}
        if arguments["state"] == "issued":
            result = self._issue(authority, arguments, task_vars)
        elif arguments["state"] == "revoked":
            result = self._revoke(arguments)
        line = ca.public_line(authority)
        with self.transaction(arguments) as connection:
            revocations = ssh_certificates.revocations(connection, line)
        file = path.with_name(f"{path.name}.revoked")
        if not self._task.check_mode:
            _keep(file, revocations)
        told = {"authority": line, "revocations": base64.b64encode(revocations).decode("ascii")}
        return result | told | {"revocations_file": str(file)}

    def _issue(
        self, authority: ec.EllipticCurvePrivateKey, arguments: dict[str, Any], task_vars: dict[str, Any]
    ) -> dict[str, Any]:
        if not arguments["role"] or not arguments["dest"]:
            raise PkiError("certificate", "needs role and dest.", "name a role, and a file for it.")
        dest, given = Path(arguments["dest"]), arguments["public_key"]
        if not given and dest.exists():
            raise PkiError(str(dest), "is there already.", "remove it, name another, or give its public_key.")
        request = ca.UserRequest(
            role=arguments["role"],
            holder=arguments["holder"] or person_of(task_vars),
            lifetime=timedelta(hours=arguments["hours"]),
            source_addresses=tuple(arguments["source_addresses"]),
            command=arguments["command"],
        )
        own = None if given else ed25519.Ed25519PrivateKey.generate()
        public = _read(Path(given)) if own is None else own.public_key()
        now = self.now()
        issued = ca.issue(authority, request, public, datetime.fromtimestamp(now, UTC))
        certificate = dest if own is None else dest.with_name(f"{dest.name}-cert.pub")
        told = {
            "changed": True,
            "dest": str(dest),
            "certificate": str(certificate),
            "account": ca.account_of(request.role),
            "key_id": issued.key_id.decode(),
        }
        with self.transaction(arguments) as connection:
            record = ssh_certificates.record(connection, request.role, issued, now)
            if not self._task.check_mode:
                # Within the transaction: what is not on record could not be revoked.
                _write(dest, certificate, own, issued.public_bytes())
        return told | {"certificates": [record.plain()]}

    def _revoke(self, arguments: dict[str, Any]) -> dict[str, Any]:
        if not arguments["role"]:
            raise PkiError("certificate", "needs role.", "say whose certificates are taken back.")
        try:
            serial = None if arguments["serial"] is None else int(arguments["serial"], 16)
        except ValueError:
            raise PkiError(
                f"serial {printable(arguments['serial'], 40)!r}", "is none.", "give it in hexadecimal."
            ) from None
        with self.transaction(arguments) as connection:
            taken = ssh_certificates.revoke(connection, arguments["role"], serial, self.now(), str(arguments["reason"]))
        return {"changed": bool(taken), "certificates": [record.plain() for record in taken]}


def _keep(path: Path, revocations: bytes) -> None:
    """Keep the list beside the CA, for tasks that copy it to nodes: binary data is no text of a template's."""
    try:
        if not path.is_file() or path.read_bytes() != revocations:
            replace(path, revocations, mode=0o644)
    except OSError as error:
        raise PkiError(str(path), f"{error.strerror or error}.", "check the directory.") from None


def _read(path: Path) -> ca.PublicKey:
    try:
        with path.open("rb") as file:
            line = file.read(_KEY_LIMIT)
    except OSError as error:
        raise PkiError(str(path), f"{error.strerror or error}.", "name a file with a public key.") from None
    return ca.read_public_key(line, str(path))


def _write(dest: Path, certificate: Path, own: ed25519.Ed25519PrivateKey | None, text: bytes) -> None:
    try:
        if own is not None:
            form = serialization.PrivateFormat.OpenSSH
            write_new(dest, own.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
            replace(dest.with_name(f"{dest.name}.pub"), ca.public_line(own.public_key()).encode() + b"\n")
        replace(certificate, text + b"\n")
    except OSError as error:
        raise PkiError(str(dest), f"{error.strerror or error}.", "check the directory.") from None
