# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that the site's CA issued, and which of them it took back.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from sqlalchemy import Connection, func, insert, select, update

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.authority import Revoked
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_certificate
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.schema import certificates

# The site's SSH certificates are kept in the same table, and are none of this CA's (ssh_certificates.py).
_REVOKED: Final = (certificates.c.name.startswith("spiffe://"), certificates.c.revoked_at.is_not(None))


@dataclass(frozen=True)
class CertificateRecord:
    """One certificate: its serial number in hexadecimal, whose it is (SPIFFE ID), and its times."""

    serial: str
    name: str
    issued_at: float
    not_after: float
    revoked_at: float | None
    reason: str

    def plain(self) -> dict[str, Any]:
        """Return the JSON-safe form."""
        return {
            "serial": self.serial,
            "name": self.name,
            "issued_at": self.issued_at,
            "not_after": self.not_after,
            "revoked_at": self.revoked_at,
            "reason": self.reason,
        }


def record(connection: Connection, certificate: x509.Certificate, at: float) -> CertificateRecord:
    """Record a certificate that was issued, in the table and in the ledger.

    Raises:
        PkiError: it has no SPIFFE ID.
        StoreError: one of its serial number is there.
    """
    kept = CertificateRecord(
        serial=_hex(certificate.serial_number),
        name=str(of_certificate(certificate)),
        issued_at=at,
        not_after=certificate.not_valid_after_utc.timestamp(),
        revoked_at=None,
        reason="",
    )
    connection.execute(insert(certificates).values(**kept.plain()))
    ledger.append(connection, at, "certificate", kept.name, {"issued": kept.serial, "not_after": kept.not_after})
    return kept


def revoke(
    connection: Connection, name: str, at: float, reason: str, *, kind: str = "certificate", serial: str | None = None
) -> list[CertificateRecord]:
    """Take back certificates of a name that are valid still, and return them; nothing where there are none.

    Args:
        connection: an open transaction.
        name: whose they are.
        at: seconds since the epoch.
        reason: why, for the record.
        kind: of the ledger's entries.
        serial: that of the only one, in hexadecimal; all of them where it is None.
    """
    valid = [certificates.c.name == name, certificates.c.revoked_at.is_(None), certificates.c.not_after > at]
    if serial is not None:
        valid.append(certificates.c.serial == serial)
    found = connection.execute(select(certificates).where(*valid).order_by(certificates.c.serial)).all()
    text = printable(reason, 500)
    connection.execute(update(certificates).where(*valid).values(revoked_at=at, reason=text))
    for row in found:
        ledger.append(connection, at, kind, name, {"revoked": row.serial, "reason": text})
    return [CertificateRecord(**{**row._mapping, "revoked_at": at, "reason": text}) for row in found]


def revoked(connection: Connection) -> list[Revoked]:
    """Return all certificates of this CA that were taken back."""
    rows = connection.execute(select(certificates.c.serial, certificates.c.revoked_at).where(*_REVOKED))
    return [Revoked(int(row.serial, 16), row.revoked_at) for row in rows]


def revocations(connection: Connection) -> int:
    """Return how many were taken back: the number of the CRL, which grows with each."""
    counted = select(func.count()).where(*_REVOKED)
    return int(connection.execute(counted).scalar_one())


def is_valid(connection: Connection, serial: int, name: str) -> bool:
    """Tell whether a certificate was issued here, to this name, and not taken back. Time is the peer's to check."""
    row = connection.execute(select(certificates).where(certificates.c.serial == _hex(serial))).first()
    return row is not None and row.name == name and row.revoked_at is None


def refuse(connection: Connection, name: str, at: float, reason: str) -> None:
    """Record in the ledger that a peer was turned away: whom one asked for, and a stable reason.

    Raises:
        StoreError: the name is too long for the ledger.
    """
    if len(name) > 520:
        raise StoreError("peer", "has a name that is too long for the ledger.")
    ledger.append(connection, at, "certificate", name, {"refused": printable(reason, 64)})


def _hex(serial: int) -> str:
    return f"{serial:x}"


__all__ = ["CertificateRecord", "is_valid", "record", "refuse", "revocations", "revoke", "revoked"]
