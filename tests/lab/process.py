# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that the lab started, known again by identity and never by name."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.progress import tail

_EXEC_S = 10.0


@dataclass(frozen=True)
class ProcessRecord:
    """A process as it was started.

    Attributes:
        name: what it is, for people.
        pid: its number, which the kernel may give to another process later.
        start_ticks: field 22 of proc(5)'s stat: with the number, unique within a boot of the machine.
        argv: its command line, which tells it from a stranger with the same number in another boot.
    """

    name: str
    pid: int
    start_ticks: int
    argv: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Keep the record; it appears whole or not at all."""
        partial = path.with_name(path.name + ".partial")
        partial.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        partial.replace(path)

    @classmethod
    def read(cls, path: Path) -> ProcessRecord | None:
        """The record kept at a path; None where there is none or it is damaged."""
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            return cls(str(raw["name"]), int(raw["pid"]), int(raw["start_ticks"]), tuple(map(str, raw["argv"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_running(self) -> bool:
        """Whether this very process still runs: same number, same start, same command line, and no zombie."""
        _reap(self.pid)
        seen = _stat(self.pid)
        return seen is not None and seen == self.start_ticks and _argv(self.pid) == self.argv


def parse_stat(text: str) -> int | None:
    """Start time in clock ticks from proc(5)'s stat line; None for a zombie or a dead process.

    The second field is the program's name in parentheses and may itself hold spaces and parentheses.
    """
    fields = text[text.rindex(")") + 2 :].split()
    return None if fields[0] in "ZXx" else int(fields[19])


def start(name: str, argv: Sequence[str], *, cwd: Path, log: Path, record: Path) -> ProcessRecord:
    """Start a process of its own session, which a Ctrl-C at this terminal does not reach, and record it.

    Raises:
        LabError: the program is not installed, or ended at once.
    """
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        except FileNotFoundError as error:
            raise LabError(f"{argv[0]}: not installed. Next: python3 -m tests.lab packages") from error
    try:
        made = _recorded(name, process, tuple(argv), log)
        made.write(record)
    except BaseException:
        # Not on record, it could never be found again.
        process.kill()
        process.wait()
        raise
    # The handle is given up on purpose: the process outlives this one and is found again by its record.
    process.returncode = 0
    return made


def _recorded(name: str, process: subprocess.Popen[bytes], argv: tuple[str, ...], log: Path) -> ProcessRecord:
    """The record of a process just started, taken when the kernel shows its own command line.

    Popen returns when the descriptors that do not survive exec are closed, a moment before the kernel has the new
    program's command line in place: for that moment it is empty. On a busy machine a program that writes over its
    command line, as sshd does, may have done so before anybody looks again; it keeps the last argument in it.
    """
    deadline = time.monotonic() + _EXEC_S
    while (started := _stat(process.pid)) is not None and time.monotonic() < deadline:
        if argv[-1] in " ".join(_argv(process.pid)):
            return ProcessRecord(name, process.pid, started, argv)
        time.sleep(0.005)
    raise LabError(f"{name}: ended at once. Next: see {log}\n{tail(log)}")


def stop(record: ProcessRecord, *, grace_s: float = 10.0) -> bool:
    """End exactly the recorded process: SIGTERM, and SIGKILL when the grace has passed. False where it was gone.

    A process file descriptor is opened before the identity is checked, so that the number cannot pass to a
    stranger between the check and the signal.

    Raises:
        LabError: it survived SIGKILL for five seconds (uninterruptible I/O).
    """
    try:
        handle = os.pidfd_open(record.pid)
    except ProcessLookupError:
        return False
    try:
        if not record.is_running():
            return False
        for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
            try:
                signal.pidfd_send_signal(handle, number)
            except ProcessLookupError:
                return True
            if _ended(handle, record, patience_s):
                return True
    finally:
        os.close(handle)
    raise LabError(f"{record.name}: process {record.pid} does not end. Next: see /proc/{record.pid}/stack")


def _ended(handle: int, record: ProcessRecord, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while (left := deadline - time.monotonic()) > 0:
        readable, _, _ = select.select([handle], [], [], left)
        if readable:
            _reap(record.pid)
            return True
    return False


def _reap(pid: int) -> None:
    """Take away our own dead child, if it is one; a process of another parent is not ours to wait for."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _stat(pid: int) -> int | None:
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))
    except (OSError, ValueError, IndexError):
        return None


def _argv(pid: int) -> tuple[str, ...]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(part.decode("utf-8", "surrogateescape") for part in raw.split(b"\0")[:-1])


__all__ = ["ProcessRecord", "parse_stat", "start", "stop"]
