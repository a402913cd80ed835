# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EFI system partition: Debian's signed shim and GRUB, the kernel and the initrd, in a GPT disk image."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.image.recipe import (
    DISK_GUID,
    ESP_SERIAL,
    ESP_SIZE_MIB,
    ESP_TYPE_GUID,
    KERNEL_ARGUMENTS,
    PARTITION_GUID,
)
from tests.lab.progress import run_logged, step

_SHIM = "usr/lib/shim/shimx64.efi.signed"
_GRUB = "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
_TIMEOUT_S = 120.0
_OFFSET_MIB = 1


def grub_quoted(argument: str) -> str:
    """A kernel argument as GRUB's shell takes it literally: bars would be pipes.

    Raises:
        LabError: it holds a single quote, which cannot be quoted.
    """
    if "'" in argument:
        raise LabError(f"kernel argument {argument!r}: a single quote cannot be passed through grub.cfg")
    plain = argument.replace("=", "").replace("_", "").replace("/", "").replace(",", "").replace("-", "")
    return argument if plain.isalnum() else f"'{argument}'"


def grub_cfg(arguments: tuple[str, ...] = KERNEL_ARGUMENTS) -> str:
    """GRUB's configuration: one entry, at once.

    linuxefi starts the kernel by its EFI stub, which hands on the firmware's event log. Debian's GRUB does the same
    for a plain linux, but only under Secure Boot: a node where that is off would show no log at all.
    """
    words = " ".join(grub_quoted(argument) for argument in arguments)
    return f"linuxefi /vmlinuz {words}\ninitrdefi /initrd.img\nboot\n"


def read_members(archive: Path, names: Mapping[str, str]) -> dict[str, bytes]:
    """Regular files of an archive, by the key that names asks them under.

    Raises:
        LabError: a file is not there.
    """
    found: dict[str, bytes] = {}
    wanted = {path: key for key, path in names.items()}
    with tarfile.open(archive) as tar:
        for member in tar:
            key = wanted.get(member.name.removeprefix("./"))
            if key is not None and (stream := tar.extractfile(member)):
                found[key] = stream.read()
    if absent := sorted(set(names) - set(found)):
        raise LabError(f"{archive}: no {', '.join(names[key] for key in absent)}")
    return found


def esp_files(parts: Path, kernel: bytes, initrd: bytes) -> dict[str, bytes]:
    """The partition's files. Firmware starts the removable-media path; GRUB's built-in prefix is EFI/debian."""
    loaders = read_members(parts, {"EFI/BOOT/BOOTX64.EFI": _SHIM, "EFI/BOOT/grubx64.efi": _GRUB})
    return {**loaders, "EFI/debian/grub.cfg": grub_cfg().encode(), "vmlinuz": kernel, "initrd.img": initrd}


def build_esp(work: Path, log: Path, files: Mapping[str, bytes]) -> tuple[Path, Path]:
    """Write the tree and the disk image that holds it; no mount, no root.

    Returns:
        The tree's directory and the raw disk image.
    """
    tree, image = work / "esp", work / "esp.raw"
    with step("make the EFI system partition"):
        for name, data in files.items():
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        with image.open("wb") as stream:
            stream.truncate((ESP_SIZE_MIB + 2 * _OFFSET_MIB) * 1024 * 1024)
        table = work / "esp.sfdisk"
        table.write_text(
            f"label: gpt\nlabel-id: {DISK_GUID}\n"
            f"start={_OFFSET_MIB}MiB, size={ESP_SIZE_MIB}MiB, type={ESP_TYPE_GUID}, uuid={PARTITION_GUID}\n",
            encoding="ascii",
        )
        run_logged(
            ["sh", "-c", 'PATH=$PATH:/sbin:/usr/sbin exec sfdisk -q "$1" < "$2"', "sh", str(image), str(table)],
            log,
            timeout_s=_TIMEOUT_S,
        )
        drive = f"{image}@@{_OFFSET_MIB}M"
        sectors = ESP_SIZE_MIB * 2048
        format_ = [
            "mformat",
            "-i",
            drive,
            "-F",
            "-T",
            str(sectors),
            "-h",
            "64",
            "-s",
            "32",
            "-N",
            ESP_SERIAL,
            "-v",
            "ESP",
        ]
        run_logged([*format_, "::"], log, timeout_s=_TIMEOUT_S)
        folders = sorted({str(parent) for name in files for parent in Path(name).parents if str(parent) != "."})
        run_logged(["mmd", "-i", drive, *(f"::{folder}" for folder in folders)], log, timeout_s=_TIMEOUT_S)
        for name in sorted(files):
            run_logged(["mcopy", "-i", drive, str(tree / name), f"::{name}"], log, timeout_s=_TIMEOUT_S)
    return tree, image


__all__ = ["build_esp", "esp_files", "grub_cfg", "grub_quoted", "read_members"]
