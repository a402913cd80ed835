# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a connection over SSH was refused, as far as the controller's side can tell.

Whom ssh does not believe, it says itself. A node that does not believe us says no more than that; why, then shows in
our own certificate. Where that is as it should be, the node's own log has the reason.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.serialization import SSHCertificate

from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.authority import public_line

REASONS: Final[Mapping[str, str]] = {
    "host_key_revoked": "shows a host key that was taken back",
    "host_key_changed": "shows another host key than the recorded one",
    "host_key_unknown": "shows a host key, and none of it is on record",
    "host_key_foreign": "shows a host key that its TPM does not prove",
    "certificate_missing": "wants a certificate of its role, and none is there",
    "certificate_malformed": "wants a certificate of its role, and what is there is none",
    "certificate_foreign": "does not take a certificate of another CA",
    "certificate_revoked": "does not take a certificate that was taken back",
    "certificate_not_yet_valid": "does not take a certificate whose time has not begun",
    "certificate_expired": "does not take a certificate whose time is over",
    "certificate_wrong_role": "does not take a certificate of another role than its account's",
    "login_refused": "refuses the login",
}
"""Code of a refusal → what the node does, as it stands behind the node's name."""

_ON_PURPOSE: Final = "if its keys were replaced on purpose, see docs/ssh.md (Rotation); if not, it is another machine."
NEXT: Final[Mapping[str, str]] = {
    "host_key_revoked": _ON_PURPOSE,
    "host_key_changed": _ON_PURPOSE,
    "host_key_unknown": "enrol it, or write known_hosts anew (palantir.trust.known_hosts).",
    "login_refused": "see the log of its SSH server for the reason.",
}
"""Code of a refusal → what to do next; of those that are left out, a certificate is to be issued anew."""
ANEW: Final = "have a certificate issued: palantir.trust.ssh_certificate."

# What ssh says (sshconnect.c, check_host_key() and verify_host_key()), gravest first. A server may say so as well, in a
# banner: then what is recorded of a refusal is what it wants, and a refusal still.
_SAID: Final = (
    (re.compile(r"REVOKED HOST KEY DETECTED|host key for .* was revoked"), "host_key_revoked"),
    (re.compile(r"REMOTE HOST IDENTIFICATION HAS CHANGED|[Hh]ost key for .* has changed"), "host_key_changed"),
    (re.compile(r"No \S+ host key is known for|Host key verification failed"), "host_key_unknown"),
    (re.compile(r"Permission denied \("), "login_refused"),
)


@dataclass(frozen=True, slots=True)
class Login:
    """As whom a connection was tried.

    Attributes:
        account: on the node.
        certificate: what was shown; None where there is none, or where that is not known.
        malformed: there is a file for it that holds none.
        authority: the site's SSH CA, ``TYPE BASE64``.
        revoked: whether the certificate was taken back.
    """

    account: str
    certificate: SSHCertificate | None
    malformed: bool
    authority: str
    revoked: bool


def what_ssh_said(message: str) -> str | None:
    """Return the code of a refusal that a message of ssh tells; None where it tells of none, as of a closed port."""
    return next((code for pattern, code in _SAID if pattern.search(message)), None)


def fault_of(login: Login, now: float) -> str:
    """Return why a node does not take a login by certificate; ``login_refused`` where nothing here tells."""
    shown = login.certificate
    if shown is None:
        return "certificate_malformed" if login.malformed else "certificate_missing"
    faults = (
        (public_line(shown.signature_key()) != login.authority, "certificate_foreign"),
        (login.revoked, "certificate_revoked"),
        (now < shown.valid_after, "certificate_not_yet_valid"),
        (now >= shown.valid_before, "certificate_expired"),
        (login.account.encode() not in shown.valid_principals, "certificate_wrong_role"),
    )
    return next((code for there, code in faults if there), "login_refused")


__all__ = ["ANEW", "NEXT", "REASONS", "Login", "fault_of", "what_ssh_said"]
