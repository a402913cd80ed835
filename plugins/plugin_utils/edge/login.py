# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an action's SSH connection tells: which host key it was shown, and why it was refused.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from pathlib import Path
from typing import Any, Final

from ansible.errors import AnsibleError

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PkiError, TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.pki.spiffe import ROLES
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.authority import (
    account_of,
    load,
    public_line,
    read_certificate,
)
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.host_keys import shown_keys
from ansible_collections.palantir.trust.plugins.plugin_utils.ssh.refusals import Login, fault_of, what_ssh_said
from ansible_collections.palantir.trust.plugins.plugin_utils.store import ssh_ca, ssh_certificates
from ansible_collections.palantir.trust.plugins.plugin_utils.store.database import Store

TRANSPORT: Final = "ssh"
_EXTRA: Final = "ssh_extra_args"
_LOG_LIMIT: Final = 1 << 20
_CERTIFICATE_LIMIT: Final = 65536


def connect_anew(connection: Any) -> tuple[str, ...] | None:
    """Open a new connection to the node, and return the fingerprints of host keys that its server showed on it.

    What follows in the task goes over this connection, where OpenSSH keeps it open (``ControlPersist``). ssh writes
    its own log into a file for it: what a server sends appears nowhere there at a line's beginning but once keys are
    exchanged, and a second such line is told, too.

    Args:
        connection: the task's connection plugin.

    Returns:
        the fingerprints, one where all is well; None where that cannot be known: the node is not reached by OpenSSH,
        or over a connection that somebody else keeps open.

    Raises:
        AnsibleConnectionFailure: there is no connection.
    """
    if getattr(connection, "transport", "") != TRANSPORT:
        return None
    before = connection.get_option(_EXTRA)
    with tempfile.TemporaryDirectory(prefix="palantir-trust-") as directory:
        log = Path(directory) / "log"
        connection.reset()
        connection.set_option(_EXTRA, f"{before or ''} -v -E {shlex.quote(str(log))}".strip())
        try:
            connection.exec_command("true", sudoable=False)
        finally:
            connection.set_option(_EXTRA, before)
        try:
            with log.open("rb") as file:
                return shown_keys(file.read(_LOG_LIMIT).decode("utf-8", "backslashreplace")) or None
        except OSError:
            return None


def refusal(connection: Any, message: str, store: Store, now: float) -> dict[str, Any] | None:
    """Return why a connection was refused, for the record; None where it was not, as at a closed port.

    Args:
        connection: the task's connection plugin.
        message: what it failed with.
        store: which certificates were taken back.
        now: seconds since the epoch.
    """
    code = what_ssh_said(message) if getattr(connection, "transport", "") == TRANSPORT else None
    if code is None:
        return None
    account = _option(connection, "remote_user")
    if code != "login_refused" or account not in map(account_of, ROLES):
        return {"refused": code, "account": account}
    login = _login(account, _option(connection, "private_key_file"), store)
    shown = login.certificate.key_id.decode("utf-8", "replace") if login.certificate else None
    return {"refused": fault_of(login, now), "account": account, "key_id": shown}


def _login(account: str, key_file: str, store: Store) -> Login:
    certificate, malformed = None, False
    try:
        with Path(f"{key_file}-cert.pub").open("rb") as file:
            certificate = read_certificate(file.read(_CERTIFICATE_LIMIT), key_file)
    except PkiError:
        malformed = True
    except OSError:
        pass
    path, authority = ssh_ca.default_path(), ""
    # Not made here: where there is none, no certificate is of this site.
    with contextlib.suppress(OSError, TrustError):
        authority = public_line(load(path.read_bytes(), f"SSH CA {path}"))
    revoked = False
    if certificate is not None:
        with store.transaction() as opened:
            revoked = ssh_certificates.is_revoked(opened, certificate.serial)
    return Login(account, certificate, malformed, authority, revoked)


def _option(connection: Any, name: str) -> str:
    try:
        return str(connection.get_option(name) or "")
    except (AnsibleError, AttributeError, KeyError):
        return ""


__all__ = ["TRANSPORT", "connect_anew", "refusal"]
