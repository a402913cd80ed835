# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML text as plain data: bounded, and strict where YAML itself is lenient.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_TEXT: Final = 4 << 20
"""Longest accepted text of one table, in characters."""


class _StrictLoader(yaml.SafeLoader):
    """The safe loader without aliases and merge keys, refusing a key that comes twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not accepted in a decision table", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _value in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                key = (key_node.tag, key_node.value)
                if key in seen:
                    problem = f"the key {key_node.value!r} comes twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_text(text: str, source: str) -> Any:
    """Return the plain data of a YAML text.

    Args:
        text: the text of a file.
        source: its name, for errors.

    Raises:
        RuleError: it is not YAML, is over :data:`MAX_TEXT` characters, has a key twice, or is nested too deeply.
    """
    if len(text) > MAX_TEXT:
        raise RuleError(source, f"is longer than {MAX_TEXT} characters.", "split the decision table.")
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise RuleError(source, f"is not the YAML of a decision table{where}: {printable(error.problem)}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise RuleError(source, f"is not YAML: {printable(error)}") from error
    except RecursionError:
        raise RuleError(source, "is nested too deeply to be a decision table.") from None


__all__ = ["MAX_TEXT", "read_text"]
