# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of one node for one challenge: facts, then one quote, then the logs.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Sequence

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._facts import collect_facts
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import NONCE_BYTES, qualifying_data
from ansible_collections.palantir.trust.plugins.module_utils._logs import EVENT_LOG, IMA_LOG, USERSPACE_LOG, read_log
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Quote
from ansible_collections.palantir.trust.plugins.module_utils._tpm_quote import open_quoting

FORMAT = 1
USERSPACE_LIMIT = 4 << 20


@dataclass(frozen=True)
class Request:
    """What to collect and where from; a log path of None leaves that log out.

    ``since`` has the ``boot_id`` of which the controller has the event log, and the IMA list's first ``offset`` bytes.
    ``hmac`` has the quote signed by the HMAC key that the controller gave, and not by the AK.
    """

    nonce: str
    selection: Mapping[str, Sequence[int]]
    tcti: str
    ak_handle: str
    event_log_path: Optional[str]
    ima_log_path: Optional[str]
    userspace_log_path: Optional[str]
    since: Optional[Mapping[str, Any]]
    log_limit: int
    proc_path: str
    sys_path: str
    ssh_path: str = "/etc/ssh"
    hmac: bool = False


class Opened:
    """What a round opens: the TPM and the growing list, each closed again at once."""

    def quote(self, request: Request, handle: int, qualifying: bytes) -> Quote:
        """Return a quote by the AK."""
        with open_quoting(request.tcti) as tpm:
            return tpm.quote(handle, request.selection, qualifying)

    def ima_log(self, path: str, offset: int, limit: int) -> bytes:
        """Return the IMA list from an offset on."""
        return read_log(IMA_LOG, path, offset, limit)


def collect(request: Request, opened: Optional[Opened] = None) -> Dict[str, Any]:
    """Return the evidence as plain JSON data, binary parts as base64.

    The logs are read after the quote, so that neither is ever shorter than the PCR that it explains.

    Args:
        request: what to collect.
        opened: how TPM and list are opened, for whoever keeps them open between rounds.

    Raises:
        NodeError: anything that keeps this node from complete evidence.
    """
    opened = opened or Opened()
    nonce = _nonce(request.nonce)
    handle = parse_handle(request.ak_handle)
    if request.log_limit <= 0 or (request.since is not None and request.since["offset"] < 0):
        raise NodeError("bad_argument", "since.offset or log_limit is negative.", "pass sizes in bytes.")
    facts = collect_facts(request.proc_path, request.sys_path, request.ssh_path)
    known = request.since if request.since is not None and request.since["boot_id"] == facts["boot_id"] else None
    quote = opened.quote(request, handle, qualifying_data(nonce, facts))
    return {
        "format": FORMAT,
        "quote": {name: encoded(value) for name, value in quote._asdict().items()},
        "event_log": _event_log(request) if known is None else None,
        "ima_log": _ima_log(request, opened, 0 if known is None else known["offset"]),
        "userspace_log": _userspace_log(request),
        "facts": facts,
    }


def _event_log(request: Request) -> Optional[str]:
    if request.event_log_path is None:
        return None
    return encoded(read_log(EVENT_LOG, request.event_log_path, 0, request.log_limit))


def _ima_log(request: Request, opened: Opened, offset: int) -> Optional[Dict[str, Any]]:
    if request.ima_log_path is None:
        return None
    data = opened.ima_log(request.ima_log_path, offset, request.log_limit)
    return {"offset": offset, "data": encoded(data)}


def _userspace_log(request: Request) -> Optional[str]:
    """Return systemd's own log; None where the node has none, as before systemd 252 or without a TPM in its units."""
    path = request.userspace_log_path
    if path is None or not os.path.exists(path):
        return None
    return encoded(read_log(USERSPACE_LOG, path, 0, min(request.log_limit, USERSPACE_LIMIT)))


def _nonce(text: str) -> bytes:
    try:
        nonce = bytes.fromhex(text)
    except ValueError:
        nonce = b""
    if len(nonce) != NONCE_BYTES:
        raise NodeError(
            "bad_argument",
            "The nonce is not %d bytes in hexadecimal digits." % NONCE_BYTES,
            "take a fresh nonce from the controller's challenge.",
        )
    return nonce


def parse_handle(text: str) -> int:
    """Return a persistent handle from decimal or 0x-prefixed text.

    Raises:
        NodeError: ``bad_argument`` for anything else.
    """
    try:
        handle = int(text, 0)
    except ValueError:
        handle = 0
    if not 0x81000000 <= handle <= 0x817FFFFF:
        raise NodeError(
            "bad_argument",
            "ak_handle %r is no persistent handle of the owner." % (text,),
            "use a number from 0x81000000 to 0x817FFFFF.",
        )
    return handle


def encoded(data: bytes) -> str:
    """Return bytes as base64 text (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def decoded(name: str, text: Optional[str]) -> bytes:
    """Return the bytes of a base64 argument.

    Raises:
        NodeError: ``bad_argument``, naming it.
    """
    try:
        return base64.b64decode(text or "", validate=True)
    except (binascii.Error, ValueError) as error:
        raise NodeError(
            "bad_argument", "%s is not base64 text." % name, "pass it as begin_enrolment made it."
        ) from error


__all__ = ["FORMAT", "Opened", "Request", "collect", "decoded", "encoded", "parse_handle"]
