# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last run of every target, in build/fuzz/summary.json."""

from __future__ import annotations

import json
from typing import Final

from tests.fuzz.campaign import BUILD, Run
from tests.fuzz.targets import TARGETS

FILE: Final = BUILD / "summary.json"


def load() -> list[Run]:
    """Return the runs, in the order of the targets; none where nothing was run."""
    if not FILE.is_file():
        return []
    runs = {plain["target"]: Run(**plain) for plain in json.loads(FILE.read_text(encoding="utf-8"))["runs"]}
    return [runs[name] for name in TARGETS if name in runs]


def add(run: Run) -> None:
    """Put a run in the place of the target's last one."""
    runs = [known for known in load() if known.target != run.target]
    FILE.write_text(json.dumps({"runs": [each.plain() for each in (*runs, run)]}, indent=1) + "\n", encoding="utf-8")


__all__ = ["FILE", "add", "load"]
