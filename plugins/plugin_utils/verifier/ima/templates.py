# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates of the IMA measurement list: which fields an entry has, and what their bytes say.

The kernel's names and layouts are in security/integrity/ima/ima_template.c and ima_template_lib.c
(``Documentation/security/IMA-templates.rst``). An entry of a format given by ``ima_template_fmt`` names that
format in place of a template. Fields ``dep``, ``cgn`` and ``cg-path`` are those of the linux-integrity patches
of December 2022 ("ima-dep-cgn", "ima-cgpath"), which some kernels carry.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from types import MappingProxyType
from typing import Final, NamedTuple

TEMPLATES: Final = {
    "ima": "d|n",
    "ima-ng": "d-ng|n-ng",
    "ima-sig": "d-ng|n-ng|sig",
    "ima-ngv2": "d-ngv2|n-ng",
    "ima-sigv2": "d-ngv2|n-ng|sig",
    "ima-buf": "d-ng|n-ng|buf",
    "ima-modsig": "d-ng|n-ng|sig|d-modsig|modsig",
    "evm-sig": "d-ng|n-ng|evmsig|xattrnames|xattrlengths|xattrvalues|iuid|igid|imode",
    "ima-dep-cgn": "dep|cgn|d-ng|n-ng",
    "ima-cgpath": "dep|cg-path|d-ng|n-ng",
}
"""Name of each built-in template → its format."""

FIELDS: Final = {
    "d": "old-digest",
    "n": "text",
    "d-ng": "digest",
    "n-ng": "text",
    "d-ngv2": "digest",
    "sig": "hex",
    "buf": "hex",
    "d-modsig": "digest",
    "modsig": "hex",
    "evmsig": "hex",
    "iuid": "number4",
    "igid": "number4",
    "imode": "number2",
    "xattrnames": "text",
    "xattrlengths": "hex",
    "xattrvalues": "hex",
    "dep": "text",
    "cgn": "text",
    "cg-path": "text",
}
"""Name of each registered field → the form of its data."""

MAX_NAME: Final = 256
"""Longest template name, in bytes: 15 fields of at most 16 characters and the bars between them."""

OLD_NAME_SIZE: Final = 256
"""Size to which the template ``ima`` pads a name for hashing (IMA_EVENT_NAME_LEN_MAX + 1)."""

BUFFER_HASHES: Final = {
    **{name: name for name in ("sha1", "sha224", "sha256", "sha384", "sha512")},
    **{f"sha3-{size}": f"sha3_{size}" for size in (256, 384, 512)},
}
"""Hashes that a buffer's digest is believed in, by the kernel's name → Python's. The kernel takes ``ima_hash=``, which
may be SHA-1. Root chooses the hash of a file by its attribute ``security.ima``, so that one in which anybody finds two
contents with one digest, like MD5, would make a program pass for a buffer."""

_MAIN: Final = (("d", "d-ng", "d-ngv2"), ("n", "n-ng"), ("iuid",), ("igid",), ("imode",), ("sig",), ("buf",))
_OLD_DIGESTS: Final = {0: "", 16: "md5:", 20: "sha1:"}
_LONGEST_ALGORITHM = 80  # "verity:" and CRYPTO_MAX_ALG_NAME
_NO_OTHERS: Final[Mapping[str, str | bytes]] = MappingProxyType({})
_SIZE = Struct("<I").unpack_from


class MalformedEntryError(ValueError):
    """Template data that its template does not fit; the reader of the list adds where it is."""


