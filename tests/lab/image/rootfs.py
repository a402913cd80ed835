# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's root file system: packages by mmdebstrap, then the lab's own files; and the ext4 disk made of it."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.image import apt_sources
from tests.lab.image.overlay import Entry, guest_entries, unit_entries, write_tar
from tests.lab.image.recipe import (
    EPOCH,
    GUEST_PACKAGES,
    ROOT_LABEL,
    ROOT_SIZE,
    ROOT_UUID,
    SUITE,
)
from tests.lab.packages import privileged
from tests.lab.progress import run_logged, step

_MMDEBSTRAP_S = 1200.0
_DISK_S = 300.0
# mmdebstrap mounts below its directory, and told to end it first finishes what it does. In namespaces of its own
# it can be killed, or its parent be, and neither a mount nor a process of it is left.
_CONFINED = ("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")
# Documentation is not part of what a node runs, and the installed system is smaller and faster to build without.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/lintian/*")


def _environment(work: Path) -> list[str]:
    """mmdebstrap unpacks below TMPDIR; /tmp may be a small tmpfs."""
    return ["env", f"SOURCE_DATE_EPOCH={EPOCH}", f"TMPDIR={work}", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C"]


def _own(path: Path) -> list[str]:
    return privileged(["chown", "-R", f"{os.getuid()}:{os.getgid()}", str(path)])


def _sources(work: Path) -> list[str]:
    classic, deb822 = apt_sources.collect()
    files = []
    for name, text in (("debian.list", classic), ("debian.sources", deb822)):
        if text:
            path = work / name
            path.write_text(text, encoding="utf-8")
            files.append(str(path))
    return files


def unpack_packages(work: Path, log: Path, names: Sequence[str]) -> Path:
    """Unpack packages, and what they depend on, without configuring them; return the tar archive of it.

    Raises:
        LabError: mmdebstrap failed; the message carries its last lines.
    """
    parts = work / "parts.tar"
    with step(f"unpack {' '.join(names)}"):
        command = [*_environment(work), "mmdebstrap", "--mode=root", "--variant=extract", "--format=tar"]
        command += [f"--include={','.join(names)}", SUITE, str(parts), *_sources(work)]
        run_logged(privileged([*_CONFINED, *command]), log, timeout_s=_MMDEBSTRAP_S)
        run_logged(_own(parts), log, timeout_s=_DISK_S)
    return parts


def build_rootfs(
    work: Path, log: Path, *, ima_policy: bytes, authorized_key: str, host_key: bytes, host_public: str
) -> Path:
    """Make rootfs.tar: exactly what will be on the disk.

    Args:
        work: directory for this build.
        log: where mmdebstrap's output goes.
        ima_policy: content of the guest's /etc/ima/ima-policy.
        authorized_key: the one public key that may log in as root.
        host_key: private key of the guest's sshd.
        host_public: its public half, which the node's facts name.

    Raises:
        LabError: mmdebstrap failed; the message carries its last lines.
    """
    overlay = work / "overlay.tar"
    entries = guest_entries() | unit_entries()
    entries["etc/ima/ima-policy"] = Entry(ima_policy)
    entries["etc/ssh/ssh_host_ed25519_key"] = Entry(host_key, 0o600)
    entries["etc/ssh/ssh_host_ed25519_key.pub"] = Entry(host_public.encode())
    entries["root/.ssh/authorized_keys"] = Entry(authorized_key.encode(), 0o600)
    # Empty, not absent: systemd then gives each node its own and does not take this for a first boot.
    entries["etc/machine-id"] = Entry()
    write_tar(overlay, entries, directories={"root": 0o700, "root/.ssh": 0o700})
    rootfs = work / "rootfs.tar"
    hooks = [
        f"tar-in {overlay} /",
        'find "$1/etc/ssh" -name "ssh_host_*" ! -name "ssh_host_ed25519_key*" -delete',
        'rm -f "$1/etc/fstab" "$1/etc/hostname" "$1/etc/resolv.conf"',
        'chroot "$1" update-initramfs -u -k all',
    ]
    with step(f"install Debian {SUITE} with {len(GUEST_PACKAGES)} packages and what they need"):
        command = [*_environment(work), "mmdebstrap", "--mode=root", "--variant=apt", "--format=tar"]
        command += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
        command += [f"--customize-hook={hook}" for hook in hooks]
        command += [f"--include={','.join(GUEST_PACKAGES)}", SUITE, str(rootfs), *_sources(work)]
        run_logged(privileged([*_CONFINED, *command]), log, timeout_s=_MMDEBSTRAP_S)
        run_logged(_own(rootfs), log, timeout_s=_DISK_S)
    return rootfs


def kernel_and_initrd(rootfs: Path) -> tuple[str, bytes, bytes]:
    """Kernel release, kernel and initrd from the archive's /boot.

    Raises:
        LabError: not exactly one of each.
    """
    with tarfile.open(rootfs) as archive:
        boot = [
            member
            for member in archive
            if member.isfile() and member.name.removeprefix("./").startswith(("boot/vmlinuz-", "boot/initrd.img-"))
        ]
        kernels = [member for member in boot if "/vmlinuz-" in member.name]
        initrds = [member for member in boot if "/initrd.img-" in member.name]
        if len(kernels) != 1 or len(initrds) != 1:
            raise LabError(f"{rootfs}: {len(kernels)} kernels and {len(initrds)} initrds in /boot, one each wanted")
        contents = [stream.read() for member in (kernels[0], initrds[0]) if (stream := archive.extractfile(member))]
    return kernels[0].name.partition("vmlinuz-")[2], contents[0], contents[1]


def build_disk(work: Path, log: Path, rootfs: Path) -> Path:
    """Make disk.qcow2, an ext4 file system with the archive's content, without mounting anything."""
    tree, raw, disk = work / "tree", work / "disk.raw", work / "disk.qcow2"
    tree.mkdir()
    with step("make the ext4 disk"):
        run_logged(
            privileged(
                ["tar", "-C", str(tree), "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xf", str(rootfs)]
            ),
            log,
            timeout_s=_DISK_S,
        )
        make = ["mke2fs", "-q", "-F", "-t", "ext4", "-L", ROOT_LABEL, "-U", ROOT_UUID, "-m", "1"]
        make += [
            "-E",
            f"hash_seed={ROOT_UUID},lazy_itable_init=0,lazy_journal_init=0",
            "-d",
            str(tree),
            str(raw),
            ROOT_SIZE,
        ]
        run_logged(privileged([*_environment(work), *make]), log, timeout_s=_DISK_S)
        run_logged(_own(raw), log, timeout_s=_DISK_S)
        run_logged(privileged(["rm", "-rf", "--one-file-system", str(tree)]), log, timeout_s=_DISK_S)
        run_logged(["qemu-img", "convert", "-O", "qcow2", str(raw), str(disk)], log, timeout_s=_DISK_S)
        raw.unlink()
    return disk


__all__ = ["build_disk", "build_rootfs", "kernel_and_initrd", "unpack_packages"]
