# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A generation as a test wants it, and its root-tree archive."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from typing import Any

from ansible_collections.palantir.trust.plugins.module_utils._generation import File, Generation, Port, checked

BASE = 1_000_013_824
IMAGE = "3b" * 32
COMMAND = ("/usr/sbin/dnsmasq", "--keep-in-foreground")


def generation(**changes: Any) -> Generation:
    """Return generation 3 of dns-1, with these parts different."""
    values: dict[str, Any] = {
        "name": "dns-1",
        "number": 3,
        "driver": "podman",
        "directory": "/var/lib/palantir.trust/dns-1",
        "image": IMAGE,
        "uid_base": BASE,
        "files": [File("/etc/dnsmasq.conf", "port=53\n", "signal")],
        "ports": [Port(5353, "udp", 53)],
    }
    return checked(Generation(**(values | changes)))


def member(name: str, data: bytes | None = None, **values: Any) -> tuple[tarfile.TarInfo, bytes]:
    """Return a member of an archive: a file where it has data, else a directory or what ``type`` says."""
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
    info.mode = 0o755
    info.size = len(data or b"")
    for key, value in values.items():
        setattr(info, key, value)
    return info, data or b""


def archived(home: Path, *members: tuple[tarfile.TarInfo, bytes], **changes: Any) -> Generation:
    """Write a root-tree archive below a directory, as a node keeps it; return a generation of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    found = generation(directory=str(home / "dns-1"), image=digest, driver="nspawn", command=COMMAND, **changes)
    archive = Path(found.archive)
    archive.parent.mkdir(exist_ok=True)
    archive.write_bytes(buffer.getvalue())
    Path(found.place).mkdir(parents=True)
    return found


__all__ = ["BASE", "COMMAND", "IMAGE", "archived", "generation", "member"]
