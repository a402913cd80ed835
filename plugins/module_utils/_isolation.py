# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting a node or one SC instance off from the network, with nftables; see nft(8).

A node has the table ``inet palantir_trust``, each instance ``inet palantir_trust-sc-NAME``: whoever is given back takes
nothing from another. A table is replaced in one transaction of the kernel, and is gone with the boot. Rules are
stateless, so that a connection that was open before is cut as well.

A node keeps its loopback, and SSH from where it is managed. A wrong address would lock everybody out. Its rules are
therefore first put to a trial: elements of a set, which the kernel drops after some seconds and the rules with them.

What is cut off may have root on the node, and could undo this. It stops what does not expect it.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._nftables import drop_table, load, nft, table_text
from ansible_collections.palantir.trust.plugins.module_utils._private_network import cable_of
from ansible_collections.palantir.trust.plugins.module_utils._text_files import read_text

MARKS = "/run/palantir.trust/isolated"
"""A file for each isolated instance: gone with the boot, as the tables are."""
MAX_ALLOWED = 64
_ABSENT = b"No such file or directory"
_PARENTS = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FIRST_RANGE = 1 << 16
"""Owners below it are the node's own users: to silence them would be to silence the node."""


class Management(NamedTuple):
    """Where a node is managed from: its SSH port, and who may reach it, as addresses or networks."""

    port: int
    peers: Sequence[str]


class Tenant(NamedTuple):
    """An SC instance: its name, owner ranges as base and count, and the ports that it serves on the node's network."""

    name: str
    ranges: Sequence[Tuple[int, int]]
    ports: Sequence[int]


class Change(NamedTuple):
    """What a table was and is, as SHA-256 of its listing; None where there is none."""

    before: Optional[str]
    after: Optional[str]


def management(allow: Iterable[str]) -> Management:
    """Return where this node is managed from: the peer of the SSH connection that this runs in, and ``allow``.

    Raises:
        NodeError: ``no_connection``, ``bad_argument``.
    """
    told = _ssh_connection().split()
    try:
        peer, port = told[0].partition("%")[0], int(told[3])
        peers = {str(ipaddress.ip_address(peer))}
    except (IndexError, ValueError):
        raise NodeError(
            "no_connection",
            "Where this node is managed from cannot be told: no SSH connection is above this process.",
            "isolate nodes that Ansible reaches by SSH.",
        ) from None
    wanted = list(allow)
    if len(wanted) > MAX_ALLOWED:
        raise NodeError("bad_argument", "allow has more than %d entries." % MAX_ALLOWED, "give networks instead.")
    for item in wanted:
        try:
            peers.add(str(ipaddress.ip_network(item)))
        except ValueError as error:
            raise NodeError("bad_argument", "allow: %s." % error, "give IP addresses or networks.") from None
    return Management(port, sorted(peers))


def ssh_port() -> Optional[int]:
    """Return the port by which this node is managed; None where no SSH connection is above this process."""
    told = _ssh_connection().split()
    return int(told[3]) if len(told) == 4 and told[3].isdigit() else None


def isolate_node(where: Management, trial: int = 0, check: bool = False) -> Change:
    """Cut a node off from everything but its management.

    Args:
        where: from where it stays reachable.
        trial: seconds after which the kernel lets all pass again; 0 for never.
        check: only have the rules checked.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    rules = _node_rules(where)
    return _replace("palantir_trust", _trial_set(trial), {hook: _gate(trial) + rules[hook] for hook in rules}, check)


def keep_isolated(where: Management) -> Change:
    """Make the rules of a trial that has not run out stay; who asks for it has come through them.

    Raises:
        NodeError: ``trial_over`` (the node is open), ``no_nft``, ``nft_failed``.
    """
    if b"ipv" not in (nft(["list", "set", "inet", "palantir_trust", "trial"], refused=_ABSENT) or b""):
        release_node()
        raise NodeError(
            "trial_over",
            "The controller came back only after the trial of the rules, so they may lock it out. The node is open.",
            "name the controllers' addresses in palantir_trust_isolation_allow.",
        )
    return isolate_node(where)


def isolate_instance(tenant: Tenant, managed_at: int, check: bool = False) -> Change:
    """Drop all that the owners of an instance send, also on the loopback, and all that is sent to its ports.

    Of generations with a network of their own, all that comes over their cables and goes to them.

    Args:
        tenant: the instance.
        managed_at: SSH port of the node.
        check: only have the rules checked.

    Raises:
        NodeError: ``bad_argument``, ``no_nft``, ``nft_failed``.
    """
    table = _table_of(tenant.name)
    for base, count in tenant.ranges:
        if base < _FIRST_RANGE or not 0 < count <= 0xFFFFFFFF - base:
            raise NodeError("bad_argument", "%d owners from %d are no range." % (count, base), "deploy the SC again.")
    if managed_at in tenant.ports:
        raise NodeError(
            "bad_argument", "Port %d is the node's own SSH port." % managed_at, "correct the probe in the SC catalogue."
        )
    owners = ", ".join("%d-%d" % (base, base + count - 1) for base, count in tenant.ranges)
    ports = ", ".join("%d" % port for port in sorted(set(tenant.ports)))
    cables = ", ".join('"%s"' % cable_of(base).interface for base, _count in tenant.ranges)
    chains = {
        "output": ["meta skuid { %s } drop" % owners] if owners else [],
        "input": ["meta l4proto { tcp, udp } th dport { %s } drop" % ports] if ports else [],
        "prerouting": ["iifname { %s } drop" % cables] if cables else [],
        "postrouting": ["oifname { %s } drop" % cables] if cables else [],
    }
    if not check:
        _mark(tenant.name, tenant.ranges)
    return _replace(table, [], chains, check)


def release_node(check: bool = False) -> Change:
    """Give a node back; nothing happens where it is not isolated.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    return _remove("palantir_trust", check)


