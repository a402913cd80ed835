# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The public halves of a node's SSH host keys.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import fnmatch
import os
from typing import Any, Dict, List

from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

PATTERN = "ssh_host_*_key.pub"
_MAX_KEYS = 16
_MAX_BYTES = 8192


def ssh(directory: str) -> Dict[str, Any]:
    """Return ``host_keys``, each as ``TYPE BASE64``, from the files that sshd keeps in a directory."""
    try:
        names = sorted(fnmatch.filter(os.listdir(directory), PATTERN))
    except OSError:  # no SSH server
        names = []
    found = {_key(os.path.join(directory, name)) for name in names[:_MAX_KEYS]}
    return {"host_keys": sorted(found - {""})}


def _key(path: str) -> str:
    fields: List[str] = (read_text(path, _MAX_BYTES) or "").split()
    return " ".join(fields[:2]) if len(fields) > 1 else ""


__all__ = ["PATTERN", "ssh"]
