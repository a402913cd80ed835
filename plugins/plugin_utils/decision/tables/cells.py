# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cells of the forms in which everything is text: a column's domain, a result, a guard rail.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.decision.tables.unary import Scalar, parse
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import RuleError

_RANGE = re.compile(r"[\[\](<>]")


def domain(text: str, kind: str, subject: str, *, feel: bool = False) -> dict[str, Any]:
    """Return ``values`` or ``range`` of a column from a text of unary tests.

    Raises:
        RuleError: it is no list of values and no interval.
    """
    if kind in ("integer", "number") and _RANGE.match(text.strip()):
        return {"range": text.strip()}
    test = parse(text, kind, subject, feel=feel)
    values = [part.low for part in test.parts if part.low is not None and part.low == part.high]
    if test.negated or len(values) != len(test.parts):
        raise RuleError(subject, f"is {printable(test.text, 80)!r}.", "list the values, or give one interval.")
    return {"values": values}


def literal_of(text: str, kind: str, subject: str, *, feel: bool = False) -> Scalar:
    """Return the one value that a cell of an output holds.

    Raises:
        RuleError: it is no literal of the output's type.
    """
    test = parse(text, kind, subject, feel=feel)
    value = test.parts[0].low if test.parts else None
    if test.negated or len(test.parts) != 1 or value is None or value != test.parts[0].high:
        raise RuleError(subject, f"is {printable(test.text, 80)!r}, which is no literal.", "give one value.")
    return value


def guard_rail(key: str, text: str) -> Any:
    """Return the value of a rule's further key from the text of a cell, as YAML would read it."""
    if key == "budget" and re.fullmatch(r"[0-9]{1,9}", text):
        return int(text)
    return True if key == "preserve" and text == "true" else text


__all__ = ["domain", "guard_rail", "literal_of"]
