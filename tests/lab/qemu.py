# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""QEMU's command line for a node: software emulation only, loopback only."""

from __future__ import annotations

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.progress import run_logged

_FIRMWARE = Path("/usr/share/OVMF/OVMF_CODE_4M.ms.fd")
# With Microsoft's keys enrolled, whose third-party CA signed Debian's shim: Secure Boot is on.
_VARIABLES = Path("/usr/share/OVMF/OVMF_VARS_4M.ms.fd")
# Names of nodes and their serial numbers, made into UUIDs.
_NAMESPACE = uuid.UUID("0b8e2c55-0d5b-4a1c-a3f7-8f2f6b6f7c11")
_TIMEOUT_S = 60.0
MANAGEMENT = 9443


@dataclass(frozen=True)
class Board:
    """What of a machine can be exchanged while it is off; as it stands, what every node comes with.

    Attributes:
        uuid: the main board's UUID; empty for the one of the node's name.
        devices: further PCI devices, as QEMU's option ``-device`` takes them.
    """

    uuid: str = ""
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A node's emulated machine; file names are relative to the node's directory.

    Attributes:
        name: the node's name, which is the machine's serial number and so the guest's host name.
        index: 1 for node1; makes its MAC address.
        port: TCP port at 127.0.0.1 that leads to the guest's SSH.
        address: of the loopback, where port MANAGEMENT leads to the guest's, at which agents of SCs serve.
        esp: absolute path of the ESP's disk image, attached read-only.
        board: what it is built of.
    """

    name: str
    index: int
    port: int
    address: str
    esp: Path
    board: Board = Board()


def machine_uuid(name: str) -> str:
    """The machine's UUID, the same for the same name always."""
    return str(uuid.uuid5(_NAMESPACE, name))


def qemu_command(machine: Machine) -> list[str]:
    """The whole command line. KVM is never used, and a guest's reboot resets the machine instead of ending it."""
    command = ["qemu-system-x86_64", "-name", f"palantir-lab-{machine.name}"]
    command += ["-machine", "q35,smm=on", "-accel", "tcg", "-cpu", "qemu64,-svm", "-smp", "1", "-m", "1024"]
    command += ["-nodefaults", "-display", "none", "-vga", "none"]
    command += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    command += ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_escaped(_FIRMWARE)}"]
    command += ["-drive", "if=pflash,unit=1,format=raw,file=efivars.fd"]
    command += ["-smbios", f"type=1,manufacturer=palantir.trust,product=lab,serial={machine.name}"]
    command += ["-uuid", machine.board.uuid or machine_uuid(machine.name)]
    command += ["-drive", "if=none,id=root,format=qcow2,file=overlay.qcow2,cache=writeback,discard=unmap"]
    command += ["-device", "virtio-blk-pci,drive=root,serial=root"]
    command += ["-drive", f"if=none,id=esp,format=raw,readonly=on,file={_escaped(machine.esp)}"]
    command += ["-device", "virtio-blk-pci,drive=esp,serial=esp,bootindex=0"]
    command += ["-chardev", "socket,id=tpm,path=swtpm.sock", "-tpmdev", "emulator,id=tpm0,chardev=tpm"]
    command += ["-device", "tpm-crb,tpmdev=tpm0"]
    forwarded = ((f"127.0.0.1:{machine.port}", 22), (f"{machine.address}:{MANAGEMENT}", MANAGEMENT))
    led = [f"hostfwd=tcp:{place}-10.0.2.15:{inner}" for place, inner in forwarded]
    command += ["-netdev", ",".join(["user,id=net0,restrict=on", *led])]
    command += ["-device", f"virtio-net-pci,netdev=net0,mac=52:54:00:70:54:{machine.index:02x},romfile="]
    command += ["-device", "virtio-rng-pci"]
    for device in machine.board.devices:
        command += ["-device", device]
    command += ["-serial", "file:console.log"]
    return [*command, "-qmp", "unix:qmp.sock,server=on,wait=off"]


def make_overlay(directory: Path, disk: Path) -> None:
    """A fresh disk for a node: nothing of its own over the image's, and firmware variables as from the factory."""
    partial = directory / "overlay.partial"
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(disk), str(partial)]
    run_logged(command, directory / "qemu-img.log", timeout_s=_TIMEOUT_S)
    if not _FIRMWARE.is_file() or not _VARIABLES.is_file():
        raise LabError(f"{_FIRMWARE}: not installed. Next: python3 -m tests.lab packages")
    shutil.copyfile(_VARIABLES, directory / "efivars.fd")
    partial.replace(directory / "overlay.qcow2")


def _escaped(path: Path) -> str:
    """A file name in QEMU's option syntax, where a comma is written twice."""
    return str(path).replace(",", ",,")


__all__ = ["MANAGEMENT", "Board", "Machine", "machine_uuid", "make_overlay", "qemu_command"]
