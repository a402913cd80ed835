# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that people write, as plain data: bounded, and strict where YAML itself is lenient.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable

LIMIT: Final = MIB
"""Largest accepted file, in bytes."""
MAX_NUMBER: Final = 64
"""Longest accepted number, in characters: the time to read one grows with the square of its length."""
MAX_MERGED: Final = 1024
"""Most keys of a mapping that merges others, and most that it merges: merges of merges grow without bound."""
_NUMBERS: Final = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MERGE: Final = "tag:yaml.org,2002:merge"


Way = tuple[Hashable, ...]
"""Keys and positions that lead from a file's outermost value to an inner one: ``("flavours", 0, "driver")``."""


class StrictYamlError(Exception):
    """A file that cannot be read; the message says why and, where known, at which line."""


class UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, refusing a key that comes twice, and by its own errors alone."""

    def construct_document(self, node: yaml.Node) -> Any:
        """Return what the document holds; the safe loader trusts that a value is what its tag says."""
        try:
            return super().construct_document(node)
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise yaml.constructor.ConstructorError(None, None, "a value is not what its tag says") from error

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Return the value of a node."""
        if node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode) and len(node.value) > MAX_NUMBER:
            problem = f"a number has more than {MAX_NUMBER} characters"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_object(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Put the keys of merged mappings into a mapping."""
        merged = [value for key, value in node.value if key.tag == _MERGE]
        many = sum(len(value.value) for value in merged if isinstance(value, yaml.CollectionNode)) > MAX_MERGED
        if not many:
            super().flatten_mapping(node)
            many = bool(merged) and len(node.value) > MAX_MERGED
        if many:
            problem = f"a mapping merges more than {MAX_MERGED} keys"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping of a node."""
        seen = set()
        for key_node, _value in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                key = (key_node.tag, key_node.value)
                if key in seen:
                    problem = f"the key {key_node.value!r} comes twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                seen.add(key)
        return super().construct_mapping(node, deep)


class _Loader(UniqueKeyLoader):
    """The same without aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not accepted", mark)
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Located:
    """What a file holds, and the line, counted from 1, at which each value of it, or its key, begins."""

    data: Any
    lines: Mapping[Way, int]


def read_file(path: Path) -> Any:
    """Return the plain data of a YAML file.

    Raises:
        StrictYamlError: it cannot be opened, is over :data:`LIMIT`, or is not YAML of the strict kind.
    """
    return read_located(path).data


def read_located(path: Path) -> Located:
    """Return the plain data of a YAML file, and where in the file each value stands.

    Raises:
        StrictYamlError: it cannot be opened, is over :data:`LIMIT`, or is not YAML of the strict kind.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LIMIT + 1)
    except OSError as error:
        raise StrictYamlError(f"cannot be read: {error.strerror or error}.") from error
    if len(data) > LIMIT:
        raise StrictYamlError(f"is larger than {LIMIT} bytes.")
    try:
        return _load(data.decode("utf-8"))
    except yaml.MarkedYAMLError as error:
        where = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise StrictYamlError(f"is not YAML{where}: {printable(error.problem)}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise StrictYamlError(f"is not YAML: {printable(' '.join(str(error).split()))}.") from error
    except RecursionError:
        raise StrictYamlError("is nested too deeply.") from None


def _load(text: str) -> Located:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return Located(None, {})
        data = loader.construct_document(node)
        # After the construction, which puts the keys of merged mappings in their place.
        return Located(data, {(): node.start_mark.line + 1, **dict(_lines(loader, node, ()))})
    finally:
        loader.dispose()


def _lines(loader: _Loader, node: yaml.Node, way: Way) -> Iterator[tuple[Way, int]]:
    inner: list[tuple[Any, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        inner = [
            (loader.construct_object(key), key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)
        ]
    elif isinstance(node, yaml.SequenceNode):
        inner = [(number, item, item) for number, item in enumerate(node.value)]
    for key, marked, value in inner:
        yield (*way, key), marked.start_mark.line + 1
        yield from _lines(loader, value, (*way, key))


__all__ = ["LIMIT", "Located", "StrictYamlError", "UniqueKeyLoader", "Way", "read_file", "read_located"]
