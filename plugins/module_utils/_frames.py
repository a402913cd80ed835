# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What controller and collector say to each other: JSON objects, each behind its length.

A frame is four bytes, the length of what follows as a big-endian number, and then one JSON object in ASCII. The
collector's first bytes are :data:`GREETING`; whatever a login shell or sudo wrote before them does not count.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO, Dict, Mapping, Optional

PROTOCOL = 1
GREETING = b"\npalantir.trust collector\n"
LENGTH = struct.Struct(">I")
REQUEST_LIMIT = 64 * 1024
"""Most bytes of a request. How long an answer may be is the controller's choice, each time."""


def frame(message: Mapping[str, Any]) -> bytes:
    """Return a message as a frame."""
    text = json.dumps(message, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")
    return LENGTH.pack(len(text)) + text


def content(text: bytes) -> Dict[str, Any]:
    """Return the message that a frame holds.

    Raises:
        ValueError: it is no JSON object.
    """
    try:
        message = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise ValueError("the frame holds no JSON") from error
    if not isinstance(message, dict):
        raise ValueError("the frame is no JSON object")  # noqa: TRY004 - of whatever comes over the wire
    return message


def read_frame(stream: BinaryIO, limit: int) -> Optional[Dict[str, Any]]:
    """Wait for a frame and return its message; None at the stream's end.

    Raises:
        ValueError: the frame is over the limit, cut, or no JSON object.
    """
    head = stream.read(LENGTH.size)
    if not head:
        return None
    if len(head) < LENGTH.size:
        raise ValueError("the stream ended within a frame")
    (length,) = LENGTH.unpack(head)
    if length > limit:
        raise ValueError("the frame has %d bytes, over the limit of %d" % (length, limit))
    text = stream.read(length)
    if len(text) < length:
        raise ValueError("the stream ended within a frame")
    return content(text)


__all__ = ["GREETING", "LENGTH", "PROTOCOL", "REQUEST_LIMIT", "content", "frame", "read_frame"]
