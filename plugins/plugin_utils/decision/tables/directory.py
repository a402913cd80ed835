# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The decision tables of a site, as the texts of the files of a directory; and those that every site has.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.source import FILES
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

SHIPPED: Final = Path(__file__).parents[4] / "roles" / "remediate" / "files" / "rules"
"""Directory of the tables for a site that has none of its own."""


def read_tables(directory: str | Path | None) -> dict[str, str]:
    """Return the texts of a directory's decision tables by file name.

    Args:
        directory: the site's directory; None for the shipped tables.

    Raises:
        RuleError: the directory or a file cannot be read, it holds no table, or one table twice.
    """
    place = SHIPPED if directory is None else Path(directory)
    subject = f"rules {place}"
    try:
        paths = sorted(path for path in place.iterdir() if path.suffix.lower() in FILES)
        found = {path.name: path.read_text(encoding="utf-8") for path in paths}
    except (OSError, UnicodeDecodeError) as error:
        raise RuleError(
            subject, f"cannot be read: {error}", "mend palantir_trust_rules, or leave it out for the shipped tables."
        ) from error
    if not found:
        raise RuleError(subject, f"holds no decision table ({', '.join(FILES)}).", "mend palantir_trust_rules.")
    by_stem: dict[str, str] = {}
    for name in found:
        other = by_stem.setdefault(PurePath(name).stem, name)
        if other != name:
            raise RuleError(
                subject, f"holds {other} and {name}, one table in two forms.", "keep one: the other would age."
            )
    return found


__all__ = ["SHIPPED", "read_tables"]
