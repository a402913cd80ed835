# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMA measurement list, binary or ASCII, and what the kernel extended for each entry.

Binary layout: ima_measurements_show() in security/integrity/ima/ima_fs.c; little endian, as on all machines that
this collection manages (``ima_canonical_fmt`` makes others write it too).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import repeat
from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple, NoReturn

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.bank import digests
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.ascii import ascii_lines, looks_ascii
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.codes import CODES
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import (
    MAX_NAME,
    OLD_NAME_SIZE,
    Entry,
    MalformedEntryError,
    Template,
    buffer_digest,
    template_named,
)

FIELD: Final = "ima_log"
MAX_FINDINGS: Final = 100
"""Most findings of one kind that are listed singly; a last one counts the others."""

MAX_ENTRIES: Final = 2_000_000
"""Most entries of one part of a list; a busy node reaches some 100,000 in a boot."""

_HEAD = Struct("<I20sI")  # PCR, SHA-1 of the template data, size of the template's name
_SIZE = Struct("<I")
_OLD_HEAD = Struct("<20sI")  # digest, size of the path
_MAX_PCR = 23
_BUFFER: Final = "ima-buf"
_EXTRA_TEMPLATES: Final = (_BUFFER, "ima-modsig")  # the kernel uses these beside the configured one
_UNKNOWN = bytes(20)
_VIOLATED = b"\xff" * 32
_UNHASHED = b""
_NOTHING_KNOWN: Final[Mapping[bytes, bytes]] = MappingProxyType({})

KnownHashes = Mapping[tuple[int, str], Mapping[bytes, bytes]]
"""PCR and template's name → template data → its SHA-256, of entries that lists of other nodes had."""


class Kind(NamedTuple):
    """What runs of entries share."""

    pcr: int
    template: Template


class Run(NamedTuple):
    """Entries of one kind that follow one another: from the place ``start`` up to, and without, ``stop``."""

    kind: Kind
    start: int
    stop: int


def runs_of(starts: Sequence[tuple[Kind, int]], count: int) -> tuple[Run, ...]:
    """Return the runs that begin at these places in a list of so many entries."""
    stops = [*(start for _kind, start in starts[1:]), count]
    return tuple(Run(kind, start, stop) for (kind, start), stop in zip(starts, stops, strict=False))


@dataclass(frozen=True, eq=False)
class ImaLog:
    """A measurement list, or a part of it.

    The lists run in parallel, one item for each entry. :attr:`entries` tells what they mean; whoever has to be
    fast works on the bytes.

    Attributes:
        numbers: number of each entry in the boot; they go up, and have gaps where entries were left out.
        kinds: PCR and template of each entry.
        data: template data of each entry, as it is hashed.
        hashes: SHA-256 of each entry's template data; all ones for a violation.
        ends: offset behind each entry in the blob.
        violations: places (in these lists) of the entries whose content is unknown.
        wrong_columns: places of the entries whose SHA-1 column is not the hash of their data.
        runs: all entries, by their kinds.
        known: what the list was read with, for :meth:`not_among`.
        fresh: places of the entries that are not in it.
    """

    numbers: Sequence[int]
    kinds: list[Kind]
    data: list[bytes]
    hashes: list[bytes]
    ends: list[int]
    violations: frozenset[int]
    wrong_columns: tuple[int, ...]
    runs: tuple[Run, ...]
    known: KnownHashes | None
    fresh: Sequence[int]

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self.data)

    @cached_property
    def seen(self) -> frozenset[Kind]:
        """Every kind in :attr:`kinds`, once."""
        return frozenset(run.kind for run in self.runs)

    def not_among(self, known: KnownHashes | None) -> Sequence[int]:
        """Return the places, in order, of the entries that were not known; all, unless the list was read with these."""
        return self.fresh if known is not None and known is self.known else range(len(self))

    def entry(self, at: int) -> Entry:
        """Return the entry at a place in these lists.

        Raises:
            EvidenceError: its data does not fit its template.
        """
        kind = self.kinds[at]
        try:
            return kind.template.entry(
                self.numbers[at], kind.pcr, self.data[at], self.hashes[at], violation=at in self.violations
            )
        except MalformedEntryError as error:
            offset = self.ends[at - 1] if at else 0
            raise EvidenceError(FIELD, f"entry {self.numbers[at]} {error}.", offset=offset) from error

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, read.

        Raises:
            EvidenceError: the data of one does not fit its template.
        """
        return tuple(map(self.entry, range(len(self.data))))

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What the list itself tells.

        Raises:
            EvidenceError: the data of an entry that is looked at does not fit its template.
        """
        strange = {kind for kind in self.seen if not kind.template.known}
        moved = {kind for kind in self.seen if kind.pcr != self.kinds[0].pcr}
        buffers = {kind for kind in self.seen if kind.template.name == _BUFFER}
        usual = {*_EXTRA_TEMPLATES, *(kind.template.name for kind in self.kinds[:1])}
        other = {kind for kind in self.seen if kind.template.name not in usual} - strange
        return (
            *self._found("ima_violation", sorted(self.violations)),
            *self._found("ima_template_hash", self.wrong_columns),
            *self._found("ima_unknown_template", self._places(strange)),
            *self._found("ima_other_pcr", self._places(moved)),
            *self._found("ima_other_template", self._places(other)),
            *self._found("ima_buffer_digest", (at for at in self._places(buffers) if _is_no_buffer(self.entry(at)))),
        )

    def _places(self, kinds: set[Kind]) -> Iterable[int]:
        return (at for run in self.runs if run.kind in kinds for at in range(run.start, run.stop))

    def _found(self, code: str, places: Iterable[int]) -> Iterator[Finding]:
        more = 0
        for count, at in enumerate(places):
            if count < MAX_FINDINGS:
                entry = self.entry(at)
                yield Finding(code, CODES[code], entry.index, entry.pcr, printable(entry.path) or None)
            else:
                more += 1
        if more:
            yield Finding(code, f"{CODES[code]} So it is with {more} more entries.")


