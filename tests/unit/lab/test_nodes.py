# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes as they are put together: places, command lines, SSH files, states."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab import ssh, tpm
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.node import Node, node_index
from tests.lab.packages import parse_list, wanted
from tests.lab.paths import Paths
from tests.lab.qemu import Board, Machine, machine_uuid, qemu_command


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Paths(checkout=tmp_path, state=tmp_path / "lab", cache=tmp_path / "cache", port_base=port - 1)


@pytest.mark.parametrize(("name", "index"), [("node1", 1), ("node2", 2), ("node99", 99)])
def test_nodes_are_numbered(name: str, index: int) -> None:
    assert node_index(name) == index


@pytest.mark.parametrize("name", ["node0", "node", "node100", "web1", "node1/../x", "node1\n", ""])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(LabError, match=r"is no node of the lab\. Next: name it node1, node2"):
        node_index(name)


@pytest.mark.parametrize("text", ["x", "80", "-1", "70000", "22 200"])
def test_a_port_base_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LabError, match="PALANTIR_TRUST_LAB_PORT"):
        Paths.default({"HOME": "/home/a", "PALANTIR_TRUST_LAB_PORT": text})


def test_places_follow_the_users_environment() -> None:
    assert Paths.default({"HOME": "/home/a"}).cache == Path("/home/a/.cache/palantir-trust/lab")
    assert Paths.default({"HOME": "/home/a"}).port_base == 22200
    chosen = Paths.default({"HOME": "/home/a", "XDG_CACHE_HOME": "/big", "PALANTIR_TRUST_LAB_PORT": "30000"})
    assert (chosen.cache, chosen.port_base) == (Path("/big/palantir-trust/lab"), 30000)


def test_labs_side_by_side_share_nothing_but_images() -> None:
    first, second = (Paths.default({"HOME": "/home/a", "PALANTIR_TRUST_LAB": name}) for name in ("", "lab-2"))
    assert (first.state.name, second.state.name) == ("lab", "lab-2")
    assert first.sc_images == second.sc_images == first.state / "sc"
    for wrong in ("lab2", "../lab", "lab-", "demo", "lab-2/x"):
        with pytest.raises(LabError, match="PALANTIR_TRUST_LAB"):
            Paths.default({"HOME": "/home/a", "PALANTIR_TRUST_LAB": wrong})


def test_a_machine_is_emulated_confined_to_loopback_and_reboots() -> None:
    command = qemu_command(Machine("node2", 2, 22202, "127.86.186.1", Path("/cache/a,b/esp.raw")))
    text = " ".join(command)
    assert "-accel tcg" in text
    assert "kvm" not in text
    forwarded = "hostfwd=tcp:127.0.0.1:22202-10.0.2.15:22,hostfwd=tcp:127.86.186.1:9443-10.0.2.15:9443"
    assert f"user,id=net0,restrict=on,{forwarded}" in command
    assert "file=/cache/a,,b/esp.raw" in text
    assert "mac=52:54:00:70:54:02" in text
    assert "serial=node2" in text
    assert "-no-reboot" not in command
    assert all(len(word) < 108 for word in command if ".sock" in word)


def test_a_machine_is_built_of_other_parts() -> None:
    board = Board("5d1f7f0c-6d4e-4a57-9b8e-000000000bad", ("e1000,romfile=",))
    command = qemu_command(Machine("node2", 2, 22202, "127.86.186.1", Path("/esp.raw"), board))
    assert command[command.index("-uuid") + 1] == board.uuid
    assert command[command.index("e1000,romfile=") - 1] == "-device"
    plain = qemu_command(Machine("node2", 2, 22202, "127.86.186.1", Path("/esp.raw")))
    assert [word for word in command if word not in plain] == [board.uuid, "e1000,romfile="]


def test_agents_on_a_node_are_where_nothing_else_is(paths: Paths) -> None:
    places = {
        Node(replace(paths, port_base=base), f"node{n}").address for base in (22200, 24400, 24500) for n in (1, 2)
    }
    assert len(places) == 6
    assert "127.86.186.1" in places, "what the lab's inventory makes of port 22202"


def test_parts_are_exchanged_while_a_node_is_off_and_a_reset_brings_the_first_ones_back(paths: Paths) -> None:
    node = Node(paths, "node1")
    node.directory.mkdir(parents=True)
    assert node.board() == Board()
    node.rebuild(Board("a", ("b", "c")))
    assert Node(paths, "node1").board() == Board("a", ("b", "c"))
    node.wipe(tpm=False)
    assert node.board() == Board()


