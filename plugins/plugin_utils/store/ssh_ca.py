# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's SSH CA in a file beside the store: a key, made at first use, readable by its owner only.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from ansible_collections.palantir.trust.plugins.plugin_utils.ssh import authority
from ansible_collections.palantir.trust.plugins.plugin_utils.store.private_file import PrivateFile

ENVIRONMENT = "PALANTIR_TRUST_SSH_CA"
_FILE = PrivateFile("SSH CA", ENVIRONMENT, "ssh-ca.pem")


def default_path() -> Path:
    """Return the CA's path from the environment, else that in the user's data directory."""
    return _FILE.default_path()


def load_or_create(path: Path, *, keep: bool = True) -> ec.EllipticCurvePrivateKey:
    """Return the CA's key, making one where there is none.

    Args:
        path: its file.
        keep: whether one that is made is written.

    Raises:
        PkiError: the file is none.
        StoreError: it cannot be read or written, or others may read it.
    """
    made = not keep and not path.exists()
    return authority.load(authority.make() if made else _FILE.load_or_create(path, authority.make), f"SSH CA {path}")


__all__ = ["ENVIRONMENT", "default_path", "load_or_create"]
