# SPDX-FileCopyrightText: 2026 palantir.trust contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collector's program as a node's Python runs it, and what a controller writes to it."""

from __future__ import annotations

import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from ansible_collections.palantir.trust.plugins.module_utils._frames import GREETING, frame, read_frame
from ansible_collections.palantir.trust.plugins.plugin_utils.watch.program import program
from tests.lab.light.node import LightNode

ANSWER_LIMIT = 1 << 24
SELECTION = {"sha256": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14]}


def places(node: LightNode) -> dict[str, str]:
    return {
        "tcti": node.tcti,
        "ima_log_path": str(node.ima_log),
        "event_log_path": str(node.event_log),
        "userspace_log_path": str(node.directory / "tpm2-measure.log"),
        "proc_path": str(node.proc),
        "sys_path": str(node.sys),
        "ssh_path": str(node.directory),
    }


class Collector:
    """A collector's process, and its greeting."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert self.stdout.read(len(GREETING)) == GREETING
        self.hello = read_frame(self.stdout, ANSWER_LIMIT)

    @property
    def stdin(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def stdout(self) -> Any:
        return self.process.stdout

    def ask(self, **message: Any) -> dict[str, Any]:
        self.write(frame({"id": 1, "nonce": secrets.token_hex(32), "selection": SELECTION, **message}))
        answer = read_frame(self.stdout, ANSWER_LIMIT)
        assert answer is not None
        return answer

    def write(self, data: bytes) -> None:
        self.stdin.write(data)
        self.stdin.flush()


@contextmanager
def streamed(directory: Path) -> Iterator[Collector]:
    """Run the program from its input, in a directory that is not to matter."""
    command = ["/bin/sh", "-c", program().bootstrap(shlex.quote(sys.executable))]
    with _process(command, directory) as process:
        assert process.stdin is not None
        process.stdin.write(program().packed)
        process.stdin.flush()
        yield Collector(process)


@contextmanager
def installed(directory: Path) -> Iterator[Collector]:
    """Run the program from its file."""
    file = directory / "collector"
    file.write_text(program(installed=True).text, encoding="utf-8")
    with _process([sys.executable, "-IB", str(file)], directory) as process:
        yield Collector(process)


@contextmanager
def _process(command: list[str], directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=directory) as process:
        try:
            yield process
        finally:
            process.kill()


__all__ = ["SELECTION", "Collector", "installed", "places", "streamed"]
