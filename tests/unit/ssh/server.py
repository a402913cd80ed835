# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real SSH server on the loopback that takes certificates of a site's roles alone, as the role node_access has it."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.authority import account_of
from tests.lab.light import sshd

WAIT_S = 20


@dataclass(frozen=True)
class Server:
    """What is known of it; the account that is logged in to is this user, in the part of one role."""

    directory: Path
    port: int
    role: str

    def ssh(self, key: Path, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Log in with a key, and the certificate beside it where there is one; nothing of the user's own counts."""
        given = ["-F", "/dev/null", "-i", str(key), "-p", str(self.port), "-o", "BatchMode=yes", *options]
        given += ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "StrictHostKeyChecking=yes"]
        given += ["-o", f"UserKnownHostsFile={self.directory / 'known_hosts'}", "-o", "GlobalKnownHostsFile=/dev/null"]
        return subprocess.run(
            ["ssh", *given, f"{getpass.getuser()}@127.0.0.1", *command],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def log(self) -> str:
        """Return what it wrote into its log."""
        return (self.directory / "sshd.out").read_text(encoding="utf-8", errors="replace")

    def know(self, host_key: str) -> None:
        """Have the client know the server by a key."""
        (self.directory / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {host_key}\n")

    @property
    def host_key(self) -> str:
        return " ".join((self.directory / sshd.HOST_KEY).with_suffix(".pub").read_text().split()[:2])


@contextmanager
def served(directory: Path, role: str, authority: str, revocations: bytes) -> Iterator[Server]:
    """Serve one role to this user, with what a node is given."""
    directory.mkdir()
    (directory / "ca.pub").write_text(authority + "\n")
    (directory / "revoked").write_bytes(revocations)
    (directory / "principals").write_text(account_of(role) + "\n")
    sshd.make_key(directory / "none", "nobody's")
    server = Server(directory, sshd.free_port(), role)
    more = (
        f"AuthorizedKeysFile none\nTrustedUserCAKeys {directory}/ca.pub\nRevokedKeys {directory}/revoked\n"
        f"AuthorizedPrincipalsFile {directory}/principals\nLogLevel VERBOSE\n"
    )
    sshd.start(role, directory, server.port, directory / "none", more)
    try:
        server.know(server.host_key)
        yield server
    finally:
        sshd.stop(directory)


__all__ = ["Server", "served"]
