# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: watch
type: notification
short_description: Show how a watch goes on
version_added: 0.1.0
description:
  - While a task M(palantir.trust.watch) goes on, draws a table of its nodes on a terminal, the worst first, and draws
    it again every second.
  - Where there is no terminal, as in AWX or under a timer, it writes a line for each change, and one for all nodes
    every O(every) seconds.
  - Other tasks show nothing more than without it.
requirements:
  - >-
    To be named in C(callbacks_enabled) of C(ansible.cfg), as in the configuration that comes with the collection.
options:
  every:
    description: Seconds from one line for all nodes to the next, where there is no terminal.
    type: float
    default: 60
    env:
      - name: PALANTIR_TRUST_WATCH_EVERY
    ini:
      - section: callback_palantir_trust_watch
        key: every
author:
  - palantir.trust contributors (@palantir-h2020)
"""

import shutil
import socket
import sys
import threading
import time
from typing import Any, Protocol, TextIO

from ansible.plugins.callback import CallbackBase

from ansible_collections.palantir.trust.plugins.plugin_utils.watch.shown import (
    MESSAGE_LIMIT,
    OUTLET,
    Picture,
    changes,
    counted,
    drawn,
)

_ACTION = "palantir.trust.watch"
_WIDEST = 120


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Draws what the process of the task sends; it does no more than to read while there is no such task."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "palantir.trust.watch"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._drawing: tuple[threading.Thread, socket.socket] | None = None

    def v2_playbook_on_task_start(self, task: Any, is_conditional: Any) -> None:
        self._end()
        if task.action == _ACTION or getattr(task, "resolved_action", None) == _ACTION:
            # Before the worker is forked, which has the other end from it.
            reading = OUTLET.open()
            thread = threading.Thread(target=self._draw, args=(reading,), daemon=True)
            thread.start()
            self._drawing = thread, reading

    def v2_runner_on_ok(self, result: Any) -> None:
        self._end()

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._end()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._end()

    def _end(self) -> None:
        if self._drawing is not None:
            (thread, reading), self._drawing = self._drawing, None
            OUTLET.close()
            # What was sent is drawn first: an end that is shut down still gives what it has.
            reading.shutdown(socket.SHUT_RD)
            thread.join(5)
            reading.close()

    def _draw(self, reading: socket.socket) -> None:
        shown: _Drawing = _Lines(self._display, self.get_option("every"))
        if sys.stdout.isatty():
            shown = _Table(sys.stdout)
        while message := reading.recv(MESSAGE_LIMIT):
            shown.draw(Picture.unpacked(message))


class _Drawing(Protocol):
    def draw(self, picture: Picture) -> None: ...


class _Table:
    """A table that is drawn over the one before."""

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._lines = 0

    def draw(self, picture: Picture) -> None:
        width = min(shutil.get_terminal_size().columns, _WIDEST) - 1
        lines = drawn(picture, width)
        # Up to the first line of the last table, each line cleared, and what is left below it as well (ECMA-48).
        up = f"\x1b[{self._lines}F" if self._lines else ""
        self._terminal.write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._terminal.flush()
        self._lines = len(lines)


class _Lines:
    """A line for each change, and one for all now and then."""

    def __init__(self, display: Any, every: float) -> None:
        self._display = display
        self._every = every
        self._next = 0.0
        self._last: Picture | None = None

    def draw(self, picture: Picture) -> None:
        for line in changes(self._last, picture):
            self._display.display(line)
        self._last = picture
        if time.monotonic() >= self._next:
            self._display.display(counted(picture))
            self._next = time.monotonic() + self._every
