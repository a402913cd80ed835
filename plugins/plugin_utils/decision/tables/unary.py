# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unary tests of a decision table's cells: S-FEEL (DMN 1.3 chapter 9, grammar rules 7 to 18).

::

    cell      = "-" | "not(" tests ")" | tests
    tests     = test { "," test }
    test      = [ "<" | "<=" | ">" | ">=" ] literal | interval
    interval  = ( "[" | "(" | "]" ) literal ".." literal ( "]" | ")" | "[" )

Comparisons and intervals are for numbers. Beyond S-FEEL a string may stand without quotes where it has no white
space and none of ``" , ( ) [ ] < > =``, and a YAML list is the same as its items joined by commas.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

Scalar = str | int | bool | Decimal
"""A value of a typed input or output: string, integer, boolean, number (always a Decimal)."""

TYPES: Final = ("string", "integer", "boolean", "number")
MAX_CELL: Final = 4096
MAX_TESTS: Final = 1024
MAX_DIGITS: Final = 14


@dataclass(frozen=True, slots=True)
class Interval:
    """A range of numbers; None is an open end without limit. A literal is a closed interval of one value."""

    low: Scalar | None
    low_closed: bool
    high: Scalar | None
    high_closed: bool

    def contains(self, value: Any) -> bool:
        """Return whether a number, or for a literal any value, lies within."""
        if self.low is not None and self.low == self.high:
            return self.low_closed and self.high_closed and bool(value == self.low)
        above = self.low is None or value > self.low or (self.low_closed and value == self.low)
        return above and (self.high is None or value < self.high or (self.high_closed and value == self.high))


def literal(value: Scalar) -> Interval:
    """Return the interval that holds one value."""
    return Interval(value, True, value, True)


@dataclass(frozen=True, slots=True)
class Test:
    """One cell: a value matches where any part contains it, or none where ``negated``. Text as it was written."""

    text: str
    parts: tuple[Interval, ...]
    negated: bool = False

    @property
    def is_any(self) -> bool:
        """Whether the cell matches everything."""
        return self.negated and not self.parts

    def matches(self, value: Scalar) -> bool:
        """Return whether a value of the input's type matches."""
        return any(part.contains(value) for part in self.parts) != self.negated


ANY: Final = Test("-", (), negated=True)


def parse(cell: Any, kind: str, subject: str, *, feel: bool = False) -> Test:
    """Return the test that a cell describes.

    Args:
        cell: text, a plain value of the input's type, or a list of these.
        kind: type of the input, one of :data:`TYPES`.
        subject: file, table, rule and input, for errors.
        feel: whether a string without quotes is what it is in FEEL: a reference to a name, which S-FEEL refuses here.

    Raises:
        RuleError: the cell is not a unary test of this type, or is over :data:`MAX_CELL` characters.
    """
    if isinstance(cell, (list, tuple)):
        return _parse_list(cell, kind, subject)
    if isinstance(cell, str):
        return _parse_text(cell, kind, subject, feel=feel)
    value = plain_value(cell, kind, subject)
    return Test(show(value), (literal(value),))


def plain_value(value: Any, kind: str, subject: str) -> Scalar:
    """Return a plain value as a value of an input's or output's type.

    Raises:
        RuleError: it is of another type.
    """
    if value is None:
        raise RuleError(subject, "is empty.", 'write "-" for any value.')
    if kind == "string":
        if isinstance(value, bool):
            raise RuleError(
                subject,
                f"expects a string where YAML reads the boolean {show(value)}.",
                "put yes, no, on, off, true and false in quotes to mean the words.",
            )
        if isinstance(value, str) and len(value) <= MAX_CELL:
            return str(value)
    elif kind == "boolean":
        if isinstance(value, bool):
            return value
    elif isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return _number(str(value) if isinstance(value, int) else _decimal_text(value), kind, subject)
    raise RuleError(subject, f"expects {_article(kind)}, not {printable(repr(value), 80)}.")


