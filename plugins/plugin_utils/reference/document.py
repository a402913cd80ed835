# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference Values (RFC 9334 section 8.3) as JSON documents: load, validate, write, give an end.

A document is valid from ``created`` until ``expires``. An update overlaps: the new document is added, the
old one gets an end with :func:`expire`, and during that window either's values are known.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.codec import MIB, printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import ReferenceValueError

FORMAT: Final = "palantir.trust/reference-values/1"
KINDS: Final = ("host", "sc", "boot")
LIMIT: Final = 256 * MIB
"""Largest accepted document, in bytes; a full distribution's is about 10 MiB."""

_DIGEST = re.compile(r"(?:sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")
_FILE_DIGEST = re.compile(rf"(?:{_DIGEST.pattern}|verity:sha256:[0-9a-f]{{64}}|verity:sha512:[0-9a-f]{{128}})")
_KEYS = ("format", "name", "kind", "created", "expires", "source", "files", "events", "texts", "modules", "packages")
_EVENT_KEYS = ("pcr", "type", "digests", "what")
_TEXT_KEYS = ("pcr", "text", "what")


@dataclass(frozen=True, slots=True)
class ReferenceEvent:
    """One known boot event: any of ``digests`` (``sha256:hex``) may be extended into ``pcr`` as ``what``."""

    pcr: int
    type: str
    digests: tuple[str, ...]
    what: str


@dataclass(frozen=True, slots=True)
class ReferenceText:
    """One known text that a boot loader extends into ``pcr`` (GRUB commands, kernel command lines)."""

    pcr: int
    text: str
    what: str


@dataclass(frozen=True, slots=True)
class ReferenceDocument:
    """Reference Values of one host image, SC image or boot chain.

    Attributes:
        name: name of what is described; several documents may share it during an update.
        kind: ``host``, ``sc`` or ``boot``.
        created: when the values were made.
        expires: when they stop to count; None for no end.
        source: where they come from, for people.
        files: absolute path → accepted digests as ``algorithm:hex``; of a boot chain, inside its initial RAM disk.
        events: accepted boot events (boot).
        texts: accepted boot texts (boot).
        modules: kernel modules inside the initial RAM disk, by name with ``_`` for ``-`` (boot).
        packages: packages that the files come from, as ``name=version(architecture)``; for people (host).
    """

    name: str
    kind: str
    created: datetime
    expires: datetime | None = None
    source: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    events: tuple[ReferenceEvent, ...] = ()
    texts: tuple[ReferenceText, ...] = ()
    modules: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def current(self, now: datetime) -> bool:
        """Tell whether the document's values count at ``now``."""
        return self.expires is None or now < self.expires


def from_plain(plain: object, where: str = "reference values") -> ReferenceDocument:
    """Read a document from plain data.

    Args:
        plain: mapping as in a JSON document; a value of ``files`` may be one digest or a list of them.
        where: name of the document for errors.

    Raises:
        ReferenceValueError: a key is missing, unknown or of the wrong form.
    """
    if isinstance(plain, ReferenceDocument):
        return plain
    if not isinstance(plain, Mapping):
        raise ReferenceValueError(where, f"must be a mapping, not {type(plain).__name__}.")
    if plain.get("format") != FORMAT:
        raise ReferenceValueError(
            where, f"has format {printable(plain.get('format'))!r}.", f"make it again; this version reads {FORMAT!r}."
        )
    _only(plain, _KEYS, where)
    kind = plain.get("kind")
    if kind not in KINDS:
        raise ReferenceValueError(where, f"kind is {printable(kind)!r}.", f"use one of {', '.join(KINDS)}.")
    created = _time(plain.get("created"), f"{where}, created")
    if created is None:
        raise ReferenceValueError(where, "created is missing.", "give the time in ISO 8601.")
    return ReferenceDocument(
        name=_text(plain.get("name"), f"{where}, name"),
        kind=kind,
        created=created,
        expires=_time(plain.get("expires"), f"{where}, expires"),
        source=str(plain.get("source") or ""),
        files=_files(plain.get("files") or {}, where),
        events=tuple(_event(e, f"{where}, events[{i}]") for i, e in enumerate(_list(plain, "events", where))),
        texts=tuple(_boot_text(t, f"{where}, texts[{i}]") for i, t in enumerate(_list(plain, "texts", where))),
        modules=tuple(_text(m, f"{where}, modules[{i}]") for i, m in enumerate(_list(plain, "modules", where))),
        packages=tuple(_text(p, f"{where}, packages[{i}]") for i, p in enumerate(_list(plain, "packages", where))),
    )


