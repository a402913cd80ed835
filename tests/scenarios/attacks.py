# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real attacks on the lab's guests. Each returns the time at which it was done.

What is brought in is a program that the node has already, with a few bytes more: a digest that nobody has seen before.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Final

from tests.lab.lab import Lab
from tests.scenarios.site import ScenarioError

PROGRAM: Final = "/usr/sbin/dnsmasq"
"""The program of the SC's image."""
CONFIGURATION: Final = "/etc/dnsmasq.conf"
"""What it reads first, rendered by the catalogue."""
_RUNTIME: Final = "/usr/bin/crun"
_KEPT: Final = "/root/crun.kept"
_IMPLANT: Final = "/usr/local/bin/implant"
_INSTANCES: Final = "/var/lib/palantir.trust"

# What an intruder does who has taken over a process of the container: a program is written as the container's own
# root. It appears by a rename, since the kernel lets nobody write to a program that runs.
_DROPPER = """
import ctypes, os, sys
pid, known, target, mark = sys.argv[1:]
with open(f"/proc/{pid}/root{known}", "rb") as stream:
    program = stream.read() + mark.encode()
libc = ctypes.CDLL(None, use_errno=True)
namespaces = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in ("user", "mnt")]
for namespace in namespaces:
    if libc.setns(namespace, 0):
        raise OSError(ctypes.get_errno(), "setns")
os.setgid(0)
os.setuid(0)
with open(target + ".new", "wb") as dropped:
    dropped.write(program)
os.chmod(target + ".new", 0o755)
os.replace(target + ".new", target)
"""

# What one does who sits on the host beside the container: each new one is entered and changed as soon as it serves. It
# is known by its configuration files, which the node mounts from a directory with the instance's name.
_INTRUDER = """
import ctypes, os, sys, time
container, target, mark = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)

def text(pid, name):
    with open(f"/proc/{pid}/{name}", errors="replace") as stream:
        return stream.read()

def serves(pid):
    try:
        return text(pid, "comm").strip() == os.path.basename(target) and f"/{container}/" in text(pid, "mountinfo")
    except OSError:
        return False

def change(pid):
    with open(f"/proc/{pid}/root{target}", "rb") as stream:
        program = stream.read() + mark.encode()
    for kind in ("user", "mnt"):
        if libc.setns(os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY), 0):
            raise OSError(ctypes.get_errno(), "setns")
    os.setgid(0)
    os.setuid(0)
    with open(target + ".new", "wb") as dropped:
        dropped.write(program)
    os.chmod(target + ".new", 0o755)
    os.replace(target + ".new", target)
    os.execv(target, [target, "--version"])

def change_new(known):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if pid not in known and serves(pid):
            known.add(pid)
            child = os.fork()
            if child == 0:
                try:
                    os.dup2(os.open("/dev/null", os.O_RDWR), 1)
                    change(pid)
                finally:
                    os._exit(1)
            os.waitpid(child, 0)

known = set()
change_new(known)
child = os.fork()
if child:
    print(child)
    sys.exit()
os.setsid()
for stream in range(3):
    os.dup2(os.open("/dev/null", os.O_RDWR), stream)
end = time.monotonic() + 900
while time.monotonic() < end:
    change_new(known)
    time.sleep(0.2)
"""


def run_in_container(lab: Lab, node: str, container: str, mark: str = "") -> float:
    """Bring a new program into a running container and run it there; equal marks make equal programs."""
    return _drop(lab, node, container, "/usr/sbin/dropper", mark)


def modify_in_container(lab: Lab, node: str, container: str) -> float:
    """Change the program of the image inside a running container and run it there."""
    return _drop(lab, node, container, PROGRAM)


def keep_modifying(lab: Lab, node: str, container: str, mark: str) -> int:
    """Change the program of the image inside a container and run it there, and in whatever replaces the container.

    Returns:
        The process number of the intruder, who sits on the node beside the container. It runs nothing on the host
        that the host has not, and ends by itself after a quarter of an hour.
    """
    return int(on_node(lab, node, f"python3 - {container} {PROGRAM} {mark}", _INTRUDER.encode()))


