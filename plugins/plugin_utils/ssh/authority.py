# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's SSH CA: user certificates of roles, each with no more than its role needs.

Certificates are OpenSSH's (PROTOCOL.certkeys): who may log in as what, for how long, from where, and to run what.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    SSHCertificate,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_public_identity,
)

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import ROLES

PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey

COLLECTOR: Final = "/usr/local/libexec/palantir.trust/collector"
"""The read-only collector of evidence on a node; see watch/program.py."""
FORCED: Final[Mapping[str, str]] = {"observer": f"sudo -n {COLLECTOR}"}
"""Role → the one command that its certificates may run; the others run what the node's sudo rules let them."""
MAX_HOURS: Final = 24 * 7
"""Certificates are to be short-lived: revocation lists have to be brought to every node, an end comes by itself."""

_EARLIER: Final = timedelta(minutes=5)
"""Clocks differ: a certificate is valid from a little before it was issued."""
_PREFIX: Final = "trust-"
_MIN_RSA_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class UserRequest:
    """What a certificate is to be.

    Attributes:
        role: one of :data:`~..pki.spiffe.ROLES`.
        holder: the person or job that it is for.
        lifetime: how long it is valid.
        source_addresses: addresses and networks that it may be used from; empty for all.
        command: what a role of :data:`FORCED` runs, where it is not what stands there.
    """

    role: str
    holder: str
    lifetime: timedelta
    source_addresses: tuple[str, ...] = ()
    command: str = ""


def account_of(role: str) -> str:
    """Return the account of a role on every node, which is the principal of its certificates as well.

    Raises:
        PkiError: there is no such role.
    """
    if role not in ROLES:
        raise PkiError(f"role {printable(role, 80)!r}", "is none.", f"they are {', '.join(ROLES)}.")
    return _PREFIX + role


def make() -> bytes:
    """Return a new CA: an ECDSA P-256 key, in PEM."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load(pem: bytes, subject: str) -> ec.EllipticCurvePrivateKey:
    """Return the CA's key.

    Raises:
        PkiError: the text is none.
    """
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PkiError(
            subject,
            "holds no ECDSA P-256 key in PEM without a password.",
            "restore it, or remove it to have a new one made: nodes must be given the new one then.",
        )
    return key


def public_line(key: ec.EllipticCurvePrivateKey | PublicKey) -> str:
    """Return a key's public half as ``TYPE BASE64``, for ``TrustedUserCAKeys`` of the CA's."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode("ascii")


def read_public_key(line: bytes, subject: str) -> PublicKey:
    """Return a public key that somebody wants to have certified.

    Raises:
        PkiError: it is none, or one that is too weak.
    """
    try:
        key = serialization.load_ssh_public_key(line)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    weak = isinstance(key, rsa.RSAPublicKey) and key.key_size < _MIN_RSA_BITS
    if not isinstance(key, (ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, rsa.RSAPublicKey)) or weak:
        raise PkiError(subject, "is no public key that can be certified.", "give one of ssh-keygen -t ed25519.")
    return key


def issue(authority: ec.EllipticCurvePrivateKey, request: UserRequest, key: PublicKey, now: datetime) -> SSHCertificate:
    """Return a user certificate.

    Its key ID, which sshd writes into its log at each login, names role, holder and serial number. Nothing is allowed
    that is not asked for by name: no terminal, no forwarding of any kind, no file of the user's that runs first. A
    role of :data:`FORCED` runs its one command, whatever the client asks for.

    Raises:
        PkiError: there is no such role, the holder has no name, the lifetime is too long, an address is none, or a
            command is given for a role that has none.
    """
    account = account_of(request.role)
    holder = printable(request.holder.strip(), 64)
    if not holder:
        raise PkiError("certificate", "needs a holder.", "say who or what it is for.")
    if not timedelta(0) < request.lifetime <= timedelta(hours=MAX_HOURS):
        raise PkiError("certificate", f"cannot be valid for {request.lifetime}.", f"give 1 to {MAX_HOURS} hours.")
    if request.command and request.role not in FORCED:
        raise PkiError("certificate", f"of role {request.role} has no command.", "leave it out.")
    serial = secrets.randbits(63) + 1
    builder = (
        SSHCertificateBuilder()
        .public_key(key)
        .serial(serial)
        .type(SSHCertificateType.USER)
        .key_id(f"{request.role} {holder} {serial:x}".encode())
        .valid_principals([account.encode()])
        .valid_after(int((now - _EARLIER).timestamp()))
        .valid_before(int((now + request.lifetime).timestamp()))
    )
    if request.role in FORCED:
        builder = builder.add_critical_option(b"force-command", (request.command or FORCED[request.role]).encode())
    if request.source_addresses:
        builder = builder.add_critical_option(b"source-address", _addresses(request.source_addresses).encode())
    return builder.sign(authority)


def read_certificate(data: bytes, subject: str) -> SSHCertificate:
    """Return the user certificate that a file holds.

    Raises:
        PkiError: it is none.
    """
    try:
        found = load_ssh_public_identity(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        found = None
    if not isinstance(found, SSHCertificate) or found.type is not SSHCertificateType.USER:
        raise PkiError(subject, "is no SSH certificate of a user.", "issue it anew: palantir.trust.ssh_certificate.")
    return found


def _addresses(given: Sequence[str]) -> str:
    try:
        return ",".join(str(ipaddress.ip_network(address)) for address in given)
    except ValueError as error:
        raise PkiError("certificate", f"has a source address that is none: {printable(error, 120)}.") from None


__all__ = [
    "COLLECTOR",
    "FORCED",
    "MAX_HOURS",
    "PublicKey",
    "UserRequest",
    "account_of",
    "issue",
    "load",
    "make",
    "public_line",
    "read_certificate",
    "read_public_key",
]
