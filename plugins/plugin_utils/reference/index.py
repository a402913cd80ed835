# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference Values as the appraisal looks them up: one set membership per log entry.

Built once per run and shared by all nodes that have the same Reference Values.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import ReferenceDocument, from_plain
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.initrd import is_module
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.policy import POLICY_PATH

Pairs = frozenset[tuple[str, str]]

_SHA256: Final = (40).to_bytes(4, "little") + b"sha256:\0"


@dataclass(frozen=True, slots=True)
class FileIndex:
    """Known files of a host or an SC, of all documents that count now, and of those that no longer do.

    Attributes:
        pairs: (path, ``algorithm:hex``) that are known now.
        paths: paths that are known now.
        places: digest → one path that has it now.
        algorithms: algorithms that digests are known in now, ``sha256`` or ``verity:sha256``, each to the paths that
            have one in it.
        expired: (path, digest) that only an expired document knows.
        past: digests that only an expired document knows.
        names: documents that count now.
        ended: documents that have expired.
        prefixes: ``pairs`` of SHA-256 as the bytes with which an IMA entry begins that has the fields ``d-ng`` and
            ``n-ng`` first: most entries of a list are found there without being read field by field. Kernel modules
            and the IMA policy are left out: more is asked of their measurements than whether they are known.
    """

    pairs: Pairs = frozenset()
    paths: frozenset[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)
    algorithms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    expired: Pairs = frozenset()
    past: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    prefixes: frozenset[bytes] = field(default=frozenset(), repr=False)

    @property
    def usable(self) -> bool:
        """Whether any document counts now: without one, an unknown file says nothing."""
        return bool(self.names)


@dataclass(frozen=True, slots=True)
class BootIndex:
    """Known boot events and texts.

    Attributes:
        events: (pcr, digest) that are known now.
        texts: (pcr, text) that are known now.
        covered: PCRs that the documents which count now speak of, in whatever bank.
        what: (pcr, digest or text) → what it is, for people, of those that are known now.
        modules: kernel modules inside initial RAM disks, expired ones too, by name with ``_`` for ``-``.
        expired: (pcr, digest or text) that only an expired document knows.
        names: documents that count now.
        ended: documents that have expired.
    """

    events: frozenset[tuple[int, str]] = frozenset()
    texts: frozenset[tuple[int, str]] = frozenset()
    covered: frozenset[int] = frozenset()
    what: Mapping[tuple[int, str], str] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()
    expired: frozenset[tuple[int, str]] = frozenset()
    names: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()

    def covered_in(self, bank: str) -> frozenset[int]:
        """Return the PCRs of which the documents that count now speak in a bank; a text is known in all."""
        return frozenset(pcr for pcr, digest in self.events if digest.startswith(f"{bank}:")) | frozenset(
            pcr for pcr, _text in self.texts
        )


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """All Reference Values of an appraisal.

    Attributes:
        host: files of the host image.
        boot: boot events and texts.
        sc: SC name → files of its image.
        until: when the first of the documents that count now no longer does; None for never.
    """

    host: FileIndex
    boot: BootIndex
    sc: Mapping[str, FileIndex]
    until: datetime | None = None

    @classmethod
    def from_plain(cls, plain: object, now: datetime) -> ReferenceSet:
        """Index documents.

        Args:
            plain: ``{"host": [document, ...], "boot": [...], "sc": {name: [document, ...]}}``; a document is
                plain data or a :class:`~.document.ReferenceDocument`. A ReferenceSet is returned as it is.
            now: time that decides which documents count.

        Raises:
            ReferenceValueError: a key is unknown, or a document is not valid or of another kind.
        """
        if isinstance(plain, ReferenceSet):
            return plain
        if not isinstance(plain, Mapping):
            raise ReferenceValueError("reference values", f"must be a mapping, not {type(plain).__name__}.")
        for key in plain:
            if key not in _KINDS:
                raise ReferenceValueError(
                    "reference values", f"has an unknown key {printable(key)!r}.", f"use {', '.join(_KINDS)}."
                )
        of_scs = plain.get("sc") or {}
        if not isinstance(of_scs, Mapping):
            raise ReferenceValueError("reference values, sc", "must be a mapping of SC name to documents.")
        boot = _documents(plain.get("boot"), "boot", "reference values, boot")
        host = _documents(plain.get("host"), "host", "reference values, host")
        scs = {
            str(name): _documents(docs, "sc", f"reference values, sc, {printable(name)}")
            for name, docs in of_scs.items()
        }
        ends = (document.expires for document in chain(boot, host, *scs.values()) if document.current(now))
        return cls(
            host=index_files(host, now, boot),
            boot=index_boot(boot, now),
            sc={name: index_files(documents, now) for name, documents in scs.items()},
            until=min((end for end in ends if end is not None), default=None),
        )


