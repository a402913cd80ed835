# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SC image dns-filter: Debian's dnsmasq, what it needs to start, and nothing else, as a docker archive."""

from __future__ import annotations

import hashlib
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.lab.image.elf import closure
from tests.lab.image.overlay import Entry, write_tar
from tests.lab.image.recipe import EPOCH, SC_ENTRYPOINT, SC_PROGRAM, SC_REFERENCE
from tests.lab.progress import step

# Debian's packages of this release still carry both; the image has the merged layout.
_MERGED = ("bin", "sbin", "lib", "lib64")
_ETC = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/dnsmasq.conf": (
        "# Overridden by the instance's own configuration, mounted read-only. As it stands: answers nothing.\n"
        "port=5353\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-poll\n"
        "user=nobody\ngroup=nogroup\npid-file=\n"
    ),
}


def merged(path: str) -> str:
    """A path of a package, without a leading dot or slash, in the merged-/usr layout."""
    clean = path.removeprefix("./").strip("/")
    return f"usr/{clean}" if clean.split("/", 1)[0] in _MERGED else clean


def sc_entries(parts: Path, program: str = SC_PROGRAM) -> dict[str, Entry]:
    """The image's files: the program's closure and a minimal /etc.

    Raises:
        LabError: a library is missing.
    """
    with tarfile.open(parts) as archive:
        members = {merged(member.name): member for member in archive}
        links = {path: m.linkname for path, m in members.items() if m.issym() and path not in _MERGED}
        links.update({top: f"usr/{top}" for top in _MERGED})

        def read(path: str) -> bytes | None:
            member = members.get(path)
            stream = archive.extractfile(member) if member is not None and member.isfile() else None
            return None if stream is None else stream.read()

        files, used = closure(program, links, read)
        entries = {path: Entry(read(path) or b"", 0o755) for path in files}
    entries.update({path: Entry(link=links[path]) for path in {*used, *_MERGED}})
    entries.update({path: Entry(text.encode()) for path, text in _ETC.items()})
    return entries


def image_config(layer_sha256: str) -> dict[str, Any]:
    """Docker's image configuration, version 1.2, for one layer."""
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "config": {
            "Entrypoint": list(SC_ENTRYPOINT),
            "Env": ["PATH=/usr/sbin:/usr/bin"],
            "Labels": {"org.opencontainers.image.title": "dns-filter", "org.opencontainers.image.version": "1"},
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_sha256}"]},
        "history": [{"created_by": "palantir.trust lab: Debian dnsmasq-base"}],
    }


def build_sc_image(work: Path, parts: Path) -> Path:
    """Write dns-filter.rootfs.tar, dns-filter.tar (for ``podman load``) and dns-filter.json into work/sc."""
    folder = work / "sc"
    folder.mkdir()
    with step("make the SC image dns-filter"):
        rootfs = folder / "dns-filter.rootfs.tar"
        write_tar(rootfs, sc_entries(parts), directories={"run": 0o755, "tmp": 0o1777, "var/lib/misc": 0o755})
        layer = rootfs.read_bytes()
        layer_sha256 = hashlib.sha256(layer).hexdigest()
        config = json.dumps(image_config(layer_sha256), sort_keys=True, separators=(",", ":")).encode()
        image_id = hashlib.sha256(config).hexdigest()
        manifest = [{"Config": f"{image_id}.json", "RepoTags": [SC_REFERENCE], "Layers": [f"{layer_sha256}.tar"]}]
        write_tar(
            folder / "dns-filter.tar",
            {
                f"{image_id}.json": Entry(config),
                f"{layer_sha256}.tar": Entry(layer),
                "manifest.json": Entry(json.dumps(manifest, sort_keys=True).encode()),
            },
        )
        description = {
            "image_id": f"sha256:{image_id}",
            "reference": SC_REFERENCE,
            "layer": f"sha256:{layer_sha256}",
            "entrypoint": list(SC_ENTRYPOINT),
        }
        (folder / "dns-filter.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return folder


__all__ = ["build_sc_image", "image_config", "merged", "sc_entries"]