def to_plain(document: ReferenceDocument) -> dict[str, Any]:
    """Return the document as plain data, as :func:`from_plain` reads it."""
    plain: dict[str, Any] = {
        "format": FORMAT,
        "name": document.name,
        "kind": document.kind,
        "created": document.created.isoformat(),
        "expires": document.expires.isoformat() if document.expires else None,
        "source": document.source,
    }
    if document.packages:
        plain["packages"] = list(document.packages)
    if document.files or document.kind != "boot":
        plain["files"] = {path: list(document.files[path]) for path in sorted(document.files)}
    if document.kind == "boot":
        plain["events"] = [
            {"pcr": e.pcr, "type": e.type, "digests": list(e.digests), "what": e.what} for e in document.events
        ]
        plain["texts"] = [{"pcr": t.pcr, "text": t.text, "what": t.what} for t in document.texts]
        plain["modules"] = list(document.modules)
    return plain


def load(path: Path | str) -> ReferenceDocument:
    """Read a document from a JSON file.

    Raises:
        ReferenceValueError: the file cannot be read, is no JSON, or is no valid document.
    """
    try:
        if Path(path).stat().st_size > LIMIT:
            raise ReferenceValueError(str(path), f"is larger than {LIMIT} bytes.")
        plain = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise ReferenceValueError(str(path), f"cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ReferenceValueError(str(path), "is no JSON.", "make it again from its image.") from error
    return from_plain(plain, str(path))


def write(document: ReferenceDocument, path: Path | str) -> None:
    """Write a document as JSON with sorted keys, so that a review shows only what changed.

    Raises:
        ReferenceValueError: the file cannot be written, or would be larger than :data:`LIMIT`.
    """
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    text = json.dumps(to_plain(document), indent=1) + "\n"
    if len(text) > LIMIT:
        raise ReferenceValueError(str(path), f"would be larger than {LIMIT} bytes.", "divide what it is made of.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise ReferenceValueError(str(path), f"cannot be written: {error.strerror}.") from error


def expire(document: ReferenceDocument, at: datetime) -> ReferenceDocument:
    """Return the document with an end no later than ``at``: its values count until then, beside newer ones."""
    end = at if document.expires is None else min(at, document.expires)
    return replace(document, expires=end)


def accepted(files: Mapping[str, str | Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return path → digest, or path → digests, as path → tuple of digests."""
    return {path: (d,) if isinstance(d, str) else tuple(d) for path, d in files.items()}


def _only(plain: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in plain:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}."
            raise ReferenceValueError(where, f"has an unknown key {printable(key)!r}.", hint)


def _list(plain: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = plain.get(key) or []
    if not isinstance(value, list):
        raise ReferenceValueError(where, f"{key} must be a list, not {type(value).__name__}.")
    return value


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise ReferenceValueError(where, "must be a text that is not empty.")
    return value


def _time(value: object, where: str) -> datetime | None:
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise ReferenceValueError(where, f"{printable(value)!r} is no ISO 8601 time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _digests(value: object, where: str, form: re.Pattern[str] = _DIGEST) -> tuple[str, ...]:
    digests = (value,) if isinstance(value, str) else value
    if not isinstance(digests, (list, tuple)) or not digests:
        raise ReferenceValueError(where, "must be one or more digests.")
    for digest in digests:
        if not isinstance(digest, str) or not form.fullmatch(digest):
            raise ReferenceValueError(where, f"{printable(digest)!r} is no digest of the form 'sha256:hex'.")
    return tuple(digests)


def _files(files: object, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(files, Mapping):
        raise ReferenceValueError(where, "files must be a mapping of path to digests.")
    result: dict[str, tuple[str, ...]] = {}
    for path, value in files.items():
        if not isinstance(path, str) or not path.startswith("/"):
            raise ReferenceValueError(where, f"files: {printable(path)!r} is no absolute path.")
        digests = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else ()
        if not digests or not all(isinstance(d, str) and _FILE_DIGEST.fullmatch(d) for d in digests):
            digests = _digests(value, f"{where}, files[{printable(path)!r}]", _FILE_DIGEST)
        result[path] = digests
    return result


def _pcr(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 23:
        raise ReferenceValueError(where, "pcr must be a number from 0 to 23.")
    return value


def _event(value: object, where: str) -> ReferenceEvent:
    if not isinstance(value, Mapping):
        raise ReferenceValueError(where, "must be a mapping.")
    _only(value, _EVENT_KEYS, where)
    return ReferenceEvent(
        pcr=_pcr(value.get("pcr"), where),
        type=_text(value.get("type"), f"{where}, type"),
        digests=_digests(value.get("digests"), f"{where}, digests"),
        what=str(value.get("what") or ""),
    )


def _boot_text(value: object, where: str) -> ReferenceText:
    if not isinstance(value, Mapping):
        raise ReferenceValueError(where, "must be a mapping.")
    _only(value, _TEXT_KEYS, where)
    text = value.get("text")
    if not isinstance(text, str):
        raise ReferenceValueError(where, "text must be a text.")
    return ReferenceText(pcr=_pcr(value.get("pcr"), where), text=text, what=str(value.get("what") or ""))


__all__ = [
    "FORMAT",
    "KINDS",
    "LIMIT",
    "ReferenceDocument",
    "ReferenceEvent",
    "ReferenceText",
    "accepted",
    "expire",
    "from_plain",
    "load",
    "to_plain",
    "write",
]
