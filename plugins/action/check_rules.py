# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check a site's decision tables; documented in plugins/modules/check_rules.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.directory import read_tables
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.inspection import inspect
from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from ansible_collections.palantir.trust.plugins.plugin_utils.report.rules import inspection_table


class ActionModule(TrustAction):
    """Analyse every table, and write the pages."""

    FOR_PEOPLE = ("tables", "errors", "table")
    SPEC: ClassVar[dict[str, Any]] = {"rules": {"type": "path"}, "pages": {"type": "path"}}

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what was found, and whether a page has changed."""
        inspection = inspect(read_tables(arguments["rules"]))
        changed = []
        if arguments["pages"] is not None:
            changed = _write(Path(arguments["pages"]), inspection.pages(), dry=self._task.check_mode)
        return {
            "changed": bool(changed),
            "tables": [item.plain() for item in inspection.files],
            "errors": list(inspection.errors),
            "pages": changed,
            "table": inspection_table(inspection),
        }


def _write(directory: Path, pages: Mapping[str, str], *, dry: bool) -> list[str]:
    """Write the pages that differ, unless ``dry``, and return their names."""
    try:
        differing = [name for name, text in pages.items() if _text(directory / name) != text]
        if differing and not dry:
            directory.mkdir(parents=True, exist_ok=True)
            for name in differing:
                (directory / name).write_text(pages[name], encoding="utf-8")
    except OSError as error:
        raise RuleError(f"pages {directory}", f"cannot be written: {error}", "choose another directory.") from error
    return differing


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, UnicodeDecodeError):
        return None
