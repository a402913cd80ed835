# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutations that know what they mutate, so that they reach behind a parser's first check."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any, Final

from tests.fuzz.examine import Form, Numbers

Bytes = Callable[[bytes, Random], bytes]
"""Changes bytes at random."""

SIZES: Final = (1 << 30, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFF, 0)
"""What a length field claims: 1 GiB first."""
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    1 << 64,
    1.5,
    1e308,
    "",
    "\0",
    "\x1b[31m",
    "{{ lookup('pipe', 'id') }}",
    "../../etc/passwd",
    "a\nb",
    "\ud800",
    "\u202e",
    [],
    {},
    [[]],
    {"": {}},
)
"""Values where others are expected."""
_GIB: Final = 1 << 30
_CLAIMS: Final[dict[Numbers, tuple[bytes, ...]]] = {
    "little": (_GIB.to_bytes(4, "little"), b"\xff" * 4, b"\xff" * 2, _GIB.to_bytes(8, "little")),
    "big": (_GIB.to_bytes(4, "big"), b"\xff" * 4, b"\xff" * 2),
    "hexadecimal": (b"%08x" % _GIB, b"ffffffff", b"-0000100"),
    "octal": (b"%011o\0" % _GIB, b"77777777777\0", b"\x80".ljust(8, b"\0") + _GIB.to_bytes(4, "big")),
}
"""How lengths are written → lengths that claim too much."""
_DEEP: Final = 990
_BLOCK: Final = 512
_MAGIC: Final = 257


def mutated(data: bytes, form: Form, rng: Random, change: Bytes | None = None) -> bytes:
    """Return data with a few changes that keep its form.

    Args:
        data: what a parser reads.
        form: what stays as it is.
        rng: gives the chances.
        change: changes bytes; :func:`noise` by default.
    """
    change = change or noise
    if form == "json":
        try:
            plain = json.loads(data)
        except (ValueError, RecursionError):
            return change(data, rng)
        try:
            for _change in range(rng.randint(1, 3)):
                plain = _mutated_plain(plain, rng, change)
            return json.dumps(plain, separators=(",", ":")).encode()
        except RecursionError:
            return data
    found = change(data, rng)
    return mended_tar(found) if form == "tar" else found


def noise(data: bytes, rng: Random) -> bytes:
    """Return bytes flipped, cut, spliced, repeated, or with a length that claims too much."""
    at = rng.randint(0, len(data))
    kind = rng.randrange(6)
    if kind == 0:
        return data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    if kind == 1:
        return data[:at]
    if kind == 2:
        stop = rng.randint(at, len(data))
        return data[:at] + data[stop:]
    if kind == 3:
        stop = min(len(data), at + rng.choice((1, 4, 32, 256)))
        return data[:stop] + data[at:stop] * rng.choice((1, 2, 30)) + data[stop:]
    if kind == 4:
        start = rng.randint(0, len(data))
        return data[:at] + data[start : start + 64] + data[at:]
    return with_number(data, at, rng.choice(SIZES), rng.choice((2, 4, 8)), big=bool(rng.randrange(2)))


def with_number(data: bytes, at: int, number: int, size: int, *, big: bool) -> bytes:
    """Return data with a number of ``size`` bytes written over what is at an offset."""
    number &= (1 << 8 * size) - 1
    return data[:at] + number.to_bytes(size, "big" if big else "little") + data[at + size :]


def huge_lengths(data: bytes, numbers: Numbers, most: int, *, alone: bool = False) -> Iterator[bytes]:
    """Return the data once for each of its first places, with a number there that claims 1 GiB; not alone, all it can.

    Args:
        data: a seed.
        numbers: how lengths are written in it.
        most: number of places.
        alone: claim 1 GiB alone.
    """
    for at in range(min(len(data), most)):
        for claim in _CLAIMS[numbers][: 1 if alone else None]:
            if at + len(claim) <= len(data):
                yield data[:at] + claim + data[at + len(claim) :]


def mended_tar(data: bytes) -> bytes:
    """Return an archive with the checksum of every header put right (POSIX pax, "ustar Interchange Format")."""
    blocks = bytearray(data)
    for found in re.finditer(b"ustar", data):
        at = found.start() - _MAGIC
        if 0 <= at <= len(data) - _BLOCK:
            blocks[at + 148 : at + 156] = b" " * 8
            blocks[at + 148 : at + 156] = b"%06o\0 " % sum(blocks[at : at + _BLOCK])
    return bytes(blocks)


def _mutated_plain(plain: Any, rng: Random, change: Bytes) -> Any:
    """Return plain data with one place changed."""
    places = list(_places(plain))
    if not places:
        return _replaced(plain, rng, change)
    holder, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        other, its_key = rng.choice(places)
        holder[key] = json.loads(json.dumps(other[its_key]))
    elif kind == 2 and isinstance(holder, list):
        holder.extend([holder[key]] * rng.choice((1, 20)))
    elif kind == 3 and isinstance(holder, dict):
        holder[str(rng.choice(ODD))] = holder.pop(key)
    else:
        holder[key] = _replaced(holder[key], rng, change)
    return plain


def _replaced(value: Any, rng: Random, change: Bytes) -> Any:
    if isinstance(value, str) and rng.randrange(4):
        try:
            return base64.b64encode(change(base64.b64decode(value, validate=True), rng)).decode("ascii")
        except (binascii.Error, ValueError):
            return change(value.encode("utf-8", "surrogatepass"), rng).decode("utf-8", "replace")
    if not rng.randrange(16):
        deep: Any = value
        for _level in range(_DEEP - rng.randrange(60)):
            deep = [deep]
        return deep
    return deepcopy(rng.choice(ODD))


def _places(plain: Any) -> Iterator[tuple[Any, Any]]:
    waiting = [plain]
    while waiting:
        value = waiting.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        for key in keys:
            yield value, key
            waiting.append(value[key])


__all__ = ["ODD", "SIZES", "huge_lengths", "mended_tar", "mutated", "noise", "with_number"]
