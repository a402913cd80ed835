# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SC's root tree, cut from unpacked packages; and the image that is made of it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.lab.image.elf import closure
from tests.lab.image.overlay import Entry, write_tar
from tests.lab.image.recipe import EPOCH
from tests.lab.sc.recipes import Recipe

# Debian's packages of this release still carry both; the tree has the merged layout.
_MERGED: Final = ("bin", "sbin", "lib", "lib64")
_ETC: Final = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
}
# Where engines mount; and what any user of the range may write to.
_DIRECTORIES: Final = {"dev": 0o755, "proc": 0o755, "run": 0o1777, "sys": 0o755, "tmp": 0o1777, "var/tmp": 0o1777}


def merged(path: str) -> str:
    """A path of a package, without a leading dot or slash, in the merged-/usr layout."""
    clean = path.removeprefix("./").strip("/")
    return f"usr/{clean}" if clean.split("/", 1)[0] in _MERGED else clean


def sc_entries(recipe: Recipe, parts: Path) -> dict[str, Entry]:
    """The tree's files: what the programs need, a minimal /etc, and the image's own.

    Args:
        recipe: what to take.
        parts: tar archive of the unpacked packages; of more than these, too.

    Raises:
        LabError: a library is missing.
    """
    files: set[str] = set()
    used: set[str] = set()
    with tarfile.open(parts) as archive:
        members = {merged(member.name): member for member in archive}
        links = {path: m.linkname for path, m in members.items() if m.issym() and path not in _MERGED}
        links.update({top: f"usr/{top}" for top in _MERGED})

        def read(path: str) -> bytes | None:
            member = members.get(path)
            stream = archive.extractfile(member) if member is not None and member.isfile() else None
            return None if stream is None else stream.read()

        for program in recipe.programs:
            needed, passed = closure(program, links, read)
            files |= needed
            used |= passed
        entries = {path: Entry(read(path) or b"", 0o755) for path in files}
    entries.update({path: Entry(link=links[path]) for path in {*used, *_MERGED}})
    entries.update({path: Entry(text.encode()) for path, text in {**_ETC, **recipe.texts}.items()})
    entries.update({path: Entry(text.encode(), 0o755) for path, text in recipe.executables.items()})
    return entries


def image_config(recipe: Recipe, layer_sha256: str) -> dict[str, Any]:
    """Docker's image configuration, version 1.2, for one layer."""
    user = {"User": recipe.user} if recipe.user else {}
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": datetime.fromtimestamp(EPOCH, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "config": {
            "Entrypoint": list(recipe.entrypoint),
            "Env": ["PATH=/usr/sbin:/usr/bin"],
            "Labels": {"org.opencontainers.image.title": recipe.name, "org.opencontainers.image.version": "1"},
            **user,
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_sha256}"]},
        "history": [{"created_by": f"palantir.trust lab: Debian {' '.join(recipe.packages)}"}],
    }


def write_image(recipe: Recipe, parts: Path, folder: Path) -> None:
    """Write an image in both forms, NAME.rootfs.tar (the tree) and NAME.tar (docker-archive), and NAME.json.

    Raises:
        LabError: a library is missing.
    """
    rootfs = folder / f"{recipe.name}.rootfs.tar"
    write_tar(rootfs, sc_entries(recipe, parts), directories=_DIRECTORIES)
    layer = rootfs.read_bytes()
    layer_sha256 = hashlib.sha256(layer).hexdigest()
    config = json.dumps(image_config(recipe, layer_sha256), sort_keys=True, separators=(",", ":")).encode()
    image_id = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{image_id}.json", "RepoTags": [recipe.reference], "Layers": [f"{layer_sha256}.tar"]}]
    write_tar(
        folder / f"{recipe.name}.tar",
        {
            f"{image_id}.json": Entry(config),
            f"{layer_sha256}.tar": Entry(layer),
            "manifest.json": Entry(json.dumps(manifest, sort_keys=True).encode()),
        },
    )
    description = {
        "image_id": f"sha256:{image_id}",
        "reference": recipe.reference,
        "layer": f"sha256:{layer_sha256}",
        "entrypoint": list(recipe.entrypoint),
        "user": recipe.user,
    }
    (folder / f"{recipe.name}.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


__all__ = ["image_config", "merged", "sc_entries", "write_image"]
