# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of the distribution, run by a list of arguments and no shell, with a deadline and bounded output.

This module is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from typing import IO, NamedTuple, Optional

from ansible_collections.palantir.trust.plugins.module_utils._errors import NodeError

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
OUTPUT = 16 << 20
"""Most bytes that are kept of what a program says: its last ones."""
_COMMAND_S = 120.0
_STEP = 1 << 16
_SHOWN = 500


class Done(NamedTuple):
    """How a program ended: exit status, and the ends of its output and error output."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Its output as a text without blanks around it."""
        return self.out.decode("utf-8", "backslashreplace").strip()


class Tool(NamedTuple):
    """A program, and the distribution's package that has it.

    Errors are named after ``label``: ``no_LABEL`` where it is not installed, ``LABEL_failed`` where it fails.
    """

    program: str
    label: str
    package: str

    def found(self) -> Optional[str]:
        """Return where it is; None where it is not installed. Tasks may run with a path that leaves out /sbin."""
        return shutil.which(self.program, path="%s:%s" % (os.environ.get("PATH", os.defpath), SYSTEM_PATH))

    def path(self) -> str:
        """Return where it is.

        Raises:
            NodeError: ``no_LABEL``.
        """
        path = self.found()
        if path is None:
            raise NodeError(
                "no_" + self.label,
                "%s is not installed." % self.program,
                "install the package %s." % self.package,
            )
        return path

    def run(
        self,
        *arguments: str,
        check: bool = True,
        merge: bool = False,
        text: str = "",
        seconds: float = _COMMAND_S,
        limit: int = OUTPUT,
    ) -> Done:
        """Run it.

        Args:
            arguments: what follows its name.
            check: raise where its exit status is not 0.
            merge: put its error output among its output.
            text: its input.
            seconds: after which it is ended.
            limit: most bytes that are kept of its output.

        Raises:
            NodeError: ``no_LABEL``, ``LABEL_failed``.
        """
        command = " ".join([self.program, *arguments[:2]])
        try:
            done = _run([self.path(), *arguments], text.encode("utf-8"), merge, seconds, limit)
        except OSError as error:
            raise self.failure("%s cannot be run: %s" % (command, error.strerror)) from None
        if done is None:
            raise self.failure("%s was not done after %d s" % (command, seconds))
        if check and done.status:
            raise self.failure("%s failed: %s" % (command, said(done)))
        return done

    def failure(self, cause: str) -> NodeError:
        """Return the error that says what it could not do."""
        return NodeError(self.label + "_failed", cause.rstrip(".") + ".", "run it by hand on the node.")


def said(done: Done) -> str:
    """Return the last line of a program's error output, for a message."""
    lines = done.err.decode("utf-8", "backslashreplace").strip().splitlines()
    return lines[-1][:_SHOWN] if lines else "it says nothing"


def _run(command: list[str], text: bytes, merge: bool, seconds: float, limit: int) -> Optional[Done]:
    """Run a command; None where it had to be ended."""
    out, err = bytearray(), bytearray()
    with subprocess.Popen(  # noqa: S603 - a list of arguments, and no shell
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merge else subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""},
    ) as process:
        readers = [_reader(process.stdout, out, limit)]
        if not merge:
            readers.append(_reader(process.stderr, err, limit))
        threading.Thread(target=_feed, args=(process.stdin, text), daemon=True).start()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        for reader in readers:
            # What it started in the background may hold the pipe open for ever.
            reader.join(5)
        return Done(process.returncode, bytes(out[-limit:]), bytes(err[-limit:]))


def _feed(stream: Optional[IO[bytes]], text: bytes) -> None:
    if stream is not None:
        try:
            stream.write(text)
            stream.close()
        except OSError:  # it ended without reading all
            pass


def _reader(stream: Optional[IO[bytes]], into: bytearray, limit: int) -> threading.Thread:
    def read() -> None:
        for chunk in iter(lambda: os.read(stream.fileno(), _STEP) if stream else b"", b""):
            into.extend(chunk)
            if len(into) > 2 * limit:
                del into[:-limit]

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


__all__ = ["OUTPUT", "SYSTEM_PATH", "Done", "Tool", "said"]
