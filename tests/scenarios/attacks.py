# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real attacks on the lab's guests. Each returns the time at which it was done.

What is brought in is a program that the node has already, with a few bytes more: a digest that nobody has seen before.
"""

from __future__ import annotations

import hashlib
import secrets
import shlex
import signal
import time
from pathlib import Path
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

_INTRUDER: Final = Path(__file__).with_name("intruder.py")


def run_in_container(lab: Lab, node: str, container: str, mark: str = "", *, program: str = PROGRAM) -> float:
    """Bring a new program into a running instance and run it there; equal marks make equal programs."""
    _intrude(lab, node, "drop", container, program, mark or secrets.token_hex(16))
    return time.time()


def modify_in_container(lab: Lab, node: str, container: str, *, program: str = PROGRAM) -> float:
    """Change the program of the image inside a running instance and run it there.

    From inside, but for the driver systemd, where it is read-only: there by who has got at the node's disk.
    """
    _intrude(lab, node, "modify", container, program, secrets.token_hex(16))
    return time.time()


def keep_modifying(lab: Lab, node: str, container: str, mark: str, *, program: str = PROGRAM) -> int:
    """Change the program of the image inside an instance and run it there, and in whatever replaces the instance.

    Returns:
        The process number of the intruder, who sits on the node beside the instance. It runs nothing on the host
        that the host has not, and ends by itself after a quarter of an hour.
    """
    return int(_intrude(lab, node, "keep", container, program, mark))


def end_process(lab: Lab, node: str, process: int) -> None:
    """End a process of a node."""
    on_node(lab, node, f"kill {process}")


def change_configuration(
    lab: Lab,
    node: str,
    container: str,
    *,
    program: str = PROGRAM,
    path: str = CONFIGURATION,
    line: str = "address=/bank.example/192.0.2.66",
    reload: bool = False,
) -> float:
    """Change an instance's rendered configuration on its node, and have the program read it.

    Args:
        lab: the guests.
        node: where it runs.
        container: the instance.
        program: its program.
        path: the file, in the instance.
        line: what is written behind its end.
        reload: whether the program reads it anew by SIGHUP; else its service is restarted, which one with a private
            network does not survive.
    """
    file = f"{_INSTANCES}/{container}/g*/config/{hashlib.sha256(path.encode()).hexdigest()}"
    on_node(lab, node, f"printf '%s\\n' {shlex.quote(line)} | tee -a {file}")
    if reload:
        _intrude(lab, node, "signal", container, program, str(signal.SIGHUP.value))
    else:
        on_node(lab, node, restart_of(container))
    return time.time()


def read_configuration(lab: Lab, node: str, container: str, *, program: str = PROGRAM, path: str) -> float:
    """Read a configuration file as an instance's program may: what is not read is not measured."""
    _intrude(lab, node, "read", container, program, path)
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
    """Return the command that restarts an instance's service, whatever its driver."""
    return f"systemctl restart 'palantir-podman-{instance}-g*.service' 'palantir-sc-{instance}-g*.service'"


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


def _intrude(lab: Lab, node: str, *words: str) -> str:
    return on_node(lab, node, f"python3 - {shlex.join(words)}", _INTRUDER.read_bytes())


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
    "read_configuration",
    "remove_from_host",
    "restart_of",
    "restore_runtime",
    "run_in_container",
    "run_on_host",
]