def show(value: Scalar) -> str:
    """Return a value as it is written in a cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _BARE.fullmatch(value) and value not in ("-", "not") else _quote(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def write(test: Test, *, quoted: bool = False) -> str:
    """Return a test in one canonical form; ``quoted`` puts every string into quotes, as S-FEEL has it."""
    if test.is_any:
        return "-"
    text = ", ".join(write_interval(part, quoted=quoted) for part in test.parts)
    return f"not({text})" if test.negated else text


def write_interval(part: Interval, *, quoted: bool = False) -> str:
    """Return an interval, comparison or literal as it is written in a cell."""
    low = "" if part.low is None else _written(part.low, quoted=quoted)
    high = "" if part.high is None else _written(part.high, quoted=quoted)
    if not low:
        return f"{'<=' if part.high_closed else '<'} {high}"
    if not high:
        return f"{'>=' if part.low_closed else '>'} {low}"
    if part.low == part.high and part.low_closed and part.high_closed:
        return low
    return f"{'[' if part.low_closed else '('}{low}..{high}{']' if part.high_closed else ')'}"


def _written(value: Scalar, *, quoted: bool) -> str:
    return _quote(value) if quoted and isinstance(value, str) else show(value)


_BARE = re.compile(r'[^\s"(),\[\]<>=]+')
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<operator><=|>=|<|>)
      | (?P<range>\.\.)
      | (?P<mark>[\[\](),])
      | (?P<bare>(?:(?!\.\.)[^\s"(),\[\]<>=])+)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_PLAIN_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}
_QUOTED: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _parse_list(cells: list[Any] | tuple[Any, ...], kind: str, subject: str) -> Test:
    if not cells:
        raise RuleError(subject, "is an empty list, which nothing matches.", 'write "-" for any value.')
    if len(cells) > MAX_TESTS:
        raise RuleError(subject, f"has more than {MAX_TESTS} tests.")
    parts: list[Interval] = []
    texts: list[str] = []
    for item in cells:
        if isinstance(item, (list, tuple)):
            raise RuleError(subject, "is a list within a list.", "write one list.")
        test = parse(item, kind, subject)
        if test.negated:
            raise RuleError(subject, f"has {test.text!r} within a list.", 'write one text: "not(a, b)", or "-" alone.')
        parts.extend(test.parts)
        texts.append(test.text)
    return Test(", ".join(texts), tuple(parts))


def _parse_text(text: str, kind: str, subject: str, *, feel: bool = False) -> Test:
    if len(text) > MAX_CELL:
        raise RuleError(subject, f"is longer than {MAX_CELL} characters.")
    stripped = text.strip()
    if stripped == "-":
        return ANY
    if not stripped:
        raise RuleError(subject, "is empty.", 'write "-" for any value.')
    reader = _Reader(_tokens(stripped, kind, subject), kind, subject, stripped, feel=feel)
    test = reader.cell()
    if len(test.parts) > MAX_TESTS:
        raise RuleError(subject, f"has more than {MAX_TESTS} tests.")
    return test


def _tokens(text: str, kind: str, subject: str) -> list[_Token]:
    found = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise RuleError(
                subject,
                f"has {printable(text[position], 8)!r} at character {position + 1}, which is no part of a test.",
                "see the unary tests of S-FEEL: -, literals, lists, not(...), <, <=, >, >=, [a..b].",
            )
        position = match.end()
        group = match.lastgroup or ""
        if group == "bare" and kind == "string":
            # Two dots part an interval's ends, but may stand within a bare string.
            while tail := _BARE.match(text, position):
                position = tail.end()
            found.append(_Token(group, text[match.start() : position]))
        elif group != "space":
            found.append(_Token(group, match.group()))
    return found


class _Reader:
    """One pass over the tokens of one cell."""

    def __init__(self, tokens: list[_Token], kind: str, subject: str, text: str, *, feel: bool) -> None:
        self._feel = feel
        self._tokens = tokens
        self._at = 0
        self._kind = kind
        self._subject = subject
        self._text = text

    def cell(self) -> Test:
        negated = [token.text for token in self._tokens[:2]] == ["not", "("] and self._tokens[0].kind == "bare"
        if negated:
            self._at = 2
        parts = [self._test()]
        while self._peek() == ",":
            self._at += 1
            parts.append(self._test())
        if negated:
            self._expect(")")
        if self._at < len(self._tokens):
            hint = "part the tests by commas" + (
                ", and quote a string that has spaces." if self._kind == "string" else "."
            )
            raise self._error(f"goes on with {self._peek()!r} where it should end.", hint)
        return Test(self._text, tuple(parts), negated)

    def _test(self) -> Interval:
        token = self._next()
        if token.kind == "operator":
            return self._comparison(token.text)
        if token.text in ("[", "(", "]") and token.kind == "mark":
            return self._interval(closed=token.text == "[")
        return literal(self._literal(token))

    def _comparison(self, operator: str) -> Interval:
        self._ordered(operator)
        value = self._literal(self._next())
        closed = operator.endswith("=")
        if operator.startswith("<"):
            return Interval(None, False, value, closed)
        return Interval(value, closed, None, False)

    def _interval(self, *, closed: bool) -> Interval:
        self._ordered("an interval")
        low = self._literal(self._next())
        if self._peek() != "..":
            raise self._error("has an interval without '..'.", "write [a..b].")
        self._at += 1
        high = self._literal(self._next())
        end = self._next()
        if end.text not in ("]", ")", "[") or end.kind != "mark":
            raise self._error(f"has an interval that ends in {end.text!r}.", "end it with ], ) or [.")
        if isinstance(low, (int, Decimal)) and isinstance(high, (int, Decimal)) and low > high:
            raise self._error("has an interval whose first end is above its second.", "write the smaller end first.")
        return Interval(low, closed, high, end.text == "]")

    def _literal(self, token: _Token) -> Scalar:
        if token.kind == "quoted" and self._kind == "string":
            return _unquote(token.text, self._subject)
        if token.kind != "bare":
            raise self._error(f"has {token.text!r} where {_article(self._kind)} should stand.")
        if self._kind == "string":
            return self._bare_string(token.text)
        if self._kind == "boolean":
            if token.text not in ("true", "false"):
                raise self._error(f"has {token.text!r} where true or false should stand.")
            return token.text == "true"
        return _number(token.text, self._kind, self._subject)

    def _bare_string(self, text: str) -> str:
        if self._feel:
            word = printable(text, 80)
            raise self._error(f"refers to the name {word!r}.", f'write "{word}", in double quotes, to mean the word.')
        if text == "-":
            raise self._error('has "-" within a list.', '"-" stands alone and matches any value.')
        if text == "not" and self._peek() == "(":
            raise self._error("has not(...) within a list.", "not(...) stands alone and takes the whole list.")
        return text

    def _ordered(self, what: str) -> None:
        if self._kind not in ("integer", "number"):
            raise self._error(f"has {what} on {_article(self._kind)}.", "only numbers have an order; list the values.")

    def _peek(self) -> str | None:
        return self._tokens[self._at].text if self._at < len(self._tokens) else None

    def _next(self) -> _Token:
        if self._at >= len(self._tokens):
            raise self._error("ends where a test should stand.")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, text: str) -> None:
        if self._peek() != text:
            raise self._error(f"lacks a {text!r}.")
        self._at += 1

    def _error(self, cause: str, next_step: str = "") -> RuleError:
        return RuleError(self._subject, f"the test {printable(self._text, 120)!r} {cause}", next_step)


def _number(text: str, kind: str, subject: str) -> Scalar:
    if not _NUMBER.fullmatch(text):
        raise RuleError(subject, f"expects {_article(kind)}, not {printable(text, 80)!r}.")
    digits = text.lstrip("+-").replace(".", "").lstrip("0")
    if len(digits) > MAX_DIGITS:
        raise RuleError(subject, f"has a number of more than {MAX_DIGITS} digits.")
    value = Decimal(text)
    if kind == "number":
        return value
    if value != value.to_integral_value():
        raise RuleError(subject, f"expects an integer, not {text}.")
    return int(value)


def _decimal_text(value: float | Decimal) -> str:
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    return format(exact, "f") if exact.is_finite() and abs(exact.adjusted()) < 32 else str(exact)


def _unquote(text: str, subject: str) -> str:
    def character(match: re.Match[str]) -> str:
        escape = match.group(1)
        if len(escape) == 5:
            return chr(int(escape[1:], 16))
        if escape not in _PLAIN_ESCAPES:
            raise RuleError(subject, f"has the unknown escape {printable(match.group(), 8)!r} in a string.")
        return _PLAIN_ESCAPES[escape]

    return _ESCAPE.sub(character, text[1:-1])


def _quote(text: str) -> str:
    return '"' + text.translate(_QUOTED) + '"'


def _article(kind: str) -> str:
    return {"integer": "an integer"}.get(kind, f"a {kind}")


__all__ = [
    "ANY",
    "MAX_CELL",
    "TYPES",
    "Interval",
    "Scalar",
    "Test",
    "literal",
    "parse",
    "plain_value",
    "show",
    "write",
    "write_interval",
]
