# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make docs/findings.md: ``PYTHONPATH=collections python -m tests.docs.findings``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.decision.codes import REASONS
from ansible_collections.palantir.trust.plugins.plugin_utils.findings import STAGES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "findings.md"
INTRODUCTION = """\
<!--
SPDX-FileCopyrightText: 2026 palantir.trust contributors
SPDX-License-Identifier: GPL-3.0-or-later
Made by `PYTHONPATH=collections python -m tests.docs.findings`; do not edit.
-->
# Findings

Each finding has a stable code. Rules, policies and dashboards may rely on a code's name and meaning: a change of
either stands in the changelog. What a finding weighs is not in its code: the Appraisal Policy gives it a tier, and the
site's decision tables decide on that.
"""


def page() -> str:
    """Return the page as it has to be."""
    sections = [_section(stage, codes) for stage, codes in STAGES.items()]
    reasons = _section(
        "Reasons in a plan", REASONS, "Why a plan holds, defers or voids what a decision table asked for."
    )
    return "\n".join([INTRODUCTION, *sections, reasons])


def _section(title: str, codes: Mapping[str, str], introduction: str = "") -> str:
    rows = [f"| `{code}` | {codes[code].replace('|', chr(92) + '|')} |" for code in sorted(codes)]
    text = [introduction, ""] if introduction else []
    return "\n".join([f"## {title}", "", *text, "| code | meaning |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE}: written")
