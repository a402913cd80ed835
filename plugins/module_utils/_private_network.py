# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of its own for a generation: a namespace, and a cable to the node with an address at each end.

Two generations of an instance can so serve side by side. From its network an instance reaches the world behind the
node's address, and nothing of the node itself: not its services, and not its loopback, although the kernel has to
route that for the node's own clients (route_localnet). Nor does it reach another instance but by a port of the node;
and nobody but the node reaches it otherwise.

A network namespace that an engine makes together with the user namespace belongs to it: there the instance's
capabilities count, so that a firewall can load its rules. One that is made before belongs to the node's users.

Addresses follow from the range: like it, they are never given out twice in a boot. IPv4 only.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ipaddress
import os
from typing import List, NamedTuple

from ansible_collections.palantir.trust.plugins.module_utils._commands import Tool
from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._nftables import drop_table, load

IP = Tool("ip", "ip", "iproute2")
NAMESPACES = "/run/netns"
ADDRESSES = ipaddress.IPv4Network("198.18.0.0/16")
"""Reserved for tests of network devices (RFC 2544): no host of a site should be there."""
_LOCAL = "127.0.0.0/8", "169.254.0.0/16"
"""The node's own, and what no router may pass on (RFC 3927 section 7): behind it clouds keep a machine's secrets."""
_FORWARDING = "/proc/sys/net/ipv4/ip_forward"
_GUARD = "palantir_trust-forward"
_CABLES = "pt*"


class Cable(NamedTuple):
    """The node's end of a generation's cable, and the addresses of node and generation."""

    interface: str
    node: str
    instance: str


def cable_of(uid_base: int) -> Cable:
    """Return the cable of the generation with this range."""
    number = uid_base >> 16
    first = ADDRESSES[2 * number % ADDRESSES.num_addresses]
    return Cable("pt%d" % number, str(first), str(first + 1))


def connect(generation: Generation, process: int = 0) -> Cable:
    """Make a generation's network anew.

    Args:
        generation: it has a private network.
        process: one that is in a network namespace already; 0 to make one, which belongs to the node's own users.

    Raises:
        NodeError: ``no_ip``, ``ip_failed``, ``no_nft``, ``nft_failed``, ``not_writable``.
    """
    disconnect(generation)
    cable, tag = cable_of(generation.uid_base), generation.tag
    IP.run("netns", *(["attach", tag, "%d" % process] if process else ["add", tag]))
    outside = [
        "link add %s type veth peer name eth0 netns %s" % (cable.interface, tag),
        "address add %s/31 dev %s" % (cable.node, cable.interface),
    ]
    IP.run("-batch", "-", text="\n".join(outside) + "\n")
    # Neighbours on a cable would else find the node by its link-local address.
    _set("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % cable.interface, "1")
    _set("/proc/sys/net/ipv4/conf/%s/route_localnet" % cable.interface, "1")
    load(rules(generation))
    _allow_forwarding()
    IP.run("link", "set", cable.interface, "up")
    inside = [
        "link set lo up",
        "address add %s/31 dev eth0" % cable.instance,
        "link set eth0 up",
        "route add default via %s" % cable.node,
    ]
    IP.run("-netns", tag, "-batch", "-", text="\n".join(inside) + "\n")
    settings = [
        # Without it an instance could not serve ports below 1024: its capabilities count in its user namespace alone.
        "net.ipv4.ip_unprivileged_port_start=0",
        # A namespace has it as the node had it when the namespace was made, and its own root may not change it.
        "net.ipv4.ip_forward=%d" % _is_gateway(generation),
    ]
    IP.run("netns", "exec", tag, "sysctl", "-qw", *settings)
    return cable


def disconnect(generation: Generation) -> bool:
    """Remove a generation's network; return whether there was one.

    Raises:
        NodeError: ``ip_failed``, ``no_nft``, ``nft_failed``.
    """
    if not os.path.lexists(os.path.join(NAMESPACES, generation.tag)):
        return False
    # The namespace would live on as long as a process is in it; the node's end must not.
    IP.run("link", "delete", cable_of(generation.uid_base).interface, check=False)
    drop_table("ip", _table(generation))
    # Last, as it is what tells that there is something.
    IP.run("netns", "delete", generation.tag)
    return True


def rules(generation: Generation) -> str:
    """Return the rules of a cable: where it leads, and what may not come over it."""
    cable, gateway = cable_of(generation.uid_base), _is_gateway(generation)
    # A gateway sends what others sent, and gets what is for others; but none of these is the node or an instance.
    foreign = "ip saddr { %s, %s } drop" % (ADDRESSES, ", ".join(_LOCAL))
    chains = {
        "from": (
            "filter hook prerouting priority raw",
            "iifname",
            [
                "ip daddr { %s } drop" % ", ".join(_LOCAL),
                "ip saddr != %s %s" % (cable.instance, foreign if gateway else "drop"),
            ],
        ),
        "node": (
            "filter hook input priority filter",
            "iifname",
            ["ip saddr %s ct state { established, related } accept" % cable.instance, "drop"],
        ),
        "others": (
            "filter hook forward priority filter",
            "oifname",
            [
                "ct state { established, related } accept",
                "ct status dnat accept",
                "ip daddr %s drop" % cable.instance if gateway else "drop",
            ],
        ),
    }
    body: List[str] = []
    for name, (hook, direction, lines) in chains.items():
        told = "\n".join('%s "%s" %s' % (direction, cable.interface, line) for line in lines)
        body.append("chain %s { type %s; policy accept;\n%s\n}" % (name, hook, told))
    body.append(
        "chain to { type nat hook postrouting priority srcnat; policy accept;\n"
        'oifname "%s" ip saddr 127.0.0.0/8 masquerade\nip saddr %s oifname != "%s" masquerade\n}'
        % (cable.interface, cable.instance, cable.interface)
    )
    return "add table ip {0}\ndelete table ip {0}\ntable ip {0} {{\n{1}\n}}\n".format(
        _table(generation), "\n".join(body)
    )


def _is_gateway(generation: Generation) -> bool:
    return "NET_ADMIN" in generation.capabilities


def _allow_forwarding() -> None:
    """Let packets pass to and from cables; a node that passed none before still passes no others."""
    with open(_FORWARDING, encoding="ascii") as stream:
        if stream.read().strip() != "0":
            return
    load(
        "add table ip {0}\ndelete table ip {0}\ntable ip {0} {{\n"
        "chain forward {{ type filter hook forward priority filter; policy drop;\n"
        'iifname "{1}" accept\noifname "{1}" accept\n}}\n}}\n'.format(_GUARD, _CABLES)
    )
    _set(_FORWARDING, "1")


def _table(generation: Generation) -> str:
    return "palantir_trust-net-" + generation.tag


def _set(path: str, value: str) -> None:
    try:
        with open(path, "w", encoding="ascii") as stream:
            stream.write(value)
    except FileNotFoundError:  # a kernel without IPv6
        return
    except OSError as error:
        raise NodeError("not_writable", "%s: %s." % (path, error.strerror), "run the task as root.") from None


__all__ = ["ADDRESSES", "IP", "NAMESPACES", "Cable", "cable_of", "connect", "disconnect", "rules"]