_KINDS: Final = ("host", "boot", "sc")


def index_files(
    documents: Iterable[ReferenceDocument], now: datetime, boot: Iterable[ReferenceDocument] = ()
) -> FileIndex:
    """Index the files of documents of one host or SC.

    Args:
        documents: the host's or SC's documents.
        now: time that decides which of them count.
        boot: documents of the host's boot chain, whose initial RAM disks' files are the host's too.
    """
    current, ended = _divide(documents, now)
    booted, past = _divide(boot, now)
    pairs = _pairs([*current, *booted])
    places: dict[str, str] = {}
    for path, digest in pairs:
        if digest not in places or path < places[digest]:
            places[digest] = path
    expired = _pairs([*ended, *past]) - pairs
    paths = frozenset(path for path, _digest in pairs)
    return FileIndex(
        pairs=pairs,
        paths=paths,
        places=places,
        algorithms=_by_algorithm(pairs, paths),
        expired=expired,
        past=frozenset(digest for _path, digest in expired if digest not in places),
        names=tuple(d.name for d in current),
        ended=tuple(d.name for d in ended),
        prefixes=frozenset(
            entry_prefix(path, digest)
            for path, digest in pairs
            if digest.startswith("sha256:") and path != POLICY_PATH and not is_module(path)
        ),
    )


def _by_algorithm(pairs: Pairs, paths: frozenset[str]) -> dict[str, frozenset[str]]:
    algorithms = {digest.rpartition(":")[0] for _path, digest in pairs}
    if len(algorithms) == 1:
        return dict.fromkeys(algorithms, paths)
    return {
        algorithm: frozenset(path for path, digest in pairs if digest.rpartition(":")[0] == algorithm)
        for algorithm in algorithms
    }


def entry_prefix(path: str, digest: str) -> bytes:
    """Return the bytes of the fields ``d-ng`` and ``n-ng`` of a measurement (ima_template_lib.c)."""
    name = path.encode("utf-8", "surrogatepass") + b"\0"
    return _SHA256 + bytes.fromhex(digest[7:]) + len(name).to_bytes(4, "little") + name


def index_boot(documents: Iterable[ReferenceDocument], now: datetime) -> BootIndex:
    """Index boot events and texts."""
    current, ended = _divide(documents, now)
    events, texts = _events(current), _texts(current)
    return BootIndex(
        events=events,
        texts=texts,
        covered=frozenset(pcr for pcr, _value in events | texts),
        what=_named(current),
        modules=frozenset(name for d in (*current, *ended) for name in d.modules),
        expired=(_events(ended) | _texts(ended)) - events - texts,
        names=tuple(d.name for d in current),
        ended=tuple(d.name for d in ended),
    )


def _documents(value: object, kind: str, where: str) -> list[ReferenceDocument]:
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise ReferenceValueError(where, "must be a list of documents.")
    documents = [from_plain(d, f"{where}[{i}]") for i, d in enumerate(value)]
    for i, document in enumerate(documents):
        if document.kind != kind:
            raise ReferenceValueError(f"{where}[{i}]", f"is of kind {document.kind!r}, not {kind!r}.")
    return documents


def _divide(
    documents: Iterable[ReferenceDocument], now: datetime
) -> tuple[list[ReferenceDocument], list[ReferenceDocument]]:
    current: list[ReferenceDocument] = []
    ended: list[ReferenceDocument] = []
    for document in documents:
        (current if document.current(now) else ended).append(document)
    return current, ended


def _pairs(documents: list[ReferenceDocument]) -> Pairs:
    return frozenset(
        (as_measured(path), digest) for d in documents for path, digests in d.files.items() for digest in digests
    )


def as_measured(path: str) -> str:
    """Return a path as the kernel writes it (ima_template_lib.c, ima_write_template_field_data)."""
    return path.replace(" ", "_")


def _events(documents: list[ReferenceDocument]) -> frozenset[tuple[int, str]]:
    return frozenset((e.pcr, digest) for d in documents for e in d.events for digest in e.digests)


def _named(documents: list[ReferenceDocument]) -> dict[tuple[int, str], str]:
    of_texts = {(t.pcr, t.text): t.what for d in documents for t in d.texts}
    return of_texts | {(e.pcr, digest): e.what for d in documents for e in d.events for digest in e.digests}


def _texts(documents: list[ReferenceDocument]) -> frozenset[tuple[int, str]]:
    return frozenset((t.pcr, t.text) for d in documents for t in d.texts)


__all__ = [
    "BootIndex",
    "FileIndex",
    "Pairs",
    "ReferenceSet",
    "as_measured",
    "entry_prefix",
    "index_boot",
    "index_files",
]
