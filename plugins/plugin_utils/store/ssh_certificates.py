# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH certificates that the site's SSH CA issued, which of them it took back, and connections that were refused.

They are kept beside those of the site's other CA, under names that begin with ``ssh:``, which no SPIFFE ID does.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Any, Final

from cryptography.hazmat.primitives.serialization import SSHCertificate
from sqlalchemy import Connection, func, insert, select

from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.authority import account_of
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.revocation_list import revocation_list
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates as all_certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.certificates import CertificateRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import certificates

PREFIX: Final = "ssh:"
KIND: Final = "access"
"""Kind of the ledger's entries about SSH: certificates issued and revoked, connections refused."""

_REVOKED: Final = (certificates.c.name.startswith(PREFIX), certificates.c.revoked_at.is_not(None))


def name_of(role: str) -> str:
    """Return the name under which the certificates of a role are kept.

    Raises:
        PkiError: there is no such role.
    """
    return PREFIX + account_of(role)


def record(connection: Connection, role: str, certificate: SSHCertificate, at: float) -> CertificateRecord:
    """Record a certificate that was issued, in the table and in the ledger.

    Raises:
        PkiError: there is no such role.
    """
    serial = f"{certificate.serial:x}"
    kept = CertificateRecord(serial, name_of(role), at, float(certificate.valid_before), None, "")
    connection.execute(insert(certificates).values(**kept.plain()))
    body = {"issued": serial, "not_after": kept.not_after, "key_id": certificate.key_id.decode("utf-8", "replace")}
    ledger.append(connection, at, KIND, kept.name, body)
    return kept


def revoke(connection: Connection, role: str, serial: int | None, at: float, reason: str) -> list[CertificateRecord]:
    """Take back all certificates of a role that are valid still, or one of them, and return what was taken back.

    Raises:
        PkiError: there is no such role.
    """
    only = None if serial is None else f"{serial:x}"
    return all_certificates.revoke(connection, name_of(role), at, reason, kind=KIND, serial=only)


def is_revoked(connection: Connection, serial: int) -> bool:
    """Tell whether a certificate was taken back."""
    asked = select(func.count()).where(*_REVOKED, certificates.c.serial == f"{serial:x}")
    return bool(connection.execute(asked).scalar_one())


def revocations(connection: Connection, authority: str) -> bytes:
    """Return the list of all certificates that were taken back, for ``RevokedKeys`` of the nodes.

    Args:
        connection: an open transaction.
        authority: the SSH CA's public key, ``TYPE BASE64``.
    """
    rows = connection.execute(select(certificates.c.serial, certificates.c.revoked_at).where(*_REVOKED)).all()
    newest = max((row.revoked_at for row in rows), default=0.0)
    number = all_certificates.list_number(len(rows), newest)
    return revocation_list(authority, (int(row.serial, 16) for row in rows), number, newest)


def refuse(connection: Connection, node: str, at: float, body: dict[str, Any]) -> None:
    """Record in the ledger that a connection to a node was refused, by either side.

    Args:
        connection: an open transaction.
        node: its name.
        at: seconds since the epoch.
        body: ``refused``, a code of :data:`~..ssh.refusals.REASONS`, and as whom.
    """
    ledger.append(connection, at, KIND, node, body)


__all__ = ["KIND", "PREFIX", "is_revoked", "name_of", "record", "refuse", "revocations", "revoke"]
