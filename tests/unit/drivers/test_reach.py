# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom instances in private networks reach, and who reaches them: by packets, in namespaces of the test's own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from ansible_collections.palantir.trust.plugins.module_utils import _front, _private_network
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation, Port
from ansible_collections.palantir.trust.plugins.module_utils._private_network import cable_of
from tests.unit.drivers.scene import BASE, generation
from tests.unit.support.namespace import CONTROLLER, NFT, NODE, Namespace, joined, lone, needs_nft

pytestmark = needs_nft
ONE = generation(network="private")
OTHER = generation(
    name="waf-1", directory="/x/waf-1", network="private", uid_base=BASE + 65536, ports=[Port(80, "tcp", 8080)]
)
GATEWAY = generation(
    name="fw-1", directory="/x/fw-1", network="private", uid_base=BASE + 2 * 65536, capabilities=["NET_ADMIN"]
)
METADATA = "169.254.169.254"
PRIVATE = 9000
"""A port that an instance listens on and the node does not serve: that of its agent, say."""

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
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), float(sys.argv[3])) as channel:
            print(channel.recv(5).decode())
    except OSError as error:
        print("nothing")
"""


@dataclass
class Site:
    """A node with three instances at their cables, and a world outside."""

    node: Namespace
    outside: Namespace
    instances: dict[str, Namespace]

    def reaches(self, who: Namespace, address: str, port: int) -> bool:
        return who.python(ASK, address, str(port), "10") == "hello"

    def is_kept_from(self, who: Namespace, address: str, port: int) -> bool:
        return who.python(ASK, address, str(port), "0.3") == "nothing"


def serving(stack: ExitStack, where: Namespace, *ports: int) -> None:
    command = ["nsenter", f"--net=/proc/{where.pid}/ns/net", sys.executable, "-c", textwrap.dedent(SERVE)]
    server = stack.enter_context(
        subprocess.Popen([*command, *map(str, ports)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    )
    stack.callback(server.kill)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"


def plugged(node: Namespace, inside: Namespace, of: Generation) -> None:
    """Do what ``connect`` does, between namespaces that have no name."""
    cable = cable_of(of.uid_base)
    node.run("ip", "link", "add", cable.interface, "type", "veth", "peer", "name", "eth0", "netns", str(inside.pid))
    node.run("ip", "address", "add", f"{cable.node}/31", "dev", cable.interface)
    node.run(str(NFT), "--file", "-", input=_private_network.rules(of))
    node.run("ip", "link", "set", cable.interface, "up")
    inside.run("ip", "address", "add", f"{cable.instance}/31", "dev", "eth0")
    inside.run("ip", "link", "set", "eth0", "up")
    inside.run("ip", "route", "add", "default", "via", cable.node)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with ExitStack() as stack:
        node = stack.enter_context(lone())
        outside = stack.enter_context(joined(node))
        node.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0")
        instances = {}
        for of in (ONE, OTHER, GATEWAY):
            instances[of.name] = stack.enter_context(lone())
            plugged(node, instances[of.name], of)
        node.run(str(NFT), "--file", "-", input=_front.rules(OTHER))
        serving(stack, node, 22)
        serving(stack, outside, 443)
        serving(stack, instances["waf-1"], 8080, PRIVATE)
        outside.run("ip", "route", "add", "198.18.0.0/16", "via", NODE)
        outside.run("ip", "address", "add", f"{METADATA}/32", "dev", "lo")
        node.run("ip", "route", "add", METADATA, "via", CONTROLLER)
        yield Site(node, outside, instances)


def test_an_instance_reaches_the_world_and_what_the_node_serves(site: Site) -> None:
    assert site.reaches(site.instances["dns-1"], CONTROLLER, 443)
    assert site.reaches(site.instances["dns-1"], NODE, 80), "another instance, by the node's port"
    assert site.reaches(site.outside, NODE, 80)
    assert site.reaches(site.node, cable_of(OTHER.uid_base).instance, PRIVATE), "the node itself, to probe it"


@pytest.mark.parametrize("port", [8080, PRIVATE])
@pytest.mark.parametrize("who", ["dns-1", "fw-1", "outside"])
def test_nobody_but_the_node_reaches_an_instance_at_its_own_address(site: Site, who: str, port: int) -> None:
    asking = site.outside if who == "outside" else site.instances[who]
    assert site.is_kept_from(asking, cable_of(OTHER.uid_base).instance, port)


def test_an_instance_reaches_nothing_of_the_node(site: Site) -> None:
    for name, of in (("dns-1", ONE), ("fw-1", GATEWAY)):
        assert site.is_kept_from(site.instances[name], NODE, 22)
        assert site.is_kept_from(site.instances[name], cable_of(of.uid_base).node, 22)


def test_link_local_addresses_are_no_part_of_the_world(site: Site) -> None:
    """Behind 169.254.169.254 a cloud tells every process of a machine what the machine may do."""
    assert site.reaches(site.node, METADATA, 443)
    assert site.is_kept_from(site.instances["dns-1"], METADATA, 443)


def test_a_gateway_cannot_answer_in_the_place_of_whom_the_node_has_asked(site: Site) -> None:
    """It may send what others sent, but not to the node, whose open connections would take it."""
    ask = """
        import socket, sys
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.bind(("192.0.2.2", 4000)); asking.settimeout(1.0)
            asking.sendto(b"?", ("192.0.2.1", 5000)); print("asked", flush=True)
            try:
                print(asking.recv(9).decode())
            except TimeoutError:
                print("nothing")
    """
    lie = """
        import socket
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lying:
            lying.bind(("192.0.2.1", 5000)); lying.sendto(b"lie", ("192.0.2.2", 4000))
    """
    enter = ["nsenter", f"--net=/proc/{site.node.pid}/ns/net", sys.executable, "-c", textwrap.dedent(ask)]
    gateway = site.instances["fw-1"]
    gateway.run("ip", "address", "add", f"{CONTROLLER}/32", "dev", "lo")
    with subprocess.Popen(enter, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        assert asking.stdout.readline() == "asked\n"
        gateway.python(lie)
        assert asking.stdout.read() == "nothing\n"
    gateway.run("ip", "address", "delete", f"{CONTROLLER}/32", "dev", "lo")
