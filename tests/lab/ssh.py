# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH to the nodes: the lab's own key, and the guests' host key known before they first boot."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.lab.errors import DeadlineError, LabError
from tests.lab.image.keys import ensure_keys
from tests.lab.paths import Paths

_BANNER_S = 3.0


def known_hosts(ports: Iterable[int], public_key: str) -> str:
    """Lines of known_hosts for nodes that share the image's host key."""
    kind, key = public_key.split()[:2]
    return "".join(f"[127.0.0.1]:{port} {kind} {key}\n" for port in ports)


def configuration(folder: Path, ports: dict[str, int]) -> str:
    """A configuration for ssh -F: each node by its name. Host keys are checked strictly."""
    common = (
        "    HostName 127.0.0.1\n    User root\n"
        f'    IdentityFile "{folder}/id_ed25519"\n    IdentitiesOnly yes\n    IdentityAgent none\n'
        f'    UserKnownHostsFile "{folder}/known_hosts"\n    GlobalKnownHostsFile /dev/null\n'
        "    StrictHostKeyChecking yes\n    BatchMode yes\n    ConnectTimeout 20\n    LogLevel ERROR\n"
    )
    return "".join(f"Host {name}\n    Port {port}\n{common}" for name, port in ports.items())


def install(paths: Paths, ports: dict[str, int]) -> None:
    """Put key, known hosts and configuration into build/lab/ssh."""
    paths.ssh.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = ensure_keys(paths.cache)
    key = paths.ssh / "id_ed25519"
    key.unlink(missing_ok=True)
    key.touch(mode=0o600)
    key.write_bytes(keys.login.read_bytes())
    (paths.ssh / "id_ed25519.pub").write_text(keys.login_public, encoding="utf-8")
    (paths.ssh / "known_hosts").write_text(known_hosts(ports.values(), keys.host_public), encoding="utf-8")
    (paths.ssh / "config").write_text(configuration(paths.ssh, ports), encoding="utf-8")


def command(paths: Paths, node: str, remote: Sequence[str] = (), options: Sequence[str] = ()) -> list[str]:
    """The ssh command line for a node; ``remote`` as ssh takes it: joined by blanks, for the guest's shell."""
    words = ["ssh", "-F", str(paths.ssh / "config"), *options, node]
    return [*words, "--", *remote] if remote else words


def answers(port: int) -> bool:
    """Whether an SSH server greets at that port of the loopback; QEMU takes the connection even without a guest."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_BANNER_S) as connection:
            connection.settimeout(_BANNER_S)
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def run(
    paths: Paths, node: str, remote: Sequence[str], *, timeout_s: float, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run a command on a node and wait for it.

    Raises:
        DeadlineError: it did not end in time.
        LabError: no SSH connection (ssh's own exit status 255).
    """
    try:
        done = subprocess.run(
            command(paths, node, remote), input=stdin, capture_output=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineError(f"{node}: `{' '.join(remote)}` did not end within {timeout_s:.0f} s") from error
    if done.returncode == 255:
        said = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise LabError(f"{node}: no SSH: {said}. Next: python3 -m tests.lab status")
    return done


__all__ = ["answers", "command", "configuration", "install", "known_hosts", "run"]
