# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _processes
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._facts import collect_facts
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

ALL_IDS = "         0          0 4294967295\n"
PODMAN = "a" * 64
DOCKER = "b" * 64


class Machine:
    """A procfs and a sysfs under a temporary directory."""

    def __init__(self, root: Path) -> None:
        self.proc = root / "proc"
        self.sys = root / "sys"
        self.put("proc/sys/kernel/random/boot_id", "0e3a\n")
        self.put("proc/sys/kernel/osrelease", "6.1.0-28-amd64\n")
        self.put("proc/cmdline", "root=/dev/vda1 ro\n")
        self.put("proc/self/uid_map", ALL_IDS)

    def put(self, path: str, text: str) -> None:
        file = self.proc.parent / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def process(
        self, pid: int, *, ids: str = ALL_IDS, cgroup: str = "/system.slice/x.service", exe: str = "", users: int = 0
    ) -> None:
        """Add a process; ``users`` is the number of its user namespace, which cannot be told where it is 0."""
        if users:
            (self.proc / str(pid) / "ns").mkdir(parents=True)
            (self.proc / str(pid) / "ns" / "user").symlink_to(f"user:[{users}]")
        self.put(f"proc/{pid}/uid_map", ids)
        self.put(f"proc/{pid}/gid_map", ids)
        self.put(f"proc/{pid}/cgroup", f"0::{cgroup}\n")
        if exe:
            (self.proc / str(pid) / "exe").symlink_to(exe)

    def facts(self) -> dict[str, Any]:
        return collect_facts(str(self.proc), str(self.sys), str(self.proc.parent / "ssh"))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_bare_machine_has_facts_of_the_whole_form(machine: Machine) -> None:
    assert machine.facts() == {
        "boot_id": "0e3a",
        "kernel": {"release": "6.1.0-28-amd64", "cmdline": "root=/dev/vda1 ro", "lockdown": None},
        "modules": [],
        "containers": [],
        "deleted_executables": [],
        "firmware": {},
        "hardware": {"dmi": {}, "cpu": {"count": 0}, "memory_bytes": 0, "pci": []},
        "ssh": {"host_keys": []},
        "truncated": [],
    }


def test_this_machine_s_own_facts_are_plain_data() -> None:
    facts = collect_facts("/proc", "/sys", "/etc/ssh")
    assert facts["kernel"]["release"] == os.uname().release
    assert json.loads(canonical_json(facts)) == facts


def test_a_directory_that_is_no_procfs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match=r"/cmdline|boot_id cannot be read\. Next: check that procfs") as caught:
        collect_facts(str(tmp_path), str(tmp_path), str(tmp_path))
    assert caught.value.code == "facts_unreadable"


def test_modules_are_listed_by_name(machine: Machine) -> None:
    machine.put("proc/modules", "xfs 1 0 - Live 0x0\ndummy 16384 0 - Live 0x0\n")
    assert machine.facts()["modules"] == ["dummy", "xfs"]


