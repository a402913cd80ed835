# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make Reference Values from images; documented in plugins/modules/reference_values.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.palantir.trust.plugins.plugin_utils.edge.action import TrustAction
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.make import make
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.update import (
    Update,
    carry_out,
    overlap_of,
    plan_update,
)


class ActionModule(TrustAction):
    """Hash an image or packages on the controller."""

    SPEC: ClassVar[dict[str, Any]] = {
        "kind": {"type": "str", "choices": ["host", "package", "boot", "sc"], "required": True},
        "name": {"type": "str", "required": True},
        "source": {"type": "raw", "required": True},
        "dest": {"type": "path", "required": True},
        "sha256": {"type": "dict"},
        "fsverity": {"type": "bool", "default": False},
        "architecture": {"type": "str"},
        "overlap": {"type": "str"},
        "replaces": {"type": "list", "elements": "str"},
    }

    def act(self, arguments: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return what the document has, and what differs from the one that was there."""
        overlap = None if arguments["overlap"] is None else overlap_of(arguments["overlap"])
        dest = Path(arguments["dest"])
        replaces = list(_beside(dest, arguments["replaces"] or []))
        if replaces and overlap is None:
            raise ReferenceValueError("replaces", "needs overlap.", "say for how long the old values still count.")
        document = make(
            arguments["kind"],
            arguments["name"],
            list(_paths(arguments["source"])),
            datetime.now(UTC),
            sha256=arguments["sha256"],
            fsverity=arguments["fsverity"],
            architecture=arguments["architecture"],
        )
        update = plan_update(document, dest, overlap, replaces)
        if not self._task.check_mode:
            carry_out(update)
        return _result(update) | ({"diff": _diff(update)} if self._task.diff else {})


def _paths(source: object) -> Iterator[Path]:
    sources = source if isinstance(source, list) else [source]
    for path in sources:
        if not isinstance(path, str) or not path:
            raise ReferenceValueError("source", f"has no path but {path!r}.", "give a path, or a list of paths.")
        yield Path(os.path.expandvars(path)).expanduser()


def _beside(dest: Path, names: list[str]) -> Iterator[Path]:
    for name in names:
        if not name or "/" in name:
            raise ReferenceValueError("replaces", f"has no document's name but {name!r}.", "name one beside dest.")
        yield dest.with_name(f"{name}.json")


def _result(update: Update) -> dict[str, Any]:
    document = update.document
    return {
        "changed": update.needed or bool(update.older),
        "dest": str(update.path),
        "files": len(document.files),
        "events": len(document.events),
        "texts": len(document.texts),
        "packages": len(document.packages),
        "values_added": len(update.added),
        "values_removed": len(update.removed),
        "values_changed": len(update.changed),
        "ended": [
            {"path": str(path), "expires": older.expires.isoformat()} for path, older in update.older if older.expires
        ],
    }


def _diff(update: Update) -> dict[str, str]:
    before, after = update.summary()
    return {"before_header": str(update.path), "after_header": str(update.path), "before": before, "after": after}
