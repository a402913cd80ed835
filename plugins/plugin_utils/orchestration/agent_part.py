# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of the agents beside instances: when one is due, and what an agent is given.

What a node tells is a request: its key counts, and that its holder has signed it. Whom it names, the store knows.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Connection

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.authority import Authority
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import SpiffeId, of_instance
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates, instances
from ansible_collections.palantir.trust.plugins.plugin_utils.store.certificates import CertificateRecord
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord

LIFETIME: Final = timedelta(hours=24)
"""How long the certificate of a generation is valid."""
RENEWED_S: Final = 12 * 3600.0
"""It is renewed once it is valid for less than that."""
_RACE_S: Final = 60.0
"""Who takes a certificate back may have noted the time this long before it came to be known."""
PROGRAM: Final = Path(__file__).parents[3] / "extensions" / "sc_agent" / "sc_agent.py"


def name_of(authority: Authority, record: InstanceRecord) -> SpiffeId:
    """Return what a generation is called in its certificate.

    Raises:
        PkiError: the instance's name is none.
    """
    return of_instance(ca.domain_of(authority), record.instance, record.generation)


def due(connection: Connection, name: SpiffeId, now: float) -> bool:
    """Tell whether an agent is to get a new certificate, and the CA's list with it.

    That is where it has none, where that ends soon, and where a role's certificate was taken back since: the agent
    has not heard of it.
    """
    kept = certificates.newest(connection, str(name))
    if kept is None or kept.not_after - now < RENEWED_S:
        return True
    return certificates.roles_revoked_at(connection) >= kept.issued_at - _RACE_S


def serves(answer: Mapping[str, Any], management: Mapping[str, Any] | None) -> bool:
    """Tell whether an agent runs, and serves where it is to; anywhere, without ``management``."""
    elsewhere = management is not None and any(answer.get(key) != management[key] for key in ("address", "port"))
    return answer.get("running") is True and not elsewhere


def is_newest(connection: Connection, name: SpiffeId, told: object) -> bool:
    """Tell whether the certificate that an agent has is the newest of its name, and counts."""
    try:
        serial = x509.load_pem_x509_certificate(str(told)[: ca.REQUEST_LIMIT].encode()).serial_number
    except ValueError:
        return False
    kept = certificates.newest(connection, str(name))
    return kept is not None and kept.serial == f"{serial:x}"


def requested(record: InstanceRecord, directory: str) -> dict[str, Any]:
    """Return what makes a node ask for a certificate of a generation."""
    return {"state": "requested", **_generation(record, directory)}


def certified(
    connection: Connection,
    authority: Authority,
    record: InstanceRecord,
    answer: Mapping[str, Any],
    now: float,
) -> tuple[CertificateRecord, dict[str, str]]:
    """Issue a certificate for the key of a node's request; return its record, and what the agent is given.

    Raises:
        PkiError: the node sends no request that an ECDSA P-256 key has signed, or one that is too long.
        StoreError: the generation does not serve any more, and what is not in the store cannot be taken back.
    """
    state = instances.state(connection, record.id)
    if state != "live":
        what = f"{record.instance}, generation {record.generation}"
        raise StoreError(
            what, f"is {state} meanwhile, and gets no certificate.", "see palantir.trust.sc_instance_info."
        )
    told = answer.get("request")
    request = told.encode("utf-8", "replace") if isinstance(told, str) else b""
    key = ca.public_key_of(request, f"{record.node}, for {record.instance},")
    moment = datetime.fromtimestamp(now, UTC)
    issued = ca.issue(authority, name_of(authority, record), key, moment, LIFETIME)
    kept = certificates.record(connection, issued, now)
    taken, number = certificates.revoked(connection, now), certificates.revocations(connection)
    return kept, {
        "spiffe_id": kept.name,
        "certificate": issued.public_bytes(Encoding.PEM).decode("ascii"),
        "authority": authority.pem.decode("ascii"),
        "revocations": ca.revocation_list(authority, taken, number, moment).decode("ascii"),
        "program": PROGRAM.read_text(encoding="utf-8"),
    }


def installed(
    record: InstanceRecord, directory: str, given: Mapping[str, str], management: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what makes a node run a generation's agent; where it serves stays as it is without ``management``."""
    where = {key: management[key] for key in ("address", "port")} if management else {}
    return {"state": "certified", **_generation(record, directory), **given, **where}


def _generation(record: InstanceRecord, directory: str) -> dict[str, Any]:
    place = os.path.join(directory, record.instance)
    return {"name": record.instance, "generation": record.generation, "directory": place}


__all__ = [
    "LIFETIME",
    "PROGRAM",
    "RENEWED_S",
    "certified",
    "due",
    "installed",
    "is_newest",
    "name_of",
    "requested",
    "serves",
]
