# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an SC's root tree as a container engine would, on this machine: own users, processes, mounts and network.

``python -m tests.integration.cage TREE FLAGS UID CAPABILITIES FIXED ARGV...`` is what runs inside; :func:`caged`
starts it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.paths import CHECKOUT

BASE = 1_000_013_824
"""First owner of the range that the tree's files and its processes have."""
_COUNT = 65536
_NEW_NS, _NEW_IPC, _NEW_USER, _NEW_PID, _NEW_NET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE, _MNT_DETACH = 4096, 16384, 1 << 18, 2
# The C library has no function for the first, and not everywhere for the others.
_PIVOT_ROOT, _OPEN_TREE, _MOVE_MOUNT = 155, 428, 429
_AT_FDCWD, _OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = -100, 1, 4
_PDEATHSIG, _CAPBSET_DROP, _NO_NEW_PRIVS = 1, 24, 38
_CAPABILITIES = 41
_DEVICES = ("null", "urandom")

CAPABILITIES = {"SETGID": 6, "SETUID": 7, "NET_ADMIN": 12}


@dataclass(frozen=True)
class Caged:
    """A program in its cage.

    Attributes:
        pid: the process outside that waits for it, and is in its network namespace.
        log: what it has written.
    """

    pid: int
    log: Path

    def signal(self, number: int) -> None:
        """Send a signal to the program."""
        os.kill(_children(self.pid)[0], number)

    def owners(self) -> set[int]:
        """The users, as this machine sees them, of the program and all that it has started."""
        pids, found = _children(self.pid), set()
        while pids:
            pid = pids.pop()
            found.add(os.stat(f"/proc/{pid}").st_uid)
            pids += _children(pid)
        return found


def unpack(archive: Path, root: Path) -> None:
    """Unpack a root tree with the owners that its range gives it."""
    # Debian 12's Python has no filters, and trusts everything.
    trusted: dict[str, Any] = {"filter": "fully_trusted"} if hasattr(tarfile, "data_filter") else {}
    with tarfile.open(archive) as tree:
        for member in tree:
            member.uid, member.gid = BASE + member.uid, BASE + member.gid
            member.uname = member.gname = ""
            tree.extract(member, root, numeric_owner=True, **trusted)


@contextmanager
def caged(
    root: Path,
    argv: Sequence[str],
    *,
    log: Path,
    user: int = 0,
    capabilities: Sequence[str] = (),
    network: int | None = None,
    fixed: Sequence[str] = (),
) -> Iterator[Caged]:
    """Run a program in an unpacked tree until the block ends.

    Args:
        root: the tree, owned by the range.
        argv: program and arguments.
        log: file that takes its output.
        user: who it runs as, inside of the range.
        capabilities: what it may have of root's powers over its own namespaces.
        network: process whose network it joins; one of its own, which its powers reach, where None.
        fixed: files of the tree that are mounted where they are, as configuration is.
    """
    flags = _NEW_NS | _NEW_IPC | _NEW_USER | _NEW_PID | (_NEW_NET if network is None else 0)
    enter = [] if network is None else ["nsenter", f"--net=/proc/{network}/ns/net"]
    command = [sys.executable, "-m", "tests.integration.cage", str(root), str(flags), str(user)]
    command += [",".join(capabilities), ",".join(fixed), *argv]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*enter, *command], cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"apart\n", log.read_text()
        for kind in ("uid", "gid"):
            Path(f"/proc/{process.pid}/{kind}_map").write_text(f"0 {BASE} {_COUNT}\n", encoding="ascii")
        if network is None:
            up = ["nsenter", f"--net=/proc/{process.pid}/ns/net", "ip", "link", "set", "lo", "up"]
            subprocess.run(up, check=True, timeout=10)
        process.stdin.write(b"mapped\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"runs\n", log.read_text()
        yield Caged(process.pid, log)
    finally:
        # The first of its processes takes all others with it.
        for child in _children(process.pid):
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.communicate()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:  # it has ended
        return []


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result:
        raise OSError(ctypes.get_errno(), what)


def _mount(source: str, target: str, kind: str, flags: int) -> None:
    _must(
        _libc().mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None), f"mount {target}"
    )


def _inside(user: int, allowed: Sequence[str], fixed: Sequence[str], argv: Sequence[str]) -> None:
    """Go on as the program. The tree is the working directory: its users may not pass what is above it."""
    _must(_libc().prctl(_PDEATHSIG, signal.SIGKILL), "prctl")
    _mount("none", "/", "", _MS_REC | _MS_PRIVATE)
    tree = _libc().syscall(_OPEN_TREE, _AT_FDCWD, b".", _OPEN_TREE_CLONE)
    _must(_libc().syscall(_MOVE_MOUNT, tree, b"", _AT_FDCWD, b".", _MOVE_MOUNT_F_EMPTY_PATH), "move_mount")
    os.fchdir(tree)
    os.close(tree)
    for device in _DEVICES:
        Path("dev", device).touch()
        _mount(f"/dev/{device}", f"dev/{device}", "", _MS_BIND)
    for path in fixed:
        _mount(path.lstrip("/"), path.lstrip("/"), "", _MS_BIND)
    _mount("proc", "proc", "proc", 0)
    _must(_libc().syscall(_PIVOT_ROOT, b".", b"."), "pivot_root")
    _must(_libc().umount2(b".", _MNT_DETACH), "umount")
    for number in range(_CAPABILITIES):
        if number not in [CAPABILITIES[name] for name in allowed]:
            _must(_libc().prctl(_CAPBSET_DROP, number, 0, 0, 0), "prctl")
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    _must(_libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
    # What it says goes where its errors go; nothing of this process's own stays open.
    os.dup2(2, 1)
    os.execve(argv[0], list(argv), {"PATH": "/usr/sbin:/usr/bin"})  # noqa: S606 - a program and its arguments


def _main(root: str, flags: str, user: str, capabilities: str, fixed: str, *argv: str) -> None:
    os.chdir(root)
    _must(_libc().prctl(_PDEATHSIG, signal.SIGKILL), "prctl")
    _must(_libc().unshare(int(flags)), "unshare")
    print("apart", flush=True)
    assert sys.stdin.readline() == "mapped\n"
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    child = os.fork()
    if child == 0:
        _inside(int(user), list(filter(None, capabilities.split(","))), list(filter(None, fixed.split(","))), argv)
    print("runs", flush=True)
    os.waitpid(child, 0)


__all__ = ["BASE", "Caged", "caged", "unpack"]

if __name__ == "__main__":
    _main(*sys.argv[1:])
