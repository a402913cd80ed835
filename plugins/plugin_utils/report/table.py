# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for a terminal: columns as wide as they need to be, cut where the line would be too long.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable

WIDTH: Final = 72
"""Columns of the terminal that a table may use: 80, less the indentation of a task's message."""

_LAST: Final = 12
_GAP: Final = "  "


def table(head: Sequence[str], rows: Sequence[Sequence[object]], width: int = WIDTH) -> str:
    """Return rows under a head as lines of text; cells are made printable.

    Args:
        head: names of the columns, few and short enough for their first letters to fit into the width.
        rows: as many cells each as the head has; the last cell takes what is left of the line.
        width: longest line, in columns of the terminal.
    """
    cells = [list(head)] + [[printable(cell, 500) for cell in row] for row in rows]
    needed = [max(columns(cell) for cell in column) for column in zip(*cells, strict=True)]
    *widths, last = needed
    room = width - len(_GAP) * len(widths)
    widths = _narrowed(widths, room - min(last, _LAST))
    widths.append(room - sum(widths))
    return "\n".join(
        _GAP.join(_fitted(text, size) for text, size in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def paragraph(text: object, width: int = WIDTH) -> str:
    """Return a text as lines that fit, all but the first indented; it is made printable and bounded."""
    lines = []
    rest, indent = printable(text, 1000), ""
    while columns(indent + rest) > width:
        start = _cut(rest, width - len(indent))
        start = start[: start.rfind(" ") + 1] or start
        lines.append((indent + start).rstrip())
        rest, indent = rest[len(start) :].lstrip(), "  "
    return "\n".join([*lines, indent + rest])


def columns(text: str) -> int:
    """Return how many columns of a terminal a printable text takes (Unicode Standard Annex 11)."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def _narrowed(widths: list[int], room: int) -> list[int]:
    """Return the widths with the widest taken down to a common one, so that all fit into the room."""
    limit = max(widths, default=0)
    while limit > 1 and sum(min(size, limit) for size in widths) > room:
        limit -= 1
    return [min(size, limit) for size in widths]


def _fitted(text: str, size: int) -> str:
    """Return a text of exactly so many columns: filled up, or cut and ended with ``…``."""
    if columns(text) > size:
        text = _cut(text, size - 1) + "…"
    return text + " " * (size - columns(text))


def _cut(text: str, size: int) -> str:
    taken = 0
    for position, character in enumerate(text):
        taken += _columns(character)
        if taken > size:
            return text[:position]
    return text


__all__ = ["WIDTH", "columns", "paragraph", "table"]