def test_the_lockdown_mode_is_the_one_in_brackets(machine: Machine) -> None:
    machine.put("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
    assert machine.facts()["kernel"]["lockdown"] == "integrity"


def test_text_that_is_no_utf_8_survives_json(machine: Machine) -> None:
    (machine.proc / "cmdline").write_bytes(b"name=\xff\xfe\n")
    facts = machine.facts()
    assert facts["kernel"]["cmdline"] == "name=\\xff\\xfe"
    assert json.loads(json.dumps(facts)) == facts


def test_a_container_is_counted_once_with_its_ranges(machine: Machine) -> None:
    ids = "         0 1000013824      65536\n"
    cgroup = f"/machine.slice/libpod-{PODMAN}.scope"
    for pid in (40, 41):
        machine.process(pid, ids=ids, cgroup=f"{cgroup}/container")
    assert machine.facts()["containers"] == [
        {
            "id": PODMAN,
            "cgroup": cgroup,
            "pids": 2,
            "uid_map": [[0, 1000013824, 65536]],
            "gid_map": [[0, 1000013824, 65536]],
        }
    ]


def test_a_container_without_a_user_namespace_is_one_too(machine: Machine) -> None:
    machine.process(50, cgroup=f"/system.slice/docker-{DOCKER}.scope")
    (container,) = machine.facts()["containers"]
    assert (container["id"], container["uid_map"]) == (DOCKER, [[0, 0, 4294967295]])


def test_a_user_namespace_without_an_engine_is_told_by_its_cgroup(machine: Machine) -> None:
    machine.process(60, ids="0 5000 1\n1 6000 10\n", cgroup="/user.slice/browser.scope")
    (container,) = machine.facts()["containers"]
    assert (container["id"], container["cgroup"]) == ("", "/user.slice/browser.scope")
    assert container["uid_map"] == [[0, 5000, 1], [1, 6000, 10]]


def test_the_host_s_own_processes_are_no_containers(machine: Machine) -> None:
    machine.process(1)
    machine.process(70, cgroup=f"/machine.slice/libpod-conmon-{PODMAN}.scope")
    machine.process(71, cgroup="/machine.slice/machine-web.scope/supervisor")
    assert machine.facts()["containers"] == []


def test_a_service_of_an_instance_is_told_by_the_users_of_its_processes(machine: Machine) -> None:
    ids = "0 0 1\n1000013824 1000013824 1\n"
    for pid, cgroup, user_map in ((72, "", ids), (73, "", ALL_IDS), (74, "/payload", "0 1000079360 65536\n")):
        machine.process(pid, ids=user_map, cgroup=f"/system.slice/palantir-sc-dns-1-g{pid % 72 or 1}.service{cgroup}")
        machine.put(f"proc/{pid}/status", "Name:\tx\nUid:\t0\t1000013824\t0\t0\nGid:\t0\t1000013825\t0\t0\n")
    first, machine_of_nspawn = machine.facts()["containers"]
    assert (first["id"], first["pids"]) == ("dns-1-g1", 2)
    assert (first["uid_map"], first["gid_map"]) == ([[1000013824, 1000013824, 1]], [[1000013825, 1000013825, 1]])
    assert machine_of_nspawn["uid_map"] == [[0, 1000079360, 65536]], "it has a user namespace of its range"


def test_a_service_whose_process_is_the_nodes_root_is_no_instances(machine: Machine) -> None:
    machine.process(75, cgroup="/system.slice/palantir-sc-dns-1-g1.service")
    (found,) = machine.facts()["containers"]
    assert found["uid_map"] == [[0, 0, 1]]


def test_what_runs_beside_an_instance_is_no_container(machine: Machine) -> None:
    machine.process(76, cgroup="/system.slice/palantir-podman-dns-1-g1.service")
    machine.process(77, cgroup="/system.slice/palantir-sc-dns-1-g1.service/supervisor")
    assert machine.facts()["containers"] == []


@pytest.mark.parametrize(
    ("cgroup", "container", "own"),
    [
        (f"/machine.slice/libpod-{PODMAN}.scope/container", PODMAN, f"/machine.slice/libpod-{PODMAN}.scope"),
        (f"/docker/{DOCKER}", DOCKER, f"/docker/{DOCKER}"),
        (
            f"/kubepods.slice/x/cri-containerd-{DOCKER}.scope",
            DOCKER,
            f"/kubepods.slice/x/cri-containerd-{DOCKER}.scope",
        ),
        ("/machine.slice/machine-web.scope/payload", "web", "/machine.slice/machine-web.scope"),
        ("/machine.slice/systemd-nspawn@dns.service/payload", "dns", "/machine.slice/systemd-nspawn@dns.service"),
        (
            "/system.slice/palantir-sc-supervisor-1-g2.service",
            "supervisor-1-g2",
            "/system.slice/palantir-sc-supervisor-1-g2.service",
        ),
        (
            "/system.slice/palantir-sc-dns-1-g2.service/payload/x",
            "dns-1-g2",
            "/system.slice/palantir-sc-dns-1-g2.service",
        ),
        (f"/system.slice/palantir-podman-dns-1-g2.service/libpod-payload-{PODMAN}", PODMAN, None),
        ("/lxc.payload.fw/init.scope", "fw", "/lxc.payload.fw"),
        ("/system.slice/ssh.service", "", "/system.slice/ssh.service"),
        ("/", "", "/"),
    ],
)
def test_the_engine_s_cgroup_names_the_container(cgroup: str, container: str, own: str | None) -> None:
    assert _processes.container_of(cgroup) == (container, own or cgroup)


def test_the_maps_of_a_user_namespace_are_read_once_in_a_look(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = "0 1000013824 65536\n"
    for pid in range(40, 60):
        machine.process(pid, ids=ids, cgroup=f"/machine.slice/libpod-{PODMAN}.scope", users=4026532001)
    read: list[str] = []

    def noted(path: str, *limit: int) -> str | None:
        read.append(path)
        return read_text(path, *limit)

    monkeypatch.setattr(_processes, "read_text", noted)
    (container,) = machine.facts()["containers"]
    assert (container["pids"], container["uid_map"]) == (20, [[0, 1000013824, 65536]])
    assert len([path for path in read if path.endswith("/uid_map")]) == 2, "the look's own, and the container's"
    machine.put("proc/40/uid_map", "0 1000079360 65536\n")
    assert machine.facts()["containers"][0]["uid_map"] == [[0, 1000079360, 65536]], "the next look reads anew"


def test_maps_that_are_not_written_yet_are_no_other_process_s(machine: Machine) -> None:
    machine.process(40, ids="", cgroup="/user.slice/x.scope", users=4026532001)
    machine.process(41, ids="0 5000 1\n", cgroup="/user.slice/x.scope", users=4026532001)
    assert [found["uid_map"] for found in machine.facts()["containers"]] == [[], [[0, 5000, 1]]]


def test_maps_are_not_kept_of_a_process_that_became_another_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.process(40, ids="0 5000 1\n", users=4026532001)
    machine.process(41, ids="0 6000 1\n", users=4026532001)
    names = iter(["user:[4026532001]", "user:[4026532002]", "user:[4026532001]", "user:[4026532001]"])
    monkeypatch.setattr(_processes, "_namespace", lambda directory: next(names))
    assert [found["uid_map"] for found in machine.facts()["containers"]] == [[[0, 5000, 1]], [[0, 6000, 1]]]


def test_cgroup_v1_is_read_by_its_named_hierarchy(machine: Machine) -> None:
    machine.process(80)
    machine.put("proc/80/cgroup", f"5:memory:/other\n1:name=systemd:/docker/{DOCKER}\n")
    assert machine.facts()["containers"][0]["id"] == DOCKER


def test_executables_without_a_file_are_reported(machine: Machine) -> None:
    machine.process(90, exe="/usr/bin/bash")
    machine.process(91, exe="/opt/.x (deleted)")
    machine.process(92, exe="/memfd:payload (deleted)")
    machine.process(93)  # a kernel thread has none
    assert machine.facts()["deleted_executables"] == [
        {"pid": 91, "path": "/opt/.x (deleted)"},
        {"pid": 92, "path": "/memfd:payload (deleted)"},
    ]


def test_an_executable_of_a_container_is_reported_with_the_map_that_tells_whose_it_is(machine: Machine) -> None:
    machine.process(94, ids="0 1000013824 65536\n", exe="/usr/sbin/dnsmasq (deleted)")
    assert machine.facts()["deleted_executables"] == [
        {"pid": 94, "path": "/usr/sbin/dnsmasq (deleted)", "uid_map": [[0, 1000013824, 65536]]}
    ]


def test_a_program_that_this_test_runs_and_deletes_is_found(tmp_path: Path) -> None:
    program = tmp_path / "gone"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    with subprocess.Popen([program, "30"]) as running:
        try:
            program.unlink()
            found = _processes.processes("/proc").deleted_executables
        finally:
            running.kill()
    assert {"pid": running.pid, "path": f"{program} (deleted)"} in found


def test_a_process_that_ends_meanwhile_is_left_out(machine: Machine) -> None:
    (machine.proc / "99").mkdir()
    assert machine.facts()["containers"] == []


def test_lists_are_bounded_and_say_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_processes, "MAX_CONTAINERS", 2)
    monkeypatch.setattr(_processes, "MAX_DELETED", 1)
    for pid in range(100, 104):
        machine.process(pid, ids=f"0 {pid}000 10\n", exe=f"/opt/{pid} (deleted)")
    facts = machine.facts()
    assert (len(facts["containers"]), len(facts["deleted_executables"])) == (2, 1)
    assert facts["truncated"] == ["containers", "deleted_executables"]


def test_hardware_and_firmware_are_told_apart(machine: Machine) -> None:
    machine.put("sys/class/dmi/id/sys_vendor", "QEMU\n")
    machine.put("sys/class/dmi/id/product_serial", "\n")
    machine.put("sys/class/dmi/id/bios_version", "2022.11\n")
    cpu = "vendor_id\t: AuthenticAMD\ncpu family\t: 15\nmodel\t\t: 107\nmodel name\t: QEMU\nstepping\t: 1\n"
    block = f"{cpu}microcode\t: 0x1000065\n\n"
    machine.put("proc/cpuinfo", f"processor\t: 0\n{block}processor\t: 1\n{block}")
    machine.put("sys/devices/system/memory/block_size_bytes", "8000000\n")
    for block_name in ("memory0", "memory1", "memory7", "power"):
        machine.put(f"sys/devices/system/memory/{block_name}/state", "online\n")
    for slot, numbers in {
        "0000:00:02.0": ("0x1af4", "0x1041", "0x020000"),
        "0000:00:00.0": ("0x8086", "0x29c0", "0x060000"),
    }.items():
        for name, number in zip(("vendor", "device", "class"), numbers, strict=True):
            machine.put(f"sys/bus/pci/devices/{slot}/{name}", f"{number}\n")
    facts = machine.facts()
    assert facts["hardware"] == {
        "dmi": {"sys_vendor": "QEMU"},
        "cpu": {
            "vendor": "AuthenticAMD",
            "family": "15",
            "model": "107",
            "model_name": "QEMU",
            "stepping": "1",
            "count": 2,
        },
        "memory_bytes": 3 * 0x8000000,
        "pci": ["1af4:1041:020000", "8086:29c0:060000"],
    }
    assert facts["firmware"] == {"version": "2022.11", "microcode": "0x1000065"}


@pytest.mark.parametrize(("total_kib", "memory"), [(983_040, 1 << 30), (1_048_576, 1 << 30), (1_048_577, 5 << 28)])
def test_memory_without_blocks_is_rounded_up(machine: Machine, total_kib: int, memory: int) -> None:
    machine.put("proc/meminfo", f"MemTotal:       {total_kib} kB\nMemFree: 1 kB\n")
    assert machine.facts()["hardware"]["memory_bytes"] == memory
