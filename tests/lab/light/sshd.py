# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server on the loopback for one light node: own host key, one authorized key, the current user only."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path

from tests.lab import process, ssh
from tests.lab.errors import LabError
from tests.lab.process import ProcessRecord
from tests.lab.progress import run_logged, tail
from tests.lab.wait import wait_for

HOST_KEY = "ssh_host_ed25519_key"
_SEPARATION = Path("/run/sshd")  # where Debian's sshd, run by root, separates privileges
_START_S = 20.0
_KEYGEN_S = 30.0


def free_port() -> int:
    """A port of the loopback that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_key(path: Path, comment: str) -> None:
    """Make an Ed25519 key pair without a passphrase, where it is not there yet."""
    if not path.is_file():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
        run_logged(command, path.with_name("ssh-keygen.log"), timeout_s=_KEYGEN_S)


def configuration(directory: Path, port: int, first: str = "") -> str:
    """The server's configuration (sshd_config(5)); it answers to nobody but the key's holder.

    Of each setting the first counts, so that those of ``first`` stand before all others.
    """
    return first + (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {directory}/{HOST_KEY}\n"
        f"AuthorizedKeysFile {directory}/authorized_keys\nAllowUsers {getpass.getuser()}\nPidFile none\n"
        "AuthenticationMethods publickey\nPermitRootLogin prohibit-password\nStrictModes no\nUsePAM no\n"
        "PrintMotd no\nX11Forwarding no\nMaxStartups 100\nMaxSessions 100\nSubsystem sftp internal-sftp\n"
    )


def start(name: str, directory: Path, port: int, client_key: Path, first: str = "") -> None:
    """Start the server and wait for its greeting; ``first`` is for :func:`configuration`.

    Raises:
        LabError: it is not installed, or ended at once.
    """
    server = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if server is None:
        raise LabError("sshd: not installed. Next: install openssh-server")
    if os.geteuid() == 0:
        _SEPARATION.mkdir(mode=0o755, exist_ok=True)
    make_key(directory / HOST_KEY, name)
    shutil.copyfile(client_key.with_suffix(".pub"), directory / "authorized_keys")
    (directory / "sshd_config").write_text(configuration(directory, port, first), encoding="utf-8")
    process.start(
        f"{name} sshd",
        [server, "-D", "-e", "-f", str(directory / "sshd_config")],
        cwd=directory,
        log=directory / "sshd.out",
        record=_record(directory),
    )

    def answers() -> bool | None:
        record = _ServerRecord.read(_record(directory))
        if record is None or not record.is_running():
            raise LabError(f"{name}: the SSH server ended.\n{tail(directory / 'sshd.out')}")
        return ssh.answers(port) or None

    wait_for(f"{name}'s SSH server", answers, timeout_s=_START_S, interval_s=0.05)


def stop(directory: Path) -> None:
    """Stop the server and cut the connections that it serves; nothing happens where it is off."""
    record = _ServerRecord.read(_record(directory))
    if record is None or not record.is_running():
        return
    sessions = _children(record.pid)
    process.stop(record)
    for handle in sessions:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGTERM)
        os.close(handle)


def _children(parent: int) -> list[int]:
    """Process file descriptors of a process's children, taken while it lives, so that they are its own."""
    handles = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            text = file.read_text(encoding="utf-8", errors="replace")
            if int(text[text.rindex(")") + 2 :].split()[1]) == parent:
                handles.append(os.pidfd_open(int(file.parent.name)))
    return handles


class _ServerRecord(ProcessRecord):
    """A process that changes its command line: sshd shows there how many connections it serves."""

    def is_running(self) -> bool:
        try:
            started = process.parse_stat(Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8", errors="replace"))
            title = Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False
        return started == self.start_ticks and self.argv[-1].encode() in title


def _record(directory: Path) -> Path:
    return directory / "sshd.pid.json"


__all__ = ["HOST_KEY", "configuration", "free_port", "make_key", "start", "stop"]
