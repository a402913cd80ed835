# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the measurement lists of several nodes have in common: known files of the host, recognised once.

Nodes of one image measure the same files with the same owners, so most entries of the second node's list are, byte
by byte, those of the first's. Nothing of a node's verdict is remembered: an entry is here because the Reference
Values know it, wherever it was first seen.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import Kind, KnownHashes

MAX_REMEMBERED: Final = 200_000
"""Most entries that are remembered; about 40 MB."""


class Memory:
    """Entries that are the host's by their owner, and known by path and digest; shared by the nodes of one run."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._index: FileIndex | None = None
        self._entries: dict[tuple[int, str], dict[bytes, bytes]] = {}
        self._count = 0

    def of(self, index: FileIndex) -> KnownHashes:
        """Return the entries that an index knows; those of another index are forgotten, and too many as well."""
        if index is not self._index or self._count >= MAX_REMEMBERED:
            # Another mapping, not the same one emptied: a list that was read with the old one no longer agrees.
            self._index, self._entries, self._count = index, {}, 0
        return self._entries

    def add(self, kind: Kind, entries: dict[bytes, bytes]) -> None:
        """Add entries of a kind, template data → SHA-256, that the index of the last :meth:`of` knows."""
        room = MAX_REMEMBERED - self._count
        if len(entries) > room:
            entries = dict(list(entries.items())[:room])
        of_kind = self._entries.setdefault((kind.pcr, kind.template.name), {})
        before = len(of_kind)
        of_kind.update(entries)
        self._count += len(of_kind) - before


__all__ = ["MAX_REMEMBERED", "Memory"]
