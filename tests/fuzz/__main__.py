# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Coverage-guided fuzzing of every parser: ``make fuzz SECONDS=60``.

Writes build/fuzz/summary.json, the last run of each target; new inputs that reach more are in build/fuzz/minimised,
those that break a parser in build/fuzz/crashes. Once every target has run, the table in docs/fuzzing.md is renewed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz import campaign, page, summary
from tests.fuzz.examine import examine
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Fuzz; return 1 where a parser broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: %(default)s)")
    parser.add_argument(
        "--reproduce", metavar="name", help="let this target read the files that follow, and do no more"
    )
    arguments = parser.parse_args()
    if arguments.reproduce:
        return _reproduce(arguments.reproduce, arguments.names)
    names = arguments.names or list(TARGETS)
    unknown = [name for name in names if name not in TARGETS]
    if unknown:
        parser.error(f"there is no target {unknown[0]!r}; choose of {', '.join(TARGETS)}")
    broken = _campaign(names, arguments.seconds)
    runs = summary.load()
    if {run.target for run in runs} >= set(TARGETS):
        page.update([run for run in runs if run.target in TARGETS])
        print(f"{page.PAGE}: renewed")
    return 1 if broken else 0


def _campaign(names: list[str], seconds: int) -> bool:
    """Fuzz the targets; return whether one of them broke."""
    variables = campaign.environment()
    broken = False
    for name in names:
        run = campaign.fuzz(TARGETS[name], seconds, variables)
        summary.add(run)
        broken = broken or run.crash is not None
        print(
            f"{name}: {run.executions} inputs in {run.seconds} s, {run.edges} edges, "
            + (f"BROKEN by {run.crash}\n  {run.reproduce}" if run.crash else f"{run.corpus} inputs kept"),
            flush=True,
        )
    return broken


def _reproduce(name: str, files: list[str]) -> int:
    for file in files:
        accepted = examine(TARGETS[name], Path(file).read_bytes())
        print(f"{file}: {'accepted' if accepted else 'refused'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