def release_instance(name: str, check: bool = False) -> Change:
    """Give an instance back; nothing happens where it is not isolated.

    Raises:
        NodeError: ``bad_argument``, ``no_nft``, ``nft_failed``.
    """
    change = _remove(_table_of(name), check)
    if not check and os.path.lexists(_mark_of(name)):
        os.unlink(_mark_of(name))
    return change


def end_of_instance(name: str, running: Iterable[int] = ()) -> bool:
    """Give an instance's name and ports back where it was isolated in this boot, and what was isolated has ended.

    Args:
        name: of the instance.
        running: first owners of its generations that run.

    Returns:
        whether they were given back.

    Raises:
        NodeError: ``no_nft``, ``nft_failed``.
    """
    if not _NAME.fullmatch(name) or not os.path.lexists(_mark_of(name)):
        return False
    isolated = (read_text(_mark_of(name)) or "").split()
    if any("%d" % base in isolated for base in running):
        return False
    release_instance(name)
    return True


def _node_rules(where: Management) -> Dict[str, List[str]]:
    networks = [ipaddress.ip_network(peer) for peer in where.peers]
    incoming, outgoing = ['iifname "lo" accept'], ['oifname "lo" accept']
    for version, family in ((4, "ip"), (6, "ip6")):
        addresses = ", ".join(str(network) for network in networks if network.version == version)
        if addresses:
            incoming.append("%s saddr { %s } tcp dport %d accept" % (family, addresses, where.port))
            outgoing.append("%s daddr { %s } tcp sport %d accept" % (family, addresses, where.port))
    # Without these SSH would stall: paths with a smaller packet size, and neighbours by IPv6 (RFC 4890, section 4.4).
    neighbours = "nd-neighbor-solicit, nd-neighbor-advert"
    incoming.append("icmp type destination-unreachable accept")
    incoming.append("icmpv6 type { packet-too-big, nd-router-advert, %s } accept" % neighbours)
    outgoing.append("icmpv6 type { nd-router-solicit, %s } accept" % neighbours)
    return {"input": [*incoming, "drop"], "output": [*outgoing, "drop"], "forward": ["drop"]}


def _trial_set(seconds: int) -> List[str]:
    elements = "ipv4 timeout %ds, ipv6 timeout %ds" % (seconds, seconds)
    return ["set trial { type nf_proto; flags timeout; elements = { %s }; }" % elements] if seconds else []


def _gate(seconds: int) -> List[str]:
    return ["meta nfproto != @trial accept"] if seconds else []


def _replace(table: str, sets: Sequence[str], chains: Dict[str, List[str]], check: bool) -> Change:
    body = [*sets]
    for hook, rules in chains.items():
        head = "type filter hook %s priority filter; policy accept;" % hook
        body.append("chain %s { %s\n%s\n}" % (hook, head, "\n".join(rules)))
    # Adding first lets the deletion succeed where there is no table yet.
    text = "add table inet {0}\ndelete table inet {0}\ntable inet {0} {{\n{1}\n}}\n".format(table, "\n".join(body))
    before = _listed(table)
    load(text, check)
    return Change(before, before or "" if check else _listed(table))


def _remove(table: str, check: bool) -> Change:
    before = _listed(table)
    if before is not None and not check:
        drop_table("inet", table)
    return Change(before, None)


def _listed(table: str) -> Optional[str]:
    """Return the digest of a table's listing; None where there is no such table."""
    listed = table_text("inet", table)
    return None if listed is None else hashlib.sha256(listed).hexdigest()


def _ssh_connection() -> str:
    """Return SSH_CONNECTION of this process or the nearest one above it: sudo takes it from the environment."""
    told, pid = os.environ.get("SSH_CONNECTION", ""), os.getpid()
    for _step in range(_PARENTS):
        if told or pid <= 1:
            break
        variables = (read_text("/proc/%d/environ" % pid) or "").split("\0")
        told = next((line.partition("=")[2] for line in variables if line.startswith("SSH_CONNECTION=")), "")
        pid = _parent(pid)
    return told


def _parent(pid: int) -> int:
    stat = read_text("/proc/%d/stat" % pid) or ""
    fields = stat[stat.rfind(")") + 1 :].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _table_of(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise NodeError("bad_argument", "%r is no name of an instance." % name[:80], "see docs/catalogue.md.")
    return "palantir_trust-sc-" + name


def _mark_of(name: str) -> str:
    return os.path.join(MARKS, name)


def _mark(name: str, ranges: Sequence[Tuple[int, int]]) -> None:
    try:
        os.makedirs(MARKS, mode=0o700, exist_ok=True)
        with open(_mark_of(name), "w", encoding="ascii") as stream:
            stream.write("".join("%d\n" % base for base, _count in ranges))
    except OSError as error:
        raise NodeError("not_writable", "%s: %s." % (MARKS, error.strerror), "check the node's /run.") from None


__all__ = [
    "MARKS",
    "MAX_ALLOWED",
    "Change",
    "Management",
    "Tenant",
    "end_of_instance",
    "isolate_instance",
    "isolate_node",
    "keep_isolated",
    "management",
    "release_instance",
    "release_node",
    "ssh_port",
]
