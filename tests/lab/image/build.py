# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest image, from its inputs to the cache entry that nodes boot from.

An entry holds: rootfs.tar (exactly what is on the disk), disk.qcow2, esp/ (the tree) and esp.raw, image.json and
build.log.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from tests.lab import packages
from tests.lab.errors import LabError
from tests.lab.image.cache import entry
from tests.lab.image.esp import build_esp, esp_files
from tests.lab.image.fingerprint import IMA_POLICY, fingerprint, inputs
from tests.lab.image.keys import Keys, ensure_keys
from tests.lab.image.recipe import KERNEL_ARGUMENTS, PART_PACKAGES
from tests.lab.image.rootfs import build_disk, build_rootfs, kernel_and_initrd, unpack_packages
from tests.lab.packages import privileged
from tests.lab.paths import Paths
from tests.lab.progress import say, step

_WANTED_BYTES = 4_000_000_000
FORMAT = "palantir.trust/lab-image/1"


def ensure_image(paths: Paths) -> Path:
    """The cache entry for this checkout, built where it is absent, with build/lab/image pointing to it.

    Raises:
        LabError: a step of the build failed.
    """
    keys = ensure_keys(paths.cache)
    contents = inputs(paths.checkout) | {"keys": f"{keys.login_public}{keys.host_public}".encode()}
    name = fingerprint(contents)

    def build(work: Path) -> None:
        say(f"building image {name} in {paths.cache} (once; about two minutes)")
        _build(work, name, contents[IMA_POLICY.as_posix()], keys)

    made = entry(paths.cache, name, build)
    paths.state.mkdir(parents=True, exist_ok=True)
    if not paths.image.is_symlink() or paths.image.readlink() != made:
        partial = paths.state / "image.partial"
        partial.unlink(missing_ok=True)
        partial.symlink_to(made)
        partial.replace(paths.image)
    return made


def _build(work: Path, name: str, ima_policy: bytes, keys: Keys) -> None:
    _require_means(work)
    log = work / "build.log"
    # sudo asks for a password here, at the terminal, before output goes to the log.
    subprocess.run(privileged(["true"]), check=True, timeout=300)
    parts = unpack_packages(work, log, PART_PACKAGES)
    rootfs = build_rootfs(
        work,
        log,
        ima_policy=ima_policy,
        authorized_key=keys.login_public,
        host_key=keys.host.read_bytes(),
        host_public=keys.host_public,
    )
    with step("read kernel and initrd from the archive"):
        release, kernel, initrd = kernel_and_initrd(rootfs)
    build_esp(work, log, esp_files(parts, kernel, initrd))
    build_disk(work, log, rootfs)
    for leftover in (parts, work / "overlay.tar", work / "esp.sfdisk", *work.glob("debian.*")):
        leftover.unlink()
    description = {
        "format": FORMAT,
        "fingerprint": name,
        "built": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kernel": {"release": release, "arguments": list(KERNEL_ARGUMENTS)},
    }
    (work / "image.json").write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _require_means(work: Path) -> None:
    """Find out now, not after a minute, what the build will want."""
    if absent := packages.missing(packages.wanted()):
        raise LabError(f"not installed: {', '.join(absent)}. Next: python3 -m tests.lab packages")
    free = shutil.disk_usage(work).free
    if free < _WANTED_BYTES:
        raise LabError(
            f"{work.parent}: {free / 1e9:.1f} GB free, {_WANTED_BYTES / 1e9:.0f} GB wanted."
            " Next: make room, or set XDG_CACHE_HOME to another disk"
        )


__all__ = ["FORMAT", "ensure_image"]
