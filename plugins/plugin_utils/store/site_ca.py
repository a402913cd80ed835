# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site's CA in a file beside the store: key and certificate, made at first use, readable by its owner only.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.authority import Authority
from ansible_collections.palantir.trust.plugins.plugin_utils.store.private_file import PrivateFile

ENVIRONMENT = "PALANTIR_TRUST_CA"
DOMAIN = "palantir.trust"
"""Trust domain of a site that names none."""

_FILE = PrivateFile("CA", ENVIRONMENT, "ca.pem")


def default_path() -> Path:
    """Return the CA's path from the environment, else that in the user's data directory."""
    return _FILE.default_path()


def load_or_create(path: Path, domain: str = DOMAIN, *, keep: bool = True) -> Authority:
    """Return the CA, making one for a trust domain where there is none.

    Args:
        path: its file.
        domain: of one that is made.
        keep: whether one that is made is written.

    Raises:
        PkiError: the file is none.
        StoreError: it cannot be read or written, or others may read it.
    """
    if not keep and not path.exists():
        return authority.load(authority.make(domain, datetime.now(UTC)), f"CA {path}")
    pem = _FILE.load_or_create(path, lambda: authority.make(domain, datetime.now(UTC)))
    return authority.load(pem, f"CA {path}")


__all__ = ["DOMAIN", "ENVIRONMENT", "default_path", "load_or_create"]
