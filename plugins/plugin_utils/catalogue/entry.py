# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading one mapping of a catalogue file, key by key: a fault names the file, the key and the nearest word.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name

TEXT_LIMIT: Final = 1024
ITEMS_LIMIT: Final = 256
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping: ``data`` has only keys that it may have, and all that it must have; ``where`` names it."""

    data: Mapping[str, Any]
    where: str

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self.data

    def at(self, key: str) -> str:
        """Return the name of a key's value, for errors."""
        return f"{self.where}, {key}"

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        return _text(self.data[key], self.at(key))

    def prose(self, key: str) -> str:
        """Return a text whose line ends count as spaces."""
        value = self.data[key]
        return _text(" ".join(value.split()) if isinstance(value, str) else value, self.at(key))

    def name(self, key: str) -> str:
        """Return a name as :func:`~..names.is_name` accepts it."""
        value = self.text(key)
        if not is_name(value):
            raise CatalogueError(self.at(key), f"{shown(value)} is not a name.", RULE)
        return value

    def choice(self, key: str, choices: Sequence[str]) -> str:
        """Return one of these texts."""
        return chosen(self.text(key), choices, self.at(key))

    def number(self, key: str, low: int, high: int) -> int:
        """Return an integer within bounds."""
        value = self.data[key]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise CatalogueError(self.at(key), f"must be an integer from {low} to {high}, not {shown(value)}.")
        return value

    def entry(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> Entry:
        """Return a mapping."""
        return read(self.data[key], self.at(key), required, optional)

    def entries(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> list[Entry]:
        """Return a list of mappings."""
        return [read(item, where, required, optional) for item, where in self._items(key)]

    def texts(self, key: str, check: Callable[[str, str], str]) -> tuple[str, ...]:
        """Return a list of texts without repetition, none where the key is not there.

        Args:
            key: the key.
            check: gets each text and its name for errors, and returns it as it counts.
        """
        if not self.has(key):
            return ()
        values = tuple(check(_text(item, where), where) for item, where in self._items(key))
        unique(values, self.at(key))
        return values

    def _items(self, key: str) -> list[tuple[Any, str]]:
        value = self.data[key]
        if not isinstance(value, (list, tuple)):
            raise CatalogueError(self.at(key), f"must be a list, not {shown(value)}.")
        if len(value) > ITEMS_LIMIT:
            raise CatalogueError(self.at(key), f"has more than {ITEMS_LIMIT} items.")
        return [(item, f"{self.where}, {key}[{number}]") for number, item in enumerate(value)]


def read(data: Any, where: str, required: Iterable[str], optional: Iterable[str] = ()) -> Entry:
    """Return a mapping that has every required key and no unknown one.

    Raises:
        CatalogueError: it is no mapping, a key is unknown, or one is missing.
    """
    if not isinstance(data, Mapping):
        raise CatalogueError(where, f"must be a mapping, not {shown(data)}.")
    needed = list(required)
    known = needed + list(optional)
    for key in data:
        if key not in known:
            raise CatalogueError(where, f"has the unknown key {shown(key)}.", nearest(key, known))
    missing = [key for key in needed if key not in data]
    if missing:
        raise CatalogueError(where, f"lacks {', '.join(missing)}.", f"add it; known keys: {', '.join(known)}.")
    return Entry(data, where)


def chosen(value: str, choices: Sequence[str], where: str) -> str:
    """Return a text that is one of the choices.

    Raises:
        CatalogueError: it is not; the next step is the nearest of them.
    """
    if value not in choices:
        raise CatalogueError(where, f"{shown(value)} is not accepted.", nearest(value, choices))
    return value


def unique(values: Iterable[str], where: str) -> None:
    """Refuse a text that comes twice.

    Raises:
        CatalogueError: naming it.
    """
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise CatalogueError(where, f"has {shown(value)} twice.", "remove one of them.")
        seen.add(value)


def nearest(value: object, known: Sequence[str]) -> str:
    """Return the next step for a word that is not known."""
    near = difflib.get_close_matches(str(value)[:_SHOWN], known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}."


def shown(value: object) -> str:
    """Return a value as an error shows it: one short line, texts in quotes."""
    return printable(repr(value), _SHOWN)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        hint = "put it in quotes." if isinstance(value, (bool, int, float)) else ""
        raise CatalogueError(where, f"must be a text, not {shown(value)}.", hint)
    if not value.strip() or len(value) > TEXT_LIMIT or not value.isprintable():
        raise CatalogueError(where, f"must be one line of 1 to {TEXT_LIMIT} printable characters, not {shown(value)}.")
    return value


__all__ = ["ITEMS_LIMIT", "TEXT_LIMIT", "Entry", "chosen", "nearest", "read", "shown", "unique"]
