# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Isolation by the kernel's own packet filter, in network namespaces of the test's own: packets pass, or do not."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _isolation, _nftables
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._isolation import Management, Tenant
from tests.unit.support.namespace import CONTROLLER, NFT, NODE, STRANGER, Namespace, joined, lone, needs_nft

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[3]
BASE = 1_000_013_824
MODULE = "from ansible_collections.palantir.trust.plugins.module_utils import _isolation as i; "


@pytest.fixture
def node() -> Iterator[Namespace]:
    with lone() as namespace:
        yield namespace


@pytest.fixture
def outside(node: Namespace) -> Iterator[Namespace]:
    """The other end of the node's cable."""
    with joined(node) as namespace:
        yield namespace


SERVE = """
    import socket, sys, threading
    def serve(server):
        while True:
            server.accept()[0].send(b"hello")

    for port in map(int, sys.argv[1:]):
        threading.Thread(target=serve, args=[socket.create_server(("0.0.0.0", port))]).start()
    print("ready", flush=True)
"""
ASK = """
    import socket, sys
    try:
        with socket.create_connection((sys.argv[2], int(sys.argv[3])), 0.5, (sys.argv[1], 0)) as channel:
            print(channel.recv(5).decode())
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.fixture
def serving() -> Iterator[Callable[..., None]]:
    """Serve TCP ports in a namespace, by a process that is of one owner."""
    running: list[subprocess.Popen[bytes]] = []

    def serve(namespace: Namespace, *ports: int, owner: int = 0) -> None:
        command = ["nsenter", f"--net=/proc/{namespace.pid}/ns/net", "setpriv", f"--reuid={owner}", "--"]
        program = [sys.executable, "-c", textwrap.dedent(SERVE), *map(str, ports)]
        started = subprocess.Popen([*command, *program], stdout=subprocess.PIPE, cwd="/")
        running.append(started)
        assert started.stdout is not None
        assert started.stdout.readline() == b"ready\n"

    yield serve
    for process in running:
        process.kill()
        process.communicate()


def ask(namespace: Namespace, source: str, target: str, port: int) -> str:
    return namespace.python(ASK, source, target, str(port))


@needs_nft
def test_an_isolated_node_is_its_controllers_alone(
    node: Namespace, outside: Namespace, serving: Callable[..., None]
) -> None:
    serving(node, 22, 80)
    serving(outside, 443)
    everything = {(CONTROLLER, 22): "hello", (CONTROLLER, 80): "hello", (STRANGER, 22): "hello"}
    assert {key: ask(outside, key[0], NODE, key[1]) for key in everything} == everything
    assert ask(node, NODE, CONTROLLER, 443) == "hello"

    done = node.module(state="isolated")
    assert (done["changed"], done["peers"]) == (True, [CONTROLLER])
    only_ssh = {**dict.fromkeys(everything, "TimeoutError"), (CONTROLLER, 22): "hello"}
    assert {key: ask(outside, key[0], NODE, key[1]) for key in everything} == only_ssh
    assert ask(node, NODE, CONTROLLER, 443) == "TimeoutError"
    assert ask(node, "127.0.0.1", "127.0.0.1", 80) == "hello"
    assert node.module(state="isolated")["changed"] is False

    assert node.module(state="isolated", allow=[f"{STRANGER}/32"])["changed"] is True
    assert ask(outside, STRANGER, NODE, 22) == "hello"
    assert ask(outside, STRANGER, NODE, 80) == "TimeoutError"

    assert node.module(state="released")["changed"] is True
    assert {key: ask(outside, key[0], NODE, key[1]) for key in everything} == everything
    assert node.module(state="released")["changed"] is False


@needs_nft
def test_rules_on_trial_cut_off_and_then_let_pass_by_themselves(
    node: Namespace, outside: Namespace, serving: Callable[..., None]
) -> None:
    serving(node, 80)
    assert node.module(state="isolated", trial=2)["changed"] is True
    assert ask(outside, CONTROLLER, NODE, 80) == "TimeoutError"
    outside.run("sleep", "2")
    assert ask(outside, CONTROLLER, NODE, 80) == "hello"
    assert node.module(state="isolated", keep=True)["code"] == "trial_over", "it might lock the controller out"
    assert ask(outside, CONTROLLER, NODE, 80) == "hello"
    node.module(state="isolated", trial=10)
    assert node.module(state="isolated", keep=True)["changed"] is True
    assert ask(outside, CONTROLLER, NODE, 80) == "TimeoutError"


@needs_nft
def test_a_connection_that_was_open_is_cut_too(node: Namespace, outside: Namespace) -> None:
    program = """
        import socket, subprocess, sys
        server = socket.create_server(("0.0.0.0", 80))
        client = subprocess.Popen(["nsenter", f"--net=/proc/{sys.argv[1]}/ns/net", sys.executable, "-c",
            "import socket; c = socket.create_connection(('192.0.2.2', 80)); c.settimeout(1)\\n"
            "while True: print(c.recv(1), flush=True)"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        channel = server.accept()[0]
        channel.send(b"a")
        print(client.stdout.readline().decode().strip(), flush=True)
        subprocess.run(sys.argv[2:], check=True, stdout=subprocess.DEVNULL)
        channel.send(b"b")
        print(client.stdout.read().decode().strip() or "nothing")
    """
    isolate = [sys.executable, "-c", f"{MODULE}i.isolate_node(i.Management(22, ['{CONTROLLER}']))"]
    done = node.run(
        *[sys.executable, "-c", textwrap.dedent(program), str(outside.pid), *isolate],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT / "collections")},
    )
    assert done.stdout.split() == ["b'a'", "nothing"]


@needs_nft
def test_an_isolated_instance_is_silent_and_the_others_are_not(
    node: Namespace, outside: Namespace, serving: Callable[..., None]
) -> None:
    serving(node, 5353, 5354, owner=BASE + 99)
    serving(node, 6363, owner=BASE + 65536)
    one, other = {"base": BASE, "count": 65536}, {"base": BASE + 65536, "count": 65536}
    try:
        assert node.module(instance="dns-1", ranges=[one], ports=[5353])["changed"] is True
        assert ask(outside, STRANGER, NODE, 5353) == "TimeoutError"
        assert ask(outside, STRANGER, NODE, 5354) == "TimeoutError", "its port is not known, but its owner is"
        assert ask(node, "127.0.0.1", "127.0.0.1", 5354) == "TimeoutError"
        assert ask(outside, STRANGER, NODE, 6363) == "hello"
        assert node.module(instance="dns-1", ranges=[one], ports=[5353])["changed"] is False

        assert node.module(instance="dns-2", ranges=[other], ports=[6363])["changed"] is True
        assert ask(outside, STRANGER, NODE, 6363) == "TimeoutError"
        assert node.module(instance="dns-1", state="released")["changed"] is True
        assert ask(outside, STRANGER, NODE, 5354) == "hello"
        assert ask(outside, STRANGER, NODE, 6363) == "TimeoutError"
    finally:
        assert node.module(instance="dns-2", state="released")["changed"] is True
    assert node.module(instance="dns-2", state="released")["changed"] is False


@needs_nft
def test_the_end_of_a_generation_gives_its_ports_to_the_next(node: Namespace) -> None:
    end = f"{MODULE}print(i.end_of_instance('dns-1'))"
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "collections")}
    node.module(instance="dns-1", ranges=[{"base": BASE, "count": 65536}], ports=[5353])
    tables = ("nft", "list", "tables")
    path = {**environment, "PATH": f"{os.environ['PATH']}:{Path(NFT or '/').parent}"}
    assert node.run(*tables, env=path).stdout == "table inet palantir_trust-sc-dns-1\n"
    assert node.run(sys.executable, "-c", end, env=environment).stdout == "True\n"
    assert node.run(*tables, env=path).stdout == ""
    assert node.run(sys.executable, "-c", end, env=environment).stdout == "False\n"


@needs_nft
@pytest.mark.parametrize("of", [{}, {"instance": "dns-1", "ranges": [{"base": BASE, "count": 65536}], "ports": [53]}])
def test_check_mode_says_so_and_does_nothing(node: Namespace, of: dict[str, Any]) -> None:
    assert node.module(**of, _ansible_check_mode=True)["changed"] is True
    assert node.module(**of, state="released", _ansible_check_mode=True)["changed"] is False
    assert node.module(**of)["changed"] is True
    assert node.module(**of, _ansible_check_mode=True)["changed"] is False
    assert node.module(**of, state="released", _ansible_check_mode=True)["changed"] is True
    assert node.module(**of, state="released")["changed"] is True


@needs_nft
@pytest.mark.parametrize(
    ("told", "peers"),
    [("192.0.2.1 40000 192.0.2.2 22", ["192.0.2.1"]), ("2001:db8::1 4 2001:db8::2 2222", ["2001:db8::1"])],
)
def test_a_node_is_managed_from_where_the_connection_comes(node: Namespace, told: str, peers: list[str]) -> None:
    assert node.module(ssh_connection=told)["peers"] == peers


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """No SSH connection above this test, whoever runs it."""
    monkeypatch.setattr(_isolation, "_ssh_connection", lambda: "")
    return monkeypatch


@pytest.mark.parametrize("told", ["", "one two three", "fe80::1%eth0 1 fe80::2%eth0 ssh", "{{ x }} 1 2 22"])
def test_without_a_connection_nothing_is_cut_off(silent: pytest.MonkeyPatch, told: str) -> None:
    silent.setattr(_isolation, "_ssh_connection", lambda: told)
    with pytest.raises(NodeError, match="Where this node is managed from cannot be told") as caught:
        _isolation.management([])
    assert caught.value.code == "no_connection"


def test_a_zone_is_not_part_of_an_address(silent: pytest.MonkeyPatch) -> None:
    silent.setattr(_isolation, "_ssh_connection", lambda: "fe80::1%eth0 40000 fe80::2%eth0 22")
    assert _isolation.management(["198.51.100.0/24"]) == Management(22, ["198.51.100.0/24", "fe80::1"])


@pytest.mark.parametrize("allow", [["controller"], ["192.0.2.1/24"], ["0.0.0.0; flush ruleset"], ["192.0.2.1"] * 65])
def test_what_is_no_address_is_refused(silent: pytest.MonkeyPatch, allow: list[str]) -> None:
    silent.setattr(_isolation, "_ssh_connection", lambda: "192.0.2.1 40000 192.0.2.2 22")
    with pytest.raises(NodeError) as caught:
        _isolation.management(allow)
    assert caught.value.code == "bad_argument"


@pytest.mark.parametrize(
    "tenant",
    [
        Tenant("dns; flush ruleset", [(BASE, 65536)], [53]),
        Tenant("../dns", [(BASE, 65536)], [53]),
        Tenant("dns-1", [(0, 65536)], [53]),
        Tenant("dns-1", [(BASE, 1 << 32)], [53]),
        Tenant("dns-1", [(BASE, 0)], [53]),
        Tenant("dns-1", [(BASE, 65536)], [53, 22]),
    ],
)
def test_an_instance_that_is_the_node_itself_is_refused(tenant: Tenant) -> None:
    with pytest.raises(NodeError) as caught:
        _isolation.isolate_instance(tenant, 22)
    assert caught.value.code == "bad_argument"


def test_without_nft_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_nftables, "_SYSTEM_PATH", str(tmp_path))
    with pytest.raises(NodeError, match=r"nft is not installed on this node\. Next: install the package") as no:
        _isolation.isolate_node(Management(22, ["192.0.2.1"]))
    assert no.value.code == "no_nft"


def test_what_was_never_isolated_needs_no_nft(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(_nftables, "_SYSTEM_PATH", str(tmp_path))
    monkeypatch.setattr(_isolation, "MARKS", str(tmp_path / "marks"))
    assert _isolation.end_of_instance("dns-1") is False
