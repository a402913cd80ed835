# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data out of JSON, as a module's result comes."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError


def plain(data: bytes) -> Any:
    """Return what JSON says.

    Raises:
        EvidenceError: it is no JSON: that refusal is Ansible's, which reads what a module prints.
    """
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EvidenceError("evidence", "is no JSON.") from error


__all__ = ["plain"]
