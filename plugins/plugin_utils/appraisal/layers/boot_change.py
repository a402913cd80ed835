# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of the boot chain told once: another kernel is another program, file, command and command line.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final, NamedTuple

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.layers.boot_events import BootEvent
from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.verdict import LayerFinding
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.reference.index import BootIndex

CHANGES: Final = ("unknown_boot_application", "unknown_boot_file", "unknown_boot_command")
"""Codes of what changes together; the first is the root of the others. Machine owner keys change by themselves."""

_COMPARED: Final = 8
_CANDIDATES: Final = 256
_COMPARED_TEXT: Final = 160
"""What is compared to find what an event replaces, since a node may claim thousands of long names: so many events, so
many known ones for each, so many characters."""
_SHOWN: Final = 19
_ALIKE: Final = 0.5


class Change(NamedTuple):
    """An event that is not known, and the finding that it would be by itself."""

    event: BootEvent
    finding: LayerFinding


def one_change(
    changes: Sequence[Change], events: Sequence[BootEvent], references: BootIndex, bank: str
) -> Iterator[LayerFinding]:
    """Yield one finding with the weight of the whole change, then its parts, which weigh nothing, the gravest first.

    The root is the event of the gravest kind: a program before a file before a command. What it replaces is told
    where Reference Values know something alike that did not happen.

    Args:
        changes: events that are not known, in the log's order.
        events: all boot events of the log.
        references: known boot events.
        bank: bank of the digests.
    """
    if not changes:
        return
    root, *others = sorted(changes, key=lambda change: CHANGES.index(change.finding.code))
    happened = {(e.pcr, key) for e in events for key in (e.digest, e.text)}
    absent = {key: what for key, what in references.what.items() if key not in happened}
    told = _with_old(root, absent, bank)
    claims = dict.fromkeys(change.finding.claim for change in others if change.finding.claim is not None)
    also = tuple(claim for claim in claims if claim is not told.claim)
    yield replace(told, message=f"{told.message}{_together(others)}", also=also)
    for at, change in enumerate(others):
        part = _with_old(change, absent, bank) if at < _COMPARED else change.finding
        yield replace(part, message=f"{part.message} It is part of the change at event {root.event.index}.", claim=None)


def _with_old(change: Change, absent: Mapping[tuple[int, str], str], bank: str) -> LayerFinding:
    """Return the finding with what the event seems to replace: by name, or by text, which only people judge."""
    event, finding = change
    wanted = (event.text or event.name)[:_COMPARED_TEXT]
    names = {key: what for (pcr, key), what in absent.items() if pcr == event.pcr}
    called = {key: (what if key.startswith(f"{bank}:") else key)[:_COMPARED_TEXT] for key, what in names.items()}
    near = difflib.get_close_matches(wanted, islice(called.values(), _CANDIDATES), 1, _ALIKE) if wanted else []
    old = next((key for key, name in called.items() if near and name == near[0]), None)
    if old is None:
        return replace(finding, message=f"{finding.message} Its digest is {_short(event.digest)}.")
    known = printable(called[old]) + (f" ({_short(old)})" if old.startswith(f"{bank}:") else "")
    return replace(finding, message=f"{finding.message} Its digest is {_short(event.digest)}; known is {known}.")


def _together(others: Sequence[Change]) -> str:
    if not others:
        return ""
    counts = sorted(Counter(change.event.pcr for change in others).items())
    where = ", ".join(f"{count} in PCR {pcr}" for pcr, count in counts)
    return f" {len(others)} more boot events changed with it: {where}."


def _short(digest: str) -> str:
    return f"{digest[:_SHOWN]}…"


__all__ = ["CHANGES", "Change", "one_change"]
