# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One node: its directory, its TPM emulator and its QEMU."""

from __future__ import annotations

import json
import re
import shutil
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.lab import process, ssh, variables
from tests.lab.errors import LabError
from tests.lab.paths import Paths
from tests.lab.process import ProcessRecord
from tests.lab.progress import say, step, tail
from tests.lab.qemu import MANAGEMENT, Board, Machine, make_overlay, qemu_command
from tests.lab.tpm import make_tpm, swtpm_command
from tests.lab.wait import wait_for

_NAME = re.compile(r"node([1-9][0-9]?)")
_SOCKET_S = 20.0
_PANIC = b"Kernel panic - not syncing"


def node_index(name: str) -> int:
    """N of nodeN, 1 to 99.

    Raises:
        LabError: the name has another form.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise LabError(f"{name!r} is no node of the lab. Next: name it node1, node2, ... (up to node99)")
    return int(match[1])


def is_node(name: str) -> bool:
    """Whether this is a node's name."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True)
class Node:
    """A node of the lab by its name; all that is known of it is on disk."""

    paths: Paths
    name: str

    @property
    def index(self) -> int:
        return node_index(self.name)

    @property
    def port(self) -> int:
        return self.paths.port_base + self.index

    @property
    def address(self) -> str:
        """Where the agents of its SCs are: no other node of any lab has it."""
        return f"127.{self.port // 256}.{self.port % 256}.1"

    @property
    def directory(self) -> Path:
        return self.paths.nodes / self.name

    @property
    def console(self) -> Path:
        return self.directory / "console.log"

    def _record(self, name: str) -> Path:
        return self.directory / f"{name}.pid.json"

    def running(self) -> list[ProcessRecord]:
        """Its processes that run: none, or TPM emulator and QEMU, or one of them where the other died."""
        records = (ProcessRecord.read(self._record(name)) for name in ("qemu", "swtpm"))
        return [record for record in records if record is not None and record.is_running()]

    def is_on(self) -> bool:
        """Whether its QEMU runs."""
        record = ProcessRecord.read(self._record("qemu"))
        return record is not None and record.is_running()

    def prepare(self, image: Path) -> None:
        """Give it a TPM and a disk over this image, where it has none yet; it is powered off for that."""
        self.stop(quiet=True)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not (self.directory / "tpm").is_dir():
            with step(f"{self.name}: make a TPM with EK and platform certificates"):
                make_tpm(self.paths, self.directory / "tpm", self.name)
        if not (self.directory / "overlay.qcow2").is_file() or not self.boots_from(image):
            if (self.directory / "overlay.qcow2").is_file():
                say(f"{self.name}: its disk was made from another image, and is made anew")
            self._image_file.unlink(missing_ok=True)
            make_overlay(self.directory, image / "disk.qcow2")
            self._image_file.write_text(json.dumps({"image": str(image)}) + "\n", encoding="utf-8")

    @property
    def _image_file(self) -> Path:
        return self.directory / "node.json"

    def boots_from(self, image: Path) -> bool:
        """Whether its disk was made over this image."""
        try:
            made_of = json.loads(self._image_file.read_text(encoding="utf-8"))["image"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        return bool(made_of == str(image))

    @property
    def _board_file(self) -> Path:
        return self.directory / "board.json"

    def board(self) -> Board:
        """What its machine is built of."""
        try:
            kept = json.loads(self._board_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Board()
        return Board(str(kept["uuid"]), tuple(map(str, kept["devices"])))

    def rebuild(self, board: Board) -> None:
        """Build its machine of something else, from the next start on.

        Raises:
            LabError: it is on.
        """
        self._require_off()
        self._board_file.write_text(json.dumps(asdict(board)) + "\n", encoding="utf-8")

    def set_secure_boot(self, *, on: bool) -> None:
        """Turn Secure Boot on or off in its firmware, from the next start on.

        Raises:
            LabError: it is on, or was never made.
        """
        self._require_off()
        variables.set_secure_boot(self.directory / "efivars.fd", on=on)

    def _require_off(self) -> None:
        if self.is_on():
            raise LabError(f"{self.name}: is on. Next: python3 -m tests.lab poweroff {self.name}")

    def start(self, image: Path) -> None:
        """Power on: TPM emulator, then QEMU.

        Raises:
            LabError: its port is taken, or a process ended at once.
        """
        self._require_ports()
        for name in ("swtpm.sock", "qmp.sock", "console.log"):
            (self.directory / name).unlink(missing_ok=True)
        process.start(
            f"{self.name} TPM emulator",
            swtpm_command("tpm", "swtpm.sock", "swtpm.log"),
            cwd=self.directory,
            log=self.directory / "swtpm.out",
            record=self._record("swtpm"),
        )
        try:
            self._await_tpm()
            machine = Machine(self.name, self.index, self.port, self.address, image / "esp.raw", self.board())
            process.start(
                f"{self.name} QEMU",
                qemu_command(machine),
                cwd=self.directory,
                log=self.directory / "qemu.out",
                record=self._record("qemu"),
            )
        except BaseException:
            self.stop(quiet=True)
            raise

    def _require_ports(self) -> None:
        for address, port in (("127.0.0.1", self.port), (self.address, MANAGEMENT)):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((address, port))
                except OSError as error:
                    raise LabError(
                        f"{self.name}: port {port} at {address} is taken. Next: end what listens there"
                        f" (ss -ltnp 'sport = :{port}'), or set PALANTIR_TRUST_LAB_PORT to another base"
                    ) from error

    def _await_tpm(self) -> None:
        def listening() -> bool | None:
            record = ProcessRecord.read(self._record("swtpm"))
            if record is None or not record.is_running():
                said = tail(self.directory / "swtpm.log") or tail(self.directory / "swtpm.out")
                raise LabError(f"{self.name}: the TPM emulator ended. Next: see {self.directory}/swtpm.log\n{said}")
            return True if (self.directory / "swtpm.sock").is_socket() else None

        wait_for(f"{self.name}'s TPM emulator", listening, timeout_s=_SOCKET_S, interval_s=0.05)

    def greets(self) -> bool:
        """Whether its SSH server greets.

        Raises:
            LabError: its QEMU ended, or its kernel panicked: waiting on would be in vain.
        """
        if not self.is_on():
            output = tail(self.directory / "qemu.out") or self.console_tail()
            raise LabError(f"{self.name}: QEMU ended. Next: see {self.directory}/qemu.out\n{output}")
        if self.console.is_file() and _PANIC in self.console.read_bytes():
            raise LabError(f"{self.name}: its kernel panicked. Next: see {self.console}\n{self.console_tail()}")
        return ssh.answers(self.port)

    def console_tail(self) -> str:
        """The console's last lines, under a line that names the file."""
        return f"  console ({self.console}):\n{tail(self.console) or '    | (empty)'}"

    def stop(self, *, quiet: bool = False) -> list[ProcessRecord]:
        """Pull the plug: QEMU first, then the TPM emulator. The disk and the TPM's state stay.

        Returns:
            The processes that were ended.
        """
        stopped = []
        for name in ("qemu", "swtpm"):
            path = self._record(name)
            record = ProcessRecord.read(path)
            if record is not None and process.stop(record):
                stopped.append(record)
                if not quiet:
                    say(f"stopped {record.name} (process {record.pid})")
            path.unlink(missing_ok=True)
        return stopped

    def wipe(self, *, tpm: bool) -> None:
        """Take its disk, firmware variables and changed parts away, and on demand its TPM; a stopped node only."""
        for path in (self.directory / "overlay.qcow2", self.directory / "efivars.fd", self._board_file):
            path.unlink(missing_ok=True)
        if tpm:
            shutil.rmtree(self.directory / "tpm", ignore_errors=True)


__all__ = ["Node", "is_node", "node_index"]
