# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measurement logs that the kernel keeps: read whole from an offset, with a bound.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
from typing import BinaryIO, List, NamedTuple, Optional

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

_CHUNK = 1 << 20


class LogKind(NamedTuple):
    """How a missing log of one kind is named in an error."""

    name: str
    missing_code: str
    missing_next: str


EVENT_LOG = LogKind(
    "UEFI event log",
    "no_event_log",
    "boot the node under UEFI with its TPM switched on in the firmware, or say event_log: false.",
)
IMA_LOG = LogKind(
    "IMA measurement list",
    "no_ima",
    "apply the role palantir.trust.attester, which sets the IMA boot parameters, and reboot the node.",
)

USERSPACE_LOG = LogKind(
    "log of systemd's measurements",
    "log_unreadable",
    "run the task again: the file was removed while it was read.",
)


def read_log(kind: LogKind, path: str, offset: int, limit: int) -> bytes:
    """Return a log's bytes from ``offset`` to its end; empty where the log ends before the offset.

    The kernel's lists have no size, and a seek makes them anew up to the offset (seq_lseek() in fs/seq_file.c): bytes
    before it cost the node little, and the connection nothing.

    Args:
        kind: what the file is.
        path: the file, usually on securityfs.
        offset: first byte wanted.
        limit: largest number of bytes to return.

    Raises:
        NodeError: ``no_ima`` or ``no_event_log`` where there is no such file, ``log_unreadable``, or
            ``log_too_large`` where more than ``limit`` bytes follow the offset.
    """
    tail = LogTail(kind, path)
    try:
        return tail.read(offset, limit)
    finally:
        tail.close()


class LogTail:
    """A log that is kept open, so that the kernel need not make anew what was read before (seq_read_iter()).

    Args:
        kind: what the file is.
        path: the file, usually on securityfs.
    """

    def __init__(self, kind: LogKind, path: str) -> None:
        self.path = path
        self._kind = kind
        self._log: Optional[BinaryIO] = None
        self._position = 0

    def read(self, offset: int, limit: int) -> bytes:
        """Return the log's bytes from ``offset`` to its end; as :func:`read_log`."""
        try:
            if self._log is None or offset != self._position:
                self.close()
                self._log = open(self.path, "rb", buffering=0)  # noqa: SIM115 - it stays open
                self._log.seek(offset)
            data = _read_bounded(self._kind, self.path, self._log.fileno(), limit)
        except FileNotFoundError:
            self.close()
            raise _missing(self._kind, self.path) from None
        except PermissionError:
            self.close()
            raise NodeError(
                "log_unreadable",
                "The %s %s may not be read by this user." % (self._kind.name, self.path),
                "run the task with become: true.",
            ) from None
        except OSError as error:
            self.close()
            raise NodeError(
                "log_unreadable",
                "The %s %s cannot be read: %s." % (self._kind.name, self.path, error.strerror),
                "check the path, and the node's kernel log.",
            ) from error
        except NodeError:
            self.close()
            raise
        self._position = offset + len(data)
        return data

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._log is not None:
            self._log.close()
            self._log = None


def _read_bounded(kind: LogKind, path: str, descriptor: int, limit: int) -> bytes:
    chunks: List[bytes] = []
    size = 0
    while True:
        chunk = os.read(descriptor, _CHUNK)
        if not chunk:
            return b"".join(chunks)
        size += len(chunk)
        if size > limit:
            raise NodeError(
                "log_too_large",
                "The %s %s holds more than %d bytes after the offset asked for." % (kind.name, path, limit),
                "raise log_limit, or narrow the node's IMA policy and reboot it.",
            )
        chunks.append(chunk)


def _missing(kind: LogKind, path: str) -> NodeError:
    securityfs = "/sys/kernel/security"
    if path.startswith(securityfs) and not os.path.ismount(securityfs):
        return NodeError(
            kind.missing_code,
            "The %s %s is missing, and securityfs is not mounted." % (kind.name, path),
            "mount securityfs on %s, then run the task again." % securityfs,
        )
    return NodeError(kind.missing_code, "The %s %s is missing." % (kind.name, path), kind.missing_next)


__all__ = ["EVENT_LOG", "IMA_LOG", "USERSPACE_LOG", "LogKind", "LogTail", "read_log"]
