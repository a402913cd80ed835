# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector: it answers one challenge after the other over its standard input and output, and ends with them.

What the module ``evidence`` pays in every run, the start of Python, the import of tpm2-pytss and the opening of the
TPM, it pays once. It writes no file, listens nowhere, and ends when its input ends or when it is not asked for long.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import signal
import sys
from typing import Any, BinaryIO, Dict, Mapping, Optional, Union

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._evidence import (
    Opened,
    Request,
    collect,
    encoded,
    parse_handle,
)
from ansible_collections.palantir.trust.plugins.module_utils._facts_binding import canonical_json
from ansible_collections.palantir.trust.plugins.module_utils._frames import (
    GREETING,
    PROTOCOL,
    REQUEST_LIMIT,
    frame,
    read_frame,
)
from ansible_collections.palantir.trust.plugins.module_utils._logs import IMA_LOG, LogTail
from ansible_collections.palantir.trust.plugins.module_utils._tpm import Quote, Tpm, open_tpm
from ansible_collections.palantir.trust.plugins.module_utils._tpm_quote import Quoting, open_quoting

IDLE_S = 900
"""Seconds without a request after which a collector ends: its controller is gone, and the connection did not tell."""

LOG_LIMIT = 64 << 20
PLACES = {
    "tcti": "device:/dev/tpmrm0",
    "ak_handle": "0x81010020",
    "event_log_path": "/sys/kernel/security/tpm0/binary_bios_measurements",
    "ima_log_path": "/sys/kernel/security/ima/binary_runtime_measurements",
    "userspace_log_path": "/run/log/systemd/tpm2-measure.log",
    "proc_path": "/proc",
    "sys_path": "/sys",
    "ssh_path": "/etc/ssh",
}
"""Where things are, where a request does not say otherwise; the defaults of the module ``evidence``."""

OMISSIBLE = ("facts", "userspace_log")
"""Parts of the evidence that are left out where the controller has them already."""


class KeptOpen(Opened):
    """TPM, HMAC key and measurement list, opened at the first round and kept open for the next."""

    def __init__(self) -> None:
        self._tpm = contextlib.ExitStack()
        self._opened: Dict[str, Union[Quoting, Tpm]] = {}
        self._list: Optional[LogTail] = None
        self._hmac: Any = None

    def quote(self, request: Request, handle: int, qualifying: bytes) -> Quote:
        """Return a quote by the AK, or by the HMAC key where the request asks for that, and keep the TPM open."""
        if request.hmac:
            quote: Quote = self.hmac.quote(request.selection, qualifying)
            return quote
        if request.tcti not in self._opened:
            self._opened[request.tcti] = self._tpm.enter_context(open_quoting(request.tcti))
        return self._opened[request.tcti].quote(handle, request.selection, qualifying)

    def offer(self, tcti: str, ak_handle: str, nonce: bytes) -> Dict[str, str]:
        """Return a storage key that an HMAC key can be wrapped to, as it is sent."""
        # Read and compiled only where it is needed, as is tpm2-pytss, which it takes.
        from ansible_collections.palantir.trust.plugins.module_utils._tpm_hmac import HmacKey  # noqa: PLC0415

        handle = parse_handle(ak_handle)
        if self._hmac is None:
            # Of a resource manager it is a connection of its own: quotes by the AK move no key in and out.
            self._hmac = HmacKey(self._tpm.enter_context(open_tpm(tcti)))
        return {name: encoded(value) for name, value in self._hmac.offer(handle, nonce)._asdict().items()}

    @property
    def hmac(self) -> Any:
        """The HMAC key that the controller gave, or is about to give: a ``_tpm_hmac.HmacKey``."""
        if self._hmac is None:
            raise NodeError("no_hmac_key", "The collector has no HMAC key.", "ask for a quote by the AK.")
        return self._hmac

    def ima_log(self, path: str, offset: int, limit: int) -> bytes:
        """Return the IMA list from an offset on, and keep it open behind what was read."""
        if self._list is None or self._list.path != path:
            self._list = LogTail(IMA_LOG, path)
        return self._list.read(offset, limit)

    def close(self) -> None:
        """Close everything; the next round opens it anew."""
        if self._hmac is not None:
            self._hmac.close()
            self._hmac = None
        self._opened.clear()
        self._tpm.close()
        if self._list is not None:
            self._list.close()
            self._list = None


