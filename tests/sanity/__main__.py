# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run ansible-test sanity on the built collection: ``python -m tests.sanity [TEST ...]``.

All tests run on this Python. Compile and import run on every Python of nodes that the machine has as well. PyPI is
asked only for environments that the user's cache does not hold yet.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tests.sanity.errors import SanityError
from tests.sanity.home import opened_home
from tests.sanity.libraries import TESTS, provide
from tests.sanity.progress import require, run, say
from tests.sanity.pythons import CONTROLLER_VERSION, NODE_VERSIONS, find_pythons
from tests.sanity.tree import installed

CHECKOUT = Path(__file__).resolve().parents[2]
_TIMEOUT_S = 900.0
_RUNNING = re.compile(r'Running sanity test "(?P<test>[^"]+)"(?: on Python (?P<version>[\d.]+))?$')
_NOTEWORTHY = ("ERROR: ", "FATAL: ", "WARNING: ")
# We set the locale ourselves; and pip says of mirrors without a package that they are ignored.
_NOISE = ("WARNING: Using locale", "WARNING: Location", "WARNING: Reviewing previous")


class Report:
    """What ansible-test says, line by line: shown where it matters, and counted."""

    def __init__(self) -> None:
        self.tests: set[str] = set()
        self.findings: list[str] = []
        self._explaining = False

    def line(self, line: str) -> None:
        """Read one line."""
        running = _RUNNING.match(line)
        if running:
            self._explaining = False
            self.tests.add(running["test"])
            on = f" on Python {running['version']}" if running["version"] else ""
            say(f"  {running['test']}{on}")
        elif not line.startswith(_NOISE) and (self._explaining or line.startswith(_NOTEWORTHY)):
            print(f"    {line}", flush=True)
            # An error without a place is explained by the lines that follow it.
            self._explaining = line.startswith(("ERROR: ", "FATAL: ")) or self._explaining
            if re.match(r"ERROR: [^ :]+:\d+:\d+: ", line):
                self.findings.append(line)


def _sanity(versions: Sequence[str], tests: Sequence[str]) -> list[str | Path]:
    command: list[str | Path] = [Path(sys.executable).with_name("ansible-test"), "sanity", "--color", "no"]
    command += ["--controller", f"origin:python={CONTROLLER_VERSION}"]
    for version in versions:
        command += ["--target-python", version]
    for test in tests:
        command += ["--test", test]
    return command


def _check(pythons: Mapping[str, Path], tests: Sequence[str]) -> Report:
    work = CHECKOUT / "build" / "sanity"
    work.mkdir(parents=True, exist_ok=True)
    log = work / "log.txt"
    log.write_text("", encoding="utf-8")
    say("build and install the collection")
    with installed(CHECKOUT, work, log) as collection, opened_home(pythons) as home:
        ansible_test = partial(run, log=log, timeout_s=_TIMEOUT_S, env=home.environ(), cwd=collection)
        say("virtual environments of ansible-test, from the cache or PyPI")
        prime = [*_sanity(list(pythons), TESTS), "--prime-venvs"]
        require(ansible_test(prime), "ansible-test sanity --prime-venvs", log)
        provide(home, CHECKOUT / "requirements.txt", log)
        say(f"run on Python {CONTROLLER_VERSION}; compile and import on {', '.join(pythons)}")
        report = Report()
        status = ansible_test(_sanity(list(pythons), tests), on_line=report.line)
    if report.findings:
        raise SanityError(f"{len(report.findings)} findings, see above; the whole output is in {log}")
    require(status, "ansible-test sanity", log)
    if not report.tests:
        raise SanityError(f"no test ran. Next: see {log}")
    return report


def main() -> int:
    """Run the tests; an error is one message and exit status 1."""
    begun = time.monotonic()
    pythons = find_pythons()
    if CONTROLLER_VERSION not in pythons:
        print(f"sanity: Python {CONTROLLER_VERSION} cannot make virtual environments. Next: install python3-venv")
        return 1
    try:
        report = _check(pythons, sys.argv[1:])
    except SanityError as error:
        print(f"sanity: {error}")
        return 1
    absent = [version for version in NODE_VERSIONS if version not in pythons]
    without = f" (not installed here: {', '.join(absent)})" if absent else ""
    print(f"sanity: {len(report.tests)} tests passed on Python {', '.join(pythons)}{without}", end=" ")
    print(f"in {time.monotonic() - begun:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
