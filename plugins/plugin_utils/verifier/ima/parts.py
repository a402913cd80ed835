# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a measurement list: put together, and some of their entries written down as a list again.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.log import ImaLog, runs_of

_HEAD = Struct("<I20sI")  # PCR, column, size of the template's name
_SIZE = Struct("<I")
_OLD_DIGEST: Final = 20
_VIOLATION: Final = bytes(20)
_NO_COLUMN: Final = b"\xff" * 20


def joined(before: ImaLog, part: ImaLog) -> ImaLog:
    """Return one list of the entries of two, of which the second has the higher numbers.

    Offsets are the part's; what comes before it has none.
    """
    shift = len(before)
    if not shift:
        return part
    starts = [(run.kind, run.start) for run in before.runs]
    further = [(run.kind, run.start + shift) for run in part.runs]
    starts += further[1:] if further and further[0][0] == starts[-1][0] else further
    return ImaLog(
        numbers=[*before.numbers, *part.numbers],
        kinds=before.kinds + part.kinds,
        data=before.data + part.data,
        hashes=before.hashes + part.hashes,
        ends=[0] * shift + part.ends,
        violations=before.violations.union(at + shift for at in part.violations),
        wrong_columns=(*before.wrong_columns, *(at + shift for at in part.wrong_columns)),
        runs=runs_of(starts, shift + len(part)),
        known=part.known,
        fresh=[*range(shift), *(at + shift for at in part.fresh)],
    )


def chosen(log: ImaLog, places: Sequence[int]) -> ImaLog:
    """Return a list of the entries at these places alone, which go up."""
    kinds = [log.kinds[at] for at in places]
    starts = [(kind, at) for at, kind in enumerate(kinds) if not at or kinds[at - 1] != kind]
    wrong = frozenset(log.wrong_columns)
    return ImaLog(
        numbers=[log.numbers[at] for at in places],
        kinds=kinds,
        data=[log.data[at] for at in places],
        hashes=[log.hashes[at] for at in places],
        ends=[log.ends[at] for at in places],
        violations=frozenset(at for at, place in enumerate(places) if place in log.violations),
        wrong_columns=tuple(at for at, place in enumerate(places) if place in wrong),
        runs=runs_of(starts, len(kinds)),
        known=None,
        fresh=range(len(kinds)),
    )


def written(log: ImaLog, places: Iterable[int]) -> bytes:
    """Return the entries at these places as a binary list, for :func:`.log.parse_ima_log` to read again.

    The SHA-1 column only tells violations from other entries: it has no use but that, and does not compress.
    """
    entries = []
    for at in places:
        (pcr, template), data = log.kinds[at], log.data[at]
        name = template.name.encode("ascii")
        column = _VIOLATION if at in log.violations else _NO_COLUMN
        entries.append(_HEAD.pack(pcr, column, len(name)) + name)
        if template.old:
            path = data[_OLD_DIGEST:].rstrip(b"\0")
            entries += [data[:_OLD_DIGEST], _SIZE.pack(len(path)), path]
        else:
            entries += [_SIZE.pack(len(data)), data]
    return b"".join(entries)


__all__ = ["chosen", "joined", "written"]