def parse_ima_log(
    blob: bytes, *, first: int = 0, check_columns: bool = True, known: KnownHashes | None = None, lazy: bool = False
) -> ImaLog:
    """Read a measurement list (``binary_runtime_measurements`` or ``ascii_runtime_measurements``).

    Args:
        blob: the list, or its part from some entry on; binary or ASCII.
        first: number of that entry.
        check_columns: compare the list's SHA-1 column with the data. It costs one more hash for each entry and adds
            nothing to a replay that reaches a quoted SHA-256 PCR: no column is ever trusted.
        known: template hashes of other lists, to save time: their entries are not hashed again.
        lazy: leave the fields of the entries unread until :attr:`ImaLog.entries` or :meth:`ImaLog.entry`.

    Raises:
        EvidenceError: malformed. With ``lazy``, malformed fields are found when they are read.
    """
    lists = _Lists(first, blob, check_columns=check_columns)
    if looks_ascii(blob):
        for line in ascii_lines(blob, FIELD):
            lists.add(Kind(line.pcr, line.template), line.column, line.data, line.end)
    else:
        _read_binary(lists)
    log = lists.log(known)
    if not lazy:
        _entries = log.entries
    return log


def _is_no_buffer(entry: Entry) -> bool:
    """Tell whether an entry surely is no buffer: of a hash that cannot be computed here nothing is sure."""
    return buffer_digest(entry.digest.partition(":")[0], entry.buf) not in {None, entry.digest}


class _Lists:
    """The lists of an :class:`ImaLog` while they grow."""

    def __init__(self, first: int, blob: bytes, *, check_columns: bool) -> None:
        self.first = first
        self.blob = blob
        self.check_columns = check_columns
        self.kinds: list[Kind] = []
        self.data: list[bytes] = []
        self.ends: list[int] = []
        self.violations: list[int] = []
        self.wrong_columns: list[int] = []
        self.starts: list[tuple[Kind, int]] = []

    def add(self, kind: Kind, column: bytes, item: bytes, end: int) -> None:
        """Add one entry."""
        self.check_room(self.ends[-1] if self.ends else 0)
        if kind.pcr > _MAX_PCR:
            self.fail(f"is of PCR {kind.pcr}, which no TPM has", self.ends[-1] if self.ends else 0)
        if column == _UNKNOWN:
            self.violations.append(len(self.data))
        self.data.append(item)
        self.ends.append(end)
        self._ran(kind)
        self._check_column(len(self.data) - 1, column)

    def run(self, kind: Kind, tag: bytes, at: int) -> int:
        """Add entries for as long as they have this PCR and template; return the offset of the first other one.

        Entries of one kind follow one another for most of a list, so their heads are read by one prepared
        structure, and nothing in the loop is a function of ours: its speed is that of the whole appraisal.
        """
        blob, end = self.blob, len(self.blob)
        head = _run_head(len(tag))
        unpack, head_size, wanted_pcr = head.unpack_from, head.size, kind.pcr
        add_data, add_end = self.data.append, self.ends.append
        begin, before, last = at, len(self.data), end - head_size
        for _index in range(MAX_ENTRIES - before):
            if at > last:
                break
            pcr, column, its_tag, size = unpack(blob, at)
            if its_tag != tag or pcr != wanted_pcr:
                break
            start = at + head_size
            at = start + size
            if at > end:
                self.fail(f"wants {size} bytes where {end - start} remain", start)
            if column == _UNKNOWN:
                self.violations.append(len(self.data))
            add_data(blob[start:at])
            add_end(at)
        self._ran(kind)
        if self.check_columns:
            for place, offset in enumerate([begin, *self.ends[before:-1]], before):
                self._check_column(place, blob[offset + 4 : offset + 24])
        return at

    def log(self, known: KnownHashes | None) -> ImaLog:
        """Return the lists, hashed."""
        runs = runs_of(self.starts, len(self.data))
        hashes, fresh = _hashed(self.data, runs, known)
        for at in self.violations:
            hashes[at] = _VIOLATED
        return ImaLog(
            numbers=range(self.first, self.first + len(self.data)),
            kinds=self.kinds,
            data=self.data,
            hashes=hashes,
            ends=self.ends,
            violations=frozenset(self.violations),
            wrong_columns=tuple(self.wrong_columns),
            runs=runs,
            known=known,
            fresh=fresh,
        )

    def _ran(self, kind: Kind) -> None:
        """Note that the data added last is of a kind."""
        if not self.kinds or self.kinds[-1] != kind:
            self.starts.append((kind, len(self.kinds)))
        self.kinds += [kind] * (len(self.data) - len(self.kinds))

    def _check_column(self, place: int, column: bytes) -> None:
        if not self.check_columns or column == _UNKNOWN:
            return
        if hashlib.sha1(self.data[place], usedforsecurity=False).digest() != column:
            self.wrong_columns.append(place)

    def check_room(self, at: int) -> None:
        """Raise an EvidenceError where no further entry is accepted."""
        if len(self.data) >= MAX_ENTRIES:
            self.fail(f"is beyond the limit of {MAX_ENTRIES} entries in one part", at)

    def fail(self, cause: str, at: int) -> NoReturn:
        """Raise an EvidenceError about the next entry."""
        raise EvidenceError(FIELD, f"entry {self.first + len(self.data)} {cause}.", offset=at)


