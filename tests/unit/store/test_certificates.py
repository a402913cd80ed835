# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificates count: issued here, to this name, and not taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_role
from ansible_collections.palantir.trust.plugins.plugin_utils.store import backup, certificates, ledger
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = NOW.timestamp()
SITE = ca.load(ca.make("example.test", NOW), "CA")
OBSERVER, OPERATOR = (str(of_role("example.test", role)) for role in ("observer", "operator"))


def issued(role: str, hours: int = 12) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return ca.issue(SITE, of_role("example.test", role), key, NOW, timedelta(hours=hours))


def test_a_certificate_counts_until_it_is_taken_back(store: Store) -> None:
    lost, kept, foreign = issued("observer"), issued("operator"), issued("observer")
    with store.transaction() as connection:
        for certificate in (lost, kept):
            certificates.record(connection, certificate, AT)
        assert certificates.is_valid(connection, lost.serial_number, OBSERVER)
        assert not certificates.is_valid(connection, lost.serial_number, OPERATOR)
        assert not certificates.is_valid(connection, foreign.serial_number, OBSERVER)
        (taken,) = certificates.revoke(connection, OBSERVER, AT + 60, "lost\nin a train")
    with store.transaction() as connection:
        assert int(taken.serial, 16) == lost.serial_number
        assert "\n" not in taken.reason
        assert not certificates.is_valid(connection, lost.serial_number, OBSERVER)
        assert certificates.is_valid(connection, kept.serial_number, OPERATOR)
        assert certificates.revoked(connection, AT + 61) == [ca.Revoked(lost.serial_number, AT + 60)]
        assert certificates.revoked(connection, AT + 30 * 86400) == [], "it ended long ago"
        assert certificates.roles_revoked_at(connection) == AT + 60
        assert certificates.revocations(connection) == int(AT + 60) * 1_000_000 + 1
        assert certificates.revoke(connection, OBSERVER, AT + 61, "again") == []
        assert ledger.verify(connection) == 3


def test_what_has_expired_need_not_be_taken_back(store: Store) -> None:
    with store.transaction() as connection:
        certificates.record(connection, issued("observer", hours=1), AT)
        assert certificates.revoke(connection, OBSERVER, AT + 7200, "") == []


def test_what_a_restored_store_takes_back_counts_for_those_who_know_the_lost_one(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.sqlite3" for name in ("lost", "restored")]
    lost, restored = Store(urls[0]), Store(urls[1])
    with lost.transaction() as connection:
        for role in ("observer", "operator", "orchestrator"):
            certificates.record(connection, issued(role), AT)
        assert certificates.revocations(connection) == 0
    backup.backup(urls[0], tmp_path / "backup.sqlite3")
    with lost.transaction() as connection:
        for name in (OBSERVER, OPERATOR):
            certificates.revoke(connection, name, AT + 60, "lost")
        known = certificates.revocations(connection)
    backup.restore(tmp_path / "backup.sqlite3", urls[1])
    with restored.transaction() as connection:
        certificates.revoke(connection, OBSERVER, AT + 120, "lost")
        assert certificates.revocations(connection) > known
