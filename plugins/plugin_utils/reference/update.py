# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a Reference Value document in the place of an older one, at once or with a window in which both count.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.document import (
    ReferenceDocument,
    expire,
    load,
    to_plain,
    write,
)

SHOWN: Final = 200
"""Most values that a summary of changes shows on either side."""

_SAME: Final = ("name", "kind", "source", "files", "events", "texts", "modules", "packages")
_OVERLAP: Final = re.compile(r"([0-9]{1,9})\s*([smhd]?)")
_UNITS: Final = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_LONGEST: Final = timedelta(days=3650)
_MERGED: Final = ("/bin/", "/sbin/", "/lib/", "/lib32/", "/lib64/", "/libx32/")

Items = Mapping[str, tuple[str, ...]]
"""Path, boot event, text or module → its accepted values."""


@dataclass(frozen=True, slots=True)
class Update:
    """What putting a document at a path means.

    Attributes:
        document: the new one.
        path: where it goes.
        needed: whether the file there has other values, or an end.
        before: values that the file there has.
        after: values that the new document has.
        older: (path, document) of the older ones as they are to be written: with an end, or with fewer values.
    """

    document: ReferenceDocument
    path: Path
    needed: bool
    before: Items
    after: Items
    older: tuple[tuple[Path, ReferenceDocument], ...] = ()

    @property
    def added(self) -> tuple[str, ...]:
        """What only the new document knows."""
        return tuple(sorted(self.after.keys() - self.before.keys()))

    @property
    def removed(self) -> tuple[str, ...]:
        """What only the older document knows."""
        return tuple(sorted(self.before.keys() - self.after.keys()))

    @property
    def changed(self) -> tuple[str, ...]:
        """What both know, by different values."""
        return tuple(sorted(key for key in self.before.keys() & self.after.keys() if self._differs(key)))

    def _differs(self, key: str) -> bool:
        return self.before.get(key) != self.after.get(key)

    def summary(self) -> tuple[str, str]:
        """Return the values that differ, before and after, as lines of text; :data:`SHOWN` of each at most."""
        keys = sorted(key for key in self.before.keys() | self.after.keys() if self._differs(key))
        return _text(self.before, keys), _text(self.after, keys)


def overlap_of(text: str) -> timedelta:
    """Read for how long old and new values count: ``90``, ``90s``, ``30m``, ``12h``, ``7d``.

    Raises:
        ReferenceValueError: it is no duration, or longer than ten years.
    """
    match = _OVERLAP.fullmatch(text)
    overlap = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else timedelta.max
    if overlap > _LONGEST:
        raise ReferenceValueError("overlap", f"{printable(text)!r} is no duration.", "write 90s, 30m, 12h or 7d.")
    return overlap


def plan_update(
    document: ReferenceDocument,
    path: Path,
    overlap: timedelta | None = None,
    replaces: Iterable[Path] = (),
) -> Update:
    """Return what putting a document at a path means; nothing is written.

    A file that holds no document is replaced: to make it again is what its own error advises.

    Args:
        document: the new one.
        path: where it goes.
        overlap: for how long, from the new one's time on, the values that it replaces still count: those of the
            document there, which is kept beside it, and of ``replaces``. None forgets the document there.
        replaces: further documents whose values are replaced. One of packages replaces those of its own paths
            alone, any other replaces all.

    Raises:
        ReferenceValueError: a document of ``replaces`` cannot be read, or the one there describes something else.
    """
    try:
        known = load(path)
    except ReferenceValueError:
        known = None
    needed = known is None or known.expires is not None or not _same(known, document)
    older: list[tuple[Path, ReferenceDocument]] = []
    if overlap is not None:
        end = document.created + overlap
        if known and not _same(known, document):
            older.append(_aside(known, document, path, end))
        for other in replaces:
            if other.resolve() == path.resolve():
                continue
            older.extend(_replaced(load(other), document, other, end))
    return Update(document, path, needed, _items(known) if known else {}, _items(document), tuple(older))


