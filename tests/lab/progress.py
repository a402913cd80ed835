# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of long steps on standard error: what is being done, and how long it has taken."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import DeadlineError, LabError

_STARTED = time.monotonic()
_HEARTBEAT_S = 15.0
_TAIL_LINES = 25


def say(text: str) -> None:
    """Print one line of progress, stamped with the seconds since the lab was started."""
    print(f"[lab {time.monotonic() - _STARTED:6.1f} s] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Announce a step, and say how long it took or that it failed."""
    say(f"{what} ...")
    begun = time.monotonic()
    try:
        yield
    except BaseException as error:
        outcome = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        say(f"{what}: {outcome} after {time.monotonic() - begun:.1f} s")
        raise
    say(f"{what}: done in {time.monotonic() - begun:.1f} s")


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, indented, with control characters made visible; empty where there is no such file."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - 16384))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return ""
    rows = [row for row in text.replace("\r", "\n").split("\n") if row.strip()]
    clean = ("".join(c if c.isprintable() else "?" for c in row) for row in rows[-lines:])
    return "\n".join(f"    | {row}" for row in clean)


def run_logged(
    argv: Sequence[str], log: Path, *, timeout_s: float, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run a command to its end with its output in a log file and a sign of life while it works.

    Args:
        argv: the command.
        log: where standard output and standard error go, appended.
        timeout_s: the deadline; the command is ended when it passes.
        env: the whole environment, or None for this process's own.
        cwd: working directory.

    Raises:
        DeadlineError: the deadline passed.
        LabError: the command failed or does not exist; the message carries the log's tail.
    """
    begun = time.monotonic()
    with log.open("ab") as output:
        try:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, cwd=cwd)
        except FileNotFoundError as error:
            raise LabError(f"{argv[0]}: not installed. Next: python3 -m tests.lab packages") from error
        try:
            while True:
                left = timeout_s - (time.monotonic() - begun)
                try:
                    status = process.wait(timeout=max(0.0, min(_HEARTBEAT_S, left)))
                    break
                except subprocess.TimeoutExpired:
                    elapsed = time.monotonic() - begun
                    if elapsed >= timeout_s:
                        raise DeadlineError(
                            f"{argv[0]}: not finished within {timeout_s:.0f} s. Next: see {log}\n{tail(log)}"
                        ) from None
                    say(f"  {Path(argv[0]).name} still at work ({elapsed:.0f} s): {tail(log, 1).strip(' |')[:100]}")
        finally:
            if process.poll() is None:
                _end(process)
    if status != 0:
        raise LabError(f"{' '.join(argv[:2])}: exit status {status}. Next: see {log}\n{tail(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a command that was started here; sudo is root's and takes its signals from root, and passes them on."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            process.send_signal(number)
        except PermissionError:
            subprocess.run(["sudo", "-n", "kill", f"-{number.value}", str(process.pid)], check=False, timeout=20)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            continue
        return


__all__ = ["run_logged", "say", "step", "tail"]
