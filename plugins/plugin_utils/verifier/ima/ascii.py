# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ASCII form of the IMA measurement list, turned back into the bytes that the kernel hashed.

Layout: ima_ascii_measurements_show() in security/integrity/ima/ima_fs.c.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from itertools import product
from typing import Final, NamedTuple

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EvidenceError
from ansible_collections.palantir.trust.plugins.plugin_utils.verifier.ima.templates import (
    FIELDS,
    MAX_NAME,
    OLD_NAME_SIZE,
    MalformedEntryError,
    Template,
    template_named,
)

_LINE: Final = re.compile(rb" ?(\d{1,2}) ([0-9a-f]{40}) (\S{1,%d}) ?(.*)" % MAX_NAME, re.DOTALL)
_MAX_EMPTY_TEXTS = 4


class Line(NamedTuple):
    """One line: the same parts that a binary entry has, and the offset at which the line ends."""

    pcr: int
    column: bytes
    template: Template
    data: bytes
    end: int


def looks_ascii(blob: bytes) -> bool:
    """Whether this is the ASCII form: the binary form begins with the number of a PCR, which is below a space."""
    return blob[:1] >= b" "


def ascii_lines(blob: bytes, field: str) -> Iterator[Line]:
    """Read the ASCII form line by line.

    Raises:
        EvidenceError: a line that is no entry.
    """
    at = 0
    while at < len(blob):
        stop = blob.find(b"\n", at)
        end = len(blob) if stop < 0 else stop + 1
        line = blob[at : len(blob) if stop < 0 else stop]
        try:
            yield _line(line, end)
        except ValueError as error:
            cause = (
                error if isinstance(error, MalformedEntryError) else "has a field of another form than its template's"
            )
            raise EvidenceError(field, f"a line {cause}.", offset=at) from error
        at = end


def _line(line: bytes, end: int) -> Line:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedEntryError("is no entry (PCR, SHA-1 hash, template, fields)")
    template = template_named(match[3])
    if not template.known:
        raise MalformedEntryError("has a template whose fields are not known here")
    column = bytes.fromhex(match[2].decode("ascii"))
    values = match[4].split(b" ")
    if len(values) > len(template.fields):
        raise MalformedEntryError(f"has {len(values)} fields where its template has {len(template.fields)}")
    values += [b""] * (len(template.fields) - len(values))  # copied text may have lost its trailing spaces
    return Line(int(match[1]), column, template, _data(template, values, column), end)


def _data(template: Template, values: list[bytes], column: bytes) -> bytes:
    """Return the template data; an empty text is one zero byte or nothing at all, as the SHA-1 column tells."""
    if template.old:
        digest = bytes.fromhex(values[0].decode("ascii"))
        if len(digest) != 20 or len(values[1]) >= OLD_NAME_SIZE:
            raise MalformedEntryError("has a digest or a name that its template cannot hold")
        return digest + values[1].ljust(OLD_NAME_SIZE, b"\0")
    parts = [_field(FIELDS[name], value) for name, value in zip(template.fields, values, strict=True)]
    empty = [at for at, name in enumerate(template.fields) if FIELDS[name] == "text" and not values[at]]
    first = _joined(parts)
    if not empty or len(empty) > _MAX_EMPTY_TEXTS or _sha1(first) == column:
        return first
    for choice in product((b"\0", b""), repeat=len(empty)):
        for at, value in zip(empty, choice, strict=True):
            parts[at] = value
        if _sha1(data := _joined(parts)) == column:
            return data
    return first


def _joined(parts: list[bytes]) -> bytes:
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _field(form: str, value: bytes) -> bytes:
    if not value:
        return b""
    if form == "text":
        return value + b"\0"
    if form == "digest":
        algorithm, _colon, digest = value.rpartition(b":")
        return algorithm + b":\0" + bytes.fromhex(digest.decode("ascii"))
    if form.startswith("number"):
        size = int(form[-1])
        if not value.isdigit() or len(value) > 20 or int(value) >> 8 * size:
            raise MalformedEntryError("has a number that its field cannot hold")
        return int(value).to_bytes(size, "little")
    return bytes.fromhex(value.decode("ascii"))


__all__ = ["Line", "ascii_lines", "looks_ascii"]
