# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which generation of an instance serves the node's ports: the one that is promoted, in a private network.

An nftables table of the instance sends the ports there. It is replaced in one transaction of the kernel, so that every
packet meets the old rules or the new; then the kernel forgets the flows that it had sent to others, which would go on
to them else.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Iterable, List

from ansible_collections.palantir.trust.plugins.module_utils._commands import Tool
from ansible_collections.palantir.trust.plugins.module_utils._generation import Generation
from ansible_collections.palantir.trust.plugins.module_utils._nftables import drop_table, load, table_text
from ansible_collections.palantir.trust.plugins.module_utils._private_network import cable_of

CONNTRACK = Tool("conntrack", "conntrack", "conntrack")
_ATTEMPTS = 50


def promote(generation: Generation, others: Iterable[Generation]) -> bool:
    """Send the node's ports to a generation; return whether they went elsewhere before.

    Args:
        generation: it has a private network.
        others: generations of the instance whose flows are to be forgotten.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``, ``no_conntrack``, ``conntrack_failed``.
    """
    table = _table(generation.name)
    before = table_text("ip", table)
    load(rules(generation))
    if before is not None and before == table_text("ip", table):
        return False
    for other in others:
        if other.private and other.number != generation.number:
            _forget("--reply-src", cable_of(other.uid_base).instance)
    if before is None:
        # What asked in vain before, from one port again and again, would go on being sent to nobody.
        for port in generation.ports:
            if port.protocol == "udp":
                _forget("--proto", "udp", "--orig-port-dst", "%d" % port.port)
    return True


def close(name: str) -> bool:
    """Send an instance's ports nowhere any more; return whether they were sent anywhere.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    return drop_table("ip", _table(name))


def is_open(name: str) -> bool:
    """Tell whether an instance's ports are sent anywhere.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    return table_text("ip", _table(name)) is not None


def rules(generation: Generation) -> str:
    """Return the rules that send the node's ports to a generation, for those outside and for the node itself."""
    instance = cable_of(generation.uid_base).instance
    sent = [
        "fib daddr type local %s dport %d dnat to %s:%d" % (port.protocol, port.port, instance, port.internal)
        for port in generation.ports
    ]
    body: List[str] = []
    for name, hook in (("outside", "prerouting priority dstnat"), ("node", "output priority -100")):
        body.append("chain %s { type nat hook %s; policy accept;\n%s\n}" % (name, hook, "\n".join(sent)))
    return "add table ip {0}\ndelete table ip {0}\ntable ip {0} {{\n{1}\n}}\n".format(
        _table(generation.name), "\n".join(body)
    )


def _table(name: str) -> str:
    return "palantir_trust-front-" + name


def _forget(*what: str) -> None:
    """Delete the flows that match; conntrack(8) calls it a failure where there are none.

    It lists them and deletes one after the other, and ends at one that has ended by itself in between: then there may
    be more.
    """
    for _attempt in range(_ATTEMPTS):
        done = CONNTRACK.run("--delete", "--family", "ipv4", *what, check=False)
        if not done.status or b"0 flow entries" in done.err:
            return
        if b"such conntrack doesn't exist" not in done.err:
            break
    raise CONNTRACK.failure("conntrack --delete failed: %s" % done.err.decode("utf-8", "replace").strip()[-200:])


__all__ = ["CONNTRACK", "close", "is_open", "promote", "rules"]
