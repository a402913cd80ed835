# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the site: files beside the store that are made at first use and readable by their owner only.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.palantir.trust.plugins.plugin_utils.errors import StoreError

_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """What a file is called in messages, the environment variable that names another, and its name by default."""

    what: str
    environment: str
    name: str

    def default_path(self) -> Path:
        """Return the path from the environment, else that in the user's data directory."""
        path = os.environ.get(self.environment)
        if path:
            return Path(path)
        data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
        return Path(data) / "palantir.trust" / self.name

    def load_or_create(self, path: Path, make: Callable[[], bytes]) -> bytes:
        """Return what the file holds, making it where there is none.

        Raises:
            StoreError: it cannot be read or written, or others may read it.
        """
        subject = f"{self.what} {path}"
        try:
            if not path.exists():
                write_new(path, make())
            if not path.is_file():
                raise StoreError(subject, "is not a file.", f"set {self.environment} to the path of one.")
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & 0o077 and not _is_credential(path):
                    raise StoreError(subject, "may be read or changed by others.", f"run: chmod 600 {path}")
                return file.read(_LIMIT)
        except OSError as error:
            raise StoreError(subject, f"{error.strerror or error}.", f"check it, or set {self.environment}.") from error


def _is_credential(path: Path) -> bool:
    """Return whether systemd gave the file to this service alone: by an access list, which shows as the group's right.

    systemd.exec(5), ``LoadCredential=``.
    """
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and path.parent == Path(str(directory))


def write_new(path: Path, data: bytes) -> None:
    """Write a file that its owner alone may read; leave one that is there as it is.

    Raises:
        OSError: it cannot be written.
    """
    if not path.parent.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, does not replace the file that another process may have made meanwhile.
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)
    finally:
        os.unlink(partial)


def replace(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole, in place of what is there: nobody ever sees a part of it.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(partial)
        raise


__all__ = ["PrivateFile", "replace", "write_new"]
