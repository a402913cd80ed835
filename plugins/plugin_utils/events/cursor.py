# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that keeps how far an event source has told a ledger.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import EventError
from ansible_collections.palantir.trust.plugins.plugin_utils.events.follow import Place
from ansible_collections.palantir.trust.plugins.plugin_utils.store.ledger import GENESIS

_LIMIT: Final = 4096
_MOST: Final = 1 << 63


@contextlib.contextmanager
def alone(file: Path | None) -> Iterator[None]:
    """Keep a file to one event source while the body runs: what one has told, the other has not.

    Raises:
        EventError: another event source has it.
    """
    handle = _open_lock(file) if file else None
    if handle is None:
        yield
        return
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            step = "give each event source a file of its own."
            raise EventError(f"cursor_file {file}", "is in use by another event source.", step) from None
        yield
    finally:
        os.close(handle)


def load_place(file: Path) -> Place | None:
    """Return the place that a file keeps; None where there is no file yet.

    Raises:
        EventError: it cannot be read, or holds something else.
    """
    subject, step = f"cursor_file {file}", "remove it to begin with what is new from now on."
    try:
        with file.open("rb") as stream:
            plain = json.loads(stream.read(_LIMIT))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EventError(subject, f"{error.strerror}.", "check its path and its owner.") from None
    except (ValueError, RecursionError):
        raise EventError(subject, "holds no JSON.", step) from None
    place = _place(plain)
    if place is None:
        raise EventError(subject, "holds no place in a ledger.", step)
    return place


def save_place(file: Path, place: Place) -> None:
    """Keep a place in a file, which at any time holds the old one or the new one, whole.

    Raises:
        EventError: it cannot be written.
    """
    part = ""
    try:
        handle, part = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(json.dumps(asdict(place)) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)
    except OSError as error:
        if part:
            Path(part).unlink(missing_ok=True)
        raise EventError(f"cursor_file {file}", f"{error.strerror}.", "check its directory.") from None


def _open_lock(file: Path) -> int | None:
    """Open the file beside it that is locked in its place, as it is replaced at each step."""
    try:
        return os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        # Then no place can be kept either; that is logged when it is tried.
        return None


def _place(plain: Any) -> Place | None:
    if not isinstance(plain, Mapping) or set(plain) != {"sequence", "digest", "told"}:
        return None
    digest, told = plain["digest"], plain["told"]
    if not isinstance(digest, str) or len(digest) != len(GENESIS):
        return None
    if not isinstance(told, list) or len(told) != 2 or not all(map(_is_count, (plain["sequence"], *told))):
        return None
    return Place(plain["sequence"], digest, (told[0], told[1]))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


__all__ = ["alone", "load_place", "save_place"]
