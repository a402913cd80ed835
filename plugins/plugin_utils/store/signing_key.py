# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that signs Attestation Results: ECDSA P-256, made at first use, readable by its owner only.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.store.private_file import PrivateFile

ENVIRONMENT = "PALANTIR_TRUST_SIGNING_KEY"
_FILE = PrivateFile("signing key", ENVIRONMENT, "ear-signing-key.pem")


def default_path() -> Path:
    """Return the key's path from the environment, else that in the user's data directory."""
    return _FILE.default_path()


def load_or_create(path: Path) -> bytes:
    """Return the PEM of the key, making one where there is none.

    Raises:
        StoreError: it cannot be read or written, others may read it, or it is no ECDSA P-256 key.
    """
    pem = _FILE.load_or_create(path, _make)
    _check(pem, f"signing key {path}")
    return pem


def _check(pem: bytes, subject: str) -> None:
    next_step = "restore it, or remove it to have a new one made: those who verify EARs need its public half."
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StoreError(subject, "holds no private key in PEM without a password.", next_step) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StoreError(subject, "holds no ECDSA P-256 key.", next_step)


def _make() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


__all__ = ["ENVIRONMENT", "default_path", "load_or_create"]
