# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real attacks on the lab's guests. Each returns the time at which it was done."""

from __future__ import annotations

import secrets
import time

from tests.demo.site import DemoError
from tests.lab.lab import Lab


def run_in_container(lab: Lab, node: str, container: str) -> float:
    """Bring a new program into a running container and run it there.

    The program is the container's own dnsmasq with a few bytes more: a digest that nobody has seen before.
    """
    _ssh(
        lab,
        node,
        f"set -e; root=$(podman mount {container}); cp $root/usr/sbin/dnsmasq /root/dropper; "
        f"printf %s {secrets.token_hex(16)} >> /root/dropper; chmod 755 /root/dropper; "
        f"podman cp /root/dropper {container}:/usr/sbin/dropper; rm /root/dropper; podman umount {container}; "
        f"podman exec {container} /usr/sbin/dropper --version",
    )
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


def _ssh(lab: Lab, node: str, command: str) -> None:
    done = lab.ssh(node, command, timeout_s=60)
    if done.returncode:
        raise DemoError(f"the attack on {node} failed: {done.stderr.decode('utf-8', 'replace').strip()[-500:]}")


__all__ = ["run_in_container", "run_on_host"]
