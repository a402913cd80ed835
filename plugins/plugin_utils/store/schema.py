# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of the store, in SQLAlchemy Core: what belongs to a running site and not into git.

All times are seconds since the epoch, UTC, as floats. A change here is a new version, with a file in ``migrations/``.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

VERSION = 7

# SQLite numbers rows by itself only where their key is INTEGER, which there has 64 bits, too.
_Id = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", String(255), nullable=False),
)

alembic_version = Table(
    "alembic_version",
    metadata,
    Column("version_num", String(32), primary_key=True),
)

nodes = Table(
    "nodes",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("identity", JSON(none_as_null=True)),
    Column("ek_sha256", String(64), unique=True),
    Column("recorded", JSON(none_as_null=True)),
    Column("last", JSON(none_as_null=True)),
    Column("enrolled_at", Float),
    Column("cordoned", Boolean, nullable=False, default=False),
    Column("isolated", Boolean, nullable=False, default=False, server_default=false()),
)

challenges = Table(
    "challenges",
    metadata,
    Column("nonce", String(64), primary_key=True),
    Column("node", String(255), nullable=False),
    Column("issued_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False, index=True),
    Column("used_at", Float),
)

evidence = Table(
    "evidence",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("node", String(255), nullable=False, index=True),
    Column("at", Float, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("zlib", LargeBinary, nullable=False),
)

attestations = Table(
    "attestations",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("node", String(255), nullable=False),
    Column("at", Float, nullable=False),
    Column("state", String(32), nullable=False),
    Column("message", Text, nullable=False, default=""),
    Column("ear", JSON(none_as_null=True)),
    Column("jwt", Text),
    Column("evidence", ForeignKey("evidence.id"), index=True),
    Index("attestations_of", "node", "state", "id"),
)

runs = Table(
    "runs",
    metadata,
    Column("attestation", ForeignKey("attestations.id"), primary_key=True, autoincrement=False),
    Column("newest_of", String(255), unique=True),
    Column("last_at", Float, nullable=False),
    Column("rounds", BigInteger, nullable=False),
    Column("longest_gap", Float, nullable=False),
    Column("essence", String(64), nullable=False),
    Column("claims", Text),
    Column("signature", String(128)),
    Column("evidence", ForeignKey("evidence.id"), index=True),
)

changes = Table(
    "changes",
    metadata,
    Column("node", String(255), primary_key=True),
    Column("layer", String(255), primary_key=True),
    Column("value", String(32), nullable=False),
    Column("attestation", ForeignKey("attestations.id"), nullable=False, index=True),
)

boots = Table(
    "boots",
    metadata,
    Column("node", String(255), primary_key=True),
    Column("reset_count", BigInteger, nullable=False),
    Column("entries", BigInteger, nullable=False),
    Column("clock", BigInteger, nullable=False),
    Column("attestation", ForeignKey("attestations.id"), nullable=False, index=True),
    Column("state", LargeBinary, nullable=False),
)

list_parts = Table(
    "list_parts",
    metadata,
    Column("attestation", ForeignKey("attestations.id"), primary_key=True, autoincrement=False),
    Column("base", ForeignKey("attestations.id"), index=True),
    Column("offset", BigInteger, nullable=False),
    Column("verified", BigInteger, nullable=False),
    Column("root", BigInteger, index=True),
)

instances = Table(
    "instances",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("instance", String(255), nullable=False),
    Column("sc", String(255), nullable=False),
    Column("flavour", String(64), nullable=False),
    Column("node", String(255), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("uid_base", Integer, nullable=False),
    Column("uid_count", Integer, nullable=False),
    Column("reset_count", BigInteger, nullable=False),
    Column("sealed_entries", BigInteger),
    Column("state", String(16), nullable=False),
    Column("files", JSON, nullable=False),
    Column("container", String(255)),
    Column("created_at", Float, nullable=False),
    Column("retired_at", Float),
    UniqueConstraint("instance", "generation"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("node", String(255), nullable=False),
    Column("layer", String(255), nullable=False),
    Column("open_key", String(520), unique=True),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False, default=0),
    Column("finding", String(64), nullable=False, default=""),
    Column("detected_at", Float, nullable=False),
    Column("contained_at", Float),
    Column("restored_at", Float),
    Column("last_action_at", Float),
    Column("lease_owner", String(255)),
    Column("lease_until", Float),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("incident", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("rule", String(255), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("node", String(255), nullable=False),
    Column("digests", JSON, nullable=False),
    Column("began_at", Float, nullable=False, index=True),
    Column("ended_at", Float),
    Column("outcome", String(16)),
    Column("progress", JSON, nullable=False),
    Column("resumed", Integer, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", _Id, primary_key=True),
    Column("incident", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("rule", String(255), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("need", Integer, nullable=False),
    Column("of", JSON, nullable=False),
    Column("asked_at", Float, nullable=False),
)

answers = Table(
    "answers",
    metadata,
    Column("approval", ForeignKey("approvals.id"), primary_key=True),
    Column("person", String(128), primary_key=True),
    Column("approve", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
)

certificates = Table(
    "certificates",
    metadata,
    Column("serial", String(40), primary_key=True),
    Column("name", String(2048), nullable=False),
    Column("issued_at", Float, nullable=False),
    Column("not_after", Float, nullable=False),
    Column("revoked_at", Float),
    Column("reason", Text, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("subject", String(520), nullable=False),
    Column("body", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ledger_about", "kind", "subject", "sequence"),
)

__all__ = [
    "VERSION",
    "alembic_version",
    "answers",
    "approvals",
    "attempts",
    "attestations",
    "boots",
    "certificates",
    "challenges",
    "changes",
    "evidence",
    "incidents",
    "instances",
    "ledger",
    "list_parts",
    "meta",
    "metadata",
    "nodes",
    "runs",
]
