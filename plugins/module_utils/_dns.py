# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A DNS question over UDP with the standard library alone (RFC 1035), to see whether a server answers and how.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import struct
import time
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

_TYPE_A, _CLASS_IN = 1, 1
_HEADER = struct.Struct(">6H")
_RECORD = struct.Struct(">HHIH")
_RESPONSE, _RECURSION_DESIRED, _RCODE = 0x8000, 0x0100, 0x000F
_MAX_DATAGRAM = 4096
_MAX_LABELS = 128
_RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")


class Answer(NamedTuple):
    """A server's answer: response code by name, IPv4 addresses in order, time taken in milliseconds."""

    rcode: str
    addresses: List[str]
    milliseconds: float


def ask(address: str, port: int, name: str, timeout: float, retries: int) -> Answer:
    """Ask for the A records of a name, once and then up to ``retries`` times again.

    Args:
        address: IP address of the server.
        port: its UDP port.
        name: the name asked for.
        timeout: seconds to wait for each answer.
        retries: further attempts after the first.

    Raises:
        NodeError: ``bad_argument``, ``dns_timeout``, ``dns_refused`` (nothing listens), ``dns_malformed``.
    """
    family = _family(address)
    identifier = secrets.randbelow(1 << 16)
    query = _query(identifier, name)
    with socket.socket(family, socket.SOCK_DGRAM) as channel:
        failure = NodeError("bad_argument", "retries is negative.", "use 0 or more.")
        for _attempt in range(retries + 1):
            started = time.monotonic()
            try:
                channel.connect((address, port))
                channel.send(query)
                response = _receive(channel, identifier, started + timeout)
            except socket.timeout:
                failure = _no_answer("dns_timeout", address, port, "does not answer within %g s" % timeout)
                continue
            except OSError as error:
                failure = _no_answer("dns_refused", address, port, "cannot be asked: %s" % error.strerror)
                time.sleep(max(0.0, min(timeout, 0.2) - (time.monotonic() - started)))
                continue
            rcode, addresses = _read_response(response, query)
            return Answer(rcode, addresses, round((time.monotonic() - started) * 1000, 3))
        raise failure


def require(answer: Answer, name: str, addresses: Optional[Sequence[str]]) -> None:
    """Compare an answer with the addresses expected, in any order; None expects nothing.

    Raises:
        NodeError: ``dns_mismatch``, naming both.
    """
    if addresses is not None and sorted(answer.addresses) != sorted(addresses):
        raise NodeError(
            "dns_mismatch",
            "The DNS server answers for %s with %s (%s), not with %s."
            % (name, ", ".join(answer.addresses) or "no address", answer.rcode, ", ".join(addresses) or "no address"),
            "check the server's configuration.",
        )


def _family(address: str) -> socket.AddressFamily:
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        raise NodeError("bad_argument", "%r is no IP address." % (address,), "give the server by address.") from None
    return socket.AF_INET if version == 4 else socket.AF_INET6


def _no_answer(code: str, address: str, port: int, what: str) -> NodeError:
    return NodeError(
        code,
        "The DNS server %s port %d %s." % (address, port, what),
        "check that the service runs and listens there.",
    )


def _query(identifier: int, name: str) -> bytes:
    try:
        labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    except UnicodeEncodeError:
        labels = [b""]
    if any(not 0 < len(label) < 64 for label in labels) or len(name) > 253:
        raise NodeError("bad_argument", "%r is no DNS name." % (name,), "use ASCII labels of 1 to 63 characters.")
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, 0) + question + struct.pack(">HH", _TYPE_A, _CLASS_IN)


def _receive(channel: socket.socket, identifier: int, deadline: float) -> bytes:
    # A late answer to an earlier attempt carries the same identifier and is as good; anything else is not ours.
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        channel.settimeout(left)
        data = channel.recv(_MAX_DATAGRAM)
        if len(data) >= _HEADER.size and struct.unpack_from(">H", data)[0] == identifier:
            return data


def _read_response(data: bytes, query: bytes) -> Tuple[str, List[str]]:
    flags = int(_HEADER.unpack_from(data)[1])
    if not flags & _RESPONSE or data[_HEADER.size : len(query)].lower() != query[_HEADER.size :].lower():
        raise _malformed("it repeats another question")
    try:
        addresses = _read_addresses(data, len(query))
    except (ValueError, struct.error, IndexError) as error:
        raise _malformed(str(error)) from error
    code = flags & _RCODE
    return _RCODES[code] if code < len(_RCODES) else "RCODE%d" % code, addresses


def _malformed(why: str) -> NodeError:
    return NodeError(
        "dns_malformed", "The DNS server's answer cannot be read: %s." % why, "check what listens on that port."
    )


def _read_addresses(data: bytes, offset: int) -> List[str]:
    addresses = []
    for _record in range(int(_HEADER.unpack_from(data)[3])):
        offset = _skip_name(data, offset)
        kind, _class, _ttl, size = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size
        if kind == _TYPE_A:
            addresses.append(str(ipaddress.IPv4Address(data[offset : offset + size])))
        offset += size
    return addresses


def _skip_name(data: bytes, offset: int) -> int:
    for _label in range(_MAX_LABELS):
        length = data[offset]
        if length == 0:
            return offset + 1
        if length & 0xC0 == 0xC0:  # a pointer ends the name (RFC 1035, section 4.1.4)
            return offset + 2
        offset += 1 + length
    raise ValueError("a name has no end")


__all__ = ["Answer", "ask", "require"]
