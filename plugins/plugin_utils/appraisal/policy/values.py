# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values of the Appraisal Policy, read from plain data; every error names the key.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ansible_collections.palantir.trust.plugins.plugin_utils.appraisal.ar4si import Tier
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import PolicyError

_DIGEST = re.compile(r"(?:sha1:[0-9a-f]{40}|sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")

Reader = Callable[[object, str], Any]
"""Takes a plain value and its name for errors; raises a PolicyError."""


def read_mapping(plain: object, readers: Mapping[str, Reader], where: str) -> dict[str, Any]:
    """Read a mapping by what reads each of its keys; an unknown one is an error that names the nearest."""
    if not isinstance(plain, Mapping):
        raise PolicyError(where, f"must be a mapping, not {type(plain).__name__}.")
    values = {}
    for key, value in plain.items():
        if key not in readers:
            near = difflib.get_close_matches(str(key), readers, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(readers)}."
            raise PolicyError(where, f"has an unknown key {printable(key)!r}.", hint)
        values[key] = readers[key](value, f"{where}, {key}")
    return values


def read_text(value: object, where: str) -> str:
    """Read a text."""
    if not isinstance(value, str) or not value:
        raise PolicyError(where, "must be a text that is not empty.")
    return value


def read_flag(value: object, where: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise PolicyError(where, f"must be true or false, not {printable(value)!r}.")
    return value


def read_count(value: object, where: str) -> int:
    """Read a number of 0 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise PolicyError(where, f"must be a number of 0 or more, not {printable(value)!r}.")
    return value


def read_choice(*choices: str) -> Reader:
    """Return what reads one of some texts."""

    def read(value: object, where: str) -> str:
        if value not in choices:
            near = difflib.get_close_matches(printable(value), choices, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"use one of {', '.join(choices)}."
            raise PolicyError(where, f"is {printable(value)!r}.", hint)
        return str(value)

    return read


def read_tier(value: object, where: str) -> Tier:
    """Read a trust tier."""
    return Tier(read_choice(*Tier)(value, where))


def read_texts(value: object, where: str) -> tuple[str, ...]:
    """Read a list of texts."""
    if not isinstance(value, (list, tuple)):
        raise PolicyError(where, "must be a list.")
    return tuple(read_text(v, f"{where}[{i}]") for i, v in enumerate(value))


def read_paths(value: object, where: str) -> tuple[str, ...]:
    """Read a list of absolute paths."""
    paths = read_texts(value, where)
    for i, path in enumerate(paths):
        if not path.startswith("/"):
            raise PolicyError(f"{where}[{i}]", f"{printable(path)!r} is no absolute path.")
    return paths


def read_digests(value: object, where: str) -> tuple[str, ...]:
    """Read a list of digests, ``sha256:hex``."""
    digests = read_texts(value, where)
    for i, digest in enumerate(digests):
        if not _DIGEST.fullmatch(digest):
            raise PolicyError(f"{where}[{i}]", f"{printable(digest)!r} is no digest of the form 'sha256:hex'.")
    return digests


def read_time(value: object, where: str) -> datetime | None:
    """Read an ISO 8601 time, UTC where it names no zone; None stays None."""
    if value is None:
        return None
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError as error:
        raise PolicyError(where, f"{printable(value)!r} is no ISO 8601 time.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


__all__ = [
    "Reader",
    "read_choice",
    "read_count",
    "read_digests",
    "read_flag",
    "read_mapping",
    "read_paths",
    "read_text",
    "read_texts",
    "read_tier",
    "read_time",
]
