# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs targets under libFuzzer, one after another, each in a process of its own with bounds on memory and time."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import Any, Final

from tests.fuzz.entry.scratch import CORPUS
from tests.fuzz.targets import Target

ROOT: Final = Path(__file__).resolve().parents[2]
BUILD: Final = ROOT / "build" / "fuzz"
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
INPUT_S: Final = 10
"""Longest time that one input may take, in seconds."""
RSS_MB: Final = 1024
_GRACE_S: Final = 120
_STATUS: Final = re.compile(r"#\d+\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)")
_ERROR: Final = re.compile(r"^(?:[\w.]*(?:Error|Exception|Exit)\b.*|==\d+== ?ERROR: .*)$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """What fuzzing one target showed.

    Attributes:
        target: its name.
        seconds: how long it ran.
        executions: number of inputs tried.
        edges: edges of the collection's own code that were reached.
        seeds: inputs in the repository's corpus.
        corpus: inputs that together reach all of it, after minimising.
        slowest_s: longest time of one input, whole seconds.
        peak_rss_mb: most memory used.
        crash: what was raised, or None.
        reproduce: how to see it again, or None.
    """

    target: str
    seconds: int
    executions: int
    edges: int
    seeds: int
    corpus: int
    slowest_s: int
    peak_rss_mb: int
    crash: str | None = None
    reproduce: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return what the summary holds."""
        return asdict(self)


def environment() -> dict[str, str]:
    """Return the environment of the processes; install what guides them where it is absent or another.

    Raises:
        subprocess.CalledProcessError: pip failed, and has said why.
    """
    place, wanted = BUILD / "atheris", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    made = place / ".made-of"
    if not made.is_file() or made.read_text(encoding="ascii") != wanted:
        shutil.rmtree(place, ignore_errors=True)
        pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
        subprocess.run([sys.executable, *pip, "--target", place, "-r", REQUIREMENTS], check=True)
        made.write_text(wanted, encoding="ascii")
    paths = [ROOT / "collections", ROOT, place]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths)), "PYTHONDONTWRITEBYTECODE": "1"}


def fuzz(target: Target, seconds: int, variables: dict[str, str]) -> Run:
    """Fuzz one target for some seconds, or until an input breaks it."""
    found, seeds, crashes = BUILD / "found" / target.name, CORPUS / target.name, BUILD / "crashes" / target.name
    for directory in (found, crashes):
        directory.mkdir(parents=True, exist_ok=True)
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={INPUT_S}",
        f"-rss_limit_mb={RSS_MB}",
        f"-max_len={target.longest}",
        f"-artifact_prefix={crashes}/",
        "-print_final_stats=1",
    ]
    before = set(crashes.iterdir())
    output, status = _worker(target, [*options, str(found), str(seeds)], seconds, variables)
    (BUILD / f"{target.name}.log").write_text(output, encoding="utf-8")
    broken = sorted(set(crashes.iterdir()) - before)
    crash = None if status == 0 else _reason(output)
    return Run(
        target=target.name,
        seconds=_number(output, r"Done \d+ runs in (\d+) second"),
        executions=_number(output, r"stat::number_of_executed_units: (\d+)"),
        edges=max((int(line[1]) for line in _STATUS.finditer(output)), default=0),
        seeds=len(list(seeds.iterdir())),
        corpus=_minimised(target, [found, seeds], variables) if crash is None else 0,
        slowest_s=_number(output, r"stat::slowest_unit_time_sec:\s+(\d+)"),
        peak_rss_mb=_number(output, r"stat::peak_rss_mb:\s+(\d+)"),
        crash=crash,
        reproduce=None
        if crash is None
        else f"python -m tests.fuzz --reproduce {target.name} {' '.join(map(str, broken))}",
    )


def _minimised(target: Target, corpora: list[Path], variables: dict[str, str]) -> int:
    """Put the fewest inputs that reach everything into build/fuzz/minimised; return their number."""
    place = BUILD / "minimised" / target.name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    options = ["-merge=1", f"-timeout={INPUT_S}", f"-rss_limit_mb={RSS_MB}", f"-max_len={target.longest}"]
    options.append(f"-artifact_prefix={BUILD / 'crashes' / target.name}/")
    _worker(target, [*options, *map(str, (place, *corpora))], _GRACE_S, variables)
    return len(list(place.iterdir()))


def _worker(target: Target, options: list[str], seconds: int, variables: dict[str, str]) -> tuple[str, int]:
    # libFuzzer starts itself again to minimise a corpus, so it has to be one program.
    program = BUILD / "run" / target.name
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(
        f'#!/bin/sh\nexec {quote(sys.executable)} -m tests.fuzz.worker {target.name} "$0" "$@"\n', "utf-8"
    )
    program.chmod(0o755)
    try:
        done = subprocess.run(
            [program, *options], env=variables, cwd=ROOT, capture_output=True, timeout=seconds + _GRACE_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        return (error.stderr or b"").decode("utf-8", "replace") + "\nTimeoutError: the process did not end", 1
    return (done.stdout + done.stderr).decode("utf-8", "replace"), done.returncode


def _reason(output: str) -> str:
    lines = _ERROR.findall(output)
    return lines[0][:300] if lines else output.strip().rpartition("\n")[2][:300]


def _number(output: str, pattern: str) -> int:
    match = re.search(pattern, output)
    return int(match[1]) if match else 0


__all__ = ["BUILD", "INPUT_S", "RSS_MB", "Run", "environment", "fuzz"]