def serve(incoming: BinaryIO, outgoing: BinaryIO, digest: str, *, installed: bool = False) -> None:
    """Greet, and answer requests until the input ends.

    Args:
        incoming: requests of the controller.
        outgoing: takes the answers.
        digest: of this program.
        installed: the program is the node's own: a request may then not say where things are, as who may ask may not
            read any file or run any TCTI.

    Raises:
        ValueError: the input is none of a controller.
    """
    kept = KeptOpen()
    outgoing.write(GREETING)
    _send(outgoing, {"protocol": PROTOCOL, "digest": digest, "python": platform.python_version()})
    try:
        while True:
            signal.alarm(IDLE_S)
            message = read_frame(incoming, REQUEST_LIMIT)
            if message is None:
                return
            _send(outgoing, {"id": message.get("id"), **answer(message, kept, installed=installed)})
    finally:
        signal.alarm(0)
        kept.close()


def answer(message: Mapping[str, Any], kept: KeptOpen, *, installed: bool) -> Dict[str, Any]:
    """Return the answer to a request: ``evidence`` and what it left out as ``same``, or an ``error``.

    To ``storage_key``, a nonce, the answer is a storage key; to ``hmac_key``, which is wrapped to it, that it is taken.
    """
    try:
        if "storage_key" in message:
            places = _places(message, installed=installed)
            return {"storage_key": kept.offer(places["tcti"], places["ak_handle"], _octets(message, "storage_key"))}
        if "hmac_key" in message:
            parts = message["hmac_key"]
            _require(isinstance(parts, dict), "hmac_key")
            kept.hmac.take(*(_octets(parts, name) for name in ("unique", "duplicate", "seed")))
            return {"hmac_key": True}
        evidence = collect(read_request(message, installed=installed), kept)
    except NodeError as error:
        kept.close()
        return {"error": error.result()}
    have = message.get("have")
    known = have if isinstance(have, dict) else {}
    same = [name for name in OMISSIBLE if name in known and known[name] == _digest(evidence[name])]
    return {"evidence": {name: value for name, value in evidence.items() if name not in same}, "same": same}


def read_request(message: Mapping[str, Any], *, installed: bool) -> Request:
    """Return what a message asks for.

    Raises:
        NodeError: ``bad_argument``.
    """
    places = _places(message, installed=installed)
    nonce: Any = message.get("nonce")
    selection: Any = message.get("selection")
    since: Any = message.get("since")
    _require(isinstance(nonce, str), "nonce")
    _require(isinstance(selection, dict), "selection")
    _require(since is None or _is_since(since), "since")
    hmac = message.get("hmac") is True
    return Request(nonce=nonce, selection=selection, since=since, log_limit=LOG_LIMIT, hmac=hmac, **places)


def _places(message: Mapping[str, Any], *, installed: bool) -> Dict[str, str]:
    places = message.get("places") or {}
    _require(isinstance(places, dict) and set(places) <= set(PLACES), "places")
    _require(all(isinstance(place, str) for place in places.values()), "places")
    _require(not installed or set(places) <= {"ak_handle"}, "places, which an installed collector knows itself")
    return {**PLACES, **places}


def _octets(message: Mapping[str, Any], name: str) -> bytes:
    text: Any = message.get(name)
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):
        raise _unusable(name) from None


def _is_since(since: Any) -> bool:
    return (
        isinstance(since, dict)
        and isinstance(since.get("boot_id"), str)
        and isinstance(since.get("offset"), int)
        and not isinstance(since["offset"], bool)
    )


def _require(truth: bool, name: str) -> None:
    if not truth:
        raise _unusable(name)


def _unusable(name: str) -> NodeError:
    return NodeError(
        "bad_argument",
        "The request has no usable %s." % name,
        "use the same version of the collection on both sides.",
    )


def _digest(part: Any) -> str:
    return hashlib.sha256(canonical_json(part)).hexdigest()


def _send(outgoing: BinaryIO, message: Mapping[str, Any]) -> None:
    outgoing.write(frame(message))
    outgoing.flush()


def main(digest: str, *, installed: bool = False) -> None:
    """Serve on standard input and output, which nothing else writes to any more."""
    outgoing = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    try:
        serve(sys.stdin.buffer, outgoing, digest, installed=installed)
    except BrokenPipeError:
        os._exit(0)  # nobody is left to be told; an ordinary exit would try once more
    except ValueError as error:
        raise SystemExit("palantir.trust collector: %s." % error) from None


__all__ = ["IDLE_S", "OMISSIBLE", "PLACES", "KeptOpen", "answer", "main", "read_request", "serve"]
