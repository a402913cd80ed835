# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that people write, as plain data: bounded, and strict where YAML itself is lenient.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Hashable
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


def read_file(path: Path) -> Any:
    """Return the plain data of a YAML file.

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
        return yaml.load(data.decode("utf-8"), Loader=_Loader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        where = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise StrictYamlError(f"is not YAML{where}: {printable(error.problem)}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise StrictYamlError(f"is not YAML: {printable(' '.join(str(error).split()))}.") from error
    except RecursionError:
        raise StrictYamlError("is nested too deeply.") from None


__all__ = ["LIMIT", "StrictYamlError", "UniqueKeyLoader", "read_file"]
