# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ties the self-reported facts to the quote: one canonical form and one hash, on the node and on the controller.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

NONCE_BYTES = 32


def canonical_json(value: Any) -> bytes:
    """Return plain data as canonical JSON: sorted keys, no white space, ASCII only, no NaN or infinity.

    Raises:
        ValueError: the data holds a float that is not a number, refers to itself, or is nested too deeply.
        TypeError: the data holds something that JSON does not have.
    """
    try:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    except RecursionError as error:
        raise ValueError("the data is nested too deeply") from error
    return text.encode("ascii")


def qualifying_data(nonce: bytes, facts: Any) -> bytes:
    """Return the quote's qualifying data (TPM 2.0 Part 3, TPM2_Quote): SHA-256(nonce || SHA-256(canonical facts)).

    Args:
        nonce: the challenge, 32 bytes.
        facts: the self-reported facts, plain JSON data.

    Raises:
        ValueError: the nonce is not 32 bytes, or the facts have no canonical form.
        TypeError: the facts have no canonical form.
    """
    if len(nonce) != NONCE_BYTES:
        raise ValueError("the nonce is %d bytes, not %d" % (len(nonce), NONCE_BYTES))
    return hashlib.sha256(nonce + hashlib.sha256(canonical_json(facts)).digest()).digest()


__all__ = ["NONCE_BYTES", "canonical_json", "qualifying_data"]
