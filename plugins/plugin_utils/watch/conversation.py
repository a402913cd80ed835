# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a conversation with a collector: bytes in, bytes out, no input or output of its own.

First comes what sudo wants, then the program where it is streamed, then the collector's greeting, and then answers,
one for each request. All that comes from the node is bounded before it is kept; what does not fit ends the
conversation.

This package is private to the collection: its interfaces may change in any release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from ansible_collections.palantir.trust.plugins.module_utils._frames import GREETING, LENGTH, PROTOCOL, content, frame
from ansible_collections.palantir.trust.plugins.plugin_utils.codec import printable
from ansible_collections.palantir.trust.plugins.plugin_utils.errors import TrustError

NOISE_LIMIT: Final = 64 * 1024
"""Most bytes that a login shell may write before the collector greets."""

MARKS_LIMIT: Final = 1_000_000
"""Most lists, objects and values of an answer: what is long in it is base64 text, and each value costs far more memory
than it has bytes."""

_HELLO_LIMIT: Final = 4096
_MARKS: Final = (b"[", b"{", b",", b":")
_TAIL: Final = 4096


class ChannelError(TrustError):
    """A conversation that is over: no verdict follows from it.

    Args:
        node: the node's name.
        cause: what is wrong.
        next_step: what to check or do next.
        state: ``unreachable`` where there was no connection, ``no_evidence`` where the node did not do as it should.
    """

    def __init__(self, node: str, cause: str, next_step: str = "", *, state: str = "no_evidence") -> None:
        self.state = state
        super().__init__(node, cause, next_step)


@dataclass(frozen=True, slots=True)
class Escalation:
    """How another user's rights are got.

    Attributes:
        success: what is printed once they are.
        prompt: what asks for the password; empty where none is known.
        password: as it is typed; never shown.
    """

    success: bytes
    prompt: bytes = b""
    password: bytes = field(default=b"", repr=False)


class _Stage(Enum):
    ESCALATING = "waits for sudo"
    STARTING = "waits for the collector's start"
    GREETED = "waits for the collector's first frame"
    READY = "is ready"


