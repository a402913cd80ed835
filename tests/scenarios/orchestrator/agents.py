# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking the agent beside an instance on a guest, from this machine: over mutual TLS, and by way of no SSH.

QEMU's user network takes a connection at an address of the loopback, and makes one to the guest's own of it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.pki import authority as ca
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.peer import Client, Peer, PeerError, ask
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import of_instance, of_role
from ansible_collections.palantir.trust.plugins.plugin_utils.store import certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store.instances import InstanceRecord
from tests.lab.qemu import MANAGEMENT
from tests.scenarios.orchestrator.course import Course
from tests.scenarios.site import ScenarioError

_TIMEOUT_S: Final = 30.0


def asked(course: Course, instance: str, role: str, path: str, method: str = "GET") -> Any:
    """Return what the agent of an instance answers to who has a role's certificate.

    Raises:
        ScenarioError: it is not believed, or does not believe us.
    """
    try:
        return _ask(course, course.instance(instance), role, path, method)
    except PeerError as error:
        raise ScenarioError(f"{role} {method} {path}: {error.code}: {error}") from error


def raised(course: Course, record: InstanceRecord, role: str, path: str, method: str = "GET") -> str:
    """Return why the agent of a generation turns a role away, or does not answer; empty where it answers."""
    try:
        _ask(course, record, role, path, method)
    except PeerError as error:
        return error.code
    return ""


def refusals(course: Course, instance: str) -> list[str]:
    """Return why the agent has turned peers away, the last one last."""
    return [str(item["reason"]) for item in asked(course, instance, "observer", "/v1/refusals")]


def certified(course: Course, role: str) -> bool:
    """Tell whether the site has issued a certificate of a role."""
    with course.site.transaction() as connection:
        return certificates.newest(connection, str(of_role(ca.domain_of(_authority(course)), role))) is not None


def without_certificate(course: Course, instance: str) -> None:
    """Ask as somebody who knows the CA, and has no certificate of it.

    Raises:
        ScenarioError: that was answered.
    """
    context = ssl.create_default_context(cadata=_authority(course).pem.decode("ascii"))
    context.check_hostname = False
    answer = b""
    with contextlib.suppress(ssl.SSLError, ConnectionError):
        where = (course.lab.node(course.instance(instance).node).address, MANAGEMENT)
        with socket.create_connection(where, _TIMEOUT_S) as plain, context.wrap_socket(plain) as channel:
            channel.sendall(b"GET /v1/health HTTP/1.1\r\nHost: instance\r\n\r\n")
            answer = channel.recv(1 << 10)
    if answer:
        raise ScenarioError(f"{instance} answers without a certificate: {answer[:80]!r}")


def _ask(course: Course, record: InstanceRecord, role: str, path: str, method: str) -> Any:
    authority, pem = _authority(course), (course.site.directory / f"{role}.pem").read_bytes()
    name = of_instance(ca.domain_of(authority), record.instance, record.generation)

    def counts(serial: int) -> bool:
        with course.site.transaction() as connection:
            return certificates.is_valid(connection, serial, str(name))

    peer = Peer(course.lab.node(record.node).address, MANAGEMENT, name, counts)
    return ask(peer, Client(pem, pem, authority.pem), method, path)


def _authority(course: Course) -> ca.Authority:
    return ca.load(course.site.ca.read_bytes(), "CA")


__all__ = ["asked", "certified", "raised", "refusals", "without_certificate"]
