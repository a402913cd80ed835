# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes of PCR banks, for lists of many short items.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError


class Hash(Protocol):
    """What of a hash is used here."""

    @property
    def digest_size(self) -> int:
        """Size of the digest in bytes."""

    def update(self, data: bytes, /) -> None:
        """Take more data."""

    def digest(self) -> bytes:
        """Return the digest of all data."""


def started(bank: str) -> Callable[[], Hash]:
    """Return what gives a new hash of a bank's kind.

    It copies one that is started already: OpenSSL 3 looks an algorithm up each time that a hash is started, which
    takes as long as hashing what a PCR is extended with.

    Raises:
        EvidenceError: a hash that is not available here.
    """
    try:
        return hashlib.new(bank, usedforsecurity=False).copy
    except ValueError as error:
        raise EvidenceError("ima_log", "is to be replayed into a PCR bank whose hash is not available here.") from error


def digests(bank: str, items: Iterable[bytes]) -> list[bytes]:
    """Return the digest of each item.

    Raises:
        EvidenceError: a hash that is not available here.
    """
    new, found = started(bank), []
    for item in items:
        state = new()
        state.update(item)
        found.append(state.digest())
    return found


__all__ = ["Hash", "digests", "started"]