def test_a_node_that_is_on_is_not_taken_apart(paths: Paths) -> None:
    from tests.lab import process

    node = Node(paths, "node1")
    node.directory.mkdir(parents=True)
    running = process.start(
        "node1 QEMU",
        ["sleep", "60"],
        cwd=node.directory,
        log=node.directory / "log",
        record=node.directory / "qemu.pid.json",
    )
    try:
        with pytest.raises(LabError, match=r"node1: is on\. Next: python3 -m tests\.lab poweroff node1"):
            node.rebuild(Board("a"))
        with pytest.raises(LabError, match="node1: is on"):
            node.set_secure_boot(on=False)
    finally:
        process.stop(running)


def test_a_machines_uuid_is_its_names() -> None:
    assert machine_uuid("node1") == machine_uuid("node1") != machine_uuid("node2")


def test_ssh_checks_the_host_key_that_the_image_has(tmp_path: Path) -> None:
    assert ssh.known_hosts([22201], "ssh-ed25519 AAAA comment\n") == "[127.0.0.1]:22201 ssh-ed25519 AAAA\n"
    config = tmp_path / "config"
    config.write_text(ssh.configuration(Path("/a b/ssh"), {"node1": 22201, "node2": 22202}))
    asked = subprocess.run(["ssh", "-G", "-F", config, "node2"], capture_output=True, text=True, check=True, timeout=20)
    read = asked.stdout.splitlines()
    assert {"hostname 127.0.0.1", "port 22202", "user root", "stricthostkeychecking true", "batchmode yes"} <= set(read)
    assert "identityfile /a b/ssh/id_ed25519" in read
    assert "userknownhostsfile /a b/ssh/known_hosts" in read


def test_only_a_greeting_counts_as_ssh(paths: Paths) -> None:
    with socket.create_server(("127.0.0.1", paths.port_base + 1)) as server:
        ask = "import sys; from tests.lab import ssh; sys.exit(not ssh.answers(int(sys.argv[1])))"
        child = subprocess.Popen([sys.executable, "-c", ask, str(paths.port_base + 1)], cwd=Path(__file__).parents[3])
        connection, _ = server.accept()
        connection.sendall(b"SSH-2.0-x\r\n")
        assert child.wait(timeout=20) == 0
        connection.close()
    assert not ssh.answers(paths.port_base + 1)


def test_the_tpm_makers_ca_is_the_labs_own() -> None:
    for text in tpm.ca_configuration(Path("/co/build/lab/swtpm-localca")).values():
        assert "/var/lib" not in text
    assert "sha256,sha1" in tpm.ca_configuration(Path("/s"))["swtpm_setup.conf"]


def test_a_port_that_is_taken_is_named(paths: Paths) -> None:
    node = Node(paths, "node1")
    node.directory.mkdir(parents=True)
    with (
        socket.create_server(("127.0.0.1", node.port)),
        pytest.raises(
            LabError, match=rf"node1: port {node.port} at 127.0.0.1 is taken. Next: .*PALANTIR_TRUST_LAB_PORT"
        ),
    ):
        node.start(Path("/nowhere"))
    assert node.running() == []


def test_a_lab_that_was_never_up_is_absent_and_down(paths: Paths) -> None:
    lab = Lab(paths)
    assert [(seen.name, seen.state, seen.pids) for seen in lab.status()] == [
        ("node1", "absent", {}),
        ("node2", "absent", {}),
    ]
    assert lab.down() == 0


def test_down_ends_the_processes_that_records_name_and_no_other(paths: Paths) -> None:
    from tests.lab import process

    lab = Lab(paths)
    node = lab.node("node1")
    node.directory.mkdir(parents=True)
    mine, other = (
        process.start(
            name,
            ["sleep", "60"],
            cwd=node.directory,
            log=node.directory / f"{name}.log",
            record=node.directory / record,
        )
        for name, record in (("node1 TPM emulator", "swtpm.pid.json"), ("other", "other.json"))
    )
    try:
        assert [(seen.state, seen.pids) for seen in lab.status()] == [("off", {"TPM emulator": mine.pid})]
        assert lab.down() == 1
        assert not mine.is_running()
        assert other.is_running()
        assert lab.down() == 0
    finally:
        process.stop(mine)
        process.stop(other)


def test_what_is_installed_is_one_list() -> None:
    assert parse_list("# a\nqemu # b\n\n swtpm\n") == ("qemu", "swtpm")
    assert {"ovmf", "qemu-system-x86", "swtpm-tools", "mmdebstrap", "mtools"} <= set(wanted())
