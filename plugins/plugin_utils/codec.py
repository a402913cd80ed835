# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What comes from a node, made into bounded bytes and harmless text.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import base64
import binascii

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError

MIB = 1 << 20

LIMITS = {
    "event_log": 8 * MIB,
    "ima_log": 256 * MIB,
    "userspace_log": 4 * MIB,
    "quote": 64 * 1024,
    "facts": 8 * MIB,
}
"""Largest accepted size of each kind of evidence, in bytes; more is refused by name before it is read."""


def binary(value: object, field: str, limit: int) -> bytes:
    """Return binary evidence as bytes.

    Args:
        value: bytes as they are, or base64 text (RFC 4648 section 4; white space is ignored).
        field: name of the field, for errors.
        limit: largest accepted size in bytes.

    Raises:
        EvidenceError: neither bytes nor base64 text, or larger than ``limit``.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
    elif isinstance(value, str):
        if len(value) > (limit * 4) // 3 + limit // 32 + 16:
            raise EvidenceError(field, f"is larger than the limit of {limit} bytes.")
        try:
            data = base64.b64decode("".join(value.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise EvidenceError(
                field, "is neither bytes nor base64 text.", next_step="pass bytes, or base64 of them."
            ) from error
    else:
        raise EvidenceError(field, f"must be bytes or base64 text, not {type(value).__name__}.")
    if len(data) > limit:
        raise EvidenceError(field, f"is {len(data)} bytes, over the limit of {limit}.")
    return data


def printable(value: object, limit: int = 256) -> str:
    r"""Return hostile text as one bounded line of printable characters.

    Control characters, line ends, terminal escapes, bidirectional overrides and anything else that is not
    printable become ``\xNN`` or ``\uNNNN``; a longer text is cut and ends in ``…``. What has no text, because it
    is nested too deeply or is too large a number, is named by its type.
    """
    if isinstance(value, bytes):
        text = value[: 4 * limit + 4].decode("utf-8", "backslashreplace")  # a character has 4 bytes at most
    else:
        try:
            text = str(value)
        except (RecursionError, ValueError):
            text = type(value).__name__
    cut = text[:limit]
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in cut)
    return safe if len(text) <= limit else safe + "…"


__all__ = ["LIMITS", "MIB", "binary", "printable"]
