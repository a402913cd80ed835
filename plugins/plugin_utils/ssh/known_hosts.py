# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A known_hosts file (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT) of the keys that nodes' TPMs have proved.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import RECORDED, REVOKED, is_key

PORT: Final = 22
HEADER: Final = "# SSH host keys that the TPMs of these nodes have proved. palantir.trust writes this file anew.\n"
# Neither a pattern ("*", "?", "!"), nor a list (","), nor a hashed name ("|"), nor a marker ("@"), nor a comment.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:%-]{0,254}|:[A-Za-z0-9._:%-]{1,254}")


@dataclass(frozen=True, slots=True)
class Host:
    """A node, and how ssh is told to reach it."""

    node: str
    address: str
    port: int = PORT
    aliases: tuple[str, ...] = ()


def lines_of(host: Host, recorded: Mapping[str, Any]) -> str:
    """Return the lines of a node: a key each, under its name, its address and its aliases; empty without keys.

    The name stands without the port, as for ``HostKeyAlias``; address and aliases are as ssh looks them up.

    Args:
        host: the node.
        recorded: what is on record of it.

    Raises:
        StoreError: a name, a port or a key is none.
    """
    patterns = ",".join(
        dict.fromkeys([_checked(host, host.node), *(_at_port(host, name) for name in (host.address, *host.aliases))])
    )
    marked = [("", key) for key in recorded.get(RECORDED) or ()]
    marked += [("@revoked ", key) for key in recorded.get(REVOKED) or ()]
    for _marker, key in marked:
        if not is_key(key):
            raise StoreError(f"node {host.node}", f"has {printable(key, 80)!r} on record, which is no host key.")
    return "".join(f"{marker}{patterns} {key}\n" for marker, key in marked)


def known_hosts(hosts: Iterable[tuple[Host, Mapping[str, Any]]]) -> str:
    """Return the whole file.

    Raises:
        StoreError: a name, a port or a key is none.
    """
    return HEADER + "".join(lines_of(host, recorded) for host, recorded in hosts)


def _at_port(host: Host, name: str) -> str:
    if not 0 < host.port < 65536:
        raise StoreError(f"node {printable(host.node, 80)}", f"has the port {host.port}.", "give 1 to 65535.")
    checked = _checked(host, name)
    return checked if host.port == PORT else f"[{checked}]:{host.port}"


def _checked(host: Host, name: str) -> str:
    if not _NAME.fullmatch(name):
        raise StoreError(
            f"node {printable(host.node, 80)}",
            f"has the name or address {printable(name, 80)!r}, which cannot stand in known_hosts.",
            "use letters, digits and '.', '_', ':', '%', '-'.",
        )
    return name


__all__ = ["HEADER", "PORT", "Host", "known_hosts", "lines_of"]
