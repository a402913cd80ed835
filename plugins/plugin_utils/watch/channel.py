# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation over a process, which is OpenSSH's client as a rule: one socket for its input and output.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from ansible_collections.palantir.trust.plugins.plugin_utils.watch.conversation import (
    ChannelError,
    Conversation,
    Escalation,
)

UNREACHABLE_STATUS: Final = 255
"""Exit status of OpenSSH's client where there is no connection."""

_CHUNK: Final = 64 * 1024
_PATIENCE_S: Final = 2.0
_POLL_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Launch:
    """How the collector of a node is started.

    Attributes:
        command: the program and its arguments; no secret is among them.
        program: what is written to it first, once it has its rights.
        escalation: what has to come before, if anything.
        reset: the command that parts from a shared connection, which may hang; empty where there is none.
    """

    command: Sequence[str]
    program: bytes = b""
    escalation: Escalation | None = None
    reset: Sequence[str] = ()


class Processes:
    """The processes of a watch: whoever started them sees to their end."""

    def __init__(self) -> None:
        self._ending: list[tuple[float, subprocess.Popen[bytes]]] = []

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Ask a process to end."""
        if process.poll() is None:
            process.terminate()
            self._ending.append((time.monotonic() + _PATIENCE_S, process))

    def reap(self) -> None:
        """See which have ended, and kill those that were asked too long ago."""
        left = [(until, process) for until, process in self._ending if process.poll() is None]
        for until, process in left:
            if time.monotonic() > until:
                process.kill()
        self._ending = left

    def finish(self) -> None:
        """Wait until all have ended."""
        while self._ending:
            self.reap()
            time.sleep(_POLL_S)


class Channel(asyncio.Protocol):
    """A conversation over a socket.

    Args:
        conversation: what is said.
        processes: take care of the process at the other end.
        process: at the other end; None where that is no process of its own.
    """

    def __init__(
        self,
        conversation: Conversation,
        processes: Processes,
        process: subprocess.Popen[bytes] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._conversation = conversation
        self._processes = processes
        self._process = process
        self._transport: asyncio.Transport | None = None
        self._awaited: asyncio.Future[Mapping[str, Any]] | None = self._loop.create_future()
        self._error: ChannelError | None = None
        self._number = 0
        if process is not None and process.stderr is not None:
            os.set_blocking(process.stderr.fileno(), False)
            self._loop.add_reader(process.stderr.fileno(), self._stderr)

    async def ready(self, seconds: float) -> None:
        """Wait until the collector has greeted.

        Raises:
            ChannelError: it did not.
        """
        await self._wait(seconds)

    async def ask(self, message: Mapping[str, Any], limit: int, seconds: float) -> Mapping[str, Any]:
        """Return the answer to a request.

        Args:
            message: the request.
            limit: most bytes of its answer.
            seconds: how long to wait for it.

        Raises:
            ChannelError: there is none; the channel is of no use any more.
        """
        if self._error is not None or self._transport is None:
            raise self._error or self._conversation.ended()
        self._number += 1
        self._transport.write(self._conversation.request(self._number, message, limit))
        self._awaited = self._loop.create_future()
        return await self._wait(seconds)

    def close(self) -> None:
        """End the conversation, and the process."""
        if self._transport is not None:
            self._transport.abort()
        if self._process is not None:
            self._close_stderr()
            self._processes.end(self._process)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Write what comes first."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._conversation.begin())

    def data_received(self, data: bytes) -> None:
        """Take what the node wrote."""
        try:
            reply, answer = self._conversation.received(data)
        except ChannelError as error:
            self._fail(error)
            return
        if reply and self._transport is not None:
            self._transport.write(reply)
        if answer is not None:
            self._done(answer)
        elif self._conversation.ready and self._number == 0:
            self._done({})

    def connection_lost(self, _error: Exception | None) -> None:
        """Learn that the other end is gone; a moment later it has said why."""
        self._loop.call_later(_POLL_S, self._lost, time.monotonic() + _PATIENCE_S)

    def _lost(self, until: float) -> None:
        process = self._process
        if process is not None and process.poll() is None and time.monotonic() < until and self._error is None:
            self._loop.call_later(_POLL_S, self._lost, until)
            return
        self._stderr()
        gone = process is not None and process.returncode == UNREACHABLE_STATUS and not self._conversation.ready
        self._fail(self._conversation.unreachable() if gone else self._conversation.ended())

    async def _wait(self, seconds: float) -> Mapping[str, Any]:
        awaited = self._awaited
        if awaited is None:
            raise RuntimeError("waits for an answer to nothing")
        timer = self._loop.call_later(seconds, self._late, seconds)
        try:
            return await awaited
        finally:
            timer.cancel()
            self._awaited = None

    def _late(self, seconds: float) -> None:
        if self._awaited is None or self._awaited.done():
            return  # it came, and this process was the one that was late
        self._fail(self._conversation.late(seconds))

    def _done(self, answer: Mapping[str, Any]) -> None:
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_result(answer)

    def _fail(self, error: ChannelError) -> None:
        self._error = self._error or error
        if self._awaited is not None and not self._awaited.done():
            self._awaited.set_exception(self._error)
        if self._transport is not None:
            self._transport.abort()

    def _stderr(self) -> None:
        if self._process is None or self._process.stderr is None or self._process.stderr.closed:
            return
        try:
            data = os.read(self._process.stderr.fileno(), _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close_stderr()
            return
        try:
            reply = self._conversation.complained(data)
        except ChannelError as error:
            self._fail(error)
            return
        if reply and self._transport is not None:
            self._transport.write(reply)

    def _close_stderr(self) -> None:
        if self._process is not None and self._process.stderr is not None and not self._process.stderr.closed:
            self._loop.remove_reader(self._process.stderr.fileno())
            self._process.stderr.close()


async def open_channel(node: str, launch: Launch, digest: str, processes: Processes, seconds: float) -> Channel:
    """Start the collector of a node and return a channel to it.

    Args:
        node: the node's name, for messages.
        launch: how.
        digest: of the program that has to answer.
        processes: take care of the process.
        seconds: how long it may take to be ready.

    Raises:
        ChannelError: it is not ready.
    """
    conversation = Conversation(node, digest, launch.program, launch.escalation)
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = _started(launch.command, theirs)
        except OSError as error:
            ours.close()
            cause = f"{launch.command[0]} cannot be started: {error.strerror}."
            raise ChannelError(node, cause, "install OpenSSH's client.", state="unreachable") from None
    channel = Channel(conversation, processes, process)
    await asyncio.get_running_loop().create_connection(lambda: channel, sock=ours)
    try:
        await channel.ready(seconds)
    except BaseException:
        channel.close()
        raise
    return channel


def _started(command: Sequence[str], end: socket.socket) -> subprocess.Popen[bytes]:
    both, pipe = end.fileno(), subprocess.PIPE
    # Of a session of its own: ssh must not ask at the operator's terminal.
    return subprocess.Popen(list(command), stdin=both, stdout=both, stderr=pipe, start_new_session=True)  # noqa: S603


async def part(launch: Launch) -> None:
    """Part from a shared connection, so that the next channel does not hang with it."""
    if not launch.reset:
        return
    with contextlib.suppress(OSError):
        null = subprocess.DEVNULL
        process = subprocess.Popen(list(launch.reset), stdin=null, stdout=null, stderr=null)  # noqa: S603
        until = time.monotonic() + _PATIENCE_S
        try:
            while process.poll() is None and time.monotonic() < until:
                await asyncio.sleep(_POLL_S)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


__all__ = ["UNREACHABLE_STATUS", "Channel", "Launch", "Processes", "open_channel", "part"]
