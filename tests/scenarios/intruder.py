# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on a node: what an intruder does who has taken over a program of an SC instance, whatever driver runs it.

``python3 - VERB INSTANCE PROGRAM ...``, read from standard input; nothing of it is left behind but what it says:

- ``drop INSTANCE PROGRAM MARK``: a copy of the program with the mark behind it is put beside it, or below /var where
  the rest is read-only, and run. Says where.
- ``modify INSTANCE PROGRAM MARK``: the program itself gets the mark, and is run.
- ``read INSTANCE PROGRAM PATH``: a file is read, as the program may read it.
- ``signal INSTANCE PROGRAM NUMBER``: the program gets a signal.
- ``keep INSTANCE PROGRAM MARK``: ``modify``, and again in whatever replaces the instance, by a process that sits on the
  node beside it. Says its number; it ends by itself after a quarter of an hour.

Whoever is inside is root of the range, or the one user of a service. A program appears by a rename, since the kernel
lets nobody write to one that runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import signal
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
STAY_S = 900.0
FAILED = 99


class Process:
    """A process of an instance, as the node sees it."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        with open(self.place("uid_map"), encoding="ascii") as stream:
            first = stream.readline().split()
        # A service's namespace, where it has one, gives its users the numbers that they have on the node.
        self.user = 0 if int(first[0]) == 0 and int(first[1]) > 0 else os.stat(self.place("")).st_uid

    def place(self, name: str) -> str:
        return f"/proc/{self.pid}/{name}"

    def read(self, path: str) -> bytes:
        with open(self.place("root") + path, "rb") as stream:
            return stream.read()

    def enter(self) -> None:
        """Become a user of the instance, in its own mounts; there is no way back."""
        os.setgroups([])
        places = [(f"/proc/self/ns/{kind}", self.place(f"ns/{kind}")) for kind in ("user", "mnt")]
        for namespace in [os.open(there, os.O_RDONLY) for here, there in places if not os.path.samefile(here, there)]:
            if LIBC.setns(namespace, 0):
                raise OSError(ctypes.get_errno(), "setns")
        os.setgid(self.user)
        os.setuid(self.user)


def processes(instance: str, program: str) -> list[int]:
    """Return what runs a program in an instance, whose configuration is mounted from a directory of its name."""
    return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and _serves(pid, instance, program)]


def _serves(pid: str, instance: str, program: str) -> bool:
    try:
        with open(f"/proc/{pid}/comm", errors="replace") as stream:
            named = stream.read().strip() == os.path.basename(program)[:15]
        with open(f"/proc/{pid}/mountinfo", errors="replace") as stream:
            return named and f"/{instance}/g" in stream.read()
    except OSError:
        return False


def put(path: str, content: bytes) -> None:
    """Put a program somewhere."""
    with open(path + ".new", "wb") as stream:
        stream.write(content)
    os.chmod(path + ".new", 0o755)  # noqa: S103 - a program
    os.replace(path + ".new", path)


def run(path: str) -> None:
    """Run a program in this process's place, quietly; what it says of its option is of no interest."""
    null = os.open("/dev/null", os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)
    os.execv(path, [path, "--version"])  # noqa: S606 - a program and its argument


def inside(process: Process, *paths: str, content: bytes) -> str:
    """Put a program at the first of these places that can be written to, and run it, from inside of the instance.

    Returns:
        The place; empty where all are read-only.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            process.enter()
            for path in paths:
                try:
                    put(path, content)
                except OSError as error:
                    if error.errno not in (errno.EROFS, errno.EACCES):
                        raise
                    continue
                os.write(writing, path.encode())
                run(path)
            os._exit(0)
        finally:
            os._exit(FAILED)
    os.close(writing)
    status = os.waitpid(child, 0)[1]
    with os.fdopen(reading, "rb") as said:
        place = said.read().decode()
    if os.WIFEXITED(status) and os.WEXITSTATUS(status) == FAILED:
        raise SystemExit(f"it could not be done inside {process.pid}")
    return place


def modify(process: Process, instance: str, program: str, mark: str) -> str:
    """Change a program and run it; where it is read-only inside, by who has got at the node's disk."""
    content = process.read(program) + mark.encode()
    if inside(process, program, content=content):
        return program
    owner = os.stat(process.place("root") + program)
    for tree in _trees(instance):
        put(tree + program, content)
        os.chown(tree + program, owner.st_uid, owner.st_gid)
    child = os.fork()
    if child == 0:
        try:
            process.enter()
            run(program)
        finally:
            os._exit(FAILED)
    os.waitpid(child, 0)
    return program


def _trees(instance: str) -> list[str]:
    place = f"/var/lib/palantir.trust/{instance}"
    return [f"{place}/{name}/root" for name in os.listdir(place) if os.path.isdir(f"{place}/{name}/root")]


def keep(instance: str, program: str, mark: str) -> None:
    """Change a program now and in whatever replaces the instance."""
    known: set[int] = set()

    def change_new() -> None:
        for pid in processes(instance, program):
            if pid not in known:
                known.add(pid)
                modify(Process(pid), instance, program, mark)

    change_new()
    child = os.fork()
    if child:
        print(child)
        return
    os.setsid()
    for stream in range(3):
        os.dup2(os.open("/dev/null", os.O_RDWR), stream)
    end = time.monotonic() + STAY_S
    while time.monotonic() < end:
        # One may be gone again.
        with contextlib.suppress(OSError, SystemExit):
            change_new()
        time.sleep(0.2)


def main(verb: str, instance: str, program: str, *rest: str) -> None:
    """Do what is asked for."""
    if verb == "keep":
        keep(instance, program, rest[0])
        return
    found = processes(instance, program)
    if not found:
        raise SystemExit(f"nothing runs {program} in {instance}")
    process = Process(min(found))
    if verb == "drop":
        places = (os.path.join(folder, "dropper") for folder in (os.path.dirname(program), "/var"))
        place = inside(process, *places, content=process.read(program) + rest[0].encode())
        if not place:
            raise SystemExit("no place can be written to")
        print(place)
    elif verb == "modify":
        print(modify(process, instance, program, rest[0]))
    elif verb == "read":
        process.enter()
        with open(rest[0], "rb") as stream:
            stream.read()
    elif verb == "signal":
        os.kill(process.pid, signal.Signals(int(rest[0])))
    else:
        raise SystemExit(f"{verb}: not one of drop, modify, read, signal, keep")


if __name__ == "__main__":
    main(*sys.argv[1:])
