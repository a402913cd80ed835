# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the guest image is made of: every choice that is not a procedure."""

from __future__ import annotations

from typing import Final

SUITE: Final = "bookworm"
# File times in the image, so that two builds of the same packages are alike. 2026-01-01T00:00:00Z.
EPOCH: Final = 1767225600

GUEST_PACKAGES: Final = (
    "conmon",
    "conntrack",
    "crun",
    "dbus",
    "initramfs-tools",
    "iproute2",
    "kmod",
    "libnss-systemd",
    "libtss2-tcti-device0",
    "linux-image-cloud-amd64",
    "netavark",
    "nftables",
    "openssh-server",
    "openssl",
    "podman",
    "procps",
    "python3",
    "python3-apt",
    "python3-tpm2-pytss",
    "systemd-container",
    "systemd-sysv",
    "tpm2-tools",
    "udev",
    "zstd",
)
# Files only, never configured: what the ESP is cut from.
PART_PACKAGES: Final = ("grub-efi-amd64-signed", "shim-signed")

# Units that a node of the lab does not need; several would run files that are made at run time.
MASKED_UNITS: Final = (
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "ldconfig.service",
    "logrotate.timer",
    "man-db.timer",
    "modprobe@configfs.service",
    "modprobe@dm_mod.service",
    "modprobe@drm.service",
    "modprobe@fuse.service",
    "modprobe@loop.service",
    "podman-auto-update.service",
    "podman-auto-update.timer",
    "podman-restart.service",
    "podman.service",
    "podman.socket",
    "proc-sys-fs-binfmt_misc.automount",
    "serial-getty@ttyS0.service",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-binfmt.service",
    "systemd-hwdb-update.service",
    "systemd-journal-catalog-update.service",
    "systemd-pstore.service",
    "systemd-sysusers.service",
    "systemd-timesyncd.service",
    "systemd-tmpfiles-clean.timer",
    "systemd-update-done.service",
    "systemd-update-utmp-runlevel.service",
    "systemd-update-utmp.service",
)
ENABLED_UNITS: Final = {
    "lab-hostname.service": ("sysinit.target.wants", "/etc/systemd/system/lab-hostname.service"),
}

ROOT_LABEL: Final = "palantir-root"
ROOT_UUID: Final = "7c1f8a52-3f0e-4f43-9b1e-5d3c2a9b6e01"
ROOT_SIZE: Final = "4G"
ESP_SIZE_MIB: Final = 96
ESP_SERIAL: Final = "50545255"
DISK_GUID: Final = "0D4A1C4E-52B4-4E0B-8A8D-6F1D6E0B7A11"
PARTITION_GUID: Final = "6B1E0C6A-9A53-4B35-9C3B-2E9C5C1F7B22"
ESP_TYPE_GUID: Final = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"

IMA_TEMPLATE: Final = "d-ng|n-ng|sig|iuid|igid|imode"
KERNEL_ARGUMENTS: Final = (
    "rw",
    "rootflags=noatime",
    "console=ttyS0",
    "quiet",
    "systemd.show_status=true",
    "ima_policy=tcb",
    f"ima_template_fmt={IMA_TEMPLATE}",
)

__all__ = [
    "DISK_GUID",
    "ENABLED_UNITS",
    "EPOCH",
    "ESP_SERIAL",
    "ESP_SIZE_MIB",
    "ESP_TYPE_GUID",
    "GUEST_PACKAGES",
    "IMA_TEMPLATE",
    "KERNEL_ARGUMENTS",
    "MASKED_UNITS",
    "PARTITION_GUID",
    "PART_PACKAGES",
    "ROOT_LABEL",
    "ROOT_SIZE",
    "ROOT_UUID",
    "SUITE",
]
