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
_STEP: Final = 1_000_000
"""More than are taken back between a backup and its being restored: a second outweighs them."""
_CLOCKS_S: Final = 7 * 86400.0
"""What has ended stays on the list for that long: an agent's clock may go wrong."""


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


def revoke_generation(connection: Connection, instance: str, generation: int, at: float, reason: str) -> int:
    """Take back all certificates of one generation of an instance, whatever the trust domain; return how many."""
    ours = certificates.c.name.like(f"spiffe://%/instance/{instance}/generation/{generation}")
    names = connection.execute(select(certificates.c.name).where(ours, certificates.c.revoked_at.is_(None)).distinct())
    return sum(len(revoke(connection, name, at, reason)) for name in names.scalars().all())


def is_certified(connection: Connection, instance: str, generation: int) -> bool:
    """Tell whether a generation was issued a certificate that was not taken back; it may have expired."""
    ours = certificates.c.name.like(f"spiffe://%/instance/{instance}/generation/{generation}")
    found = select(certificates.c.serial).where(ours, certificates.c.revoked_at.is_(None)).limit(1)
    return connection.execute(found).first() is not None


def newest(connection: Connection, name: str) -> CertificateRecord | None:
    """Return the certificate of a name that was issued last and not taken back, if there is one."""
    ours = (certificates.c.name == name, certificates.c.revoked_at.is_(None))
    row = connection.execute(
        select(certificates).where(*ours).order_by(certificates.c.issued_at.desc()).limit(1)
    ).first()
    return None if row is None else CertificateRecord(**row._mapping)


def roles_revoked_at(connection: Connection) -> float:
    """Return when a role's certificate was taken back last; 0 where none ever was."""
    of_roles = certificates.c.name.like("spiffe://%/role/%")
    return float(connection.execute(select(func.max(certificates.c.revoked_at)).where(of_roles)).scalar() or 0.0)


def revoked(connection: Connection, now: float) -> list[Revoked]:
    """Return the certificates of this CA that were taken back, but for those that ended more than a week ago."""
    ours = (*_REVOKED, certificates.c.not_after > now - _CLOCKS_S)
    rows = connection.execute(select(certificates.c.serial, certificates.c.revoked_at).where(*ours))
    return [Revoked(int(row.serial, 16), row.revoked_at) for row in rows]


def revocations(connection: Connection) -> int:
    """Return the number of the CRL, which grows with each certificate that is taken back; 0 where none ever was."""
    asked = select(func.count(), func.max(certificates.c.revoked_at)).where(*_REVOKED)
    count, newest = connection.execute(asked).one()
    return list_number(int(count), float(newest or 0.0))


def list_number(count: int, newest: float) -> int:
    """Return the number of a list of revocations.

    It has the time in it: a store that was restored from a backup knows of fewer revocations than peers have been told
    of, and what it takes back from then on has to count for them all the same.

    Args:
        count: how many were taken back.
        newest: when the last one was, in seconds since the epoch.
    """
    return int(newest) * _STEP + count


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


__all__ = [
    "CertificateRecord",
    "is_certified",
    "is_valid",
    "list_number",
    "newest",
    "record",
    "refuse",
    "revocations",
    "revoke",
    "revoke_generation",
    "revoked",
    "roles_revoked_at",
]
