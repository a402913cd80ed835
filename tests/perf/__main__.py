# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks: ``python -m tests.perf``, or with the names of some.

Each writes its figures to build/bench/<name>.json; a run of all of them renews the table in docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

from tests.perf import (
    bench_cycle,
    bench_decisions,
    bench_event_log,
    bench_ima,
    bench_ima_increment,
    bench_placement,
    bench_quote,
    bench_store,
    bench_watch,
    machine,
    page,
)
from tests.perf.result import BUILD, Result

BENCHMARKS: dict[str, Callable[[], list[Result]]] = {
    "ima": bench_ima.run,
    "ima_increment": bench_ima_increment.run,
    "quote": bench_quote.run,
    "event_log": bench_event_log.run,
    "decisions": bench_decisions.run,
    "placement": bench_placement.run,
    "watch": bench_watch.run,
    "cycle": bench_cycle.run,
    "store": bench_store.run,
}


def main() -> int:
    """Run benchmarks; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(BENCHMARKS)}; all by default")
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {unknown[0]!r}; choose of {', '.join(BENCHMARKS)}")
    BUILD.mkdir(parents=True, exist_ok=True)
    machine.pin()
    results = [result for name in names for result in _run(name)]
    if set(names) == set(BENCHMARKS):
        page.update(results, machine.describe())
        print(f"{page.PAGE}: renewed")
    return 0 if all(result.met for result in results) else 1


def _run(name: str) -> list[Result]:
    print(f"{name} ...", flush=True)
    began = time.monotonic()
    results = BENCHMARKS[name]()
    for result in results:
        result.write()
    print("\n".join([*page.table(results), f"{name}: {time.monotonic() - began:.0f} s"]), flush=True)
    return results


if __name__ == "__main__":
    sys.exit(main())
