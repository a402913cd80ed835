# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real attacks on the lab's guests. Each returns the time at which it was done."""

from __future__ import annotations

import secrets
import time

from tests.demo.site import DemoError
from tests.lab.lab import Lab

# What an intruder does who has taken over a process of the container: a program is dropped as the container's own
# root. It is the container's own dnsmasq with a few bytes more: a digest that nobody has seen before.
_DROPPER = """
import ctypes, os, sys
pid, mark = sys.argv[1:]
with open(f"/proc/{pid}/root/usr/sbin/dnsmasq", "rb") as known:
    program = known.read() + mark.encode()
libc = ctypes.CDLL(None, use_errno=True)
namespaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt")]
for namespace in namespaces:
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), "setns")
os.setgid(0)
os.setuid(0)
with open("/usr/sbin/dropper", "wb") as dropped:
    dropped.write(program)
os.chmod("/usr/sbin/dropper", 0o755)
"""


def run_in_container(lab: Lab, node: str, container: str) -> float:
    """Bring a new program into a running container and run it there."""
    found = _ssh(lab, node, f"podman inspect --format '{{{{.State.Pid}}}}' {container}").strip()
    _ssh(lab, node, f"python3 - {int(found)} {secrets.token_hex(16)}", _DROPPER)
    _ssh(lab, node, f"podman exec {container} /usr/sbin/dropper --version")
    return time.time()


def run_on_host(lab: Lab, node: str) -> float:
    """Put an unknown program on a host and run it."""
    _ssh(
        lab,
        node,
        "set -e; cp /usr/bin/id /usr/local/bin/implant; "
        f"printf %s {secrets.token_hex(16)} >> /usr/local/bin/implant; /usr/local/bin/implant",
    )
    return time.time()


def _ssh(lab: Lab, node: str, command: str, stdin: str = "") -> str:
    done = lab.ssh(node, command, timeout_s=60, stdin=stdin.encode())
    if done.returncode:
        raise DemoError(f"the attack on {node} failed: {done.stderr.decode('utf-8', 'replace').strip()[-500:]}")
    return done.stdout.decode("utf-8", "replace")


__all__ = ["run_in_container", "run_on_host"]
