# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to hold for every input of every parser, whoever wrote it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError
from ansible_collections.palantir.trust.plugins.plugin_utils.strict_yaml import StrictYamlError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.finding import Finding

REFUSALS: Final = (TrustError, NodeError, StrictYamlError)
"""What a parser may raise; anything else is a fault of the parser."""
LONGEST_MESSAGE: Final = 4096
FACTOR: Final = 64
ALLOWANCE: Final = 64 * 1024

Form = Literal["bytes", "json", "text", "tar"]
Numbers = Literal["little", "big", "hexadecimal", "octal"]


@dataclass(frozen=True)
class Target:
    """A parser.

    Attributes:
        name: its own, and that of its corpus.
        reads: what it reads, for people.
        read: gives what was read, or raises one of :data:`REFUSALS`.
        form: what mutations keep, so that they reach behind the first check.
        plain: every text of the result is fit for a terminal; else only those of findings are.
        factor: most of the result's weight for each byte of the input.
        numbers: how the lengths in it are written.
        longest: size of the largest input that is tried, in bytes.
    """

    name: str
    reads: str
    read: Callable[[bytes], object]
    form: Form = "bytes"
    plain: bool = False
    factor: int = FACTOR
    numbers: Numbers = "little"
    longest: int = 16 * 1024


def examine(target: Target, data: bytes) -> bool:
    """Let a parser read, and check what holds for all that it accepts and refuses; return whether it accepted.

    Raises:
        AssertionError: the result is out of all proportion, or a text could harm a terminal or a log.
        Exception: the parser raised what is no domain error.
    """
    try:
        result = target.read(data)
    except REFUSALS as error:
        _check_message(str(error))
        return False
    heavy = weight(result, plain=target.plain)
    assert heavy <= target.factor * len(data) + ALLOWANCE, f"{len(data)} bytes became {heavy}"
    return True


def weight(result: object, *, plain: bool) -> int:
    """Return the size of a result: characters of texts, bytes, and one for each item.

    Raises:
        AssertionError: a text that should be harmless is not.
    """
    total = 0
    waiting = [result]
    while waiting:
        value = waiting.pop()
        total += 1
        if isinstance(value, (str, bytes)):
            total += len(value)
            if plain and isinstance(value, str):
                _check_text(value)
        elif isinstance(value, Finding):
            _check_text(value.message)
            _check_text(value.path or "")
            total += len(value.message) + len(value.path or "")
        else:
            waiting.extend(_parts(value))
    return total


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield from value
        yield from value.values()
    elif isinstance(value, (tuple, list, set, frozenset)):
        yield from value
    elif dataclasses.is_dataclass(value):
        yield from (getattr(value, field.name) for field in dataclasses.fields(value))


def _check_message(text: str) -> None:
    _check_text(text)
    assert len(text) <= LONGEST_MESSAGE, f"a message of {len(text)} characters"


def _check_text(text: str) -> None:
    assert text.isprintable(), f"a text with control characters: {text[:200]!r}"


__all__ = ["FACTOR", "REFUSALS", "Form", "Numbers", "Target", "examine", "weight"]
