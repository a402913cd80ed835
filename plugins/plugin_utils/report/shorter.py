# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists and texts for people, cut to what may be shown, with word of what was left out.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

_WORD: Final = 100
"""Most characters of the line that tells how much a text leaves out."""


def shortened(text: str, limit: int) -> str:
    """Return a text whose JSON form has at most so many characters: its first lines, and how many more there are."""
    if len(json.dumps(text)) <= limit:
        return text
    lines = text.split("\n")
    ends = accumulate(len(json.dumps(line)) for line in lines)  # a line's quotes make up for its end, escaped
    kept = sum(1 for end in ends if end <= limit - _WORD)
    return "\n".join([*lines[:kept], f"… and {len(lines) - kept} more lines."])


def fitted(result: Mapping[str, Any], keys: Sequence[str], limit: int) -> dict[str, Any]:
    """Return a task's result whose JSON form has at most so many characters, as far as these keys can be cut.

    One that is short enough is returned as it is. In any other, each list keeps its first items and each text its first
    lines, what is short before what is long, and ``left_out`` tells how many of which key are missing.

    Args:
        result: JSON-safe.
        keys: of lists and texts that are for people alone: nothing that is done rests on their being whole.
        limit: in characters.
    """
    size = _size(result)
    sizes = {key: _size(result[key]) for key in keys if key in result}
    if size <= limit or not sizes:
        return dict(result)
    room = limit - (size - sum(sizes.values())) - len(sizes) * _WORD
    short = {key: _cut(result[key], share) for key, share in _shares(sizes, room).items()}
    left = {key: _count(result[key]) - len(value) for key, value in short.items() if isinstance(value, list)}
    return {**result, **short, "left_out": {key: count for key, count in left.items() if count}}


def _size(value: Any) -> int:
    return len(json.dumps(value, default=str))


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list) else 0


def _cut(value: Any, share: int) -> Any:
    if isinstance(value, str):
        return shortened(value, max(share, 2 * _WORD))
    ends = accumulate(_size(item) + 2 for item in value)
    return value[: sum(1 for end in ends if end <= share)]


def _shares(sizes: Mapping[str, int], room: int) -> dict[str, int]:
    """Divide the room: what needs less than an equal share leaves the rest of it to the others."""
    shares: dict[str, int] = {}
    for key, size in sorted(sizes.items(), key=lambda item: item[1]):
        shares[key] = max(0, min(size, room // (len(sizes) - len(shares))))
        room -= shares[key]
    return shares


__all__ = ["fitted", "shortened"]