class Entry(NamedTuple):
    r"""One measurement.

    Attributes:
        index: number of the entry in the boot, from 0.
        pcr: PCR that it was extended into.
        template: name of the template, or the format where it has no name.
        digest: ``sha256:hex`` of the file; ``verity:sha256:hex`` for an fs-verity digest, which is none of the
            file's content. Empty where the template is unknown; without meaning for a violation.
        path: what was measured, with spaces written ``_`` by the kernel and bytes that are no UTF-8 as ``\xNN``.
            Written by whoever named the file: hostile.
        iuid: owner of the inode, None where the template has none.
        igid: group of the inode.
        imode: type and permissions of the inode.
        sig: ``security.ima`` signature, with its header.
        buf: what was measured where it is no file (a key, a command line).
        template_hash: SHA-256 of the template data, which is what the kernel extends into that bank; all ones
            for a violation.
        violation: the content is unknown.
        others: further fields by their names, text or bytes.
    """

    index: int  # type: ignore[assignment]  # its number, not tuple.index(), which nobody wants of an entry
    pcr: int
    template: str
    digest: str
    path: str
    iuid: int | None
    igid: int | None
    imode: int | None
    sig: bytes
    buf: bytes
    template_hash: bytes
    violation: bool
    others: Mapping[str, str | bytes]

    @property
    def is_buffer(self) -> bool:
        """Whether this is proven to be no file: the digest is that of ``buf`` (process_buffer_measurement()).

        A template's name is not part of what is hashed. Whoever can alter the list could call a file's signature a
        buffer, and so a program a mere setting; but not find a signature with the program's digest, unless by a hash
        that is broken (see :data:`BUFFER_HASHES`).
        """
        if "buf" not in template_named(self.template.encode()).fields:
            return False
        return buffer_digest(self.digest.partition(":")[0], self.buf) == self.digest

    @property
    def is_ownerless(self) -> bool:
        """Whether this is proven to be no file: the template has a file's owner, and the kernel had none to write.

        ima_eventinodedac_init_common() in ima_template_lib.c writes that of every file, and nothing without one.
        """
        fields = template_named(self.template.encode()).fields
        return {"iuid", "igid"} <= set(fields) and self.iuid is None and self.igid is None


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A template, ready for reading.

    Attributes:
        name: as the list gives it.
        fields: names of the fields in order; empty where the template is unknown.
        old: the template ``ima`` of old kernels, which has a layout of its own.
        main: places of digest, path, iuid, igid, imode, sig and buf among the fields; -1 where there is none.
        others: place, name and form of each further field.
        read_digest: reader of the digest's form.
    """

    name: str
    fields: tuple[str, ...]
    old: bool
    main: tuple[int, ...]
    others: tuple[tuple[int, str, str], ...]
    read_digest: Callable[[bytes], str]

    @property
    def known(self) -> bool:
        """Whether all fields are known here."""
        return bool(self.fields)

    def split(self, data: bytes) -> list[bytes]:
        """Return the fields' bytes.

        Raises:
            MalformedEntryError: the data has not exactly the template's fields.
        """
        if self.old:
            return [data[:20], data[20:].rstrip(b"\0")]
        parts = []
        at, end = 0, len(data)
        for _field in self.fields:
            start = at + 4
            if start > end:
                raise MalformedEntryError("ends before its last field")
            at = start + _SIZE(data, at)[0]
            if at > end:
                raise MalformedEntryError(f"has a field of {at - start} bytes where {end - start} remain")
            parts.append(data[start:at])
        if at != end and self.fields:
            raise MalformedEntryError(f"has {end - at} bytes after its last field")
        return parts

    def entry(self, index: int, pcr: int, data: bytes, template_hash: bytes, *, violation: bool) -> Entry:
        """Return the measurement that template data tells of.

        Raises:
            MalformedEntryError: the data does not fit the template.
        """
        parts = self.split(data)
        parts.append(b"")  # what a place of -1 finds
        digest, path, iuid, igid, imode, sig, buf = self.main
        if digest > 0 and any(_is_digest(part) and not part.endswith(b":\0") for part in parts[:digest]):
            # The name of a template is not hashed: another one must not move the digest into a field of free content.
            # A text has the kernel's own zero byte at its end alone: a control group called sha256: is no digest.
            raise MalformedEntryError("has a digest in front of the field that its template calls the digest")
        return Entry(
            index,
            pcr,
            self.name,
            self.read_digest(parts[digest]),
            _text(parts[path]),
            _number(parts[iuid]),
            _number(parts[igid]),
            _number(parts[imode]),
            parts[sig],
            parts[buf],
            template_hash,
            violation,
            {name: _READ[form](parts[at]) for at, name, form in self.others} if self.others else _NO_OTHERS,
        )


@lru_cache(maxsize=256)
def template_named(name: bytes) -> Template:
    """Return the template of that name or format; an unknown one has no fields.

    Raises:
        MalformedEntryError: the name is empty or not made of printable ASCII characters.
    """
    if not name or not all(0x20 < byte < 0x7F for byte in name):
        raise MalformedEntryError("has a template name that is no name")
    text = name.decode("ascii")
    fields = tuple(TEMPLATES.get(text, text).split("|"))
    if not all(one in FIELDS for one in fields):
        fields = ()
    main = tuple(next((at for at, one in enumerate(fields) if one in names), -1) for names in _MAIN)
    others = tuple((at, one, FIELDS[one]) for at, one in enumerate(fields) if at not in main)
    bare = main[0] >= 0 and fields[main[0]] == "d"
    return Template(text, fields, text == "ima", main, others, old_digest_text if bare else digest_text)


def buffer_digest(algorithm: str, data: bytes) -> str | None:
    """Return ``algorithm:hex`` of a buffer; None by a hash that none is believed in."""
    name = BUFFER_HASHES.get(algorithm)
    return None if name is None else f"{algorithm}:{hashlib.new(name, data, usedforsecurity=False).hexdigest()}"


def digest_text(part: bytes) -> str:
    """Return ``algorithm:hex`` of a digest field: algorithm, ``:``, a zero byte, digest. Empty stays empty.

    Raises:
        MalformedEntryError: no algorithm where there should be one.
    """
    if part.startswith(b"sha256:\0"):
        return "sha256:" + part[8:].hex()
    if not part:
        return ""
    if not _is_digest(part):
        raise MalformedEntryError("has a digest without the name of its algorithm")
    algorithm, _colon, digest = part.partition(b":\0")
    return f"{algorithm.decode('ascii').removeprefix('ima:')}:{digest.hex()}"


def old_digest_text(part: bytes) -> str:
    """Return ``sha1:hex`` or ``md5:hex`` of a bare digest, by its size.

    Raises:
        MalformedEntryError: it has the size of neither.
    """
    if len(part) not in _OLD_DIGESTS:
        raise MalformedEntryError(f"has a bare digest of {len(part)} bytes")
    return _OLD_DIGESTS[len(part)] + part.hex()


def _is_digest(part: bytes) -> bool:
    """Whether bytes begin as a digest with its algorithm does (``sha256``, ``verity:sha256``, ``sha3-256``)."""
    algorithm, mark, _digest = part.partition(b":\0")
    return bool(mark) and len(algorithm) <= _LONGEST_ALGORITHM and algorithm.translate(None, b"-_:").isalnum()


def _text(part: bytes) -> str:
    return part.removesuffix(b"\0").decode("utf-8", "backslashreplace")


def _number(part: bytes) -> int | None:
    """Return a little-endian number; none is logged of what is no file (``boot_aggregate``)."""
    if len(part) > 8:
        raise MalformedEntryError(f"has a number of {len(part)} bytes")
    return int.from_bytes(part, "little") if part else None


def _bytes(part: bytes) -> bytes:
    return part


_READ: Final[Mapping[str, Callable[[bytes], str | bytes]]] = {
    "old-digest": old_digest_text,
    "digest": digest_text,
    "text": _text,
    "hex": _bytes,
    "number2": _bytes,
    "number4": _bytes,
}

__all__ = [
    "BUFFER_HASHES",
    "FIELDS",
    "MAX_NAME",
    "OLD_NAME_SIZE",
    "TEMPLATES",
    "Entry",
    "MalformedEntryError",
    "Template",
    "buffer_digest",
    "digest_text",
    "template_named",
]
