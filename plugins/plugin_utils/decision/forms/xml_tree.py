# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""XML text as a tree, without anything in XML that a stranger could abuse.

A document type declaration is refused, and with it every entity that a text could define or fetch. Depth and number
of elements are bounded; comments and processing instructions are left out.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn
from xml.parsers import expat

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

MAX_DEPTH: Final = 64
MAX_ELEMENTS: Final = 500_000

_SEPARATOR: Final = " "
"""Between a name's namespace and the name: no namespace holds a space."""


@dataclass(slots=True)
class Element:
    """An element; names are local.

    Attributes:
        namespace: its namespace, empty where it has none.
        name: its name.
        attributes: those without a namespace by name, others by ``namespace name``.
        line: line of the text on which it begins, from 1.
        children: the elements within it.
        text: the characters directly within it.
    """

    namespace: str
    name: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, name: str) -> Iterator[Element]:
        """Yield the children of a name in this element's own namespace."""
        return (child for child in self.children if child.name == name and child.namespace == self.namespace)

    def first(self, name: str) -> Element | None:
        """Return the first child of a name, None where there is none."""
        return next(self.all(name), None)

    def words(self, name: str) -> str:
        """Return the text of the first child of a name without outer white space, empty where there is none."""
        child = self.first(name)
        return child.text.strip() if child is not None else ""


def read_xml(text: str, source: str) -> Element:
    """Return the root of an XML text.

    Args:
        text: the text, of bounded length.
        source: name of its file, for errors.

    Raises:
        RuleError: it is not well-formed, has a document type declaration, or is over a limit.
    """
    return _Builder(source).read(text)


class _Builder:
    """Builds the tree of one text."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._root: Element | None = None
        self._count = 0
        # The text is characters already: an encoding that it declares says nothing any more.
        self._parser = expat.ParserCreate(encoding="utf-8", namespace_separator=_SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def read(self, text: str) -> Element:
        try:
            self._parser.Parse(text.encode("utf-8", "surrogatepass"), True)
        except expat.ExpatError as error:
            problem = expat.ErrorString(error.code)
            self._refuse(f"is not well-formed XML at line {error.lineno}, column {error.offset + 1}: {problem}.")
        if self._root is None:
            self._refuse("holds no XML element.")
        return self._root

    def _doctype(self, *_arguments: object) -> None:
        self._refuse(
            f"has a document type declaration (DOCTYPE) at line {self._parser.CurrentLineNumber}.",
            "remove it: a decision table needs none, and it could define entities without bound.",
        )

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            limit = f"more than {MAX_ELEMENTS} elements" if self._count > MAX_ELEMENTS else f"over {MAX_DEPTH} levels"
            self._refuse(f"has {limit} at line {self._parser.CurrentLineNumber}.", "split the decision table.")
        namespace, _space, local = name.rpartition(_SEPARATOR)
        element = Element(namespace, local, dict(attributes), self._parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _characters(self, text: str) -> None:
        self._texts[-1].append(text)

    def _refuse(self, cause: str, next_step: str = "") -> NoReturn:
        raise RuleError(printable(self._source, 200), cause, next_step)


__all__ = ["MAX_DEPTH", "MAX_ELEMENTS", "Element", "read_xml"]
