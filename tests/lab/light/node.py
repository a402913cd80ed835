# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A light node: TPM emulator, SSH server and measured files, without a machine around them.

What a kernel would keep on securityfs, procfs and sysfs are files in the node's directory; the modules take their
paths as options. The TPM is real as far as software goes: every entry of the lists is in its PCRs.
"""

from __future__ import annotations

import getpass
import json
import shutil
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.lab.errors import LabError
from tests.lab.light import logs, sshd, tpm
from tests.lab.paths import CHECKOUT, Paths
from tests.lab.tpm import make_tpm

_POLICY = CHECKOUT / "roles" / "attester" / "files" / "ima-policy"
_EXECUTABLE, _REGULAR = 0o100755, 0o100644
_COMMAND_LINE = f"root=/dev/vda1 ro ima_policy=tcb ima_template_fmt={logs.TEMPLATE}"


@dataclass(frozen=True)
class LightNode:
    """One light node; all that is known of it is on disk, under ``directory``.

    The directory's parent holds what nodes share: the CA of their TPMs (``ca``) and the SSH client's key (``ssh``).

    Attributes:
        name: its name in the inventory.
        directory: its own directory, made at the first start.
    """

    name: str
    directory: Path

    @property
    def tcti(self) -> str:
        return tpm.tcti(self.directory)

    @property
    def ca(self) -> Path:
        """Directory of the CA certificates under which its EK certificates were issued."""
        return self.directory.parent / "ca"

    @property
    def client_key(self) -> Path:
        return self.directory.parent / "ssh" / "id_ed25519"

    @property
    def ima_log(self) -> Path:
        return self.directory / "binary_runtime_measurements"

    @property
    def event_log(self) -> Path:
        return self.directory / "binary_bios_measurements"

    @property
    def proc(self) -> Path:
        return self.directory / "proc"

    @property
    def sys(self) -> Path:
        return self.directory / "sys"

    @property
    def port(self) -> int:
        """Port of its SSH server on the loopback, the same after every reboot."""
        return int(json.loads((self.directory / "node.json").read_text(encoding="utf-8"))["port"])

    def __enter__(self) -> LightNode:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def start(self) -> None:
        """Power on: boot, and serve SSH.

        Raises:
            LabError: a program is missing or ended at once.
        """
        self.boot()
        try:
            sshd.start(self.name, self.directory, self.port, self.client_key)
        except BaseException:
            self.stop()
            raise

    def boot(self) -> None:
        """Power on without an SSH server, for modules that run on this machine: make what is missing, and measure.

        Raises:
            LabError: a program is missing or ended at once.
        """
        self.stop()
        self._prepare()
        try:
            tpm.start(self.name, self.directory)
            self._measure_boot()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Pull the plug; nothing happens where it is off."""
        sshd.stop(self.directory)
        tpm.stop(self.directory)

    def reboot(self, *, orderly: bool = True) -> None:
        """Boot anew: PCRs and lists begin again, and no container runs."""
        if orderly:
            tpm.shut_down(self.directory)
        self.start()

    def append_measurement(self, path: str, content: bytes, owner: int = 0, mode: int = _EXECUTABLE) -> bool:
        """Measure a file as IMA does: once per boot for the same entry. False where the list had it already."""
        data = logs.file_data(path, content, owner, mode)
        if logs.entry(data) in self.ima_log.read_bytes():
            return False
        self._append(logs.entry(data), logs.Measurement.of(logs.IMA_PCR, data))
        return True

    def append_violation(self, path: str, owner: int = 0) -> None:
        """Record that a measured file was written to while it was read (ToMToU): its content is unknown."""
        data = logs.file_data(path, b"", owner, _REGULAR)
        self._append(logs.entry(data, violation=True), logs.violation_measurement())

    def run_container(self, pid: int, container: str, uid_base: int, count: int = 65536) -> None:
        """Show a container's process in procfs, with its user-namespace range."""
        directory = self.proc / str(pid)
        directory.mkdir(parents=True)
        for name in ("uid_map", "gid_map"):
            _write(directory / name, f"{0:10} {uid_base:10} {count:10}\n")
        _write(directory / "cgroup", f"0::/machine.slice/libpod-{container}.scope/container\n")

    def end_container(self, pid: int) -> None:
        """Take a container's process out of procfs."""
        shutil.rmtree(self.proc / str(pid))

    def clear_tpm(self) -> None:
        """Clear the TPM, which loses the AK."""
        tpm.clear(self.directory)

    def inventory_variables(self) -> dict[str, str | int]:
        """What Ansible needs to know to reach the node and its logs."""
        known_hosts = self.directory / "known_hosts"
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.client_key),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={known_hosts} -o StrictHostKeyChecking=yes",
            "ansible_python_interpreter": "/usr/bin/python3",
            "palantir_trust_tcti": self.tcti,
            "palantir_trust_ima_log_path": str(self.ima_log),
            "palantir_trust_userspace_log_path": str(self.ima_log.with_name("tpm2-measure.log")),
            "palantir_trust_event_log_path": str(self.event_log),
            "palantir_trust_proc_path": str(self.proc),
            "palantir_trust_sys_path": str(self.sys),
            "palantir_trust_ssh_path": str(self.directory),
        }

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.client_key.parent.mkdir(exist_ok=True, mode=0o700)
        sshd.make_key(self.client_key, "light lab")
        if not (self.directory / "tpm").is_dir():
            make_tpm(self._paths(), self.directory / "tpm", self.name)
        if not (self.directory / "node.json").is_file():
            _write(self.directory / "node.json", json.dumps({"port": sshd.free_port()}) + "\n")
            self._make_hardware()
        host_key = self.directory / sshd.HOST_KEY
        sshd.make_key(host_key, self.name)
        kind, key = host_key.with_suffix(".pub").read_text(encoding="utf-8").split()[:2]
        _write(self.directory / "known_hosts", f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def _paths(self) -> Paths:
        home = self.directory.parent
        return Paths(checkout=CHECKOUT, state=home, cache=home / "cache", port_base=0)

    def _make_hardware(self) -> None:
        dmi = {"sys_vendor": "palantir.trust", "product_name": "light node", "product_uuid": str(uuid.uuid4())}
        for name, value in {**dmi, "bios_vendor": "palantir.trust", "bios_version": "1"}.items():
            _write(self.sys / "class" / "dmi" / "id" / name, value + "\n")
        for name in ("cpuinfo", "meminfo"):
            _write(self.directory / "hardware" / name, Path("/proc", name).read_text(encoding="utf-8"))

    def _measure_boot(self) -> None:
        events = logs.firmware_events()
        self.event_log.write_bytes(logs.event_log(events))
        tpm.extend(self.directory, (event.measurement for event in events))
        shutil.rmtree(self.proc, ignore_errors=True)
        shutil.copytree(self.directory / "hardware", self.proc)
        _write(self.proc / "sys" / "kernel" / "random" / "boot_id", f"{uuid.uuid4()}\n")
        _write(self.proc / "sys" / "kernel" / "osrelease", "6.1.0-light\n")
        _write(self.proc / "cmdline", _COMMAND_LINE + "\n")
        _write(self.proc / "modules", "")
        self.ima_log.write_bytes(b"")
        aggregate = logs.aggregate_data(logs.boot_aggregate(events))
        self._append(logs.entry(aggregate), logs.Measurement.of(logs.IMA_PCR, aggregate))
        self.append_measurement("/etc/ima/ima-policy", _POLICY.read_bytes(), mode=_REGULAR)

    def _append(self, record: bytes, measurement: logs.Measurement) -> None:
        # The kernel's order: the list is never shorter than the PCR.
        with self.ima_log.open("ab", buffering=0) as log:
            log.write(record)
        tpm.extend(self.directory, [measurement])


def write_inventory(nodes: Iterable[LightNode], path: Path) -> None:
    """Write an inventory (JSON, which is YAML too) with the nodes in the group ``nodes`` and their CA directory.

    Raises:
        LabError: no node.
    """
    known = list(nodes)
    if not known:
        raise LabError("an inventory needs a node")
    hosts = {node.name: node.inventory_variables() for node in known}
    inventory = {
        "all": {
            "hosts": {"localhost": {"ansible_connection": "local"}},
            "vars": {"palantir_trust_ca": str(known[0].ca)},
            "children": {"nodes": {"hosts": hosts}},
        }
    }
    _write(path, json.dumps(inventory, indent=2) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


__all__ = ["LightNode", "write_inventory"]
