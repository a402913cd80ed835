# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the JSON Schema of SC descriptors: ``PYTHONPATH=collections python -m tests.docs.schema``."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.catalogue.schema import SCHEMA

FILE = Path(__file__).resolve().parents[2] / "plugins" / "plugin_utils" / "catalogue" / "schema.json"


def text() -> str:
    """Return the file as it has to be."""
    return json.dumps(SCHEMA, indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    print(f"{FILE}: written")
