# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's SSH keys: one pair for logging in, one for the guests' sshd, made once and put into every image.

They are kept apart from the images, so that a node stays reachable when another image has been built since.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.lab.image.cache import locked

_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Keys:
    """Files of the two pairs; each public key beside its private one, with suffix ``.pub``."""

    login: Path
    host: Path

    @property
    def login_public(self) -> str:
        """The line of authorized_keys."""
        return self.login.with_suffix(".pub").read_text(encoding="utf-8")

    @property
    def host_public(self) -> str:
        """The line that sshd's host key is known by."""
        return self.host.with_suffix(".pub").read_text(encoding="utf-8")


def ensure_keys(cache: Path) -> Keys:
    """The keys, made now where they are absent."""
    folder = cache / "keys"
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(cache / ".keys.lock", "another lab to make its keys", timeout_s=_TIMEOUT_S):
        folder.mkdir(mode=0o700, exist_ok=True)
        for name in ("login", "host"):
            if (folder / name).is_file() and (folder / f"{name}.pub").is_file():
                continue
            (folder / name).unlink(missing_ok=True)
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"palantir-lab-{name}"]
            subprocess.run(
                [*command, "-f", str(folder / name)], check=True, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL
            )
    return Keys(folder / "login", folder / "host")


__all__ = ["Keys", "ensure_keys"]
