# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading one mapping of a catalogue file, key by key: a fault names the file, the line, the key and the nearest word.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import CatalogueError
from ansible_collections.palantir.trust.plugins.plugin_utils.names import RULE, is_name
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import Way

TEXT_LIMIT: Final = 1024
ITEMS_LIMIT: Final = 256
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Attributes:
        subject: the file.
        way: keys and positions that lead to the value.
        lines: the line of each value, where they are known.
    """

    subject: str
    way: Way = ()
    lines: Mapping[Way, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the name of the place, for errors: ``dns-filter.yml:12, flavours[0], driver``."""
        line = next((self.lines[way] for way in self._outwards() if way in self.lines), None)
        keys = "".join(
            f"[{key}]" if isinstance(key, int) and not isinstance(key, bool) else f", {printable(key, _SHOWN)}"
            for key in self.way
        )
        return self.subject + ("" if line is None else f":{line}") + keys

    def inside(self, *way: str | int) -> Place:
        """Return the place of an inner value."""
        return replace(self, way=(*self.way, *way))

    def of_key(self, key: object) -> Place:
        """Return the same place at the line of one of its keys, which need not be one that is known."""
        line = self.lines.get((*self.way, key)) if isinstance(key, (str, int, float)) else None
        return self if line is None else replace(self, lines={self.way: line})

    def error(self, cause: str, next_step: str = "") -> CatalogueError:
        """Return the error that something is wrong here."""
        return CatalogueError(str(self), cause, next_step)

    def _outwards(self) -> Iterable[Way]:
        return (self.way[:length] for length in range(len(self.way), -1, -1))


@dataclass(frozen=True, slots=True)
class Entry:
    """One mapping: ``data`` has only keys that it may have, and all that it must have; ``where`` names it."""

    data: Mapping[str, Any]
    where: Place

    def has(self, key: str) -> bool:
        """Tell whether the key is there."""
        return key in self.data

    def at(self, key: str) -> Place:
        """Return the place of a key's value."""
        return self.where.inside(key)

    def text(self, key: str) -> str:
        """Return a text that is not empty."""
        return a_text(self.data[key], self.at(key))

    def prose(self, key: str) -> str:
        """Return a text whose line ends count as spaces."""
        value = self.data[key]
        short = isinstance(value, str) and len(value) <= TEXT_LIMIT
        return a_text(" ".join(value.split()) if short else value, self.at(key))

    def name(self, key: str) -> str:
        """Return a name as :func:`~..names.is_name` accepts it."""
        return a_name(self.text(key), self.at(key))

    def choice(self, key: str, choices: Sequence[str], default: str | None = None) -> str:
        """Return one of these texts."""
        if default is not None and not self.has(key):
            return default
        return chosen(self.text(key), choices, self.at(key))

    def number(self, key: str, low: int, high: int) -> int:
        """Return an integer within bounds."""
        value = self.data[key]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.at(key).error(f"must be an integer from {low} to {high}, not {shown(value)}.")
        return value

    def entry(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> Entry:
        """Return a mapping."""
        return read(self.data[key], self.at(key), required, optional)

    def entries(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> list[Entry]:
        """Return a list of mappings, none where the key is not there."""
        return [read(item, where, required, optional) for item, where in self._items(key)]

    def texts(self, key: str, check: Callable[[str, Place], str], *, repeated: bool = False) -> tuple[str, ...]:
        """Return a list of texts, none where the key is not there.

        Args:
            key: the key.
            check: gets each text and its place, and returns it as it counts.
            repeated: whether a text may come twice.
        """
        values = tuple(check(a_text(item, where), where) for item, where in self._items(key))
        if not repeated:
            unique(values, self.at(key))
        return values

    def pairs(self, key: str, check: Callable[[str, Place], str]) -> dict[str, str]:
        """Return a mapping of texts to texts, empty where the key is not there; ``check`` gets keys and values."""
        value, where = self.data.get(key, {}), self.at(key)
        if not isinstance(value, Mapping):
            raise where.error(f"must be a mapping, not {shown(value)}.")
        if len(value) > ITEMS_LIMIT:
            raise where.error(f"has more than {ITEMS_LIMIT} items.")
        return {
            check(a_text(name, where.of_key(name)), where.of_key(name)): check(
                a_text(item, where.inside(name)), where.inside(name)
            )
            for name, item in value.items()
        }

    def _items(self, key: str) -> list[tuple[Any, Place]]:
        value = self.data.get(key, ())
        if not isinstance(value, (list, tuple)):
            raise self.at(key).error(f"must be a list, not {shown(value)}.")
        if len(value) > ITEMS_LIMIT:
            raise self.at(key).error(f"has more than {ITEMS_LIMIT} items.")
        return [(item, self.where.inside(key, number)) for number, item in enumerate(value)]


def read(data: Any, where: Place, required: Iterable[str], optional: Iterable[str] = ()) -> Entry:
    """Return a mapping that has every required key and no unknown one.

    Raises:
        CatalogueError: it is no mapping, a key is unknown, or one is missing.
    """
    if not isinstance(data, Mapping):
        raise where.error(f"must be a mapping, not {shown(data)}.")
    needed = list(required)
    known = needed + list(optional)
    for key in data:
        if key not in known:
            raise where.of_key(key).error(f"has the unknown key {shown(key)}.", nearest(key, known))
    missing = [key for key in needed if key not in data]
    if missing:
        raise where.error(f"lacks {', '.join(missing)}.", f"add it; known keys: {', '.join(known)}.")
    return Entry(data, where)


def a_text(value: Any, where: Place) -> str:
    """Return a value that is one line of printable characters.

    Raises:
        CatalogueError: it is not, or is longer than :data:`TEXT_LIMIT`.
    """
    if not isinstance(value, str):
        hint = "put it in quotes." if isinstance(value, (bool, int, float)) else ""
        raise where.error(f"must be a text, not {shown(value)}.", hint)
    if not value.strip() or len(value) > TEXT_LIMIT or not value.isprintable():
        raise where.error(f"must be one line of 1 to {TEXT_LIMIT} printable characters, not {shown(value)}.")
    return value


def a_name(value: str, where: Place) -> str:
    """Return a text that is a name.

    Raises:
        CatalogueError: it is not.
    """
    if not is_name(value):
        raise where.error(f"{shown(value)} is not a name.", RULE)
    return value


def chosen(value: str, choices: Sequence[str], where: Place) -> str:
    """Return a text that is one of these.

    Raises:
        CatalogueError: it is none of them.
    """
    if value not in choices:
        raise where.error(f"{shown(value)} is not accepted.", nearest(value, choices))
    return value


def unique(values: Iterable[str], where: Place) -> None:
    """Refuse a text that comes twice.

    Raises:
        CatalogueError: naming it.
    """
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise where.error(f"has {shown(value)} twice.", "remove one of them.")
        seen.add(value)


def nearest(value: object, known: Sequence[str]) -> str:
    """Return the next step for a word that is not known."""
    near = difflib.get_close_matches(str(value)[:_SHOWN], known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"use one of: {', '.join(known)}."


def shown(value: object) -> str:
    """Return a value as an error shows it: one short line, texts in quotes."""
    return printable(repr(value), _SHOWN)


__all__ = [
    "ITEMS_LIMIT",
    "TEXT_LIMIT",
    "Entry",
    "Place",
    "a_name",
    "a_text",
    "chosen",
    "nearest",
    "read",
    "shown",
    "unique",
]
