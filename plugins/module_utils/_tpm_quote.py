# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A quote by two commands of the TPM's own, without libtss2: what an attestation needs, and no more.

The import of tpm2-pytss costs a node several times what a quote's commands do, and is to be installed first. So the
TPM's device, and the socket of an emulator, are spoken to directly; any other TCTI goes through tpm2-pytss.

Commands and responses: TPM 2.0 Part 1, section 18, and Part 3, sections 12.4 and 18.4.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, Mapping, NamedTuple, Sequence, Tuple, Union

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.module_utils._tpm import (
    Quote,
    Tpm,
    ak_missing,
    check_device,
    no_answer,
    open_tpm,
    refusal,
    require_selection,
    selection_bytes,
)

_NO_SESSIONS, _SESSIONS = 0x8001, 0x8002
_READ_PUBLIC, _QUOTE = 0x173, 0x158
_HEADER = struct.Struct(">HII")
_SIZE = struct.Struct(">H")
_LARGEST = 4096
"""Bytes of a response: TPM2_MAX_RESPONSE_SIZE of every platform's profile is no more."""

_EMPTY_PASSWORD = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)
"""An authorization area that holds one session, TPM_RS_PW, with an empty password (Part 1, section 19.4)."""

_OWN_SCHEME = struct.pack(">H", 0x0010)
"""TPM_ALG_NULL as a signing scheme: the key's own."""

_RC_HANDLE = 0x08B
_AGAIN = frozenset((0x908, 0x90A, 0x922))
"""TPM_RC_YIELDED, TPM_RC_TESTING and TPM_RC_RETRY: the same command may be sent once more (Part 2, section 6.6.3)."""
_TRIES, _PAUSE_S, _SOCKET_S = 8, 0.02, 60.0

Transceive = Callable[[bytes], bytes]


class _Parts(NamedTuple):
    """A response without its header."""

    code: int
    body: bytes


class Quoting:
    """A TPM that quotes."""

    def __init__(self, transceive: Transceive) -> None:
        self._transceive = transceive
        self._publics: Dict[int, bytes] = {}

    def quote(self, ak_handle: int, selection: Mapping[str, Sequence[int]], qualifying: bytes) -> Quote:
        """Return one quote by the AK's own scheme over all PCRs of ``selection``.

        Raises:
            NodeError: ``ak_missing``, ``tpm_error``; ``pcr_bank_missing`` where the TPM left out part of the selection.
        """
        wanted = selection_bytes(selection)
        if ak_handle not in self._publics:
            self._publics[ak_handle] = _sized(self._run("read a public key", ak_handle, _READ_PUBLIC))[0]
        asked = _EMPTY_PASSWORD + _SIZE.pack(len(qualifying)) + qualifying + _OWN_SCHEME + wanted
        answered = self._run("quote", ak_handle, _QUOTE, asked)
        # The parameters' size comes first, behind them the session's part of the response.
        (size,) = struct.unpack_from(">I", answered)
        attest, signature = _sized(answered[4 : 4 + size])
        require_selection(attest[_SIZE.size :], wanted)
        return Quote(attest[_SIZE.size :], signature, self._publics[ak_handle])

    def _run(self, action: str, handle: int, command: int, rest: bytes = b"") -> bytes:
        size = _HEADER.size + 4 + len(rest)
        tag = _SESSIONS if rest else _NO_SESSIONS
        asked = _HEADER.pack(tag, size, command) + struct.pack(">I", handle) + rest
        for attempt in range(_TRIES):
            code, body = _parts(self._transceive(asked))
            if code not in _AGAIN:
                break
            time.sleep(_PAUSE_S * 2**attempt)
        if code == 0:
            return body
        # Of a code of format one, which handle, session or parameter it is about does not matter (Part 2, 6.6.2).
        plain = code & 0x0BF if code & 0x080 else code
        if plain == _RC_HANDLE:
            raise ak_missing(handle)
        raise refusal(action, plain, "TPM_RC 0x%03x" % code)


def _parts(response: bytes) -> _Parts:
    if len(response) < _HEADER.size:
        raise _garbage()
    _tag, size, code = _HEADER.unpack_from(response)
    if size != len(response):
        raise _garbage()
    return _Parts(code, response[_HEADER.size :])


def _sized(body: bytes) -> Tuple[bytes, bytes]:
    """Return a sized structure with its size, and what follows it."""
    if len(body) < _SIZE.size:
        raise _garbage()
    end = _SIZE.size + _SIZE.unpack_from(body)[0]
    if len(body) < end:
        raise _garbage()
    return body[:end], body[end:]


def _garbage() -> NodeError:
    return NodeError("tpm_error", "The TPM's response has another size than it says.", "check the node's kernel log.")


@contextmanager
def open_quoting(tcti: str) -> Iterator[Union[Quoting, Tpm]]:
    """Open the TPM behind a TCTI for quotes, and close it again.

    Raises:
        NodeError: as :func:`._tpm.open_tpm`; ``no_tpm2_pytss`` only where the TCTI is neither a device nor a socket.
    """
    name, _colon, where = tcti.partition(":")
    if name == "device" and where:
        check_device(tcti)
        with _device(tcti, where) as device:
            yield Quoting(device)
    elif name == "swtpm" and where.startswith("path="):
        yield Quoting(_socket(tcti, where[len("path=") :]))
    else:
        with open_tpm(tcti) as tpm:
            yield tpm


@contextmanager
def _device(tcti: str, path: str) -> Iterator[Transceive]:
    try:
        device = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        raise no_answer(tcti, error) from error

    def transceive(command: bytes) -> bytes:
        # The driver takes a command by one write, and gives its response by one read.
        with _spoken(tcti):
            os.write(device, command)
            return os.read(device, _LARGEST)

    try:
        yield transceive
    finally:
        os.close(device)


def _socket(tcti: str, path: str) -> Transceive:
    def transceive(command: bytes) -> bytes:
        # An emulator serves one connection at a time, so that each command has one of its own.
        with _spoken(tcti), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connected:
            connected.settimeout(_SOCKET_S)
            connected.connect(path)
            connected.sendall(command)
            head = _received(connected, _HEADER.size)
            size = _HEADER.unpack(head)[1] if len(head) == _HEADER.size else 0
            return head + _received(connected, min(size, _LARGEST) - len(head))

    return transceive


def _received(connected: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = connected.recv(count - len(data))
        if not more:
            break
        data += more
    return data


@contextmanager
def _spoken(tcti: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise no_answer(tcti, error) from error


__all__ = ["Quoting", "open_quoting"]