def _hashed(data: list[bytes], runs: tuple[Run, ...], known: KnownHashes | None) -> tuple[list[bytes], Sequence[int]]:
    """Return the SHA-256 of all data, and the places of what is not known."""
    if not known:
        return digests("sha256", data), range(len(data))
    hashes: list[bytes] = []
    fresh: list[int] = []
    for run in runs:
        of_kind = known.get((run.kind.pcr, run.kind.template.name), _NOTHING_KNOWN)
        found = list(map(of_kind.get, data[run.start : run.stop], repeat(_UNHASHED)))
        unknown = [at for at, digest in enumerate(found, run.start) if digest is _UNHASHED]
        hashes += found
        for at, digest in zip(unknown, digests("sha256", (data[at] for at in unknown)), strict=True):
            hashes[at] = digest
        fresh += unknown
    return hashes, fresh


def _read_binary(lists: _Lists) -> None:
    blob, at = lists.blob, 0
    while at < len(blob):
        lists.check_room(at)
        if at + _HEAD.size > len(blob):
            lists.fail(f"ends after {len(blob) - at} bytes of its head", at)
        pcr, column, name_size = _HEAD.unpack_from(blob, at)
        start = at + _HEAD.size
        if name_size > MAX_NAME or start + name_size + _SIZE.size > len(blob):
            lists.fail(f"has a template name of {name_size} bytes", at)
        if pcr > _MAX_PCR:
            lists.fail(f"is of PCR {pcr}, which no TPM has", at)
        try:
            kind = Kind(pcr, template_named(blob[start : start + name_size]))
        except MalformedEntryError as error:
            lists.fail(str(error), at)
        if kind.template.old:
            at = _add_old(lists, kind, column, start + name_size)
        else:
            at = lists.run(kind, blob[start - 4 : start + name_size], at)


def _add_old(lists: _Lists, kind: Kind, column: bytes, at: int) -> int:
    """Add an entry of the template ``ima``, which has no size, a bare digest and a path without end."""
    blob, start = lists.blob, at + _OLD_HEAD.size
    if start > len(blob):
        lists.fail(f"ends after {len(blob) - at} bytes of its digest and path", at)
    digest: bytes
    size: int
    digest, size = _OLD_HEAD.unpack_from(blob, at)
    if size >= OLD_NAME_SIZE or start + size > len(blob):
        lists.fail(f"has a path of {size} bytes where {min(OLD_NAME_SIZE - 1, len(blob) - start)} are possible", at)
    lists.add(kind, column, digest + blob[start : start + size].ljust(OLD_NAME_SIZE, b"\0"), start + size)
    return start + size


@lru_cache(maxsize=MAX_NAME + 8)
def _run_head(tag_size: int) -> Struct:
    """Return the structure of an entry's head: PCR, SHA-1, size of the name and name as one tag, size of the data."""
    return Struct(f"<I20s{tag_size}sI")


__all__ = ["MAX_ENTRIES", "MAX_FINDINGS", "ImaLog", "Kind", "KnownHashes", "Run", "parse_ima_log", "runs_of"]