def end_process(lab: Lab, node: str, process: int) -> None:
    """End a process of a node."""
    on_node(lab, node, f"kill {process}")


def change_configuration(lab: Lab, node: str, container: str) -> float:
    """Change an instance's rendered configuration on its node, and have the service read it."""
    file = f"{_INSTANCES}/{container}/g*/config/{hashlib.sha256(CONFIGURATION.encode()).hexdigest()}"
    line = "echo 'address=/bank.example/192.0.2.66'"
    on_node(lab, node, f"set -e; {line} | tee -a {file}; {restart_of(container)}")
    return time.time()


def run_on_host(lab: Lab, node: str) -> float:
    """Put an unknown program on a host and run it."""
    mark = secrets.token_hex(16)
    on_node(lab, node, f"set -e; cp /usr/bin/id {_IMPLANT}; printf %s {mark} >> {_IMPLANT}; {_IMPLANT}")
    return time.time()


def remove_from_host(lab: Lab, node: str) -> None:
    """Remove what :func:`run_on_host` left; that it ran stays in the node's list until its next boot."""
    on_node(lab, node, f"rm -f {_IMPLANT}")


def load_module(lab: Lab, node: str, name: str) -> float:
    """Load a kernel module; under Secure Boot the kernel takes only those that the distribution signed."""
    on_node(lab, node, f"modprobe {name}")
    return time.time()


def change_runtime(lab: Lab, node: str, container: str) -> float:
    """Change the program that starts containers, and run it by an operation on a container."""
    on_node(
        lab,
        node,
        f"set -e; cp -p {_RUNTIME} {_KEPT}; cp -p {_RUNTIME} {_RUNTIME}.new; "
        f"printf %s {secrets.token_hex(16)} >> {_RUNTIME}.new; mv {_RUNTIME}.new {_RUNTIME}; "
        f"podman exec {container_of(container)} {PROGRAM} --version",
    )
    return time.time()


def restore_runtime(lab: Lab, node: str) -> None:
    """Undo :func:`change_runtime` on the node's disk."""
    on_node(lab, node, f"mv {_KEPT} {_RUNTIME}")


def container_of(instance: str) -> str:
    """Return what a node's shell takes for the container of an instance, whatever its generation."""
    return f"$(podman ps --all --quiet --filter label=palantir.trust.instance={instance})"


def restart_of(instance: str) -> str:
    """Return the command that restarts an instance's service."""
    return f"systemctl restart 'palantir-podman-{instance}-g*.service'"


def on_node(lab: Lab, node: str, command: str, stdin: bytes = b"") -> str:
    """Run a command on a node as root and return what it says.

    Raises:
        ScenarioError: it failed.
    """
    done = lab.ssh(node, command, timeout_s=120, stdin=stdin)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise ScenarioError(f"{node}: `{command[:80]}` failed with status {done.returncode}: {said}")
    return done.stdout.decode("utf-8", "replace")


def _drop(lab: Lab, node: str, container: str, target: str, mark: str = "") -> float:
    pid = int(on_node(lab, node, f"podman inspect --format '{{{{.State.Pid}}}}' {container_of(container)}"))
    on_node(lab, node, f"python3 - {pid} {PROGRAM} {target} {mark or secrets.token_hex(16)}", _DROPPER.encode())
    on_node(lab, node, f"podman exec {container_of(container)} {target} --version")
    return time.time()


__all__ = [
    "CONFIGURATION",
    "PROGRAM",
    "change_configuration",
    "change_runtime",
    "container_of",
    "end_process",
    "keep_modifying",
    "load_module",
    "modify_in_container",
    "on_node",
    "remove_from_host",
    "restart_of",
    "restore_runtime",
    "run_in_container",
    "run_on_host",
]