def carry_out(update: Update) -> None:
    """Write what is needed, in an order that leaves no value unknown; a run that is cut short is made good by the next.

    Raises:
        ReferenceValueError: a file cannot be written.
    """
    for path, document in update.older:
        if document.expires is not None:
            write(document, path)
    if update.needed:
        write(update.document, update.path)
    for path, document in update.older:
        if document.expires is None:
            write(document, path)


def _same(known: ReferenceDocument, document: ReferenceDocument) -> bool:
    return all(getattr(known, key) == getattr(document, key) for key in _SAME)


def _aside(
    known: ReferenceDocument, document: ReferenceDocument, path: Path, end: datetime
) -> tuple[Path, ReferenceDocument]:
    """Return the document that was at the path, with an end and another file name."""
    if (known.name, known.kind) != (document.name, document.kind):
        raise ReferenceValueError(
            str(path),
            f"holds {known.kind} {printable(known.name)!r}, which {document.kind} {printable(document.name)!r} is no "
            "newer version of.",
            "choose another dest, or leave overlap out to replace it at once.",
        )
    return _beside(path, known), expire(known, end)


def _replaced(
    known: ReferenceDocument, document: ReferenceDocument, path: Path, end: datetime
) -> Iterator[tuple[Path, ReferenceDocument]]:
    """Yield a document whose values are replaced as it is to be written, and what is split off from it."""
    if known.kind != document.kind:
        raise ReferenceValueError(
            str(path), f"is of kind {known.kind}, which kind {document.kind} does not replace.", "check replaces."
        )
    if not document.packages:
        ended = expire(known, end)
        if ended.expires != known.expires:
            yield path, ended
        return
    if known.expires is not None:
        return
    new = {_merged(file): digests for file, digests in document.files.items()}
    old: dict[str, tuple[str, ...]] = {}
    kept: dict[str, tuple[str, ...]] = {}
    for file, digests in known.files.items():
        past = _past(digests, new.get(_merged(file), digests))
        for part, of_part in ((old, past), (kept, tuple(d for d in digests if d not in past))):
            if of_part:
                part[file] = of_part
    if old:
        split = replace(known, files=old, packages=())
        yield _beside(path, split), expire(split, end)
        yield path, replace(known, files=kept)


def _past(known: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Return the digests that no longer hold; those of an unchanged file by an algorithm that the new ones lack do."""
    same = any(digest in new for digest in known)
    algorithms = {digest.rpartition(":")[0] for digest in new}
    return tuple(d for d in known if d not in new and not (same and d.rpartition(":")[0] not in algorithms))


def _merged(path: str) -> str:
    """Return a path as a host has it whose ``/bin``, ``/sbin`` and ``/lib*`` are links to those of ``/usr``."""
    return f"/usr{path}" if path.startswith(_MERGED) else path


def _beside(path: Path, document: ReferenceDocument) -> Path:
    """Return where an older document goes: the same name for the same values, whenever they were made or end."""
    plain = to_plain(replace(document, expires=None)) | {"created": None}
    identity = hashlib.sha256(json.dumps(plain, sort_keys=True).encode("utf-8")).hexdigest()
    return path.with_name(f"{path.stem}.old-{identity[:12]}.json")


def _items(document: ReferenceDocument) -> dict[str, tuple[str, ...]]:
    items: dict[str, tuple[str, ...]] = dict(document.files)
    for event in document.events:
        key = f"PCR {event.pcr} {event.what}"
        items[key] = items.get(key, ()) + event.digests
    for text in document.texts:
        key = f"PCR {text.pcr} text of {text.what}"
        items[key] = (*items.get(key, ()), text.text)
    return items | {f"module {name}": () for name in document.modules}


def _text(items: Items, keys: list[str]) -> str:
    lines = (" ".join(map(printable, (key, *items[key]))) for key in keys if key in items)
    shown = list(islice(lines, SHOWN))
    left = sum(key in items for key in keys) - len(shown)
    return "".join(f"{line}\n" for line in [*shown, *([f"and {left} more"] if left else [])])


__all__ = ["SHOWN", "Update", "carry_out", "overlap_of", "plan_update"]
