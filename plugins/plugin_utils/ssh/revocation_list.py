# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of SSH certificates that were taken back, as sshd's ``RevokedKeys`` reads it (OpenSSH, PROTOCOL.krl).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from typing import Final

_MAGIC: Final = b"SSHKRL\n\0"
_FORMAT: Final = 1
_SECTION_CERTIFICATES: Final = 1
_SERIAL_LIST: Final = 0x20


def revocation_list(authority: str, serials: Iterable[int], number: int, at: float) -> bytes:
    """Return a key revocation list, the same for the same arguments.

    Args:
        authority: whose certificates they were, ``TYPE BASE64``.
        serials: serial numbers of the certificates that no longer count.
        number: greater than that of every list before.
        at: when it changed last, in seconds since the epoch.
    """
    blob = base64.b64decode(authority.split(" ")[1])
    ordered = sorted(set(serials))
    header = _MAGIC + struct.pack(">IQQQ", _FORMAT, number, int(at), 0) + _text(b"") + _text(b"palantir.trust")
    if not ordered:
        return header
    listed = bytes([_SERIAL_LIST]) + _text(b"".join(struct.pack(">Q", serial) for serial in ordered))
    return header + bytes([_SECTION_CERTIFICATES]) + _text(_text(blob) + _text(b"") + listed)


def _text(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


__all__ = ["revocation_list"]
