# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a measured file is, compared with Reference Values: by path and digest together.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import FileIndex
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import Entry

BOOT_AGGREGATE: Final = "boot_aggregate"
IMA_POLICY: Final = "/etc/ima/ima-policy"
_EXECUTE: Final = 0o111


class Match(Enum):
    """How a path and digest stand to the Reference Values."""

    KNOWN = "known"
    MOVED = "moved"
    """Known content, at a path that is not known."""
    MODIFIED = "modified"
    """Known path, with content that is not known there."""
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    """Known to a document that has expired, and to none that counts."""
    UNDECIDED = "undecided"
    """No document counts, or none has a digest of this algorithm: for the path or, where that is not known, at all."""


def match(path: str, digest: str, index: FileIndex, aliases: Mapping[str, str]) -> Match:
    """Compare one file with Reference Values.

    Args:
        path: as measured.
        digest: ``algorithm:hex`` as measured.
        index: what is known.
        aliases: directory → the directory that it is another name of.
    """
    if (path, digest) in index.pairs:
        return Match.KNOWN
    others = tuple(other_names(path, aliases))
    if any((other, digest) in index.pairs for other in others):
        return Match.KNOWN
    if any((name, digest) in index.expired for name in (path, *others)):
        return Match.EXPIRED
    comparable = index.algorithms.get(digest.rpartition(":")[0])
    if not index.usable or comparable is None:
        return Match.UNDECIDED
    if any(name in index.paths for name in (path, *others)):
        return Match.MODIFIED if any(name in comparable for name in (path, *others)) else Match.UNDECIDED
    return Match.MOVED if digest in index.places else Match.UNKNOWN


def other_names(path: str, aliases: Mapping[str, str]) -> Iterator[str]:
    """Yield the other names of a path: its directory's real name, or those that the real name has besides."""
    for alias, real in aliases.items():
        if path.startswith(alias + "/"):
            yield real + path[len(alias) :]
        elif real and path.startswith(real + "/"):
            yield alias + path[len(real) :]


def executable(entry: Entry) -> bool:
    """Tell whether a file may be executed; a template without modes says that any may."""
    return entry.imode is None or bool(entry.imode & _EXECUTE)


def is_file(entry: Entry) -> bool:
    """Tell whether an entry measures a file's content, and not a key, a command line or the boot PCRs.

    No PCR covers the template's name, so its word is not enough: a buffer's digest is that of the buffer beside it
    (process_buffer_measurement() in security/integrity/ima/ima_main.c). The boot PCRs are the first entry alone.
    Of a violation no PCR covers any field: whatever it claims to be, only a file can have been written to.
    """
    if entry.violation:
        return True
    if entry.index == 0 and entry.path == BOOT_AGGREGATE:
        return False
    return not entry.is_buffer


def nameless(path: str) -> bool:
    """Tell whether a path names no file at all: memory files (memfd_create(2)), deleted files."""
    return not path.startswith("/") or path.endswith("_(deleted)")


def under(path: str, places: tuple[str, ...]) -> bool:
    """Tell whether a path is one of the places, or below one that ends in ``/``."""
    return any(path == place or (place.endswith("/") and path.startswith(place)) for place in places)


__all__ = [
    "BOOT_AGGREGATE",
    "IMA_POLICY",
    "Match",
    "executable",
    "is_file",
    "match",
    "nameless",
    "other_names",
    "under",
]
