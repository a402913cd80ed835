# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image cache: an entry appears whole or not at all, and leftovers of interrupted builds are cleared away."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.packages import privileged
from tests.lab.progress import say, step
from tests.lab.wait import wait_for

_PARTIAL = ".partial-"
_STAMP = "used"
_KEEP_DAYS = 14
# Longer than any build: whoever holds the lock is building, and will end or be ended by his own deadlines.
_LOCK_S = 3600.0


@contextmanager
def locked(path: Path, what: str, *, timeout_s: float) -> Iterator[None]:
    """Hold an advisory lock; it is free again when this process ends, however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        wait_for(f"{what} (lock {path})", lambda: _try_lock(handle), timeout_s=timeout_s)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int) -> bool | None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    return True


def entry(cache: Path, name: str, build: Callable[[Path], None]) -> Path:
    """The entry of that name, built now where it is absent.

    Args:
        cache: the cache's directory.
        name: hash of the entry's inputs.
        build: fills the empty directory that it is given.

    Raises:
        LabError: whatever the build raises, after its leftovers are gone.
    """
    final = cache / name
    if not final.is_dir():
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(cache / ".lock", "another build of the image to end", timeout_s=_LOCK_S):
            _prune_partials(cache)
            if not final.is_dir():
                _build(cache, final, build)
    (final / _STAMP).touch()
    return final


def _build(cache: Path, final: Path, build: Callable[[Path], None]) -> None:
    work = cache / f"{_PARTIAL}{final.name}"
    work.mkdir(mode=0o700)
    try:
        build(work)
        work.rename(final)
    except BaseException:
        _keep_log(work, cache)
        remove_tree(work)
        raise
    (final / _STAMP).touch()
    _prune_old(cache, final)


def _keep_log(work: Path, cache: Path) -> None:
    log = work / "build.log"
    if log.is_file():
        shutil.copyfile(log, cache / "failed-build.log")
        say(f"the failed build's log is kept: {cache / 'failed-build.log'}")


def _prune_partials(cache: Path) -> None:
    for leftover in sorted(cache.glob(f"{_PARTIAL}*")):
        with step(f"remove what an interrupted build left: {leftover.name}"):
            remove_tree(leftover)


def _prune_old(cache: Path, keep: Path) -> None:
    limit = time.time() - _KEEP_DAYS * 86400
    for other in sorted(cache.iterdir()):
        stamp = other / _STAMP
        if other != keep and stamp.is_file() and stamp.stat().st_mtime < limit:
            with step(f"remove image {other.name}, unused for {_KEEP_DAYS} days"):
                remove_tree(other)


def remove_tree(path: Path) -> None:
    """Remove a directory of ours, by root where a build left root's files in it.

    Raises:
        LabError: a file system is mounted below it: it would lose its files.
    """
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    if any(line.split()[4].startswith(f"{path}/") for line in mounts.splitlines()):
        raise LabError(f"{path}: something is mounted below it. Next: unmount it, then try again")
    try:
        shutil.rmtree(path)
    except PermissionError:
        subprocess.run(privileged(["rm", "-rf", "--one-file-system", str(path)]), check=True, timeout=300)


__all__ = ["entry", "locked", "remove_tree"]