class Conversation:
    """One conversation.

    Args:
        node: the node's name, for messages.
        digest: of the program that has to answer.
        program: what is written to the node's Python; empty where the node has the program.
        escalation: what has to come before it, if anything.
    """

    __slots__ = ("_buffer", "_digest", "_escalation", "_expected", "_node", "_program", "_prompts", "_stage", "_tail")

    def __init__(self, node: str, digest: str, program: bytes = b"", escalation: Escalation | None = None) -> None:
        self._node = node
        self._digest = digest
        self._program = program
        self._escalation = escalation
        self._stage = _Stage.ESCALATING if escalation else _Stage.STARTING
        self._buffer = bytearray()
        self._tail = b""
        self._prompts = 0
        self._expected: tuple[int, int] | None = None

    @property
    def ready(self) -> bool:
        """Whether the collector has greeted, and requests may be made."""
        return self._stage is _Stage.READY

    @property
    def said(self) -> str:
        """The last line of what the node's side wrote to its standard error, made printable."""
        lines = [line.strip() for line in self._tail.splitlines() if line.strip()]
        return printable(lines[-1], 300).rstrip(".") if lines else ""

    def begin(self) -> bytes:
        """Return what is written first."""
        return b"" if self._escalation else self._program

    def request(self, number: int, message: Mapping[str, Any], limit: int) -> bytes:
        """Return a request as it is written; until its answer has come there is no other.

        Args:
            number: tells its answer from others.
            message: what is asked.
            limit: most bytes of the answer.
        """
        if not self.ready or self._expected is not None:
            raise ChannelError(self._node, "is asked before it can be.")
        self._expected = number, limit
        return frame({**message, "id": number})

    def at_once(self, message: Mapping[str, Any], limit: int) -> bytes:
        """Return all that is written where a conversation is one request, whose answer comes behind the greeting.

        Args:
            message: what is asked.
            limit: most bytes of the answer.
        """
        self._expected = 1, limit
        return self._program + frame({**message, "id": 1})

    def received(self, data: bytes) -> tuple[bytes, dict[str, Any] | None]:
        """Take what the node wrote; return what is written back, and the answer where it is complete.

        Raises:
            ChannelError: it is not what a collector says.
        """
        self._buffer += data
        reply = b""
        if self._stage is _Stage.ESCALATING:
            reply = self._escalated() or self._prompted(bytes(self._buffer))
        if self._stage is _Stage.STARTING and self._found(GREETING):
            self._stage = _Stage.GREETED
        if self._stage is _Stage.GREETED:
            self._greeted()
        return reply, self._answer() if self._stage is _Stage.READY else None

    def complained(self, data: bytes) -> bytes:
        """Take what the node's side wrote to its standard error; return what is written back.

        Raises:
            ChannelError: the password was refused.
        """
        self._tail = (self._tail + data)[-_TAIL:]
        return self._prompted(self._tail) if self._stage is _Stage.ESCALATING else b""

    def ended(self) -> ChannelError:
        """Return the error of a connection that ended."""
        if self._stage is _Stage.READY:
            return ChannelError(self._node, f"ended the connection{self._reason}.", state="unreachable")
        return ChannelError(
            self._node,
            f"ended while it {self._stage.value}{self._reason}.",
            "check its interpreter and become settings; palantir.trust.attest over the same connection shows more.",
        )

    def unreachable(self) -> ChannelError:
        """Return the error of a connection that could not be made."""
        return ChannelError(
            self._node,
            f"is unreachable: {self.said or 'no connection'}.",
            "check its power and network.",
            state="unreachable",
        )

    def late(self, seconds: float) -> ChannelError:
        """Return the error of a node that took too long."""
        did = "gave no answer" if self._stage is _Stage.READY else f"still {self._stage.value}"
        return ChannelError(
            self._node, f"{did} after {seconds:.0f} s.", "check its load and link.", state="unreachable"
        )

    @property
    def _reason(self) -> str:
        return f": {self.said}" if self.said else ""

    def _found(self, mark: bytes) -> bool:
        at = self._buffer.find(mark)
        if at < 0:
            if len(self._buffer) > NOISE_LIMIT:
                raise ChannelError(self._node, f"wrote {NOISE_LIMIT} bytes that are no collector's.")
            return False
        del self._buffer[: at + len(mark)]
        return True

    def _escalated(self) -> bytes:
        if self._escalation is None or not self._found(self._escalation.success):
            return b""
        self._stage = _Stage.STARTING
        return self._program

    def _prompted(self, text: bytes) -> bytes:
        """Give the password when it is asked for, once."""
        escalation = self._escalation
        if escalation is None or not escalation.prompt:
            return b""
        prompts = text.count(escalation.prompt)
        if prompts <= self._prompts:
            return b""
        if self._prompts:
            raise ChannelError(self._node, "does not accept the become password.", "check ansible_become_password.")
        self._prompts = prompts
        return escalation.password + b"\n"

    def _greeted(self) -> None:
        hello = self._frame(_HELLO_LIMIT)
        if hello is None:
            return
        if hello.get("protocol") != PROTOCOL or hello.get("digest") != self._digest:
            raise ChannelError(
                self._node,
                "runs another version of the collector.",
                "install this version's, see docs/watch.md, or leave palantir_trust_collector at streamed.",
            )
        self._stage = _Stage.READY

    def _answer(self) -> dict[str, Any] | None:
        if self._expected is None:
            if self._buffer:
                raise ChannelError(self._node, "answered what it was not asked.")
            return None
        number, limit = self._expected
        answer = self._frame(limit)
        if answer is None:
            return None
        if answer.get("id") != number or self._buffer:
            raise ChannelError(self._node, "answered what it was not asked.")
        self._expected = None
        return answer

    def _frame(self, limit: int) -> dict[str, Any] | None:
        """Return the next frame's message; None while it is not complete."""
        if len(self._buffer) < LENGTH.size:
            return None
        (length,) = LENGTH.unpack_from(self._buffer)
        if length > limit:
            raise ChannelError(self._node, f"announced an answer of {length} bytes, over the limit of {limit}.")
        end = LENGTH.size + length
        if len(self._buffer) < end:
            return None
        text = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        if sum(map(text.count, _MARKS)) > MARKS_LIMIT:
            raise ChannelError(self._node, f"gave an answer of more than {MARKS_LIMIT} values.")
        try:
            return content(text)
        except ValueError:
            raise ChannelError(self._node, "gave an answer that is no JSON object.") from None


def fault(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a collector says that keeps it from evidence, as the module would, and its stable name."""
    error = answer.get("error")
    told = error if isinstance(error, Mapping) else {}
    said = printable(told.get("msg") or "gave neither evidence nor a reason.", 1900)
    return said, printable(told.get("code", ""), 64)


__all__ = ["MARKS_LIMIT", "NOISE_LIMIT", "ChannelError", "Conversation", "Escalation", "fault"]
