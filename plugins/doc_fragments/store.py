# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option that all plugins with a store share."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation fragment C(palantir.trust.store)."""

    DOCUMENTATION = r"""
options:
  store:
    description:
      - SQLAlchemy URL of the store.
      - Defaults to the environment variable E(PALANTIR_TRUST_STORE), else to an SQLite file of the user's own,
        C(~/.local/share/palantir.trust/store.sqlite3).
    type: str
"""
