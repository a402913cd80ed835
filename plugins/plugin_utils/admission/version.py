# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of two versions of an SC is newer: the order of Debian's upstream versions (Debian Policy 4.6, section 5.6.12).

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final

VERSION_RULE: Final = "begin with a digit; use digits, letters and .+~- then, 64 characters at most."
"""What :func:`is_version` accepts, as the next step of an error."""

_VERSION: Final = re.compile(r"[0-9][A-Za-z0-9.+~-]{0,63}")
_PARTS: Final = re.compile(r"([^0-9]*)([0-9]*)")
_END: Final = 0
_TILDE: Final = -1
_BEFORE_OTHERS: Final = 0x100


def is_version(value: object) -> bool:
    """Tell whether a value is a version that can be compared."""
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def is_lower(version: str, other: str) -> bool:
    """Tell whether a version is older than another: ``1.9`` than ``1.10``, and ``2.0~rc1`` than ``2.0``."""
    for (text, number), (other_text, other_number) in zip_longest(
        _PARTS.findall(version), _PARTS.findall(other), fillvalue=("", "")
    ):
        for weight, other_weight in zip_longest(_weights(text), _weights(other_text), fillvalue=_END):
            if weight != other_weight:
                return weight < other_weight
        if int(number or 0) != int(other_number or 0):
            return int(number or 0) < int(other_number or 0)
    return False


def _weights(text: str) -> list[int]:
    """Return numbers in whose order the characters are: the tilde before the end, letters, then all others."""
    return [
        _TILDE if character == "~" else ord(character) if character.isalpha() else ord(character) + _BEFORE_OTHERS
        for character in text
    ]


__all__ = ["VERSION_RULE", "is_lower", "is_version"]
