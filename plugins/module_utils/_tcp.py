# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP connection as seen from outside: whether a port is open, closed or filtered, and what is said first.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import errno
import socket
import time

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

STATES = ("open", "closed", "filtered")
"""A port that accepts a connection, one that refuses it at once (RFC 9293, section 3.5.3), one that stays silent."""
_MAX_BANNER = 1024
_UNREACHABLE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EACCES, errno.EPERM)


def state_of(address: str, port: int, seconds: float, banner: bytes = b"") -> str:
    """Return the state of a port: one of ``STATES``, ``unreachable``, or ``mute`` where a banner does not come.

    Args:
        address: IP address of the server.
        port: its TCP port.
        seconds: for all of it.
        banner: what the server must say first; nothing is waited for where empty.

    Raises:
        NodeError: ``bad_argument``.
    """
    if len(banner) > _MAX_BANNER:
        raise NodeError("bad_argument", "The banner is too long.", "give its first %d bytes at most." % _MAX_BANNER)
    deadline = time.monotonic() + seconds
    try:
        channel = socket.create_connection((address, port), timeout=seconds)
    except socket.timeout:
        return "filtered"
    except ConnectionError:
        return "closed"
    except OSError as error:
        if error.errno == errno.ETIMEDOUT:
            return "filtered"
        if error.errno in _UNREACHABLE:
            return "unreachable"
        raise NodeError(
            "tcp_failed", "Port %d of %s cannot be tried: %s." % (port, address, error.strerror), "check the address."
        ) from None
    with channel:
        return "open" if _says(channel, banner, deadline) else "mute"


def _says(channel: socket.socket, banner: bytes, deadline: float) -> bool:
    said = b""
    while len(said) < len(banner):
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        channel.settimeout(left)
        try:
            more = channel.recv(len(banner) - len(said))
        except OSError:
            return False
        if not more:
            return False
        said += more
    return said == banner


__all__ = ["STATES", "state_of"]
