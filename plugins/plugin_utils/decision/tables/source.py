# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts in which a decision table may come, as plain data: YAML, CSV and DMN XML; bounded and strict.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any, Final

import yaml

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.dmn import read_dmn
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.forms.sheet import read_sheet
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import UniqueKeyLoader

MAX_TEXT: Final = 4 << 20
"""Longest accepted text of one table, in characters."""

MAX_ITEMS: Final = 1_000_000
"""Most accepted values in one table."""


def read_text(text: str, source: str) -> Any:
    """Return the plain data of a text.

    Its form is told by the ending of the file's name, else by its beginning: a DMN model begins with ``<``, a CSV
    table with the cell ``decision_table``.

    Args:
        text: the text of a file.
        source: its name, for errors.

    Raises:
        RuleError: it is not of its form, is over :data:`MAX_TEXT` characters, or has more structure than a table has.
    """
    if len(text) > MAX_TEXT:
        raise RuleError(source, f"is longer than {MAX_TEXT} characters.", "split the decision table.")
    text = text.removeprefix("\ufeff")
    form = _FORMS.get(PurePath(source).suffix.lower()) or _form(text)
    return form(text, source)


def _form(text: str) -> Callable[[str, str], Any]:
    if text.lstrip().startswith("<"):
        return read_dmn
    return read_sheet if text.startswith(("decision_table,", '"decision_table",')) else _read_yaml


def _read_yaml(text: str, source: str) -> Any:
    try:
        return yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - a subclass of the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise RuleError(source, f"is not the YAML of a decision table{where}: {printable(error.problem)}.") from error
    except (yaml.YAMLError, ValueError) as error:
        raise RuleError(source, f"is not YAML: {printable(error)}") from error
    except RecursionError:
        raise RuleError(source, "is nested too deeply to be a decision table.") from None


_FORMS: Final[Mapping[str, Callable[[str, str], Any]]] = {
    ".yml": _read_yaml,
    ".yaml": _read_yaml,
    ".csv": read_sheet,
    ".dmn": read_dmn,
    ".xml": read_dmn,
}
FILES: Final = tuple(_FORMS)
"""Endings of the names of files that may hold a decision table."""


def check_size(data: Any, source: str) -> None:
    """Refuse data of more than :data:`MAX_ITEMS` items, counting what YAML aliases repeat every time.

    Raises:
        RuleError: there are more, or a list or mapping holds itself.
    """
    waiting = [data]
    count = 0
    while waiting:
        item = waiting.pop()
        inner = item.values() if isinstance(item, Mapping) else item if isinstance(item, (list, tuple)) else ()
        count += 1 + len(inner)
        if count > MAX_ITEMS:
            raise RuleError(source, f"holds more than {MAX_ITEMS} items.", "split the decision table.")
        waiting.extend(inner)


__all__ = ["FILES", "MAX_ITEMS", "MAX_TEXT", "check_size", "read_text"]
