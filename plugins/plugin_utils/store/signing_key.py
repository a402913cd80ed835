# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key that signs Attestation Results: ECDSA P-256, made at first use, readable by its owner only.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError

ENVIRONMENT = "PALANTIR_TRUST_SIGNING_KEY"
_LIMIT = 65536


def default_path() -> Path:
    """Return the key's path from the environment, else that in the user's data directory."""
    path = os.environ.get(ENVIRONMENT)
    if path:
        return Path(path)
    data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(data) / "palantir.trust" / "ear-signing-key.pem"


def load_or_create(path: Path) -> bytes:
    """Return the PEM of the key, making one where there is none.

    Raises:
        StoreError: it cannot be read or written, others may read it, or it is no ECDSA P-256 key.
    """
    subject = f"signing key {path}"
    try:
        if not path.exists():
            _create(path)
        if not path.is_file():
            raise StoreError(subject, "is not a file.", f"set {ENVIRONMENT} to the path of one.")
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise StoreError(subject, "may be read or changed by others.", f"run: chmod 600 {path}")
            pem = file.read(_LIMIT)
    except OSError as error:
        raise StoreError(subject, f"{error.strerror or error}.", f"check it, or set {ENVIRONMENT}.") from error
    _check(pem, subject)
    return pem


def _check(pem: bytes, subject: str) -> None:
    next_step = "restore it, or remove it to have a new one made: those who verify EARs need its public half."
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise StoreError(subject, "holds no private key in PEM without a password.", next_step) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise StoreError(subject, "holds no ECDSA P-256 key.", next_step)


def _create(path: Path) -> None:
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, does not replace the key that another process may have made meanwhile.
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
    finally:
        os.unlink(partial)


__all__ = ["ENVIRONMENT", "default_path", "load_or_create"]
