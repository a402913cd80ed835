# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress on the terminal, and commands whose whole output goes to the run's log."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Timer

from tests.sanity.errors import SanityError

_STARTED = time.monotonic()
_TAIL_LINES = 20


def say(text: str) -> None:
    """Print one line, stamped with the seconds since the start."""
    print(f"[sanity {time.monotonic() - _STARTED:5.1f} s] {text}", flush=True)


def ignore_line(_line: str) -> None:
    """Read a line and do nothing: it is in the log."""


def run(
    argv: Sequence[str | Path],
    log: Path,
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    on_line: Callable[[str], None] = ignore_line,
) -> int:
    """Run a command to its end, append its output to the log, and return its exit status.

    Args:
        argv: the command.
        log: takes standard output and standard error.
        timeout_s: the deadline; the command is killed when it passes.
        env: the whole environment, or None for this process's own.
        cwd: working directory.
        on_line: is called with each line as it comes.

    Raises:
        SanityError: the deadline passed.
    """
    with log.open("a", encoding="utf-8") as output:
        output.write(f"$ {' '.join(map(str, argv))}\n")
        output.flush()
        with subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=env,
            cwd=cwd,
        ) as process:
            deadline = Timer(timeout_s, process.kill)
            deadline.start()
            try:
                for line in process.stdout or ():
                    output.write(line)
                    on_line(line.rstrip("\n"))
                status = process.wait()
            except BaseException:
                process.kill()
                raise
            finally:
                expired = not deadline.is_alive()
                deadline.cancel()
    if expired:
        raise SanityError(f"{Path(argv[0]).name}: not finished within {timeout_s:.0f} s. Next: see {log}\n{tail(log)}")
    return status


def require(status: int, what: str, log: Path) -> None:
    """Raise SanityError, with the log's tail, unless a command ended well."""
    if status != 0:
        raise SanityError(f"{what}: exit status {status}. Next: see {log}\n{tail(log)}")


def tail(log: Path) -> str:
    """Return the last lines of a log, indented."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:]
    return "\n".join(f"    | {line}" for line in lines)


__all__ = ["ignore_line", "require", "run", "say", "tail"]
