# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An intruder at a container's door, who waits for a word before a new program is brought in: the moment is known."""

from __future__ import annotations

import contextlib
import secrets
import shlex
import subprocess
import time
from collections.abc import Iterator
from typing import Final

from tests.lab import ssh
from tests.lab.lab import Lab
from tests.scenarios.attacks import PROGRAM, container_of, on_node
from tests.scenarios.site import ScenarioError

# As the dropper of tests.scenarios.attacks, and then the program is run from there. It enters the container's
# namespaces no sooner than the word comes: who waits inside is to be seen from outside.
_INTRUDER: Final = """
import ctypes, os, sys
pid, known, target, mark = sys.argv[1:]
with open(f"/proc/{pid}/root{known}", "rb") as stream:
    program = stream.read() + mark.encode()
libc = ctypes.CDLL(None, use_errno=True)
namespaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt")]
os.write(1, b"ready\\n")
if not os.read(0, 16):
    sys.exit()
for namespace in namespaces:
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), "setns")
os.setgid(0)
os.setuid(0)
with open(target + ".new", "wb") as dropped:
    dropped.write(program)
os.chmod(target + ".new", 0o755)
os.replace(target + ".new", target)
if os.fork() == 0:
    os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
    os.execv(target, [target, "--version"])
os.wait()
os.write(1, b"done\\n")
"""


class Intruder:
    """An intruder who waits."""

    def __init__(self, process: subprocess.Popen[bytes], node: str) -> None:
        self._process = process
        self._node = node

    def run(self) -> float:
        """Have the program run; return the time before the word was given, in seconds since the epoch."""
        began = time.time()
        if self._process.stdin is None or self._process.stdout is None:
            raise ScenarioError(f"{self._node}: the intruder has no pipes")
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != b"done\n":
            raise ScenarioError(f"{self._node}: the intruder's program did not run")
        return began


@contextlib.contextmanager
def intruder(lab: Lab, node: str, instance: str) -> Iterator[Intruder]:
    """Bring an intruder to the container of an instance."""
    pid = int(on_node(lab, node, f"podman inspect --format '{{{{.State.Pid}}}}' {container_of(instance)}"))
    target = "/usr/sbin/dropper"
    remote = ["python3", "-c", shlex.quote(_INTRUDER), str(pid), PROGRAM, target, secrets.token_hex(16)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(ssh.command(lab.paths, node, remote), stdin=pipe, stdout=pipe)
    try:
        if process.stdout is None or process.stdout.readline() != b"ready\n":
            raise ScenarioError(f"{node}: no intruder came into {instance}")
        yield Intruder(process, node)
    finally:
        process.kill()
        process.wait()


__all__ = ["Intruder", "intruder"]
